"""Boundary IoU (Cheng et al., "Boundary IoU", CVPR 2021), for all classes of a mask at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.records.labels import IGNORE

DILATION_RATIO = 0.02
"""Width of the boundary as a share of the image's diagonal, as in the paper."""

_STRIP_PX = 1 << 20

Mask = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class BoundaryCounts:
    """Boundary pixels of the classes that have any, each (K,) int64: class index, in both, in truth or prediction."""

    index: NDArray[np.int64]
    shared: NDArray[np.int64]
    union: NDArray[np.int64]


def count_boundaries(truth: Mask, prediction: Mask | None, classes: int) -> BoundaryCounts:
    """Count boundary pixels of two (H, W) masks by class.

    A pixel belongs to the boundary of its class when another class lies within DILATION_RATIO of the diagonal (of a
    square around it), or the image ends there; that is what the paper's erosion leaves. Where the truth is IGNORE
    nothing counts, and labelled pixels beside it are boundary in both masks.
    """
    height, width = truth.shape
    reach = max(1, round(DILATION_RATIO * float(np.sqrt(height**2 + width**2))))
    rows = max(4 * reach, _STRIP_PX // max(1, width))
    shared, union = np.zeros(classes, dtype=np.int64), np.zeros(classes, dtype=np.int64)
    for start in range(0, height, rows):
        end = min(start + rows, height)
        truth_at = _boundary(truth, None, start, end, reach)
        truth_at &= truth[start:end] != IGNORE
        predicted_at = None if prediction is None else _boundary(prediction, truth, start, end, reach)
        _add(truth[start:end], truth_at, classes, union)
        if prediction is None or predicted_at is None:
            continue
        predicted = prediction[start:end]
        predicted_at &= truth[start:end] != IGNORE
        _add(predicted, predicted_at, classes, union)
        both = truth_at & predicted_at & (truth[start:end] == predicted)
        _add(predicted, both, classes, shared)
    union -= shared
    index = np.flatnonzero(union)
    return BoundaryCounts(index, shared[index], union[index])


def _add(mask: Mask, where: NDArray[np.bool_], classes: int, counts: NDArray[np.int64]) -> None:
    chosen = mask[where]
    counts += np.bincount(chosen[chosen != IGNORE], minlength=classes)  # a prediction may be IGNORE there


def _boundary(mask: Mask, limited_to: Mask | None, start: int, end: int, reach: int) -> NDArray[np.bool_]:
    """Return where rows start to end are boundary; `limited_to`: a mask that is IGNORE where `mask` is not to count."""
    height, width = mask.shape
    found = np.ones((end - start, width), dtype=bool)
    top, bottom = max(start, reach), min(end, height - reach)
    if top >= bottom or width <= 2 * reach:
        return found
    around = slice(top - reach, bottom + reach)
    rows = mask[around]
    if limited_to is not None:
        rows = np.where(limited_to[around] == IGNORE, IGNORE, rows)
    found[top - start : bottom - start, reach : width - reach] = _changes_near(rows, reach)
    return found


def _changes_near(rows: Mask, reach: int) -> NDArray[np.bool_]:
    """Return, for the pixels `reach` and more from the edge, whether the square around them holds several values.

    It does not when each of its rows holds one value and so does its middle column.
    """
    beside = _any_of(rows[:, 1:] != rows[:, :-1], 2 * reach, axis=1)
    below = _any_of(rows[1:, reach : rows.shape[1] - reach] != rows[:-1, reach : rows.shape[1] - reach], 2 * reach, 0)
    return _any_of(beside, 2 * reach + 1, axis=0) | below


def _any_of(flags: NDArray[np.bool_], length: int, axis: int) -> NDArray[np.bool_]:
    """Return whether any of `length` flags in a row along an axis is set, for every such row of flags."""
    shape = list(flags.shape)
    shape[axis] += 1
    sums = np.zeros(shape, dtype=np.int32)
    inner = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
    np.cumsum(flags, axis=axis, dtype=np.int32, out=sums[inner])
    found: NDArray[np.bool_] = sums[length:] != sums[:-length] if axis == 0 else sums[:, length:] != sums[:, :-length]
    return found
