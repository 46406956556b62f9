"""Whatever a model returns, a form reads it or raises PredictionError."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import Task
from tests.accuracy.forms.tensors import Tensor
from tests.accuracy.problems import spec

KEYS = (
    "boxes", "box", "bbox", "masks", "mask", "segmentation", "keypoints", "scores", "score", "labels", "label",
    "category_id", "size", "counts", "polygons", "xyxy", "conf", "cls", "obb", "xywhr", "data", "xy", "orig_shape",
    "class_id", "confidence", "xyxyxyxy", "detection_confidence", "names", "class_name",
)  # fmt: skip
LEAVES: tuple[Callable[[], Any], ...] = (
    lambda: None,
    lambda: 1,
    lambda: -1,
    lambda: 3.5,
    lambda: 1e308,
    lambda: 10**400,
    lambda: float("nan"),
    lambda: "a",
    lambda: "",
    lambda: b"x",
    lambda: True,
    object,
    list,
    dict,
    lambda: np.zeros((1, 2, 2)),
    lambda: np.full((1, 2, 2), np.nan),
    lambda: np.zeros((0, 5)),
    lambda: np.ones((2, 7)),
    lambda: np.array([object()]),
    lambda: np.array(["a"]),
    lambda: [1, 2, 3, 4, 5],
    lambda: [1] * 8,
    lambda: [[1] * 7],
    lambda: [[0, 1], [1, 0]],
    lambda: [[1, 2, 3, 4, 5, 6]],
    lambda: [[1, 2], [3]],
    lambda: Tensor([1]),
    lambda: [2, 2],
    lambda: {"size": [2, 2], "counts": [4]},
    lambda: range(3),
    lambda: {1},
)


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.random()
    if depth > 2 or kind < 0.3:
        return chance.choice(LEAVES)()
    if kind < 0.55:
        return {chance.choice(KEYS): value(chance, depth + 1) for _ in range(chance.randint(0, 5))}
    if kind < 0.75:
        return [value(chance, depth + 1) for _ in range(chance.randint(0, 3))]
    return SimpleNamespace(**{chance.choice(KEYS): value(chance, depth + 1) for _ in range(chance.randint(1, 6))})


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("task", ["boxes", "instances", "keypoints", "oriented_boxes", "boxes_3d"])
def test_read_or_refused(task: Task) -> None:
    chance = random.Random(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(4000):
        names, size = chance.choice((["a"], ["a", "b"])), chance.choice((None, (2, 2)))
        try:
            read_prediction(value(chance), spec(task, names), image_size=size)
            outcomes["read"] += 1
        except PredictionError as error:
            outcomes["refused"] += bool(error.place)
    assert min(outcomes.values()) > 100
