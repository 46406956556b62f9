"""Keypoints of COCO files: names, skeleton, visibility, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.errors import GoldenFormatError
from tests.golden.datasets import coco, shared
from tests.golden.formats.coco_data import BASE, CATEGORIES, labels, real
from tests.golden.formats.reading import Labels

POINTS = [1, 2, 2, 3, 4, 1, 0, 0, 0]


def keypoints(root: Path, row: dict[str, Any], category: dict[str, Any] | None = None, **entry: Any) -> Labels:
    data = coco(["a.png"], [{**BASE, "keypoints": POINTS, **row}], CATEGORIES)
    data["categories"][0].update({"keypoints": ["nose", "tail", "ear"]} if category is None else category)
    return labels(root, data, "keypoints", **entry)


def test_keypoints_keep_their_visibility(tmp_path: Path) -> None:
    label = keypoints(tmp_path, {"area": 7})["a"]
    assert label.keypoints.tolist() == [[[1, 2, 2], [3, 4, 1], [0, 0, 0]]]
    assert label.objects.boxes.tolist() == [[1, 1, 5, 4]]
    assert label.objects.area.tolist() == [7]
    assert label.objects.ignored is None


@pytest.mark.parametrize(
    "row, ignored",
    [
        ({"num_keypoints": 0}, True),
        ({"num_keypoints": 2}, False),
        ({"keypoints": [0] * 9}, True),
        ({"keypoints": [1, 2, 0] * 3, "num_keypoints": 0, "iscrowd": 1}, True),
    ],
)
def test_objects_without_labelled_keypoints_are_ignored(tmp_path: Path, row: dict[str, Any], ignored: bool) -> None:
    label = keypoints(tmp_path, row)["a"]
    assert (label.objects.ignored is not None and label.objects.ignored.tolist() == [True]) == ignored


@pytest.mark.parametrize(
    "category, expected",
    [
        ({"keypoints": ["a", "b", "c"], "skeleton": [[1, 2], [2, 3]]}, (("a", "b", "c"), ((0, 1), (1, 2)))),
        ({"keypoints": ["a", "b", "c"], "skeleton": [[0, 1], [1, 2]]}, (("a", "b", "c"), ((0, 1), (1, 2)))),
        ({"keypoints": ["a", "b", "c"], "skeleton": [[16, 14]]}, (("a", "b", "c"), ())),
        ({"keypoints": ["a", "b", "c"], "skeleton": [[1, "2"]]}, (("a", "b", "c"), ())),
        ({"keypoints": [], "skeleton": [[0, 1]]}, ((), ())),
        ({}, ((), ())),
    ],
)
def test_names_and_skeleton_come_from_the_category(tmp_path: Path, category: Any, expected: Any) -> None:
    found = keypoints(tmp_path, {}, category)
    assert found.reader.keypoints() == expected
    assert found["a"].keypoints.shape == (1, 3, 3)


def test_names_and_skeleton_of_the_manifest_go_first(tmp_path: Path) -> None:
    found = keypoints(tmp_path, {}, keypoints=["x", "y", "z"], skeleton=[(0, 2)])
    assert found.reader.keypoints() == (("x", "y", "z"), ((0, 2),))
    with pytest.raises(GoldenFormatError, match=r"another number.*expected 3 names.*found 2"):
        keypoints(tmp_path, {}, keypoints=["x", "y"])["a"]


@pytest.mark.parametrize(
    "row, category, place, problem",
    [
        ({"keypoints": [1, 2, 2]}, None, "annotations[0].keypoints", "not the keypoints of this file.*found 3 values"),
        ({"keypoints": "x"}, None, "annotations[0].keypoints", "not the keypoints of this file"),
        ({"keypoints": [*POINTS[:8], True]}, None, "annotations[0].keypoints", "not the keypoints of this file"),
        ({"keypoints": [1, 2, 0.9] * 3}, None, "annotations[0].keypoints[0]", "a confidence belongs"),
        ({"keypoints": [*POINTS[:6], 1e10, 0, 2]}, None, "annotations[0].keypoints[6]", "not a keypoint"),
        ({"num_keypoints": -1}, None, "annotations[0].num_keypoints", "not a number of keypoints"),
        ({"num_keypoints": "3"}, None, "annotations[0].num_keypoints", "not a number of keypoints"),
        ({"bbox": None}, None, "annotations[0].bbox", "not a box"),
        ({}, {"keypoints": [1]}, "categories[0].keypoints", "not names of keypoints"),
        ({}, {"keypoints": "nose"}, "categories[0].keypoints", "not names of keypoints"),
        ({}, {"keypoints": [f"p{number}" for number in range(20_000)]}, "categories[0].keypoints", "not names"),
        ({"keypoints": []}, {}, "annotations", "file has no keypoints.*task: boxes"),
    ],
)
def test_keypoints_that_are_none_are_refused(
    tmp_path: Path, row: dict[str, Any], category: Any, place: str, problem: str
) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        keypoints(tmp_path, row, category)["a"]
    assert caught.value.place == place


def test_classes_with_other_keypoints_are_a_stage_of_their_own(tmp_path: Path) -> None:
    data = coco(["a.png"], [], CATEGORIES)
    for row, names in zip(data["categories"], (["a", "b"], ["a", "c"]), strict=True):
        row["keypoints"] = names
    with pytest.raises(GoldenFormatError, match="categories have different keypoints"):
        labels(tmp_path, data, "keypoints")["a"]


def test_objects_of_classes_without_keypoints_cannot_fill_the_memory(tmp_path: Path) -> None:
    rows = [BASE] * 1_000
    data = coco(["a.png"], rows, CATEGORIES)
    data["categories"][0]["keypoints"] = [f"p{number}" for number in range(9_000)]
    with pytest.raises(GoldenFormatError, match="too many keypoints"):
        labels(tmp_path, data, "keypoints")["a"]


def test_real_keypoints_are_those_of_the_file(tmp_path: Path) -> None:
    found = real(tmp_path, file := shared("coco_keypoints_mmpose", "coco", "test_coco.json"), "keypoints")
    names, bones = found.reader.keypoints()
    assert names[:2] == ("nose", "left_eye")
    assert len(names) == 17
    assert bones[0] == (15, 13)
    assert len(bones) == 19
    data = json.loads(file.read_text())
    for image in data["images"]:
        rows = [row for row in data["annotations"] if row["image_id"] == image["id"]]
        label = found[Path(image["file_name"]).stem]
        assert label.keypoints.reshape(len(rows), -1).tolist() == [row["keypoints"] for row in rows]
        ignored = [row["num_keypoints"] == 0 for row in rows]
        assert (label.objects.ignored.tolist() if label.objects.ignored is not None else [False] * len(rows)) == ignored


def test_real_skeletons_of_other_keypoints_are_left_out(tmp_path: Path) -> None:
    found = real(tmp_path, shared("coco_keypoints_mmpose", "crowdpose", "test_crowdpose.json"), "keypoints")
    names, bones = found.reader.keypoints()
    assert (len(names), bones) == (14, ())
    assert [found[name].keypoints.shape[1] for name in found.keys] == [14, 14]


@pytest.mark.parametrize("folder, names", [("coco", 0), ("coco_person_keypoints", 3)])
def test_real_keypoints_of_datumaro_count_from_zero(tmp_path: Path, folder: str, names: int) -> None:
    file = shared("datumaro_assets", "coco_dataset", folder, "annotations", "person_keypoints_val.json")
    found = real(tmp_path, file, "keypoints")
    own, bones = found.reader.keypoints()
    assert len(own) == names
    assert bones == (((0, 1), (1, 2)) if names else ())
    assert found["b"].keypoints[:, :, 0].tolist() == [[1, 3, 2], [2, 4, 4]]
    assert found["b"].objects.crowd.tolist() == [False, True]
