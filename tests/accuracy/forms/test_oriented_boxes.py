"""Forms of oriented box predictions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.predicted import OrientedBoxPredictions
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from tests.accuracy.forms.objects import (
    CORNERS,
    OBB,
    TURNED,
)
from tests.accuracy.forms.tensors import Tensor
from tests.accuracy.problems import spec


def oriented(value: Any, **options: Any) -> OrientedBoxPredictions:
    prediction = read_prediction(value, spec("oriented_boxes"), **options)
    assert isinstance(prediction, OrientedBoxPredictions)
    return prediction


ORIENTED_FORMS = {
    "seven columns": np.array([[*TURNED, 0.5, 1]]),
    "lists": [[*TURNED, 0.5, 1]],
    "corners, score, class": np.array([[*CORNERS.reshape(-1), 0.5, 1]]),
    "columns": {"boxes": [TURNED], "scores": [0.5], "labels": ["key"]},
    "corners": {"boxes": Tensor(CORNERS), "scores": [0.5], "labels": [1]},
    "flat corners": {"boxes": CORNERS.reshape(-1, 8), "scores": [0.5], "labels": [1]},
    "rows": [{"box": TURNED, "score": 0.5, "label": "key"}],
    "rows of corners": [{"bbox": CORNERS[0], "score": 0.5, "category_id": 1}],
    "ultralytics": SimpleNamespace(obb=OBB, boxes=None),
    "ultralytics, a list of one": [SimpleNamespace(obb=OBB, boxes=None)],
    "ultralytics' boxes": OBB,
    "supervision": SimpleNamespace(
        xyxy=np.zeros((1, 4)), data={"xyxyxyxy": CORNERS}, confidence=np.array([0.5]), class_id=np.array([1])
    ),
    "another half turn": np.array([[*TURNED[:4], TURNED[4] - np.pi, 0.5, 1]]),
}


@pytest.mark.parametrize("name", ORIENTED_FORMS)
def test_oriented_forms(name: str) -> None:
    prediction = oriented(ORIENTED_FORMS[name])
    assert prediction.boxes == pytest.approx(np.array([TURNED]))
    assert prediction.scores.tolist() == [0.5]
    assert prediction.class_index.tolist() == [1]


def test_no_oriented_boxes() -> None:
    for value in ([], np.empty((0, 7)), np.empty((0, 4, 2)), {"boxes": []}):
        assert oriented(value).boxes.shape == (0, 5)


@pytest.mark.parametrize(
    "value, place, problem",
    [
        ([[10.0, 20, 6, 2, 30, 0.5, 1]], "boxes[0]", "beyond a full turn.*radians"),
        ([[10.0, 20, -6, 2, 0, 0.5, 1]], "boxes[0]", "negative size"),
        ([[1e12, 20, 6, 2, 0, 0.5, 1]], "boxes", "too large"),
        ([[10.0, 20, 6, 2, np.nan, 0.5, 1]], "boxes[0, 4]", "not a finite number"),
        ([TURNED], "labels", "boxes without classes"),
        ([TURNED[:4]], "shape", "wrong shape"),
        (TURNED, "shape", "wrong shape.*into a list"),
        ({"boxes": [TURNED[:4]], "labels": [0]}, "shape", "wrong shape"),
        ({"boxes": CORNERS * 1e12, "labels": [0]}, "boxes", "too large"),
        ({"boxes": [TURNED], "labels": [0], "scores": []}, "scores", "as many boxes"),
        ({"rboxes": [TURNED]}, "boxes", "no boxes in it"),
        ([{"box": TURNED}, {"box": TURNED[:4]}], "boxes", "not an array"),
        (np.zeros((1, 3, 2)), "shape", "wrong shape"),
    ],
)
def test_oriented_boxes_that_are_refused(value: Any, place: str, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        oriented(value)
    assert caught.value.place == place
    assert caught.value.hint
