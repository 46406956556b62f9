"""Precision over recall: COCO's interpolated curve and average precision, and VOC's two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.accumulate import RECALL_THRESHOLDS

RECALL_POINTS = RECALL_THRESHOLDS
"""As COCO writes them; TIDE's library has i / 100, which differs in the last bit and so, now and then, in a point."""


def interpolated_precision(
    hit: NDArray[np.bool_], objects: int, recall_points: NDArray[np.float64] = RECALL_POINTS
) -> NDArray[np.float64]:
    """Return the best precision at each recall or above, 0 where that recall is not reached.

    hit: (N,) bool, predictions in the order of their scores, best first. objects: how many there are to find, at least
    1. recall_points: (R,) ascending. As of pycocotools, but for its 2e-16 in the denominator.
    """
    values = np.zeros(len(recall_points))
    if len(hit):
        found = np.cumsum(hit)
        envelope = _envelope(found / np.arange(1, len(hit) + 1))
        at = np.searchsorted(found / objects, recall_points, side="left")
        reached = at < len(envelope)
        values[reached] = envelope[at[reached]]
    return values


def average_precision(
    hit: NDArray[np.bool_], objects: int, recall_points: NDArray[np.float64] = RECALL_POINTS
) -> float:
    """Return the mean of `interpolated_precision`, 0 to 1: COCO's average precision."""
    return float(interpolated_precision(hit, objects, recall_points).mean())


def every_point_ap(hit: NDArray[np.bool_], objects: int) -> float:
    """Return the area under the envelope of the whole curve: VOC's average precision since 2010."""
    if not len(hit):
        return 0.0
    found = np.cumsum(hit)
    envelope = _envelope(found / np.arange(1, len(hit) + 1))
    return float(envelope[hit].sum() / objects)


def eleven_point_ap(hit: NDArray[np.bool_], objects: int) -> float:
    """Return the mean of the best precision at recalls of 0, .1, ..., 1 or above: VOC's average precision of 2007."""
    # Whole numbers, so that 7 objects of 10 reach a recall of .7.
    found = np.cumsum(hit)
    precision = found / np.arange(1, len(hit) + 1)
    best = [float(precision[found * 10 >= tenth * objects].max(initial=0.0)) for tenth in range(11)]
    return sum(best) / len(best)


def _envelope(precision: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum.accumulate(precision[::-1])[::-1]
