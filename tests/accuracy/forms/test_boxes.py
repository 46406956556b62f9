"""Accepted forms of box predictions, and what is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import LabelSpec
from tests.accuracy.forms.tensors import Tensor
from tests.accuracy.problems import spec

ONE = spec("boxes", ["coin"])
TWO = spec("boxes", ["coin", "key"])


def boxes(value: Any, of: LabelSpec = TWO, **options: Any) -> BoxPredictions:
    prediction = read_prediction(value, of, **options)
    assert isinstance(prediction, BoxPredictions)
    return prediction


BOX = [1.0, 2.0, 3.0, 5.0]
DETECTIONS = SimpleNamespace(xyxy=np.array([BOX]), confidence=np.array([0.5]), class_id=np.array([1]))
RESULT = SimpleNamespace(boxes=SimpleNamespace(xyxy=Tensor([BOX]), conf=Tensor([0.5]), cls=Tensor([1.0])))


@pytest.mark.parametrize(
    "value",
    [
        np.array([[*BOX, 0.5, 1]]),
        [[*BOX, 0.5, 1]],
        Tensor([[*BOX, 0.5, 1]]),
        {"boxes": [BOX], "scores": [0.5], "labels": ["key"]},
        {"boxes": Tensor([BOX]), "scores": Tensor([0.5]), "labels": Tensor([1]), "masks": object()},
        [{"box": BOX, "score": 0.5, "label": "key"}],
        [{"bbox": np.array(BOX), "score": 0.5, "label": 1}],
        DETECTIONS,
        RESULT,
        RESULT.boxes,
        [RESULT],
        [{"boxes": Tensor([BOX]), "scores": Tensor([0.5]), "labels": Tensor([1])}],
        [{"bbox": [1, 2, 2, 3], "score": 0.5, "category_id": 1, "image_id": 7}],
    ],
)
def test_box_forms(value: Any) -> None:
    prediction = boxes(value)
    assert prediction.boxes.tolist() == [BOX]
    assert prediction.scores.tolist() == [0.5]
    assert prediction.class_index.tolist() == [1]


def test_missing_scores_are_one_and_one_class_needs_no_name() -> None:
    for value in ([BOX], {"boxes": [BOX]}, [{"box": BOX}], np.array([[*BOX, 1.0]])):
        prediction = boxes(value, ONE)
        assert prediction.scores.tolist() == [1.0]
        assert prediction.class_index.tolist() == [0]
    without = SimpleNamespace(xyxy=[BOX], confidence=None, class_id=None)
    assert boxes(without, ONE).scores.tolist() == [1.0]


@pytest.mark.parametrize("box_format, given", [("xyxy", BOX), ("xywh", [1, 2, 2, 3]), ("cxcywh", [2, 3.5, 2, 3])])
def test_box_formats(box_format: str, given: list[float]) -> None:
    assert boxes([given], ONE, box_format=box_format).boxes.tolist() == [BOX]
    assert boxes({"boxes": [given]}, ONE, box_format=box_format).boxes.tolist() == [BOX]
    assert boxes(DETECTIONS, box_format=box_format).boxes.tolist() == [BOX]


def test_coco_results_are_x_y_width_height_and_ids_whatever_is_said() -> None:
    sparse = spec("boxes", ["coin", "key"], [5, 0])
    row = {"bbox": [1, 2, 2, 3], "score": 0.5, "category_id": 5}
    for options in ({}, {"labels": "index"}, {"box_format": "xyxy"}):
        prediction = boxes([row], sparse, **options)
        assert (prediction.boxes.tolist(), prediction.class_index.tolist()) == ([BOX], [0])
        assert prediction.extent is not None
    with pytest.raises(PredictionError, match="unknown class"):
        boxes([{**row, "category_id": 1}], sparse)
    named = boxes([{"box": BOX, "category_id": 5}], sparse, labels="index")
    assert (named.boxes.tolist(), named.class_index.tolist()) == ([BOX], [0])


COCO_LIKE = spec("boxes", ["person", "car"], [1, 3])
YOLO = SimpleNamespace(boxes=SimpleNamespace(xyxy=[BOX], conf=[0.5], cls=Tensor([1.0])), names={0: "person", 1: "car"})
SUPERVISION = SimpleNamespace(
    xyxy=np.array([BOX]), confidence=[0.5], class_id=np.array([1]), data={"class_name": np.array(["car"])}
)


@pytest.mark.parametrize("value", [YOLO, [YOLO], SUPERVISION])
def test_the_models_own_names_tell_what_its_numbers_mean(value: Any) -> None:
    assert boxes(value, COCO_LIKE).class_index.tolist() == [1]
    assert boxes(value, COCO_LIKE, labels="name").class_index.tolist() == [1]
    assert boxes(value, COCO_LIKE, labels="index").class_index.tolist() == [1]
    assert boxes(value, COCO_LIKE, labels="id").class_index.tolist() == [0]


def test_numbers_without_names_are_asked_about_and_unknown_names_refused() -> None:
    with pytest.raises(PredictionError, match="IDs or indices"):
        boxes(YOLO.boxes, COCO_LIKE)
    with pytest.raises(PredictionError, match="did you mean 'car'"):
        boxes(SimpleNamespace(boxes=YOLO.boxes, names={1: "cars"}), COCO_LIKE)
    with pytest.raises(PredictionError, match="unknown class"):
        boxes(SimpleNamespace(boxes=YOLO.boxes, names={}), COCO_LIKE)


EMPTY = SimpleNamespace(xyxy=np.empty((0, 4)), confidence=None, class_id=None)


@pytest.mark.parametrize(
    "value",
    [
        [],
        (),
        np.empty((0, 4)),
        np.empty((0, 6)),
        np.empty(0),
        Tensor(np.empty((0, 5))),
        {"boxes": []},
        EMPTY,
        {"boxes": [], "labels": []},
    ],
)
def test_no_objects_is_a_prediction(value: Any) -> None:
    assert len(boxes(value)) == 0
    assert boxes(value).boxes.shape == (0, 4)


def test_boxes_are_a_copy() -> None:
    given = np.array([BOX])
    prediction = boxes(given, ONE)
    given[:] = 0
    assert prediction.boxes.tolist() == [BOX]


def test_scores_outside_of_zero_and_one_and_boxes_without_size_are_accepted() -> None:
    assert boxes([[1, 1, 1, 1, -7.5]], ONE).scores.tolist() == [-7.5]


@pytest.mark.parametrize(
    "value, place, problem",
    [
        ([BOX], "labels", "boxes without classes"),
        ([[*BOX, 0.5, 2]], "labels[0]", "unknown class"),
        ([[*BOX, 0.5, 0.5]], "labels", "not classes"),
        ([[*BOX, np.nan, 1]], "boxes[0, 4]", "not a finite number"),
        ([[*BOX, 0.5, 1], [np.inf, 2, 3, 4, 0.5, 1]], "boxes[1, 0]", "not a finite number"),
        ([[*BOX, 0.5, 1], [5, 2, 3, 4, 0.5, 1]], "boxes[1]", "negative size"),
        ([BOX[:3]], "shape", "wrong shape"),
        (BOX, "shape", "wrong shape"),
        (np.zeros((1, 2, 4)), "shape", "wrong shape"),
        ([BOX, BOX[:3]], "boxes", "not an array"),
        ({"bboxes": [BOX]}, "boxes", "no boxes in it"),
        ({"boxes": [BOX], "scores": [0.5, 0.5], "labels": [0]}, "scores", "as many boxes"),
        ({"boxes": [BOX], "labels": [0, 1]}, "labels", "as many boxes"),
        ({"boxes": [BOX], "labels": ["coin", "keyy"]}, "labels[1]", "unknown class"),
        ({"boxes": [BOX[:2]], "labels": [0]}, "shape", "wrong shape"),
        ({"boxes": "text", "labels": [0]}, "boxes", "not numbers"),
        ([{"score": 1.0}], "boxes[0]", "no box in it"),
        ([{"box": BOX, "label": 0}, {"box": BOX}], "boxes[1].label", "object without a label"),
        ([{"bbox": BOX, "category_id": 0}, {"bbox": BOX}], "boxes[1].category_id", "object without a category_id"),
        ([{"bbox": BOX, "label": 0}, {"box": BOX, "label": 0}], "boxes[1]", "no box in it.*the same in each"),
        ({"boxes": [], "scores": [0.5]}, "scores", "as many boxes"),
        ([{"box": BOX[:3], "label": 0}], "boxes[0]", "not a box"),
        ({"boxes": [[-1e308, 0, 1e308, 1]], "labels": [0]}, "boxes", "too large"),
        ("text", "boxes", "not a|wrong shape"),
        (3, "shape", "wrong shape"),
    ],
)
def test_box_forms_that_are_refused(value: Any, place: str, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        read_prediction(value, TWO)
    assert caught.value.place in (place, "shape")
    assert caught.value.hint
