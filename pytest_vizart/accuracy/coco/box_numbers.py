"""COCO's twelve numbers out of the labels and predictions of each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import BOXES_AND_MASKS, Detections, Objects
from pytest_vizart.accuracy.coco.edges import Boxes, box_pairs
from pytest_vizart.accuracy.coco.numbers import CocoNumbers, evaluate
from pytest_vizart.accuracy.coco.ranking import rank_detections
from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.records.labels import BoxLabels

_SHIELDED_SHARE = 0.5  # more than this part of a prediction must lie in a region for it not to count


def coco_numbers(
    truths: Sequence[BoxLabels], predictions: Sequence[BoxPredictions], class_order: Sequence[int]
) -> CocoNumbers:
    """Return the numbers of boxes.

    Args:
        truths: ground truth of each image.
        predictions: predictions of the same images; of equal scores the earlier one goes first.
        class_order: class indices in the order of their IDs, which decides the last bit of a mean.
    """
    objects, object_boxes = object_columns(truths)
    detections, detection_boxes = detection_columns(predictions, truths)
    ranking = rank_detections(detections, BOXES_AND_MASKS.most[-1])
    pairs = box_pairs(objects, detections, object_boxes, detection_boxes, ranking=ranking)
    return evaluate(objects, detections, pairs, class_order, ranking=ranking)


def object_columns(truths: Sequence[BoxLabels]) -> tuple[Objects, Boxes]:
    """Return the objects of all images, in their order."""
    ignored = None
    if any(truth.ignored is not None for truth in truths):
        none = [np.zeros(len(truth), dtype=bool) if truth.ignored is None else truth.ignored for truth in truths]
        ignored = _joined(none, bool)
    objects = Objects(
        image=_images(truths),
        class_index=_joined([truth.class_index for truth in truths], np.int64),
        area=_joined([truth.area for truth in truths], np.float64),
        crowd=_joined([truth.crowd for truth in truths], bool),
        ignored=ignored,
    )
    return objects, _boxes(truths)


def detection_columns(
    predictions: Sequence[BoxPredictions], truths: Sequence[BoxLabels] = ()
) -> tuple[Detections, Boxes]:
    """Return the predictions of all images, in their order; `truths` tells the regions in which they do not count."""
    boxes = _boxes(predictions)
    shielded = None
    if any(truth.regions is not None for truth in truths):
        pairs = zip(truths, predictions, strict=True)
        shielded = _joined([shielded_by(truth.regions, prediction) for truth, prediction in pairs], bool)
    detections = Detections(
        image=_images(predictions),
        class_index=_joined([prediction.class_index for prediction in predictions], np.int64),
        scores=_joined([prediction.scores for prediction in predictions], np.float64),
        area=boxes.extent,
        shielded=shielded,
    )
    return detections, boxes


def shielded_by(regions: NDArray[np.float64] | None, prediction: BoxPredictions) -> NDArray[np.bool_]:
    """Return (N,): which boxes lie in one of (R, 4) regions with more than half of their own area."""
    if regions is None or not len(regions):
        return np.zeros(len(prediction), dtype=bool)
    boxes = prediction.boxes[:, None, :]
    sides = np.minimum(boxes[..., 2:], regions[:, 2:]) - np.maximum(boxes[..., :2], regions[:, :2])
    shared = np.maximum(sides, 0.0).prod(axis=-1)
    extent = Boxes.of(prediction.boxes, prediction.extent).extent
    shielded: NDArray[np.bool_] = (shared > _SHIELDED_SHARE * extent[:, None]).any(axis=1)
    return shielded


def _images(items: Sequence[BoxLabels] | Sequence[BoxPredictions]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(items)), [len(item) for item in items])


def _boxes(items: Sequence[BoxLabels] | Sequence[BoxPredictions]) -> Boxes:
    extents = [Boxes.of(item.boxes, item.extent).extent for item in items]
    corners = np.concatenate([item.boxes for item in items]) if items else np.empty((0, 4))
    return Boxes(corners, _joined(extents, np.float64))


def _joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype=dtype)
