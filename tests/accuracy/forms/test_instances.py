"""Forms of instance predictions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.geometry.masks import decode
from pytest_vizart.accuracy.predicted import InstancePredictions
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from tests.accuracy.forms.objects import (
    AROUND,
    CORNER_BOXES,
    MASK,
    RING,
    RLE,
    SIZE,
)
from tests.accuracy.forms.tensors import Tensor
from tests.accuracy.problems import spec


def instances(value: Any, **options: Any) -> InstancePredictions:
    prediction = read_prediction(value, spec("instances"), **options)
    assert isinstance(prediction, InstancePredictions)
    return prediction


def masks_result(data: Any, **rest: Any) -> SimpleNamespace:
    """As ultralytics returns it."""
    return SimpleNamespace(boxes=CORNER_BOXES, masks=SimpleNamespace(data=Tensor(data), **rest), orig_shape=SIZE)


INSTANCE_FORMS = {
    "torchvision": {"masks": Tensor(MASK[:, None] * 0.7), "scores": Tensor([0.5]), "labels": Tensor([1])},
    "a list of one": [{"masks": MASK, "boxes": [AROUND], "scores": [0.5], "labels": [1]}],
    "bytes of 255": {"masks": MASK.astype(np.uint8) * 255, "scores": [0.5], "labels": ["key"]},
    "nested lists": {"masks": MASK.astype(int).tolist(), "scores": [0.5], "labels": [1]},
    "run lengths": {"masks": [RLE], "scores": [0.5], "labels": [1]},
    "text of run lengths": {
        "segmentations": [RLE | {"counts": RLE["counts"].decode()}],
        "scores": [0.5],
        "labels": [1],
    },
    "polygons": {"masks": [[RING]], "scores": [0.5], "labels": [1]},
    "rows of masks": [{"mask": MASK[0], "score": 0.5, "label": "key"}],
    "COCO's results": [{"segmentation": RLE, "score": 0.5, "category_id": 1, "image_id": 7}],
    "COCO's polygons": [{"segmentation": [RING], "score": 0.5, "label": 1}],
    "supervision": SimpleNamespace(xyxy=[AROUND], mask=MASK, confidence=[0.5], class_id=[1]),
    "ultralytics, retina masks": masks_result(MASK * 1.0),
    "ultralytics": [masks_result(np.ones((1, 3, 4)), xy=[np.array(RING).reshape(-1, 2)])],
}


@pytest.mark.parametrize("name", INSTANCE_FORMS)
def test_instance_forms(name: str) -> None:
    prediction = instances(INSTANCE_FORMS[name], image_size=SIZE)
    assert prediction.size == SIZE
    assert np.array_equal(decode(prediction.masks[0], SIZE), MASK[0])
    assert prediction.objects.boxes.tolist() == [AROUND]
    assert prediction.objects.scores.tolist() == [0.5]
    assert prediction.objects.class_index.tolist() == [1]


def test_masks_alone_where_there_is_one_class() -> None:
    for value in (MASK, MASK.astype(int).tolist(), [MASK[0]], [RLE], {"masks": MASK}):
        prediction = read_prediction(value, spec("instances", ["coin"]))
        assert isinstance(prediction, InstancePredictions)
        assert (len(prediction), prediction.objects.scores.tolist(), prediction.size) == (1, [1.0], SIZE)


NO_INSTANCES = [
    [],
    np.empty((0, *SIZE)),
    {"masks": [], "scores": [], "labels": []},
    {"masks": np.empty((0, 1, *SIZE)), "boxes": np.empty((0, 4)), "labels": np.empty(0), "scores": np.empty(0)},
    SimpleNamespace(xyxy=np.empty((0, 4)), mask=None, confidence=None, class_id=None),
    SimpleNamespace(boxes=SimpleNamespace(xyxy=np.empty((0, 4)), conf=[], cls=[]), masks=None, orig_shape=SIZE),
]


@pytest.mark.parametrize("value", NO_INSTANCES)
def test_no_instances(value: Any) -> None:
    prediction = instances(value, image_size=SIZE)
    assert (len(prediction), len(prediction.objects), prediction.size) == (0, 0, SIZE)
    assert instances([]).size == (0, 0)


def test_probabilities_count_from_a_half_on() -> None:
    prediction = instances({"masks": [np.array([[0.49, 0.5, 1.0]])], "labels": [0]})
    assert decode(prediction.masks[0], (1, 3)).tolist() == [[False, True, True]]


def test_a_mask_of_nothing_is_a_prediction() -> None:
    value = {"masks": np.zeros((1, *SIZE)), "labels": [0]}
    assert instances(value).objects.boxes.tolist() == [[0, 0, 0, 0]]
    outlineless = masks_result(np.ones((1, 3, 4)), xy=[np.empty((0, 2))])
    assert not decode(instances(outlineless).masks[0], SIZE).any()


@pytest.mark.parametrize("box_format, box", [("xyxy", [0, 0, 4, 5]), ("xywh", [0, 0, 4, 5])])
def test_boxes_beside_the_masks_are_kept(box_format: str, box: list[float]) -> None:
    prediction = instances({"masks": MASK, "boxes": [box], "labels": [0]}, box_format=box_format)
    assert prediction.objects.boxes.tolist() == [[0, 0, 4, 5]]
    corners = instances(INSTANCE_FORMS["supervision"], box_format="cxcywh")
    assert corners.objects.boxes.tolist() == [AROUND]


def labelled(masks: Any, **rest: Any) -> dict[str, Any]:
    return {"masks": masks, "labels": [0]} | rest


@pytest.mark.parametrize(
    "value, place, problem",
    [
        (labelled(np.zeros((1, 5, 8))), "masks[0]", "another size"),
        (labelled([MASK[0], np.zeros((5, 8))]), "masks[1]", "another size"),
        (labelled([{"size": [8, 6], "counts": RLE["counts"]}]), "masks[0]", "another size"),
        (labelled([{"size": [6, 8], "counts": "abc"}]), "masks[0].counts", "do not cover"),
        (labelled([{"size": [6, 8]}]), "masks[0].counts", "do not cover"),
        (labelled([{"counts": "abc"}]), "masks[0].size", "without a size"),
        (labelled([{"size": [10**6, 10**6], "counts": [10**12]}]), "masks[0].size", "without a size"),
        (labelled([{"size": ["a", "b"], "counts": []}]), "masks[0].size", "without a size"),
        (labelled([{"size": 3, "counts": []}]), "masks[0].size", "without a size"),
        (labelled(np.full((1, *SIZE), np.nan)), "masks[0]", "not a mask of one object"),
        (labelled(MASK * 1.5), "masks[0]", "not a mask of one object.*sigmoid"),
        (labelled(MASK * 2), "masks[0]", "not a mask of one object.*object numbers"),
        (labelled(np.full((1, *SIZE), "a")), "masks[0]", "not a mask of one object"),
        (labelled(MASK[0]), "shape", "wrong shape.*one mask for each"),
        (labelled(np.zeros((1, 2, *SIZE))), "shape", "wrong shape"),
        (labelled([[[1.0, 2, 3, 4]]]), "masks[0][0]", "not a polygon"),
        (labelled([[[1.0, 2, 3, 4, np.nan, 6]]]), "masks[0][0][4]", "not a finite number"),
        (labelled([[[1.0, 2, 3, 4, 1e9, 6]]]), "masks[0][0]", "far outside"),
        (labelled([None]), "masks[0]", "not an array"),
        (labelled(["text"]), "masks[0]", "not a mask"),
        (labelled(MASK, scores=[0.5, 0.5]), "scores", "as many masks"),
        (labelled(MASK, labels=[0, 1]), "labels", "as many masks"),
        (labelled(MASK, labels=[7]), "labels[0]", "unknown class"),
        (labelled(MASK, labels=None), "labels", "masks without classes"),
        (labelled(MASK, boxes=[AROUND] * 2), "boxes", "as many masks"),
        (labelled(MASK, boxes=[[6, 1, 2, 4]]), "boxes[0]", "negative size"),
        (labelled(MASK, scores=[np.inf]), "scores[0]", "not a finite number"),
        ({"boxes": [AROUND]}, "masks", "no masks in it"),
        ([{"score": 0.5}], "masks[0]", "no mask in it"),
        ([{"mask": MASK[0], "label": 0}, {"mask": MASK[0]}], "masks[1].label", "without a label"),
        (SimpleNamespace(xyxy=[AROUND], mask=None, confidence=[0.5], class_id=[1]), "masks", "boxes without masks"),
        ("text", "masks", "not an array|wrong shape"),
        (object(), "masks", "not an array"),
        (3, "masks", "wrong shape"),
    ],
)
def test_instances_that_are_refused(value: Any, place: str, problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        instances(value, image_size=SIZE)
    assert caught.value.place in (place, "shape")
    assert caught.value.hint


def test_polygons_need_the_size_of_the_image() -> None:
    with pytest.raises(PredictionError, match="no size of the image"):
        instances({"masks": [[RING]], "labels": [0]})
    assert instances({"masks": [[RING], MASK[0]], "labels": [0, 0]}).size == SIZE
