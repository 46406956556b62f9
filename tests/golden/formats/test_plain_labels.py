"""Labels as plain dictionaries and as records, as a user's model returns them."""

from __future__ import annotations

from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import (
    IGNORE,
    TASKS,
    ArrayLabel,
    Box3DLabels,
    BoxLabels,
    ClassLabel,
    InstanceLabels,
    KeypointLabels,
    OrientedBoxLabels,
    PanopticLabels,
    PointLabels,
    SemanticLabels,
    Task,
    TextLabel,
)
from tests.golden.formats.reading import read_or_refuse
from tests.golden.formats.test_model import scenes

HERE = __name__


class Said(RootModel[Any]):
    """Returns what the file says, so that each test writes the dictionary itself."""

    def labels(self) -> Any:
        return self.root


RECORD: list[Any] = []


class Recorded(BaseModel):
    def to_label(self) -> Any:
        return RECORD[-1]


def said(root: Path, task: Task, content: Any, **entry: Any) -> Any:
    return scenes(root, content, task, f"{HERE}:Said", **entry)["a"]


def test_boxes_follow_the_box_format(tmp_path: Path) -> None:
    values = {"boxes": [[2.5, 4, 3, 4]], "labels": [3], "ignored": [True], "regions": [[4, 4, 2, 2]]}
    label = said(tmp_path, "boxes", values, box_format="cxcywh")
    assert label.boxes.tolist() == [[1, 2, 4, 6]]
    assert label.regions.tolist() == [[3, 3, 5, 5]]
    assert label.ignored.tolist() == [True]


def test_turned_boxes_have_their_angle_in_half_a_turn(tmp_path: Path) -> None:
    label = said(tmp_path, "oriented_boxes", {"boxes": [[5, 5, 4, 2, pi / 2 + 0.1]], "labels": ["cat"]})
    np.testing.assert_allclose(label.boxes, [[5, 5, 4, 2, 0.1 - pi / 2]])
    label = said(tmp_path, "boxes_3d", {"boxes": [[1, 2, 3, 4, 2, 1.5, 2 * pi + 0.1]], "labels": ["cat"]})
    np.testing.assert_allclose(label.boxes, [[1, 2, 3, 4, 2, 1.5, 0.1]])


def test_instances_are_segmentations_as_coco_has_them(tmp_path: Path) -> None:
    masks = [[[1, 1, 5, 1, 5, 4, 1, 4]], {"size": [6, 8], "counts": [7, 3, 38]}]
    label = said(tmp_path, "instances", {"size": [6, 8], "masks": masks, "labels": ["cat", "dog"]})
    assert label.objects.boxes.tolist() == [[1, 1, 5, 4], [1, 1, 2, 4]]
    assert label.objects.area.tolist() == [12, 3]
    assert label.size == (6, 8)


def test_keypoints_have_boxes(tmp_path: Path) -> None:
    values = {"keypoints": [[[1, 2, 2], [3, 4, 0]], [[0, 0, 0]] * 2], "boxes": [[1, 1, 4, 4]] * 2, "labels": [3, 8]}
    label = said(tmp_path, "keypoints", values)
    assert label.keypoints.shape == (2, 2, 3)
    assert label.objects.ignored.tolist() == [False, True]


def test_dense_labels_are_class_ids(tmp_path: Path) -> None:
    assert said(tmp_path, "semantic", {"mask": [[3, 8], [255, 3]]}, ignore=255).mask.tolist() == [[0, 1], [IGNORE, 0]]
    label = said(tmp_path, "points", {"labels": [8, 3], "instance": [0, 2]})
    assert (label.labels.tolist(), label.instance.tolist()) == ([1, 0], [0, 2])
    label = said(tmp_path, "panoptic", {"segments": [[0, 1], [-1, 1]], "labels": ["dog", 3], "crowd": [0, 1]})
    assert label.segments.tolist() == [[0, 1], [-1, 1]]
    assert label.class_index.tolist() == [1, 0]


def test_clouds_images_texts_and_arrays(tmp_path: Path) -> None:
    assert said(tmp_path, "cloud", {"xyz": [[1, 2, 3]]}).xyz.tolist() == [[1, 2, 3]]
    assert said(tmp_path, "image", {"image": [[0, 255]]}).image.dtype == np.uint8
    assert said(tmp_path, "image", {"image": [[0, 256]]}).image.dtype == np.uint16
    assert said(tmp_path, "image", {"image": [[0.0, 1]]}).image.dtype == np.float64
    assert said(tmp_path, "text", {"text": "x"}) == TextLabel("x")
    assert said(tmp_path, "array", {"arrays": {"x": [1, 2]}}).arrays["x"].tolist() == [1, 2]
    assert said(tmp_path, "classes", {"label": 8}) == ClassLabel(1)


@pytest.mark.parametrize(
    "task, content, place, problem",
    [
        ("classes", {"class": 3}, None, "unknown key; expected label; found class"),
        ("classes", {}, "label", "key is missing"),
        ("boxes", {"boxs": [], "labels": []}, None, "unknown key.*did you mean 'boxes'"),
        ("boxes", {"labels": []}, "boxes", "key is missing; expected boxes; found labels"),
        ("boxes", {"boxes": [[1, 2, 3, 4]], "labels": None}, "labels", "key is missing"),
        ("boxes", {"boxes": [[True] * 4], "labels": [3]}, "boxes", "wrong shape.*found true and false"),
        ("oriented_boxes", {"boxes": [[1, 2, -3, 4, 0]], "labels": [3]}, "boxes[0]", "width and height from 0"),
        ("boxes_3d", {"boxes": [[1, 2, 3, 4, 0]], "labels": [3]}, "boxes", r"shape \(N, 7\)"),
        ("instances", {"size": [6], "masks": [], "labels": []}, "size", "not a size"),
        ("instances", {"size": [6, 1e9], "masks": [], "labels": []}, "size.width", "no width"),
        ("instances", {"size": [6, 10**9], "masks": [], "labels": []}, "size", "too large"),
        ("instances", {"size": [6, 8], "masks": 3, "labels": []}, "masks", "not masks"),
        ("instances", {"size": [6, 8], "masks": [3], "labels": [3]}, "masks[0].segmentation", "no mask"),
        (
            "keypoints",
            {"keypoints": [[[1, 2, 3]]], "boxes": [[1, 1, 4, 4]], "labels": [3]},
            "keypoints[0]",
            "0, 1 or 2",
        ),
        ("keypoints", {"keypoints": [[[1, 2, 2]]], "labels": [3]}, "boxes", "key is missing"),
        ("semantic", {"mask": [[3, 4]]}, "pixel (0, 1) (row, column)", "no class ID"),
        ("semantic", {"mask": [3, 8]}, "mask", r"shape \(H, W\)"),
        ("semantic", {"mask": [[3.0]]}, "mask", "not whole numbers"),
        ("panoptic", {"segments": [[2]], "labels": [3]}, "segments", "not positions of segments"),
        ("points", {"labels": [3], "instance": [1, 2]}, "instance", "not instance numbers"),
        ("points", {"labels": [3], "instance": [-1]}, "instance", "not instance numbers"),
        ("cloud", {"xyz": [[1, 2]]}, "xyz", r"shape \(N, 3\)"),
        ("image", {"image": [[0, 70000]]}, "image", "not an image"),
        ("image", {"image": [[0.5, 1.5]]}, "image", "not an image"),
        ("image", {"image": [1, 2]}, "image", "not an image"),
        ("text", {"text": 3}, "text", "not a text"),
        ("array", {}, "array", "no numbers"),
        ("array", {"array": 1, "arrays": {}}, "array", "no numbers; expected either"),
        ("array", {"arrays": [1]}, "arrays", "not arrays by name"),
        ("array", {"arrays": {"x": "y"}}, "arrays.x", "not an array of numbers"),
        ("boxes", 3, None, "not a label of this task; expected BoxLabels or a dictionary"),
    ],
)
def test_dictionaries_that_are_no_labels_say_where(
    tmp_path: Path, task: Task, content: Any, place: str | None, problem: str
) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        said(tmp_path, task, content)
    assert caught.value.place == place
    assert caught.value.hint


# Label records

BOXES = BoxLabels(np.array([[1, 2, 4, 6.0]]), np.array([1]), np.array([False]), np.array([7.0]))
RECORDS: list[tuple[Task, Any]] = [
    ("classes", ClassLabel(1)),
    ("boxes", BOXES),
    ("oriented_boxes", OrientedBoxLabels(np.array([[5, 5, 4, 2, 0.1]]), np.array([1]), np.array([True]))),
    ("instances", InstanceLabels(BOXES, (b"73V1",), (6, 8))),
    ("keypoints", KeypointLabels(BOXES, np.array([[[1, 2, 2.0]]]))),
    ("semantic", SemanticLabels(np.array([[0, IGNORE]], dtype=np.int32))),
    ("panoptic", PanopticLabels(np.array([[0, IGNORE]], dtype=np.int32), np.array([1]), np.array([True]))),
    ("points", PointLabels(np.array([0, IGNORE], dtype=np.int32), np.array([3, 0], dtype=np.int32))),
    ("boxes_3d", Box3DLabels(np.array([[1, 2, 3, 4, 2, 1, 0.5]]), np.array([0]), np.array([False]))),
    ("text", TextLabel("x")),
    ("array", ArrayLabel({"": np.array([1.5])})),
]


@pytest.mark.parametrize("task, record", RECORDS, ids=[task for task, _ in RECORDS])
def test_a_record_is_taken_as_it_is(tmp_path: Path, task: Task, record: Any) -> None:
    RECORD.append(record)
    label = scenes(tmp_path, {}, task, f"{HERE}:Recorded", box_format="xywh")["a"]
    assert type(label) is type(record)
    assert repr(label) == repr(record)


@pytest.mark.parametrize(
    "task, record, problem",
    [
        ("boxes", ClassLabel(1), "expected BoxLabels"),
        ("classes", ClassLabel(2), "an index from 0 to 1"),
        ("classes", ClassLabel("cat"), "an index from 0 to 1"),
        ("semantic", SemanticLabels(np.array([[2]], dtype=np.int32)), "indices from 0 to 1, -1 for no label"),
        ("boxes", BoxLabels(np.zeros((1, 3)), np.array([0]), np.array([False]), np.zeros(1)), "wrong shape"),
        ("boxes", BoxLabels(np.full((1, 4), np.nan), np.array([0]), np.array([False]), np.zeros(1)), "finite"),
        ("boxes", BoxLabels(np.zeros((1, 4)), np.array([0, 1]), np.array([False]), np.zeros(1)), "a list of 1 classes"),
        ("boxes", BoxLabels("x", None, None, None), "not an array"),
        ("instances", InstanceLabels(BOXES, (b"zz",), (6, 8)), "do not cover"),
        ("keypoints", KeypointLabels(BOXES, np.zeros((2, 1, 3))), r"shape \(2, 4\)"),
        ("keypoints", KeypointLabels(None, np.zeros((2, 1, 3))), "not a label of this task; expected BoxLabels"),
    ],
)
def test_a_record_that_is_wrong_is_refused(tmp_path: Path, task: Task, record: Any, problem: str) -> None:
    RECORD.append(record)
    with pytest.raises(GoldenFormatError, match=problem):
        scenes(tmp_path, {}, task, f"{HERE}:Recorded")["a"]


KEYS = ("label", "boxes", "labels", "masks", "size", "keypoints", "mask", "segments", "xyz", "image", "text", "array")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@given(task=st.sampled_from(TASKS), content=st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=4))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_dictionary_is_read_or_refused(tmp_path: Path, task: Task, content: dict[str, Any]) -> None:
    read_or_refuse(scenes(tmp_path, content, task, f"{HERE}:Said"), "a")
