"""Object keypoint similarity: COCO's IoU of keypoints (Lin et al., 2014; cocodataset.org/#keypoints-eval)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_TENTHS = (0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89)
COCO_SIGMAS: tuple[float, ...] = tuple(tenth / 10.0 for tenth in _TENTHS)  # .26 / 10 is not .026, and COCO divides
"""Nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles: deviation of the annotators over object scale."""


def keypoint_sigmas(given: Sequence[float], count: int) -> NDArray[np.float64]:
    """Return (K,) sigmas: those given, COCO's own where there are 17 keypoints, or 1/K each."""
    if given:
        return np.array(given, dtype=np.float64)
    return np.array(COCO_SIGMAS) if count == len(COCO_SIGMAS) else np.full(count, 1.0 / count)


def oks(
    predicted: NDArray[np.float64],
    truth: NDArray[np.float64],
    boxes: NDArray[np.float64],
    area: NDArray[np.float64],
    sigmas: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the (N, G) similarity of N predictions with G objects of one image, as `oks_of_pairs` has it.

    Args:
        predicted: (N, K, 2 or more), x and y in pixels; the rest of the columns is not looked at.
        truth: (G, K, 3): x, y and visibility.
        boxes: (G, 4) xyxy, pixels.
        area: (G,) square pixels.
        sigmas: (K,).
    """
    similarity = np.empty((len(predicted), len(truth)))
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    for column in range(len(truth)):  # all pairs at once would take the memory of N x G objects
        rows = np.full(len(predicted), column)
        similarity[:, column] = oks_of_pairs(predicted, truth[rows], sides[rows], area[rows], sigmas)
    return similarity


def oks_of_pairs(
    predicted: NDArray[np.float64],
    truth: NDArray[np.float64],
    boxes: NDArray[np.float64],
    area: NDArray[np.float64],
    sigmas: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the (P,) similarity of P pairs, equal to the last bit to COCOeval.computeOks.

    Args:
        predicted: (P, K, 2 or more), x and y in pixels; the rest of the columns is not looked at.
        truth: (P, K, 3): x, y and visibility; keypoints of visibility 0 do not count.
        boxes: (P, 4) x, y, width, height of the objects, pixels. One without labelled keypoints is compared by how far
            the prediction leaves its box, widened by its own size on either side.
        area: (P,) square pixels, the squared scale of the objects.
        sigmas: (K,).
    """
    seen = truth[..., 2] > 0
    apart = [predicted[..., axis] - truth[..., axis] for axis in (0, 1)]
    blind = np.flatnonzero(~seen.any(axis=1))
    for axis, distances in enumerate(apart):
        distances[blind] = _outside(predicted[blind, :, axis], boxes[blind], axis)
    seen[blind] = True
    # Term by term as there, since rounding decides at the thresholds.
    error = (apart[0] ** 2 + apart[1] ** 2) / (sigmas * 2) ** 2 / (area + np.spacing(1))[:, None] / 2
    near = np.exp(-error)
    similarity = np.empty(len(predicted))
    counts = np.count_nonzero(seen, axis=1)
    for count in np.unique(counts).tolist():
        rows = np.flatnonzero(counts == count)
        # Sums of as many terms are added up in the same order only if nothing else is among them.
        similarity[rows] = near[rows][seen[rows]].reshape(-1, count).sum(axis=1) / count
    return similarity


def keypoint_distances(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for P pairs, the (P, K) distances of the keypoints in pixels, NaN where none is labelled."""
    apart = np.hypot(predicted[..., 0] - truth[..., 0], predicted[..., 1] - truth[..., 1])
    return np.where(truth[..., 2] > 0, apart, np.nan)


def _outside(values: NDArray[np.float64], boxes: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return how far (P, K) values lie outside of P boxes widened by their own size on either side."""
    low = boxes[:, axis] - boxes[:, 2 + axis]
    high = boxes[:, axis] + boxes[:, 2 + axis] * 2
    outside: NDArray[np.float64] = np.maximum(0.0, low[:, None] - values) + np.maximum(0.0, values - high[:, None])
    return outside
