"""Validation: every kind of problem is found, with file and place, and all of them at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_vizart.golden.validation import KINDS, Finding, validate
from tests.golden.datasets import box_dataset, coco, mask_dataset, shared, write_images, write_manifest

BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 3], "area": 6}


def box(number: int, **changed: Any) -> dict[str, Any]:
    return {**BOX, "id": number, **changed}


def found(root: Path) -> list[tuple[str, str, str | None]]:
    """Kind, file relative to the dataset, and place of all findings."""
    return [(one.kind, str(Path(one.file).relative_to(root)), one.place) for one in validate(root).findings]


def of_kind(root: Path, kind: str) -> list[Finding]:
    return [one for one in validate(root).findings if one.kind == kind]


def good(root: Path, annotations: Sequence[dict[str, Any]] = (), **manifest: Any) -> Path:
    """Two images of different content, boxes in the first one."""
    return box_dataset(root, [BOX, *annotations], **manifest)


def test_nothing_is_found_where_nothing_is_wrong(tmp_path: Path) -> None:
    result = validate(good(tmp_path, splits={"train": ["a"], "val": ["b"]}))
    assert (result.findings, result.samples, result.stages) == ((), 2, ("detect",))
    assert (result.errors, result.warnings) == (0, 0)


def test_rows_of_coco_files_are_told_with_their_place(tmp_path: Path) -> None:
    good(
        tmp_path,
        [
            box(2, bbox=[1, 1, 0, 3]),
            box(3, bbox=[20, 1, 2, 3]),
            box(4, bbox=[5, 1, 20, 3]),
            box(5, bbox=[6, 1, 3, 3]),  # over the edge by one pixel, as annotation tools round
        ],
    )
    assert found(tmp_path) == [
        ("zero-area", "boxes.json", "annotations[1].bbox"),
        ("outside", "boxes.json", "annotations[2].bbox"),
        ("over-edge", "boxes.json", "annotations[3].bbox"),
    ]


def test_ids_that_are_zero_twice_or_unknown(tmp_path: Path) -> None:
    good(tmp_path, [box(0), box(1), box(7, image_id=9), box(8, category_id=9)])
    places = found(tmp_path)
    assert ("id-zero", "boxes.json", "annotations[1].id") in places
    assert ("duplicate-id", "boxes.json", "annotations[2].id") in places
    assert ("unknown-image", "boxes.json", "annotations[3].image_id") in places
    assert ("unknown-class", "boxes.json", "annotations[4].category_id") in places
    # The reader stops at the double, too: it is told once.
    assert "unreadable-label" not in [kind for kind, _, _ in places]


def test_a_file_that_cannot_be_opened_is_checked_row_by_row_too(tmp_path: Path) -> None:
    good(tmp_path, [box(1)])
    label = {"stage": "detect", "task": "boxes", "path": "boxes.json"}
    write_manifest(tmp_path, {"samples": "images/*.png", "labels": [label]})  # classes come from the file
    assert [one for one in found(tmp_path) if one[0] != "unused-class"] == [
        ("duplicate-id", "boxes.json", "annotations[1].id")
    ]


def test_images_of_another_size_than_the_label_file_says(tmp_path: Path) -> None:
    good(tmp_path)
    Image.new("RGB", (6, 8)).save(tmp_path / "images" / "b.png")
    assert found(tmp_path) == [("size-mismatch", "boxes.json", "images[1]")]
    mask_dataset(tmp_path / "m", {"a": np.zeros((6, 8), np.uint8), "b": np.zeros((3, 3), np.uint8)})
    assert ("size-mismatch", "masks/b.png", "sample b") in found(tmp_path / "m")


def test_images_that_are_not_there_and_labels_without_images(tmp_path: Path) -> None:
    good(tmp_path)
    data = coco(["a.png", "b.png", "gone.png"], [BOX], {1: "coin"})
    (tmp_path / "boxes.json").write_text(json.dumps(data), encoding="utf-8")
    assert found(tmp_path) == [("missing-image", "boxes.json", "images[2].file_name")]
    root = mask_dataset(tmp_path / "m", {name: np.full((6, 8), 7, np.uint8) for name in ("a", "z")})
    assert [(kind, file) for kind, file, _ in found(root)] == [
        ("image-without-label", "images/b.png"),
        ("label-without-image", "masks/z.png"),
        ("unused-class", "golden.yaml"),
        ("id-gap", "golden.yaml"),
    ]


def test_images_that_no_glob_takes_are_not_missing(tmp_path: Path) -> None:
    good(tmp_path, samples="images/a.png")
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    "content, label, place",
    [
        ("sample,label\na.png,coin\nb.png,coin\ngone.png,coin\n", {"task": "classes", "path": "l.csv"}, "line 4"),
        (
            "<annotations><image name='a.png' width='8' height='6'/><image name=\"gone.png\"/></annotations>",
            {"task": "boxes", "format": "cvat", "path": "l.xml"},
            "image 'gone.png'",
        ),
    ],
)
def test_images_that_other_label_files_name(tmp_path: Path, content: str, label: dict[str, str], place: str) -> None:
    write_images(tmp_path, ["images/a.png", "images/b.png"])
    (tmp_path / label["path"]).write_text(content, encoding="utf-8")
    write_manifest(tmp_path, {"samples": "images/*.png", "classes": ["coin"], "labels": [{"stage": "s", **label}]})
    assert [one.place for one in of_kind(tmp_path, "missing-image")] == [place]


def test_class_maps_with_holes(tmp_path: Path) -> None:
    label = {"stage": "detect", "task": "boxes", "path": "boxes.json"}
    root = box_dataset(tmp_path, [BOX], classes={1: "coin", 2: "key", 5: "ring", 9: "nut"}, labels=[label])
    unused, gaps = validate(root).findings
    assert (unused.kind, unused.place, unused.stage) == ("unused-class", "classes", "detect")
    assert unused.message == "3 of 4 classes occur in no label of stage detect: key, ring, nut"
    assert (gaps.kind, gaps.message) == ("id-gap", "IDs 3-4, 6-8 of stage detect name no class")


def test_a_class_that_is_not_in_the_map_is_an_error_of_its_label(tmp_path: Path) -> None:
    mask_dataset(tmp_path, {"a": np.full((6, 8), 3, np.uint8), "b": np.full((6, 8), 7, np.uint8)})
    (one,) = of_kind(tmp_path, "unreadable-label")
    assert (one.severity, one.sample, one.stage) == ("error", "a", "segment")
    assert "found 3, 48 times" in one.message


def test_the_same_content_twice(tmp_path: Path) -> None:
    good(tmp_path)
    (tmp_path / "images/c.png").write_bytes((tmp_path / "images/b.png").read_bytes())
    data = coco(["a.png", "b.png", "c.png"], [BOX], {1: "coin"})
    (tmp_path / "boxes.json").write_text(json.dumps(data), encoding="utf-8")
    assert found(tmp_path) == [("duplicate-input", "images/c.png", None)]
    good(tmp_path, splits={"train": ["a", "b"], "val": ["c"]})
    (tmp_path / "boxes.json").write_text(json.dumps(data), encoding="utf-8")
    (leak,) = validate(tmp_path).findings
    assert (leak.kind, leak.severity, leak.sample) == ("leakage", "error", "c")
    assert "images/b.png, images/c.png" in leak.message
    assert "train, val" in leak.message
    data["annotations"].append(box(2, image_id=3))
    (tmp_path / "boxes.json").write_text(json.dumps(data), encoding="utf-8")
    assert [kind for kind, _, _ in found(tmp_path)] == ["leakage", "contradicting-labels"]


def test_samples_in_two_splits_or_in_none(tmp_path: Path) -> None:
    good(tmp_path, splits={"train": ["a"], "val": ["*a"]})
    assert [(one.kind, one.sample) for one in validate(tmp_path).findings] == [("leakage", "a"), ("unsplit", None)]


def test_inputs_that_cannot_be_read(tmp_path: Path) -> None:
    good(tmp_path)
    (tmp_path / "images/a.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    (tmp_path / "images/b.png").write_bytes(b"")
    assert [(one.sample, "LFS" in one.message) for one in of_kind(tmp_path, "unreadable-input")] == [
        ("a", True),
        ("b", False),
    ]


def test_a_label_file_that_is_something_else_is_told_once(tmp_path: Path) -> None:
    good(tmp_path)
    (tmp_path / "boxes.json").write_text("not json", encoding="utf-8")
    assert found(tmp_path)[0][:2] == ("unreadable-label", "boxes.json")
    assert len(of_kind(tmp_path, "unreadable-label")) == 1


def test_all_problems_of_the_manifest_are_told_and_the_rest_is_checked(tmp_path: Path) -> None:
    label = {"stage": "detect", "task": "boxes", "path": "boxes.json"}
    gone = {"stage": "other", "task": "boxes", "path": "gone.json"}
    unknown = {"stage": "third", "task": "boxes", "path": "boxes.json", "format": "cocoo"}
    good(
        tmp_path,
        [box(2, bbox=[1, 1, 0, 0])],
        samples=["images/*.png", "nothing/*.png"],
        tags={"dark": ["z"]},
        labels=[label, gone, unknown],
    )
    places = found(tmp_path)
    assert [place for kind, _, place in places if kind == "manifest"] == [
        "samples[1]",
        "tags.dark[0]",
        "labels[1].path",
        "labels[2].format",
    ]
    assert ("zero-area", "boxes.json", "annotations[1].bbox") in places


def test_a_manifest_that_cannot_be_used_is_a_finding(tmp_path: Path) -> None:
    write_manifest(tmp_path, {"lables": [], "samples": 3})
    assert [place for _, _, place in found(tmp_path)] == ["lables", "samples", "labels"]
    assert [one.kind for one in validate(tmp_path / "nowhere").findings] == ["manifest"]


def test_boxes_of_other_formats_are_told_by_sample_and_object(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/a.png"])
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("0 .5 .5 .2 .2\n0 .5 .5 0 .2\n", encoding="utf-8")
    label = {"stage": "s", "task": "boxes", "format": "yolo", "path": "labels/{id}.txt"}
    write_manifest(tmp_path, {"samples": "images/*.png", "classes": ["coin"], "labels": [label]})
    assert found(tmp_path) == [("zero-area", "labels/a.txt", "sample a, object 1")]


def test_an_object_twice_is_an_error_and_with_two_classes_a_warning(tmp_path: Path) -> None:
    outlined = box(5, segmentation=[[1, 1, 3, 1, 3, 4]])
    label = {"stage": "detect", "task": "boxes", "path": "boxes.json"}
    good(tmp_path, [box(2), box(3, category_id=2), box(4, image_id=2), outlined])
    data = json.loads((tmp_path / "boxes.json").read_text(encoding="utf-8"))
    data["categories"].append({"id": 2, "name": "key"})
    (tmp_path / "boxes.json").write_text(json.dumps(data), encoding="utf-8")
    write_manifest(tmp_path, {"samples": "images/*.png", "labels": [label]})
    assert found(tmp_path) == [
        ("duplicate-object", "boxes.json", "annotations[1].bbox"),
        ("object-with-two-classes", "boxes.json", "annotations[2].bbox"),
    ]
    assert validate(tmp_path).findings[0].message == "the same object of class coin as annotations[0].bbox"


def test_doubled_objects_of_other_formats(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/a.png"])
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("0 .5 .5 .2 .2\n1 .5 .5 .2 .2\n0 .5 .5 .2 .2\n", encoding="utf-8")
    label = {"stage": "s", "task": "boxes", "format": "yolo", "path": "labels/{id}.txt"}
    write_manifest(tmp_path, {"samples": "images/*.png", "classes": ["coin", "key"], "labels": [label]})
    places = [(kind, place) for kind, _, place in found(tmp_path)]
    assert places == [
        ("duplicate-object", "sample a, object 2"),
        ("object-with-two-classes", "sample a, object 1"),
    ]


def test_boxes_of_a_crowd_or_without_an_area_are_no_doubles(tmp_path: Path) -> None:
    crowd = box(2, iscrowd=1, segmentation={"size": [6, 8], "counts": [48]})
    good(tmp_path, [crowd, box(3, bbox=[1, 1, 0, 0]), box(4, bbox=[1, 1, 0, 0])])
    assert {kind for kind, _, _ in found(tmp_path)} == {"zero-area"}


def test_a_dataset_of_recorded_outputs_alone(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/a.png", "images/b.png"])
    write_manifest(tmp_path, {"samples": "images/*.png", "recorded": [{"stage": "ocr", "task": "text"}]})
    (tmp_path / "recorded/ocr").mkdir(parents=True)
    (tmp_path / "recorded/ocr/a.txt").write_text("seen", encoding="utf-8")
    (one,) = validate(tmp_path).findings
    assert (one.kind, one.sample, one.message) == ("image-without-label", "b", "nothing is recorded of stage ocr")


def test_keypoints_whose_sigmas_nobody_gave(tmp_path: Path) -> None:
    row = box(1, keypoints=[1, 1, 2, 2, 2, 2, 3, 3, 2], num_keypoints=3)
    label = {"stage": "pose", "task": "keypoints", "path": "boxes.json"}
    box_dataset(tmp_path, [row], labels=[label])
    (one,) = of_kind(tmp_path, "no-sigmas")
    assert (one.severity, one.stage) == ("warning", "pose")
    assert "1/3 is taken for each of the 3 keypoints" in one.message
    box_dataset(tmp_path, [row], labels=[{**label, "keypoint_sigmas": [0.05] * 3}])
    assert of_kind(tmp_path, "no-sigmas") == []


def test_unused_classes_are_not_told_where_labels_cannot_be_read(tmp_path: Path) -> None:
    mask_dataset(tmp_path, {"a": np.full((6, 8), 3, np.uint8), "b": np.full((6, 8), 7, np.uint8)})
    assert of_kind(tmp_path, "unused-class") == []


def test_all_values_that_are_no_class_are_told_at_once(tmp_path: Path) -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[0, :3] = 30
    mask[1, :2] = 1
    mask_dataset(tmp_path, {"a": mask})
    (one,) = of_kind(tmp_path, "unreadable-label")
    assert "found 1 (2 times), 30 (3 times)" in one.message


def test_every_kind_is_described_in_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "golden.md").read_text(encoding="utf-8")
    for kind, (severity, meaning) in KINDS.items():
        assert f"| `{kind}` | {severity} | {meaning} |" in page


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=6,
)
KEYS = ["id", "image_id", "category_id", "bbox", "file_name", "width", "height", "name", "area", "iscrowd"]
ROWS = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6) | VALUES, max_size=4)


@settings(max_examples=60, deadline=None)
@given(rows=st.fixed_dictionaries({"images": ROWS, "annotations": ROWS, "categories": ROWS}))
def test_whatever_a_label_file_holds_validation_tells_and_does_not_raise(
    rows: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = good(tmp_path_factory.getbasetemp() / "hostile")
    (root / "boxes.json").write_text(json.dumps(rows), encoding="utf-8")
    assert all(one.message for one in validate(root).findings)


def test_real_data_is_checked_as_it_is() -> None:
    result = validate(shared("voc_bccd"))
    assert (result.samples, result.errors) == (20, 0)
    assert {one.kind for one in result.findings} == {"label-without-image"}
    assert result.warnings == 364 - 21
    panoptic = validate(shared("seg_panoptic_coco", "sample_data"))
    assert [one.place for one in panoptic.findings if one.kind == "id-zero"] == ["annotations[0].id"]
    assert panoptic.errors == 0
