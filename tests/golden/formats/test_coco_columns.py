"""COCO ground truth as columns: quickly and row by row give the same, and faults are told by place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.coco_columns import CocoColumns, read_coco_columns
from pytest_vizart.golden.formats.coco_results import CocoTask
from tests.accuracy.coco.coco_problems import box_problem, keypoint_problem, mask_problem
from tests.golden.mutations import damaged, read_in_bounds

PROBLEMS = {"boxes": box_problem, "instances": mask_problem, "keypoints": keypoint_problem}
FIELDS = ("image", "class_index", "crowd", "area", "sides", "keypoints", "ignored", "has_id_0")


def columns(folder: Path, truth: Any, task: CocoTask = "boxes") -> CocoColumns:
    path = folder / "labels.json"
    path.write_text(json.dumps(truth))
    return read_coco_columns(path, task)


@pytest.mark.parametrize("task", ["boxes", "instances", "keypoints"])
@pytest.mark.parametrize("seed", range(5, 10))
def test_quickly_and_row_by_row_give_the_same(
    task: CocoTask, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth, _ = PROBLEMS[task](seed)
    truth["annotations"].sort(key=lambda row: [one["id"] for one in truth["images"]].index(row["image_id"]))
    quick = columns(tmp_path, truth, task)

    def not_plain(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr("pytest_vizart.golden.formats.coco_columns._quickly", not_plain)
    slow = columns(tmp_path, truth, task)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(quick, name), getattr(slow, name), err_msg=name)
    assert (quick.images.ids, quick.class_names, quick.masks) == (slow.images.ids, slow.class_names, slow.masks)
    assert quick.sizes == slow.sizes


def truth(**annotation: Any) -> dict[str, Any]:
    row = {"id": 1, "image_id": 3, "category_id": 2, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0}
    return {
        "images": [{"id": 3, "file_name": "a.jpg", "width": 9, "height": 9}],
        "categories": [{"id": 2, "name": "coin"}],
        "annotations": [row, {**row, "id": 2, **annotation}],
    }


@pytest.mark.parametrize(
    "change, place",
    [
        ({"id": 1}, "annotations[1].id"),
        ({"id": True}, "annotations[1].id"),
        ({"image_id": 4}, "annotations[1].image_id"),
        ({"image_id": "3"}, "annotations[1].image_id"),
        ({"category_id": 3}, "annotations[1].category_id"),
        ({"bbox": [1, 2, 3]}, "annotations[1].bbox"),
        ({"bbox": [1, 2, -3, 4]}, "annotations[1].bbox"),
        ({"bbox": [1, 2, True, 4]}, "annotations[1].bbox"),
        ({"bbox": [1e9, 2, 3, 4]}, "annotations[1].bbox"),
        ({"bbox": None}, "annotations[1].bbox"),
        ({"area": -1}, "annotations[1].area"),
        ({"area": "12"}, "annotations[1].area"),
        ({"iscrowd": 2}, "annotations[1].iscrowd"),
        ({"iscrowd": "0"}, "annotations[1].iscrowd"),
    ],
)
def test_a_wrong_value_is_told_by_its_place(change: dict[str, Any], place: str, tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError) as caught:
        columns(tmp_path, truth(**change))
    assert caught.value.place == place
    assert caught.value.hint


def test_what_may_be_absent_has_its_default(tmp_path: Path) -> None:
    content = truth()
    for key in ("area", "iscrowd", "id"):
        del content["annotations"][1][key]
    found = columns(tmp_path, content)
    assert found.area.tolist() == [12, 12]
    assert found.crowd.tolist() == [False, False]


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
@pytest.mark.parametrize("value", [None, 3, {}, [3], [None], "text"])
def test_a_file_of_another_form_is_refused(key: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError):
        columns(tmp_path, {**truth(), key: value})


@pytest.mark.parametrize(
    "content", ["", "[]", "3", "{", '{"images": []}', "version https://git-lfs.github.com/spec/v1\n"]
)
def test_other_files_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "l.json").write_text(content)
    with pytest.raises(GoldenFormatError):
        read_coco_columns(tmp_path / "l.json")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_refused_or_read(data: st.DataObject, tmp_path: Path) -> None:
    task: CocoTask = data.draw(st.sampled_from(["boxes", "instances", "keypoints"]))
    content = json.dumps(PROBLEMS[task](7)[0]).encode()
    read_in_bounds(lambda path: read_coco_columns(path, task), tmp_path / "l.json", data.draw(damaged([content])))
