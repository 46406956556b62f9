"""Intersection over union of every predicted box of one image with every object, whatever their classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.edges import Boxes
from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.records.labels import BoxLabels


def box_iou(truth: BoxLabels, prediction: BoxPredictions) -> NDArray[np.float64]:
    """Return the (N, G) intersection over union of N predicted boxes with G ground truth boxes.

    For crowd regions it is the intersection over the box's own area. Boxes that only touch, or are empty, have 0.
    """
    own, other = Boxes.of(prediction.boxes, prediction.extent), Boxes.of(truth.boxes, truth.extent)
    # Term by term as in pycocotools (common/maskApi.c, bbIou), so that the results are equal to the last bit.
    low = np.maximum(own.corners[:, None, :2], other.corners[None, :, :2])
    high = np.minimum(own.corners[:, None, 2:], other.corners[None, :, 2:])
    sides = np.maximum(high - low, 0.0)
    shared = sides[..., 0] * sides[..., 1]
    extent = own.extent[:, None]
    union = np.where(truth.crowd, extent, extent + other.extent - shared)
    iou: NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return iou
