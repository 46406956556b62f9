"""Turned rectangles of one image, from their corners or from an upright box and an angle."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_vizart.records.labels import OrientedBoxLabels

_PAIRS = ((0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (1, 3))
_NOISE = 1e-3
"""By this share of its area a rectangle may be larger than the smallest one, and keep its first edge as its width:
corners are written with six decimals or fewer."""


def oriented_labels(boxes: ArrayLike, class_index: Sequence[int]) -> OrientedBoxLabels:
    """Return the columns of N turned boxes, none of them ignored."""
    columns = np.array(boxes, dtype=np.float64).reshape(-1, 5)
    columns[:, 4] = half_turn(columns[:, 4])
    return OrientedBoxLabels(
        boxes=columns,
        class_index=np.array(class_index, dtype=np.int64),
        ignored=np.zeros(len(columns), dtype=np.bool_),
    )


def half_turn(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angles of the same axes in [-pi/2, pi/2)."""
    turned = (angles + pi / 2) % pi - pi / 2
    return np.where(turned >= pi / 2, -pi / 2, turned)  # the remainder of a tiny negative number rounds up to pi


def smallest_rectangles(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N, 5) centre x, centre y, width, height, angle of the smallest rectangles around N times 4 points.

    Where the points are the corners of a rectangle, that one, its width along the edge from the first to the second.
    Otherwise the smallest of those with an edge along the line through two of the points: one of them is smallest of
    all (Freeman and Shapira, 1975).

    Args:
        corners: (N, 4, 2) x, y in pixels.
    """
    first, second = np.array(_PAIRS).T
    edges = corners[:, second] - corners[:, first]  # (N, 6, 2)
    length = np.linalg.norm(edges, axis=2, keepdims=True)
    along = np.where(length > 0, edges / np.where(length > 0, length, 1.0), np.array([1.0, 0.0]))
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    low = np.empty((len(corners), len(_PAIRS), 2))
    high = np.empty_like(low)
    for axis, direction in enumerate((along, across)):
        projected = np.einsum("nad,npd->nap", direction, corners)
        low[..., axis], high[..., axis] = projected.min(axis=2), projected.max(axis=2)
    spans = high - low
    areas = spans[..., 0] * spans[..., 1]
    chosen = np.argmax(areas <= areas.min(axis=1, keepdims=True) * (1 + _NOISE), axis=1)
    row = np.arange(len(corners))
    middle = (low[row, chosen] + high[row, chosen]) / 2
    axis_x, axis_y = along[row, chosen], across[row, chosen]
    centre = middle[:, :1] * axis_x + middle[:, 1:] * axis_y
    angle = half_turn(np.arctan2(axis_x[:, 1], axis_x[:, 0]))
    return np.column_stack([centre, spans[row, chosen], angle])
