"""JSON Lines of classes, boxes, texts and arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import json_lines
from pytest_vizart.records.labels import ClassLabel, Task, TextLabel
from tests.golden.datasets import write_images
from tests.golden.formats.reading import Labels, read_or_refuse
from tests.golden.mutations import damaged

CLASSES = {3: "cat", 8: "dog"}


def lines(root: Path, rows: Any, task: Task = "classes", **entry: Any) -> Labels:
    if not (root / "images").exists():
        write_images(root, ["images/a.png", "images/b.png", "images/c.png"])
    if not isinstance(rows, bytes):
        rows = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()
    (root / "l.jsonl").write_bytes(rows)
    classes = CLASSES if task in ("classes", "boxes") else None
    return Labels(root, "l.jsonl", task, format="jsonl", classes=classes, **entry)


def test_classes_are_names_or_ids_and_null_is_no_label(tmp_path: Path) -> None:
    rows = [{"file_name": "a.png", "label": "dog", "by": "me"}, "", {"file_name": "b.png", "label": 3}, {"id": "x"}]
    labels = lines(tmp_path, [*rows, {"file_name": "c.png", "label": None}])
    assert labels["a"] == ClassLabel(1)
    assert labels["b"] == ClassLabel(0)
    assert labels["c"] is None


def test_windows_line_ends_and_byte_order_marks_are_passed_over(tmp_path: Path) -> None:
    labels = lines(tmp_path, b'\xef\xbb\xbf{"image": "a", "class": 3}\r\n\r\n{"image": "b", "class": 8}\r\n')
    assert [labels[name] for name in "abc"] == [ClassLabel(0), ClassLabel(1), None]


BOXES = [[1, 2, 4, 6], [0, 0, 8, 6.5]]


@pytest.mark.parametrize(
    "row",
    [
        {"boxes": BOXES, "labels": ["cat", 8]},
        {"bboxes": BOXES, "categories": [3, 8]},
        {"objects": [{"bbox": BOXES[0], "category": "cat"}, {"box": BOXES[1], "label": "dog", "note": 1}]},
        {"objects": {"bbox": BOXES, "category": [3, "dog"], "id": [1, 2]}, "width": 8},
    ],
)
def test_boxes_come_in_columns_or_one_object_each(tmp_path: Path, row: dict[str, Any]) -> None:
    label = lines(tmp_path, [{"image": "a", **row}], "boxes")["a"]
    assert label.boxes.tolist() == BOXES
    assert label.class_index.tolist() == [0, 1]
    assert label.area.tolist() == [12, 52]
    assert label.extent is None
    assert label.ignored is None


def test_boxes_of_another_form_with_crowd_and_area(tmp_path: Path) -> None:
    row = {"image": "a", "boxes": [[1, 2, 3, 4]], "labels": ["cat"], "iscrowd": [1], "area": [7.5]}
    label = lines(tmp_path, [row], "boxes", box_format="xywh")["a"]
    assert label.boxes.tolist() == [[1, 2, 4, 6]]
    assert label.extent.tolist() == [12]
    assert label.crowd.tolist() == [True]
    assert label.area.tolist() == [7.5]
    row = {"image": "a", "objects": [{"bbox": [2.5, 4, 3, 4], "label": "cat"}]}
    assert lines(tmp_path, [row], "boxes", box_format="cxcywh")["a"].boxes.tolist() == [[1, 2, 4, 6]]


@pytest.mark.parametrize("row", [{"boxes": [], "labels": []}, {"objects": []}, {"objects": {"bbox": [], "label": []}}])
def test_no_boxes_are_no_objects(tmp_path: Path, row: dict[str, Any]) -> None:
    labels = lines(tmp_path, [{"image": "a", **row}, {"image": "b", "objects": None}], "boxes")
    assert labels["a"].boxes.shape == (0, 4)
    assert labels["b"] is None


def test_texts_and_arrays(tmp_path: Path) -> None:
    assert lines(tmp_path, [{"image": "a", "text": "größer"}], "text")["a"] == TextLabel("größer")
    rows = [{"image": "a", "array": [[1, 2], [3, 4]]}, {"image": "b", "arrays": {"x": 0.5, "y": [True]}}]
    labels = lines(tmp_path, rows, "array")
    np.testing.assert_array_equal(labels["a"].arrays[""], [[1, 2], [3, 4]])
    assert {name: value.tolist() for name, value in labels["b"].arrays.items()} == {"x": 0.5, "y": [True]}


def test_the_manifest_names_the_keys(tmp_path: Path) -> None:
    columns = {"sample": "photo", "label": "kind"}
    row = {"photo": "a", "file_name": "b.png", "kind": "dog", "label": "cat"}
    assert lines(tmp_path, [row], columns=columns)["a"] == ClassLabel(1)
    row = {"photo": "a", "boxes": BOXES[:1], "kind": ["dog"]}
    assert lines(tmp_path, [row], "boxes", columns=columns)["a"].class_index.tolist() == [1]


GOOD = {"image": "b", "label": "cat"}


@pytest.mark.parametrize(
    "row, place, problem",
    [
        ('{"image": "a", "label": ', "line 2, column", "not JSON"),
        ('{"image": "a", "label": NaN}', "line 2, column", "not JSON.*NaN and Infinity are not JSON"),
        ('["a"]', "line 2", "not an object"),
        ({"image": "a"}, "line 2", "key is missing; expected label or class.*found image"),
        ({"image": "a", "label": "bird"}, "line 2.label", "unknown class; expected one of cat, dog"),
        ({"image": "a", "label": True}, "line 2.label", "unknown class"),
        ({"image": "a", "label": ["cat"]}, "line 2.label", "unknown class"),
    ],
)
def test_a_bad_line_concerns_its_sample_only(tmp_path: Path, row: Any, place: str, problem: str) -> None:
    labels = lines(tmp_path, [GOOD, row])
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        labels["a"]
    assert str(caught.value.place).startswith(place)
    assert labels["b"] == ClassLabel(0)
    assert labels["c"] is None


@pytest.mark.parametrize("row", ["x", "7", "{}", '{"label": "cat"}', '{"image": null}', "\udcff"])
def test_a_line_that_names_no_sample_may_be_that_of_any_without_a_line(tmp_path: Path, row: str) -> None:
    content = f"{json.dumps(GOOD)}\n{row}\n".encode("utf-8", "surrogateescape")
    labels = lines(tmp_path, content)
    assert labels["b"] == ClassLabel(0)
    for sample in "aca":
        with pytest.raises(GoldenFormatError) as caught:
            labels[sample]
        assert str(caught.value.place).startswith("line 2")


@pytest.mark.parametrize(
    "row, place, problem",
    [
        ({"boxes": [[1, 2, 3]], "labels": ["cat"]}, "line 1.boxes", r"wrong shape.*found shape \(1, 3\)"),
        ({"boxes": [[1, 2], [3]], "labels": ["cat"]}, "line 1.boxes", "not an array"),
        ({"boxes": [[1, 2, 4, "6"]], "labels": ["cat"]}, "line 1.boxes", "not an array of numbers"),
        ({"boxes": [[1, 2, 4, 1e400]], "labels": ["cat"]}, "line 1", "not JSON"),
        ({"boxes": [[1, 2, 4, 1e300]], "labels": ["cat"]}, "line 1.boxes[0]", "finite numbers within"),
        ({"boxes": [[4, 2, 1, 6]], "labels": ["cat"]}, "line 1.boxes[0]", "x2 >= x1"),
        ({"boxes": BOXES, "labels": ["cat"]}, "line 1.labels", "a list of 2 classes"),
        ({"boxes": BOXES, "labels": "cat"}, "line 1.labels", "a list of 2 classes"),
        ({"boxes": BOXES, "labels": ["cat", "bird"]}, "line 1.labels[1]", "unknown class"),
        ({"boxes": BOXES}, "line 1", "key is missing; expected labels or"),
        ({"labels": ["cat"]}, "line 1", "key is missing; expected boxes or"),
        ({"objects": [{"bbox": BOXES[0]}]}, "line 1.objects[0]", "key is missing"),
        ({"objects": [3]}, "line 1.objects[0]", "not an object"),
        ({"objects": 3}, "line 1.objects", "not objects"),
        ({"boxes": BOXES, "labels": [3, 8], "crowd": [0, 2]}, "line 1.crowd", "not flags"),
        ({"boxes": BOXES, "labels": [3, 8], "area": [1, -2]}, "line 1.area[1]", "square pixels, from 0"),
    ],
)
def test_bad_boxes_say_where(tmp_path: Path, row: dict[str, Any], place: str, problem: str) -> None:
    content = json.dumps({"image": "a", **row}).replace("Infinity", "1e400").encode()
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        lines(tmp_path, content, "boxes")["a"]
    assert str(caught.value.place).startswith(place)
    assert caught.value.hint


@pytest.mark.parametrize("value", ["x", [[1], [1, 2]], [[["x"]]], {}, {"x": "y"}, {"x": {"y": 1}}])
def test_arrays_that_are_none_are_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(GoldenFormatError, match=r"not an array of numbers|not arrays by name"):
        lines(tmp_path, [{"image": "a", "array": value}], "array")["a"]


def test_two_lines_for_one_sample_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match=r"several lines.*line 1, line 3") as caught:
        lines(tmp_path, [GOOD, {"image": "a", "label": 3}, GOOD])["b"]
    assert caught.value.place == "line 3"


def test_lines_of_other_samples_only_are_a_wrong_file(tmp_path: Path) -> None:
    labels = lines(tmp_path, [{"image": "x", "label": "cat"}])
    with pytest.raises(GoldenFormatError, match=r"no line is of a sample of this dataset.*found x"):
        labels["a"]
    assert lines(tmp_path, b"")["a"] is None


def test_a_line_that_is_too_long_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "_MAX_LINE_BYTES", 40)
    labels = lines(tmp_path, [GOOD, {"image": "a", "label": "cat", "more": "x" * 40}])
    assert labels["b"] == ClassLabel(0)
    with pytest.raises(GoldenFormatError, match="line is too long"):
        labels["a"]


VALID = b'{"image": "a", "boxes": [[1, 2, 4, 6]], "labels": ["cat"], "text": "x", "label": 3, "array": [1]}\n' * 2


@given(content=damaged([VALID]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    for task in ("boxes", "classes", "text", "array"):
        read_or_refuse(lines(tmp_path, content, task), "a")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("cat"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["bbox", "label"]), inner),
    max_leaves=8,
)


@given(row=st.dictionaries(st.sampled_from(["boxes", "labels", "objects", "text", "label", "array", "area"]), ANYTHING))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_are_read_or_refused(tmp_path: Path, row: dict[str, Any]) -> None:
    for task in ("boxes", "classes", "text", "array"):
        read_or_refuse(lines(tmp_path, json.dumps({"image": "a", **row}).encode("utf-8", "replace"), task), "a")
