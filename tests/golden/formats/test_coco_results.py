"""COCO's result files as columns: what is right is read, what is not is told by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.coco_ids import IdTable
from pytest_vizart.golden.formats.coco_results import CocoResults, CocoTask, read_coco_results
from tests.golden.mutations import damaged, read_in_bounds

IMAGES, CLASSES = IdTable([9, 4]), IdTable([1, 3])
ROW = {"image_id": 9, "category_id": 1, "bbox": [1, 2.5, 3, 4], "score": 0.5}
MASK = {"image_id": 9, "category_id": 1, "score": 0.5, "segmentation": {"size": [2, 3], "counts": "321"}}


def read(path: Path, task: CocoTask = "boxes") -> CocoResults:
    return read_coco_results(path, IMAGES, CLASSES, task, sizes=[(5, 5), (2, 3)], keypoint_count=2)


def results(folder: Path, rows: Any, task: CocoTask = "boxes") -> CocoResults:
    path = folder / "results.json"
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
    return read(path, task)


def test_rows_become_columns(tmp_path: Path) -> None:
    found = results(tmp_path, [ROW, {**ROW, "image_id": 4, "category_id": 3, "score": 1, "extra": [True, "x"]}])
    assert found.image.tolist() == [1, 0]
    assert found.class_index.tolist() == [0, 1]
    assert found.scores.tolist() == [0.5, 1.0]
    assert found.sides is not None
    assert found.sides.tolist() == [[1, 2.5, 3, 4]] * 2
    assert found.area.tolist() == [12, 12]
    assert found.rows == 2


def test_an_odd_row_changes_nothing_about_the_others(tmp_path: Path) -> None:
    odd = {**ROW, "image_id": 2**63 + 5}  # beyond the numbers that are read by columns
    found = results(tmp_path, [ROW, odd, {**ROW, "category_id": 1.0}, {**ROW, "image_id": "9"}])
    assert found.image.tolist() == [1, 1]
    assert found.rows == 4
    assert found.unknown_images.count == 2
    assert set(found.unknown_images.ids) == {2**63 + 5, "9"}


def test_unknown_ids_are_counted_the_frequent_ones_named(tmp_path: Path) -> None:
    rows = [{**ROW, "image_id": number} for number in range(10, 30)] + [{**ROW, "category_id": 2}] * 3
    found = results(tmp_path, [*rows, {**ROW, "image_id": 25}])
    assert len(found.image) == 0
    assert (found.unknown_images.count, found.unknown_classes.count) == (21, 3)
    assert found.unknown_images.ids[0] == 25
    assert len(found.unknown_images.ids) == 8
    assert found.unknown_classes.ids == (2,)


@pytest.mark.parametrize(
    "change, place, problem",
    [
        ({"score": None}, "[1].score", "not a score"),
        ({"score": True}, "[1].score", "not a score"),
        ({"score": "0.5"}, "[1].score", "not a score"),
        ({"bbox": [1, 2, 3]}, "[1].bbox", "not a box"),
        ({"bbox": [1, 2, 3, None]}, "[1].bbox", "not a box"),
        ({"bbox": [1, 2, 3, True]}, "[1].bbox", "not a box"),
        ({"bbox": "1234"}, "[1].bbox", "not a box"),
        ({"bbox": {"a": 1, "b": 2, "c": 3, "d": 4}}, "[1].bbox", "not a box"),
        ({"bbox": [1, 2, 3, 2e9]}, "[1].bbox", "not a box"),
        ({"image_id": True}, "[1].image_id", "not an ID"),
        ({"image_id": [9]}, "[1].image_id", "not an ID"),
        ({"category_id": None}, "[1].category_id", "not an ID"),
    ],
)
def test_a_wrong_value_is_told_by_its_place(change: dict[str, Any], place: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        results(tmp_path, [ROW, {**ROW, **change}])
    assert (caught.value.place, caught.value.file) == (place, str(tmp_path / "results.json"))
    assert caught.value.expected
    assert caught.value.hint


@pytest.mark.parametrize("key", ["image_id", "category_id", "bbox", "score"])
def test_a_missing_value_is_told(key: str, tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match="found nothing") as caught:
        results(tmp_path, [ROW, {name: value for name, value in ROW.items() if name != key}])
    assert caught.value.place == f"[1].{key}"


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_scores_that_are_no_numbers_are_refused(word: str, tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError):
        results(tmp_path, json.dumps([ROW]).replace("0.5", word))


@pytest.mark.parametrize(
    "content", ["{}", '{"annotations": []}', "3", "[3]", "[[]]", "[null]", "", "[", "\0", "\x1f\x8b"]
)
def test_other_files_are_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError):
        results(tmp_path, content)


def test_places_count_all_rows_of_the_file(tmp_path: Path) -> None:
    many = [ROW] * 3000  # several pieces, and rows that are left out before the fault
    with pytest.raises(GoldenFormatError) as caught:
        results(tmp_path, [*many, {**ROW, "image_id": 77}, {**ROW, "score": "x"}])
    assert caught.value.place == "[3001].score"
    with pytest.raises(GoldenFormatError) as caught:
        results(tmp_path, [MASK, {**MASK, "image_id": 77}, {**MASK, "segmentation": {}}], "instances")
    assert caught.value.place == "[2].segmentation.size"


def test_areas_follow_boxes_where_the_first_row_has_one(tmp_path: Path) -> None:
    assert results(tmp_path, [MASK], "instances").area.tolist() == [2]
    assert results(tmp_path, [MASK | {"bbox": [0, 0, 5, 5]}], "instances").area.tolist() == [25]
    points = {"image_id": 9, "category_id": 1, "score": 0.5, "keypoints": [1, 2, 1, 4, 8, 1]}
    found = results(tmp_path, [points], "keypoints")
    assert found.area.tolist() == [18]
    assert found.keypoints is not None
    assert found.keypoints.tolist() == [[[1, 2, 1], [4, 8, 1]]]
    with pytest.raises(GoldenFormatError, match="not the keypoints"):
        results(tmp_path, [points | {"keypoints": [1, 2, 1]}], "keypoints")


@pytest.mark.parametrize("task", ["boxes", "instances", "keypoints"])
def test_no_rows_are_no_detections(task: CocoTask, tmp_path: Path) -> None:
    found = results(tmp_path, [], task)
    assert (len(found.image), len(found.scores), len(found.area), found.rows) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        [],
        {},
        {"size": [3, 2], "counts": "321"},
        {"size": [2, 3], "counts": "322"},
        {"size": [2, 3], "counts": "32`"},
        {"size": [2, 3], "counts": "32ä"},
        {"size": [2, 3], "counts": ""},
        {"size": [2, 3], "counts": 6},
        {"size": [2, 3], "counts": [3, 2]},
    ],
)
def test_a_mask_that_does_not_cover_its_image_is_refused(segmentation: Any, tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError) as caught:
        results(tmp_path, [MASK, {**MASK, "segmentation": segmentation}], "instances")
    assert str(caught.value.place).startswith("[1].segmentation")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_refused_or_read(data: st.DataObject, tmp_path: Path) -> None:
    task: CocoTask = data.draw(st.sampled_from(["boxes", "instances"]))
    row = ROW if task == "boxes" else MASK
    contents = [json.dumps([row, {**row, "image_id": 4} if task == "boxes" else row, row]).encode()]
    read_in_bounds(lambda path: read(path, task), tmp_path / "r.json", data.draw(damaged(contents)))


def test_ids_are_found_by_value() -> None:
    table = IdTable([5, "b", 2**40, -3, "a"])
    assert table.ids == (-3, 5, 2**40, "a", "b")
    assert table.find(np.array([5, 2**40, 6, -3, -(2**63), 2**63 - 1])).tolist() == [1, 2, 5, 0, 5, 5]
    assert [table.find_one(one) for one in ("b", 5, 5.0, True, None, [5], 5.5)] == [4, 1, 1, 5, 5, 5, 5]
    dense = IdTable([12, 10])
    assert dense.find(np.array([9, 10, 11, 12, 13, -(2**63), 2**63 - 1])).tolist() == [2, 0, 2, 1, 2, 2, 2]
    assert IdTable([]).find(np.array([1])).tolist() == [0]
