"""Overlap of turned rectangles, exact up to rounding: one is clipped at the sides of the other.

Clipping after Sutherland and Hodgman (1974), for all pairs at once, in the frame of the second rectangle, whose sides
are parallel to the axes there; the area by the shoelace formula.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

_PAIRS_AT_ONCE = 1 << 16
_UNIT_CORNERS = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])


def rectangle_corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, 4, 2) corners, in turn, of (N, 5) rectangles: centre x, y, width, height, angle in radians."""
    return _turned(_UNIT_CORNERS * boxes[:, None, 2:4], boxes[:, 4]) + boxes[:, None, :2]


def rectangles_around(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, 5) smallest rectangles around (N, 4, 2) corners, the angle in [-pi/2, pi/2).

    A rectangle's own corners, in any order, give that rectangle. Of the smallest rectangles around other quadrangles
    each has a side along an edge of the hull (Freeman and Shapira, 1975), so that six directions are all to be tried.
    """
    edges = np.stack([corners[:, b] - corners[:, a] for a, b in combinations(range(4), 2)], axis=1)
    angles = np.arctan2(edges[..., 1], edges[..., 0])  # (N, 6)
    flat = np.repeat(corners[:, None], 6, axis=1)
    in_frame = _turned(flat.reshape(-1, 4, 2), -angles.reshape(-1)).reshape(*angles.shape, 4, 2)
    low, high = in_frame.min(axis=2), in_frame.max(axis=2)
    size = high - low
    area = size.prod(axis=2)
    # Edge 0-1 first: of areas equal up to rounding the first wins, so that a rectangle keeps its width and its angle.
    best = np.argmax(area <= area.min(axis=1, keepdims=True) * (1 + 1e-9), axis=1)
    rows = np.arange(len(corners))
    angle = angles[rows, best]
    centre = _turned(((low + high) / 2)[rows, best][:, None], angle)[:, 0]
    return np.concatenate([centre, size[rows, best], half_turn(angle)[:, None]], axis=1)


def half_turn(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angles of the same rectangles in [-pi/2, pi/2): turned by pi a rectangle is itself."""
    return _wrapped(angles, np.pi)


def full_turn(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the same angles in [-pi, pi)."""
    return _wrapped(angles, 2 * np.pi)


def rotated_iou(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, G) intersection over union of (N, 5) and (G, 5) rectangles; 0 where one has no area."""
    shared = rotated_intersection(predicted, truth)
    own, other = (boxes[:, 2] * boxes[:, 3] for boxes in (predicted, truth))
    return ratio(shared, own[:, None] + other[None, :] - shared)


def rotated_intersection(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, G) area that (N, 5) and (G, 5) rectangles share."""
    areas = np.zeros((len(predicted), len(truth)))
    reach = [np.hypot(boxes[:, 2], boxes[:, 3]) / 2 for boxes in (predicted, truth)]
    apart = np.hypot(*(predicted[:, None, axis] - truth[None, :, axis] for axis in (0, 1)))
    rows, columns = np.nonzero(apart < reach[0][:, None] + reach[1][None, :])
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        now = slice(start, start + _PAIRS_AT_ONCE)
        areas[rows[now], columns[now]] = _shared_area(predicted[rows[now]], truth[columns[now]])
    return areas


def ratio(shared: NDArray[np.float64], union: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shared / union, 0 where nothing is shared, and never above 1."""
    return np.minimum(np.divide(shared, union, out=np.zeros_like(shared), where=(shared > 0) & (union > 0)), 1.0)


def _shared_area(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (P,) areas shared by P pairs."""
    moved = first.copy()
    # In the frame of the second one numbers are as small as the boxes, wherever in the image they lie.
    moved[:, :2] = _turned((first[:, :2] - second[:, :2])[:, None], -second[:, 4])[:, 0]
    moved[:, 4] = first[:, 4] - second[:, 4]
    polygon = rectangle_corners(moved)
    half = second[:, 2:4] / 2
    for axis in (0, 1):
        for side in (1.0, -1.0):
            polygon = _clipped(polygon, half[:, axis, None] - side * polygon[..., axis])
    x, y = polygon[..., 0], polygon[..., 1]
    twice = (x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)
    # Rounding may add an ulp to what cannot be more than the smaller one.
    most = np.minimum(first[:, 2] * first[:, 3], second[:, 2] * second[:, 3])
    area: NDArray[np.float64] = np.minimum(np.abs(twice) / 2, most)
    return area


def _clipped(polygon: NDArray[np.float64], inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep the part of (P, V, 2) convex polygons where `inside`, (P, V), the distance from a side, is not negative.

    Returns (P, V + 1, 2): a side adds one corner at most. Free places repeat the first corner, which adds no area.
    """
    count, corners = inside.shape
    following, beyond = np.roll(polygon, -1, axis=1), np.roll(inside, -1, axis=1)
    stays = inside >= 0
    crosses = stays != (beyond >= 0)
    share = np.divide(inside, inside - beyond, out=np.zeros_like(inside), where=crosses)
    cuts = polygon + share[..., None] * (following - polygon)
    points = np.stack([polygon, cuts], axis=2).reshape(count, 2 * corners, 2)
    kept = np.stack([stays, crosses], axis=2).reshape(count, 2 * corners)
    order = np.argsort(~kept, axis=1, kind="stable")[:, : corners + 1]
    result = np.take_along_axis(points, order[..., None], axis=1)
    free: NDArray[np.bool_] = ~np.take_along_axis(kept, order, axis=1)
    filling = np.where(free[:, :1, None], 0.0, result[:, :1])  # nothing is left where even the first place is free
    return np.where(free[..., None], filling, result)


def _turned(points: NDArray[np.float64], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn (N, P, 2) points about the origin, from x towards y, by (N,) angles."""
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y = points[..., 0], points[..., 1]
    return np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)


def _wrapped(angles: NDArray[np.float64], period: float) -> NDArray[np.float64]:
    wrapped = np.mod(angles + period / 2, period) - period / 2
    wrapped[wrapped >= period / 2] = -period / 2  # the remainder of a tiny negative number rounds up to the period
    return wrapped
