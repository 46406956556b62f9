from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest

from pytest_vizart.accuracy.predicted import (
    ArrayPrediction,
    BoxPredictions,
    ClassPrediction,
    InstancePredictions,
    KeypointPredictions,
    TextPrediction,
)
from pytest_vizart.accuracy.transport import plain, prediction_of

BOXES = BoxPredictions(np.array([[0.1, 1, 2, 3]]), np.array([0.5]), np.array([2]), np.array([3.8]))


@pytest.mark.parametrize(
    "prediction",
    [
        ClassPrediction(3, 0.25, np.array([0.25, 0.75])),
        ClassPrediction(0),
        BOXES,
        InstancePredictions(BOXES, (b"\x00PPYo1\xff",), (4, 5)),
        KeypointPredictions(BOXES, np.zeros((1, 2, 3))),
        TextPrediction("wörter\n\0"),
        ArrayPrediction({"": np.array([[1, 2]], dtype=np.int16), "names": np.array(["a", "bc"]), "one": np.array(0.5)}),
    ],
)
def test_a_prediction_survives_json(prediction):
    back = prediction_of(json.loads(json.dumps(plain(prediction))))
    assert type(back) is type(prediction)
    _assert_equal(back, prediction)


def _assert_equal(one, other):
    for item in fields(other):
        left, right = getattr(one, item.name), getattr(other, item.name)
        if isinstance(right, np.ndarray):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
        elif isinstance(right, BoxPredictions):
            _assert_equal(left, right)
        elif isinstance(right, dict):
            assert left.keys() == right.keys()
            for name, array in right.items():
                assert left[name].shape == array.shape
                np.testing.assert_array_equal(left[name], array)
        else:
            assert left == right
