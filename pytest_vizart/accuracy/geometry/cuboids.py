"""Cuboids that stand upright: overlap seen from above and in space, distance, and how sizes and headings differ.

Boxes are (N, 7): centre x, y, z, length (along the heading), width, height in metres, yaw in radians about z.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.geometry.rotated_iou import full_turn, ratio, rotated_intersection, rotated_iou

_GROUND = (0, 1, 3, 4, 6)  # columns of the rectangle seen from above


def ground_rectangles(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, 5) rectangles on the ground: centre x, y, length, width, yaw."""
    return boxes[:, _GROUND]


def bev_iou(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, G) intersection over union seen from above (bird's-eye view)."""
    return rotated_iou(ground_rectangles(predicted), ground_rectangles(truth))


def iou_3d(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, G) intersection over union of the volumes."""
    low = [boxes[:, 2] - boxes[:, 5] / 2 for boxes in (predicted, truth)]
    high = [boxes[:, 2] + boxes[:, 5] / 2 for boxes in (predicted, truth)]
    height = np.minimum(high[0][:, None], high[1][None, :]) - np.maximum(low[0][:, None], low[1][None, :])
    ground = rotated_intersection(ground_rectangles(predicted), ground_rectangles(truth))
    shared = ground * np.maximum(height, 0.0)
    own, other = (boxes[:, 3:6].prod(axis=1) for boxes in (predicted, truth))
    return ratio(shared, own[:, None] + other[None, :] - shared)


def ground_distance(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (N, G) distances of the centres on the ground, z left out, in metres."""
    return np.hypot(*(predicted[:, None, axis] - truth[None, :, axis] for axis in (0, 1)))


def scale_error(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for P pairs, 1 - IoU after centre and heading were made equal (nuScenes; Caesar et al., 2020)."""
    own, other = first[:, 3:6], second[:, 3:6]
    shared = np.minimum(own, other).prod(axis=1)
    return 1.0 - ratio(shared, own.prod(axis=1) + other.prod(axis=1) - shared)


def yaw_error(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for P pairs, the smallest angle between the headings, 0 to pi radians."""
    return np.abs(full_turn(first[:, 6] - second[:, 6]))
