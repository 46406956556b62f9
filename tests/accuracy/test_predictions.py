"""Accepted forms of predictions, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.predicted import ClassPrediction, PointPrediction, SemanticPrediction
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError, UsageError
from pytest_vizart.records.labels import IGNORE, ClassMap, LabelSpec
from tests.accuracy.forms.tensors import Tensor
from tests.accuracy.problems import spec

CLASSES = spec("classes", ["coin", "key", "label"])
TWO_CLASSES = spec("classes")
SPARSE = spec("classes", ["coin", "key"], [5, 1])
ONE = spec("boxes", ["coin"])


@pytest.mark.parametrize(
    "value, expected",
    [
        ("key", ClassPrediction(1)),
        (1, ClassPrediction(1)),
        (np.int64(1), ClassPrediction(1)),
        (np.array([1]), ClassPrediction(1)),
        (np.str_("key"), ClassPrediction(1)),
        (np.array("key"), ClassPrediction(1)),
        (Tensor(1), ClassPrediction(1)),
        (("key", 0.5), ClassPrediction(1, 0.5)),
        ([1, np.float32(0.5)], ClassPrediction(1, 0.5)),
        ({"label": "key", "score": 0.25}, ClassPrediction(1, 0.25)),
        ({"coin": 0.1, "key": 0.9}, ClassPrediction(1, 0.9)),
        ({"key": 0.5, "coin": 0.5}, ClassPrediction(0, 0.5)),
        ({"label": 0.9, "key": 0.1}, ClassPrediction(2, 0.9)),
        ({0: 0.1, 1: 0.9}, ClassPrediction(1, 0.9)),
    ],
)
def test_class_forms(value: Any, expected: ClassPrediction) -> None:
    assert read_prediction(value, CLASSES) == expected


def test_a_mapping_with_a_label_is_no_table_of_probabilities() -> None:
    assert read_prediction({"label": 1}, TWO_CLASSES) == ClassPrediction(1)
    assert read_prediction({"label": "key", "score": None, "latency": 3}, TWO_CLASSES) == ClassPrediction(1)


def test_numbers_that_may_be_id_or_index_are_asked_about() -> None:
    with pytest.raises(PredictionError, match="IDs or indices") as caught:
        read_prediction(1, SPARSE)
    assert "labels=" in str(caught.value.hint)
    assert read_prediction(1, SPARSE, labels="id") == ClassPrediction(1)
    assert read_prediction(0, SPARSE, labels="index") == ClassPrediction(0)
    assert read_prediction("key", SPARSE) == ClassPrediction(1)
    with pytest.raises(PredictionError, match="class is a number"):
        read_prediction(1, SPARSE, labels="name")
    with pytest.raises(PredictionError, match="unknown class"):
        read_prediction(5, SPARSE, labels="index")


@pytest.mark.parametrize(
    "value, problem",
    [
        ("keys", "did you mean 'key'"),
        (3, "unknown class"),
        (-1, "unknown class"),
        (10**30, "not an array of numbers"),
        (1.5, "not classes"),
        (True, "not classes"),
        (np.nan, "not classes"),
        (None, "nothing was predicted"),
        ([0.1, 0.2, 0.7], "not a class prediction"),
        (np.array([0.1, 0.2, 0.7]), "not a class prediction"),
        ({}, "not a class prediction"),
        ({"coin": np.nan}, "not a finite number"),
        ({"coin": "x"}, "not numbers"),
        ({"coins": 0.5}, "unknown class"),
        (("coin", [0.1, 0.2]), "not one score"),
        (object(), "not an array"),
    ],
)
def test_class_forms_that_are_refused(value: Any, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        read_prediction(value, CLASSES)
    assert caught.value.place
    assert caught.value.hint


def test_options_are_checked() -> None:
    with pytest.raises(UsageError, match="box_format"):
        read_prediction([], ONE, box_format="yxyx")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="labels"):
        read_prediction([], ONE, labels="ids")  # type: ignore[arg-type]


SEGMENT = spec("semantic", ["background", "coin", "key"])


def mask(value: Any, of: LabelSpec = SEGMENT, **options: Any) -> list[list[int]]:
    prediction = read_prediction(value, of, **options)
    assert isinstance(prediction, SemanticPrediction)
    assert prediction.mask.dtype == np.int32
    return prediction.mask.tolist()


def test_mask_forms() -> None:
    for value in ([[0, 1], [2, 0]], np.array([[0, 1], [2, 0]], np.uint8), Tensor([[0, 1], [2, 0]])):
        assert mask(value, image_size=(2, 2)) == [[0, 1], [2, 0]]
    sparse = spec("semantic", ["road", "sky"], [0, 70_000])
    assert mask([[70_000, 0, -1]], sparse, labels="id") == [[1, 0, IGNORE]]
    assert mask([[1, 0]], sparse, labels="index") == [[1, 0]]


def test_minus_one_and_a_byte_of_255_predict_nothing() -> None:
    assert mask([[0, -1]]) == [[0, IGNORE]]
    assert mask(np.array([[0, 255]], np.uint8)) == [[0, IGNORE]]
    many = spec("semantic", [str(number) for number in range(256)])
    assert mask(np.array([[0, 255]], np.uint8), many) == [[0, 255]]


def test_booleans_stand_for_the_one_foreground_class() -> None:
    value = np.array([[True, False]])
    assert mask(value, spec("semantic", ["background", "coin"], [0, 9])) == [[1, 0]]
    assert mask(value, spec("semantic", ["coin"], [9])) == [[0, IGNORE]]
    assert mask(value, spec("semantic", ["road", "sky"])) == [[1, 0]]
    with pytest.raises(PredictionError, match="several classes"):
        mask(value)


@pytest.mark.parametrize(
    "value, place, problem",
    [
        (np.zeros((2, 3), int), "shape", "wrong shape"),
        (np.zeros((3, 2, 2)), "shape", "wrong shape.*argmax"),
        (np.zeros((2, 2)), "mask", "not class numbers"),
        ([[0, 3], [0, 0]], "mask[0, 1]", "unknown class"),
        (np.array([[0, 255], [0, 0]]), "mask[0, 1]", "unknown class"),
        ([[0, -2], [0, 0]], "mask[0, 1]", "unknown class"),
        (np.array([[0, 2**64 - 1], [0, 0]], np.uint64), "mask[0, 1]", "unknown class"),
        ([["coin", "key"], ["key", "key"]], "mask", "not class numbers"),
        ([[0], [0, 1]], "mask", "not an array"),
    ],
)
def test_masks_that_are_refused(value: Any, place: str, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        read_prediction(value, SEGMENT, image_size=(2, 2))
    assert caught.value.place == place
    assert caught.value.hint


def test_point_forms() -> None:
    points = spec("points", ["ground", "tree"], [1, 40])
    prediction = read_prediction([1, 40, -1], points, labels="id")
    assert isinstance(prediction, PointPrediction)
    assert prediction.labels.tolist() == [0, 1, IGNORE]
    assert read_prediction([], points).labels.shape == (0,)  # type: ignore[union-attr]
    for value, problem in ((np.zeros((3, 2), int), "wrong shape"), ([1, 2], "IDs or indices")):
        with pytest.raises(PredictionError, match=problem):
            read_prediction(value, points)


@pytest.mark.parametrize("scores", [[0.0, 1.0], [1.0, 0.0], (0.3, 0.7)])
def test_two_probabilities_are_no_class_with_its_score(scores: object) -> None:
    with pytest.raises(PredictionError, match="a list of scores is no class"):
        read_prediction(scores, LabelSpec("s", "classes", ClassMap(("no", "yes"), (0, 1))))


@pytest.mark.parametrize(
    "value, found",
    [
        ([0.5, np.float32(0.5)], "[0.5, 0.5]"),
        ((np.float64(0.25), np.float32(0.5)), "[0.25, 0.5]"),
        ({np.int64(3): 0.5}, "3"),
    ],
)
def test_numbers_in_messages_are_plain(value: Any, found: str) -> None:
    with pytest.raises(PredictionError) as caught:
        read_prediction(value, CLASSES)
    assert found in str(caught.value)
    assert "np." not in str(caught.value)


def test_the_classes_of_a_message_are_not_all_classes() -> None:
    many = spec("classes", [f"class{number}" for number in range(2000)], list(range(1, 2001)))
    for value in ("coin", 1):
        with pytest.raises(PredictionError) as caught:
            read_prediction(value, many)
        assert len(str(caught.value)) < 600


def test_a_number_of_very_many_digits_is_refused_as_others_are() -> None:
    with pytest.raises(PredictionError, match="name is no text"):
        read_prediction({10**5000: 1.0}, spec("array"))
