"""Forms of cuboid predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.predicted import Box3DPredictions
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from tests.accuracy.forms.objects import (
    CUBOID,
)
from tests.accuracy.forms.tensors import Tensor
from tests.accuracy.problems import spec


def cuboids(value: Any) -> Box3DPredictions:
    prediction = read_prediction(value, spec("boxes_3d"))
    assert isinstance(prediction, Box3DPredictions)
    return prediction


CUBOID_FORMS = {
    "nine columns": np.array([[*CUBOID, 0.5, 1]]),
    "columns": {"boxes": Tensor([CUBOID]), "scores": Tensor([0.5]), "labels": Tensor([1])},
    "a list of one": [{"boxes": [CUBOID], "scores": [0.5], "labels": ["key"]}],
    "rows": [{"box": CUBOID, "score": 0.5, "label": "key"}],
    "another turn": np.array([[*CUBOID[:6], CUBOID[6] - 2 * np.pi, 0.5, 1]]),
}


@pytest.mark.parametrize("name", CUBOID_FORMS)
def test_cuboid_forms(name: str) -> None:
    prediction = cuboids(CUBOID_FORMS[name])
    assert prediction.boxes == pytest.approx(np.array([CUBOID]))
    assert prediction.scores.tolist() == [0.5]
    assert prediction.class_index.tolist() == [1]


def test_no_cuboids() -> None:
    for value in ([], np.empty((0, 9)), {"boxes": []}):
        assert cuboids(value).boxes.shape == (0, 7)


@pytest.mark.parametrize(
    "value, place, problem",
    [
        ([[*CUBOID[:6], 90.0, 0.5, 1]], "boxes[0]", "beyond a full turn"),
        ([[*CUBOID[:5], -1.0, 0.5, 0.5, 1]], "boxes[0]", "negative size"),
        ([[1e9, *CUBOID[1:], 0.5, 1]], "boxes", "too large"),
        ([[*CUBOID, np.inf, 1]], "boxes[0, 7]", "not a finite number"),
        ([[*CUBOID, 1, 1, 1]], "shape", "wrong shape.*velocities"),
        (CUBOID, "shape", "wrong shape"),
        ({"boxes": [CUBOID[:6]], "labels": [0]}, "shape", "wrong shape"),
        ({"pred_boxes": [CUBOID]}, "boxes", "no boxes in it"),
        ([CUBOID], "labels", "boxes without classes"),
    ],
)
def test_cuboids_that_are_refused(value: Any, place: str, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        cuboids(value)
    assert caught.value.place == place
    assert caught.value.hint
