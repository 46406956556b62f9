"""Boxes of one image matched with their ground truth by the greedy rule of COCO (Lin et al., 2014)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.records.labels import BoxLabels

HIGHEST_IOU_THRESHOLD = 1 - 1e-10
"""COCO's own cap: a box equal to its ground truth up to rounding matches at threshold 1."""


@dataclass(frozen=True, slots=True)
class BoxMatch:
    """What met what in one image.

    found: (G,) bool, ground truth objects that a prediction of their class met. counted: (N,) bool, predictions that
    count, that is, reach the score threshold and meet no crowd region. hit: (N,) bool, counted predictions that met an
    object. wrong_class: pairs (object, prediction) that lie in one place and differ in class, both unmatched otherwise.
    """

    found: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    hit: NDArray[np.bool_]
    wrong_class: tuple[tuple[int, int], ...]


def box_iou(truth: BoxLabels, prediction: BoxPredictions) -> NDArray[np.float64]:
    """Return the (N, G) intersection over union of N predicted boxes with G ground truth boxes.

    For crowd regions it is the intersection over the box's own area. Boxes that only touch, or are empty, have 0.
    """
    return pair_iou(
        prediction.boxes[:, None, :],
        truth.boxes[None, :, :],
        truth.crowd[None, :],
        extent_of(prediction)[:, None],
        extent_of(truth)[None, :],
    )


def pair_iou(
    boxes: NDArray[np.float64],
    truth: NDArray[np.float64],
    crowd: NDArray[np.bool_],
    own: NDArray[np.float64],
    other: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the IoU of boxes with ground truth boxes, (..., 4) each; `own` and `other` are their extents, (...)."""
    # Term by term as in pycocotools (common/maskApi.c, bbIou), so that the results are equal to the last bit.
    width = np.minimum(boxes[..., 2], truth[..., 2]) - np.maximum(boxes[..., 0], truth[..., 0])
    height = np.minimum(boxes[..., 3], truth[..., 3]) - np.maximum(boxes[..., 1], truth[..., 1])
    shared = np.where((width > 0) & (height > 0), width * height, 0.0)
    union = np.where(crowd, own, own + other - shared)
    return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)


def extent_of(objects: BoxLabels | BoxPredictions) -> NDArray[np.float64]:
    """Return width times height of each box: as they were given, where they were."""
    if objects.extent is not None:
        return objects.extent
    boxes = objects.boxes
    extent: NDArray[np.float64] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return extent


def match_boxes(
    truth: BoxLabels, prediction: BoxPredictions, *, iou_threshold: float, score_threshold: float
) -> BoxMatch:
    """Match predictions, best score first, each with the free object of its class that it overlaps most.

    A prediction that meets no free object and lies in a crowd region of its class counts neither way.
    """
    threshold = min(iou_threshold, HIGHEST_IOU_THRESHOLD)
    counted = prediction.scores >= score_threshold
    hit = np.zeros(len(prediction), dtype=bool)
    found = np.zeros(len(truth.boxes), dtype=bool)
    overlap = box_iou(truth, prediction)
    same_class = np.where(prediction.class_index[:, None] == truth.class_index[None, :], overlap, 0.0)
    for row in np.argsort(-prediction.scores, kind="stable"):
        if not counted[row] or not len(found):
            continue
        free = np.where(found | truth.crowd, 0.0, same_class[row])
        best = len(free) - 1 - int(np.argmax(free[::-1]))  # the later of two equal ones, as COCO has it
        if free[best] >= threshold:
            found[best] = hit[row] = True
        elif (same_class[row][truth.crowd] >= threshold).any():
            counted[row] = False
    pairs = _wrong_class_pairs(overlap, ~found & ~truth.crowd, counted & ~hit, threshold)
    return BoxMatch(found, counted, hit, pairs)


def _wrong_class_pairs(
    overlap: NDArray[np.float64], missed: NDArray[np.bool_], spare: NDArray[np.bool_], threshold: float
) -> tuple[tuple[int, int], ...]:
    """Pair what is left over, best overlap first. What meets here differs in class, or it would have met before."""
    rows, columns = np.nonzero(spare[:, None] & missed[None, :] & (overlap >= threshold))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for place in np.argsort(-overlap[rows, columns], kind="stable"):
        row, column = int(rows[place]), int(columns[place])
        if row not in taken and column not in pairs:
            pairs[column] = row
            taken.add(row)
    return tuple(pairs.items())
