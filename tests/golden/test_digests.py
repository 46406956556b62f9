"""Digests of labels: equal where the label means the same, and only there."""

from __future__ import annotations

from dataclasses import replace
from math import pi
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.golden import digests
from pytest_vizart.golden.digests import digest_label
from pytest_vizart.records.labels import (
    IGNORE,
    LABEL_OF_TASK,
    NO_CLASSES,
    ArrayLabel,
    Box3DLabels,
    BoxLabels,
    ClassLabel,
    ClassMap,
    CloudLabel,
    ImageLabel,
    InstanceLabels,
    KeypointLabels,
    Label,
    OrientedBoxLabels,
    PanopticLabels,
    PointLabels,
    SemanticLabels,
    TextLabel,
)

CLASSES = ClassMap(("cat", "dog", "eel"), (1, 2, 3))
OTHER = ClassMap(("ant", "eel", "dog", "cat"), (0, 3, 7, 9))
RENUMBERED = np.array([3, 2, 1])  # an index of CLASSES in OTHER

CLASS_DIGEST = "4292beed0546c641f7e9eef9a09a9723"
BOXES_DIGEST = "7aa3ccf49a2726d61210a760dc2b3980"
SEMANTIC_DIGEST = "21fe51458420249ee745c26f9f757b5d"
POINTS_DIGEST = "8469f6b21ccac7f7fe7dd7edf22ce8a0"


def boxes(count: int = 3, **columns: Any) -> BoxLabels:
    corners = np.arange(4.0 * count).reshape(count, 4)
    return replace(
        BoxLabels(corners, np.arange(count) % 3, np.arange(count) % 2 == 1, np.arange(count) * 2.5), **columns
    )


def reordered(label: Any, order: list[int]) -> Any:
    """The same objects in another order."""
    columns = {}
    for name in label.__slots__:
        value = getattr(label, name)
        columns[name] = value
        if isinstance(value, BoxLabels):
            columns[name] = reordered(value, order)
        elif isinstance(value, np.ndarray) and len(value) == len(order):
            columns[name] = value[order]
        elif name == "masks":
            columns[name] = tuple(value[position] for position in order)
    return type(label)(**columns)


ORIENTED = OrientedBoxLabels(
    np.array([[5, 5, 4, 2, 0.3], [1, 1, 2, 2, -0.4], [9, 9, 1, 3, 1.0]]),
    np.array([0, 1, 2]),
    np.array([False, True, False]),
)
INSTANCES = InstanceLabels(boxes(), (b"73V1", b"0`1", b"83U1"), (6, 8))
POINTS_2D = np.array([[[1, 2, 2], [3, 4, 0]], [[5, 6, 1], [7, 8, 2]], [[0, 0, 0], [9, 1, 1.0]]])
KEYPOINTS = KeypointLabels(boxes(), POINTS_2D)
CUBOIDS = Box3DLabels(
    np.array([[1, 2, 3, 4, 2, 1, 0.5], [1, 2, 3, 4, 2, 1, -3.0], [0, 0, 0, 1, 1, 1, 0]]),
    np.array([0, 1, 2]),
    np.array([False, True, False]),
)


@pytest.mark.parametrize(
    "label", [boxes(), ORIENTED, INSTANCES, KEYPOINTS, CUBOIDS], ids=lambda one: type(one).__name__
)
@pytest.mark.parametrize("order", [[2, 0, 1], [1, 0, 2]])
def test_the_order_of_objects_means_nothing(label: Label, order: list[int]) -> None:
    assert digest_label(reordered(label, order), CLASSES) == digest_label(label, CLASSES)


@pytest.mark.parametrize(
    "label, same",
    [
        (ClassLabel(1), ClassLabel(2)),
        (boxes(), boxes(class_index=RENUMBERED)),
        (ORIENTED, replace(ORIENTED, class_index=RENUMBERED)),
        (INSTANCES, replace(INSTANCES, objects=boxes(class_index=RENUMBERED))),
        (KEYPOINTS, replace(KEYPOINTS, objects=boxes(class_index=RENUMBERED))),
        (CUBOIDS, replace(CUBOIDS, class_index=RENUMBERED)),
        (SemanticLabels(np.array([[0, 2, IGNORE]])), SemanticLabels(np.array([[3, 1, IGNORE]]))),
        (PointLabels(np.array([0, 2, IGNORE])), PointLabels(np.array([3, 1, IGNORE]))),
        (
            PanopticLabels(np.array([[0, 1]]), np.array([0, 2]), np.array([False, True])),
            PanopticLabels(np.array([[0, 1]]), np.array([3, 1]), np.array([False, True])),
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_classes_count_by_their_names(label: Label, same: Label) -> None:
    assert digest_label(label, CLASSES) == digest_label(same, OTHER)
    assert digest_label(label, CLASSES) != digest_label(label, OTHER)


@pytest.mark.parametrize(
    "label, same",
    [
        (boxes(), boxes(extent=np.ones(3))),
        (boxes(), boxes(ignored=np.zeros(3, bool), regions=np.zeros((0, 4)))),
        (boxes(boxes=np.zeros((3, 4))), boxes(boxes=-np.zeros((3, 4)))),
        (ORIENTED, replace(ORIENTED, boxes=ORIENTED.boxes + [0, 0, 0, 0, pi])),
        (ORIENTED, replace(ORIENTED, boxes=ORIENTED.boxes[:, [0, 1, 3, 2, 4]] - [0, 0, 0, 0, pi / 2])),
        (CUBOIDS, replace(CUBOIDS, boxes=CUBOIDS.boxes - [0, 0, 0, 0, 0, 0, 2 * pi])),
        (KEYPOINTS, replace(KEYPOINTS, keypoints=POINTS_2D + (POINTS_2D[:, :, 2:] == 0) * np.array([7.0, 8, 0]))),
        (PointLabels(np.array([0, 1])), PointLabels(np.array([0, 1]), np.array([0, 0]))),
        (
            PointLabels(np.array([0, 1, 1, 1]), np.array([0, 5, 5, 9])),
            PointLabels(np.array([0, 1, 1, 1]), np.array([0, 2**31 - 1, 2**31 - 1, 1])),
        ),
        (
            PanopticLabels(np.array([[0, 1, IGNORE, 0]]), np.array([0, 2, 1]), np.array([False, True, False])),
            PanopticLabels(np.array([[2, 0, IGNORE, 2]]), np.array([2, 1, 0]), np.array([True, False, False])),
        ),
        (CloudLabel(np.array([[1, 2, 0.0]])), CloudLabel(np.array([[1, 2, -0.0]], dtype=np.float32))),
        (ImageLabel(np.array([[0, 0.5]])), ImageLabel(np.array([[0, 0.5]], dtype=np.float32))),
        (ImageLabel(np.array([[0, 5]], np.uint16)), ImageLabel(np.array([[0, 5]], ">u2"))),
        (
            ArrayLabel({"a": np.array([1, 2]), "b": np.array([np.nan])}),
            ArrayLabel({"b": -np.array([np.nan]), "a": np.array([1.0, 2.0])}),
        ),
        (ArrayLabel({"": np.array(["x", "yy"])}), ArrayLabel({"": np.array(["x", "yy"], dtype="U9")})),
        (SemanticLabels(np.asfortranarray([[0, 1], [2, 0]])), SemanticLabels(np.array([[0, 1], [2, 0]], np.int32))),
    ],
    ids=lambda one: type(one).__name__,
)
def test_one_meaning_has_one_digest(label: Label, same: Label) -> None:
    assert digest_label(label, CLASSES) == digest_label(same, CLASSES)


PANOPTIC = PanopticLabels(np.array([[0, 1, 1]]), np.array([0, 0]), np.array([False, False]))


@pytest.mark.parametrize(
    "label, other",
    [
        (ClassLabel(0), ClassLabel(1)),
        (boxes(), boxes(area=np.zeros(3))),
        (boxes(), boxes(crowd=np.zeros(3, bool))),
        (boxes(), boxes(ignored=np.array([True, False, False]))),
        (boxes(ignored=np.array([True, False, False])), boxes(ignored=np.array([False, True, False]))),
        (boxes(), boxes(regions=np.array([[0, 0, 1, 1.0]]))),
        (boxes(0), boxes(1)),
        (ORIENTED, replace(ORIENTED, boxes=ORIENTED.boxes + [0, 0, 0, 0, 0.01])),
        (ORIENTED, replace(ORIENTED, boxes=ORIENTED.boxes[:, [0, 1, 3, 2, 4]])),
        (ORIENTED, replace(ORIENTED, ignored=~ORIENTED.ignored)),
        (CUBOIDS, replace(CUBOIDS, boxes=CUBOIDS.boxes + [0, 0, 0, 0, 0, 0, pi])),
        (CUBOIDS, replace(CUBOIDS, ignored=~CUBOIDS.ignored)),
        (INSTANCES, replace(INSTANCES, masks=(b"73V1", b"83U1", b"0`1"))),
        (INSTANCES, replace(INSTANCES, size=(8, 6))),
        (INSTANCES, boxes()),
        (KEYPOINTS, replace(KEYPOINTS, keypoints=POINTS_2D + (POINTS_2D[:, :, 2:] > 0) * np.array([1.0, 0, 0]))),
        (KEYPOINTS, replace(KEYPOINTS, keypoints=POINTS_2D[:, ::-1])),
        (SemanticLabels(np.array([[0, 1]])), SemanticLabels(np.array([[0], [1]]))),
        (SemanticLabels(np.array([[0, 1]])), SemanticLabels(np.array([[0, IGNORE]]))),
        (PointLabels(np.array([1, 1]), np.array([1, 1])), PointLabels(np.array([1, 1]), np.array([1, 2]))),
        (PointLabels(np.array([1, 1]), np.array([1, 1])), PointLabels(np.array([1, 1]), np.array([1, 0]))),
        (PANOPTIC, replace(PANOPTIC, segments=np.array([[0, 0, 1]]))),
        (PANOPTIC, replace(PANOPTIC, crowd=np.array([False, True]))),
        (PANOPTIC, replace(PANOPTIC, class_index=np.array([0, 1]))),
        (PANOPTIC, replace(PANOPTIC, segments=np.array([[0, 1, IGNORE]]))),
        (PANOPTIC, PanopticLabels(PANOPTIC.segments, np.array([0, 0, 0]), np.array([False, False, False]))),
        (CloudLabel(np.array([[1, 2, 3.0]])), CloudLabel(np.array([[1, 2, 3.1]]))),
        (ImageLabel(np.array([[5]], np.uint8)), ImageLabel(np.array([[5]], np.uint16))),
        (ImageLabel(np.array([[0, 1]], np.uint8)), ImageLabel(np.array([[0], [1]], np.uint8))),
        (TextLabel("a"), TextLabel("a ")),
        (ArrayLabel({"a": np.array([1])}), ArrayLabel({"b": np.array([1])})),
        (ArrayLabel({"": np.array([2**53])}), ArrayLabel({"": np.array([2**53 + 1])})),
        (ArrayLabel({"": np.array(["x", "yy"])}), ArrayLabel({"": np.array(["xy", "y"])})),
    ],
    ids=lambda one: type(one).__name__,
)
def test_another_meaning_has_another_digest(label: Label, other: Label) -> None:
    assert digest_label(label, CLASSES) != digest_label(other, CLASSES)


def test_every_label_has_a_digest() -> None:
    assert set(digests._CANONICAL) == set(LABEL_OF_TASK.values())


@pytest.mark.parametrize(
    "label",
    [
        boxes(0),
        OrientedBoxLabels(np.zeros((0, 5)), np.zeros(0, int), np.zeros(0, bool)),
        InstanceLabels(boxes(0), (), (6, 8)),
        KeypointLabels(boxes(0), np.zeros((0, 17, 3))),
        SemanticLabels(np.zeros((0, 0), np.int32)),
        PanopticLabels(np.full((2, 2), IGNORE), np.zeros(0, int), np.zeros(0, bool)),
        PointLabels(np.zeros(0, np.int32), np.zeros(0, np.int32)),
        Box3DLabels(np.zeros((0, 7)), np.zeros(0, int), np.zeros(0, bool)),
        CloudLabel(np.zeros((0, 3))),
        ArrayLabel({"": np.zeros(0)}),
        TextLabel(""),
    ],
    ids=lambda one: type(one).__name__,
)
def test_labels_of_nothing_have_digests(label: Label) -> None:
    assert len(digest_label(label, NO_CLASSES)) == 32


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_large_labels_are_digested_in_parts(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.integers(-1, 3, (7, 9)).astype(np.int32)
    labels: list[Label] = [
        SemanticLabels(mask),
        PointLabels(mask.ravel(), random.integers(0, 4, 63).astype(np.int32)),
        PanopticLabels(mask, np.array([0, 1, 1]), np.array([False, True, False])),
        ImageLabel(mask.astype(np.uint8)),
        CloudLabel(random.random((21, 3))),
    ]
    whole = [digest_label(label, CLASSES) for label in labels]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "_PART", 5)
        assert [digest_label(label, CLASSES) for label in labels] == whole


def test_digests_of_earlier_versions_hold() -> None:
    """A digest that changes makes every label of a stored history a changed one."""
    assert digest_label(ClassLabel(1), CLASSES) == CLASS_DIGEST
    assert digest_label(boxes(), CLASSES) == BOXES_DIGEST
    assert digest_label(SemanticLabels(np.array([[0, IGNORE, 2]], np.int32)), CLASSES) == SEMANTIC_DIGEST
    assert digest_label(PointLabels(np.array([0, IGNORE, 2], np.int32)), CLASSES) == POINTS_DIGEST
