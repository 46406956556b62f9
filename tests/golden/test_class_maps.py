"""One class map for several sources, and labels told in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.class_maps import class_table, merge_class_maps, told_in
from pytest_vizart.records.labels import (
    IGNORE,
    LABEL_OF_TASK,
    BoxLabels,
    ClassLabel,
    ClassMap,
    InstanceLabels,
    PointLabels,
    SemanticLabels,
    TextLabel,
)

A = ClassMap(("coin", "key"), (1, 2))
B = ClassMap(("ring", "key"), (5, 2))


def merge(*maps: ClassMap, given: ClassMap | None = None) -> ClassMap:
    told = [(f"labels[{position}]", one) for position, one in enumerate(maps)]
    return merge_class_maps(told, given, file=Path("golden.yaml"), place="labels[1].classes")


def test_equal_maps_stay_and_others_are_joined_by_name() -> None:
    assert merge(A, A) is A
    merged = merge(A, B)
    assert (merged.names, merged.ids) == (("coin", "key", "ring"), (1, 2, 5))
    assert merge(A, ClassMap(("ring",), (5,), (False,))).things == (True, True, False)


@pytest.mark.parametrize("other", [ClassMap(("coin",), (0,)), ClassMap(("ring",), (1,))])
def test_contradicting_ids_need_the_datasets_own_map(other: ClassMap) -> None:
    with pytest.raises(GoldenFormatError) as caught:
        merge(A, other)
    assert "labels[0]" in str(caught.value.found)
    assert "labels[1]" in str(caught.value.found)
    given = ClassMap(("ring", "key", "coin"), (0, 1, 2))
    assert merge(A, other, given=given) is given
    with pytest.raises(GoldenFormatError):
        merge(A, other, given=ClassMap(("key",), (0,)))  # it lacks names: nothing decides


def test_labels_are_told_in_the_merged_map_and_ignored_points_stay_so() -> None:
    table = class_table(B, merge(A, B))
    assert table is not None
    assert told_in(ClassLabel(0), table) == ClassLabel(2)
    mask = told_in(SemanticLabels(np.array([[0, 1, IGNORE]], np.int32)), table)
    assert isinstance(mask, SemanticLabels)
    assert mask.mask.tolist() == [[2, 1, IGNORE]]
    assert mask.mask.dtype == np.int32
    points = told_in(PointLabels(np.array([IGNORE, 0], np.int32)), table)
    assert isinstance(points, PointLabels)
    assert points.labels.tolist() == [IGNORE, 2]
    boxes = BoxLabels(np.zeros((2, 4)), np.array([1, 0]), np.zeros(2, bool), np.ones(2))
    changed = told_in(InstanceLabels(boxes, (b"", b""), (1, 1)), table)
    assert isinstance(changed, InstanceLabels)
    assert changed.objects.class_index.tolist() == [1, 2]
    assert boxes.class_index.tolist() == [1, 0]
    assert told_in(TextLabel("a"), table) == TextLabel("a")


def test_no_table_where_the_indices_stay() -> None:
    assert class_table(A, merge(A, B)) is None
    assert told_in(ClassLabel(1), None) == ClassLabel(1)


def test_every_task_with_classes_is_told_in_the_merged_map() -> None:
    from pytest_vizart.golden.class_maps import _CHANGES

    without = {LABEL_OF_TASK[task] for task in ("cloud", "image", "text", "array")}
    assert set(_CHANGES) == set(LABEL_OF_TASK.values()) - without
