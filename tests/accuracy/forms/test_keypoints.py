"""Forms of keypoint predictions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.predicted import KeypointPredictions
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import ClassMap, LabelSpec
from tests.accuracy.forms.objects import (
    AROUND,
    POINTS,
)
from tests.accuracy.forms.tensors import Tensor
from tests.accuracy.problems import spec


def keypoints(value: Any, of: LabelSpec | None = None, **options: Any) -> KeypointPredictions:
    prediction = read_prediction(value, of or spec("keypoints"), **options)
    assert isinstance(prediction, KeypointPredictions)
    return prediction


KEYPOINT_FORMS = {
    "torchvision": {"keypoints": Tensor(POINTS), "scores": Tensor([0.5]), "labels": Tensor([1])},
    "a list of one": [{"keypoints": POINTS, "scores": [0.5], "labels": [1]}],
    "COCO's results": [{"keypoints": POINTS.reshape(-1).tolist(), "score": 0.5, "category_id": 1}],
    "rows": [{"keypoints": POINTS[0], "score": 0.5, "label": "key"}],
    "ultralytics": [
        SimpleNamespace(
            keypoints=SimpleNamespace(data=Tensor(POINTS)),
            boxes=SimpleNamespace(xyxy=Tensor([[1.0, 2, 3, 5]]), conf=Tensor([0.5]), cls=Tensor([1.0])),
        )
    ],
    "supervision": SimpleNamespace(
        xy=POINTS[:, :, :2], confidence=POINTS[:, :, 2], detection_confidence=[0.5], class_id=[1]
    ),
}


@pytest.mark.parametrize("name", KEYPOINT_FORMS)
def test_keypoint_forms(name: str) -> None:
    prediction = keypoints(KEYPOINT_FORMS[name])
    assert prediction.keypoints.tolist() == POINTS.tolist()
    assert prediction.objects.boxes.tolist() == [[1, 2, 3, 5]]
    assert prediction.objects.scores.tolist() == [0.5]
    assert prediction.objects.class_index.tolist() == [1]


def test_keypoints_alone_where_there_is_one_class() -> None:
    one = spec("keypoints", ["person"])
    for value in (POINTS[:, :, :2], POINTS[:, :, :2].tolist(), Tensor(POINTS[:, :, :2])):
        prediction = keypoints(value, one)
        assert prediction.keypoints[:, :, 2].tolist() == [[1.0, 1.0]]
        assert prediction.objects.scores.tolist() == [1.0]
    with_box = keypoints({"keypoints": POINTS, "boxes": [[0, 0, 9, 9]]}, one, box_format="xywh")
    assert with_box.objects.boxes.tolist() == [[0, 0, 9, 9]]


@pytest.mark.parametrize(
    "value",
    [
        [],
        np.empty((0, 2, 3)),
        {"keypoints": [], "scores": []},
        SimpleNamespace(xy=np.empty((0, 0, 2)), confidence=None, class_id=None),
    ],
)
def test_no_keypoints(value: Any) -> None:
    prediction = keypoints(value)
    assert len(prediction) == len(prediction.objects) == 0
    assert prediction.keypoints.ndim == 3


def pointed(points: Any, **rest: Any) -> dict[str, Any]:
    return {"keypoints": points, "labels": [0]} | rest


@pytest.mark.parametrize(
    "value, place, problem",
    [
        (pointed(POINTS[0, :, :2]), "shape", "wrong shape"),
        (pointed(POINTS[0]), "shape", "wrong shape.*into a list"),
        (pointed(np.zeros((1, 2, 4))), "shape", "wrong shape"),
        (pointed(np.zeros((1, 3, 3))), "shape", "wrong number of keypoints"),
        (pointed(POINTS * np.nan), "keypoints[0, 0, 0]", "not a finite number"),
        (pointed(POINTS * 1e12), "keypoints", "too large"),
        (pointed(POINTS, scores=[1.0, 1.0]), "scores", "as many keypoints"),
        (pointed(POINTS, boxes=[[0, 0, 1, 1]] * 2), "boxes", "as many keypoints"),
        (pointed(POINTS, labels=None), "labels", "keypoints without classes"),
        ({"boxes": [AROUND]}, "keypoints", "no keypoints in it"),
        ([{"box": AROUND}], "keypoints[0]", "no keypoints in it"),
        ([{"keypoints": [[1, 2]]}, {"keypoints": [[1, 2], [3, 4]]}], "keypoints", "not an array"),
        ("text", "keypoints", "not numbers"),
    ],
)
def test_keypoints_that_are_refused(value: Any, place: str, problem: str) -> None:
    named = LabelSpec("pose", "keypoints", ClassMap(("a", "b"), (0, 1)), keypoint_names=("left", "right"))
    with pytest.raises(PredictionError, match=problem) as caught:
        keypoints(value, named)
    assert caught.value.place == place
    assert caught.value.hint
