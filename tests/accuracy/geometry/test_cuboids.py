"""Overlap, distance and differences of cuboids."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.accuracy.geometry.cuboids import bev_iou, ground_distance, iou_3d, scale_error, yaw_error

CAR = np.array([[10.0, 20.0, 1.0, 4.0, 2.0, 1.5, 0.3]])


def moved(*by: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return CAR + np.array([by])


def test_overlaps() -> None:
    assert iou_3d(CAR, CAR)[0, 0] == pytest.approx(1)
    assert bev_iou(CAR, moved(0, 0, 9, 0, 0, 0, 0))[0, 0] == pytest.approx(1)  # height is not seen from above
    assert iou_3d(CAR, moved(0, 0, 9, 0, 0, 0, 0))[0, 0] == 0
    assert iou_3d(CAR, moved(0, 0, 0.75, 0, 0, 0, 0))[0, 0] == pytest.approx(1 / 3)
    half_a_length = moved(2 * np.cos(0.3), 2 * np.sin(0.3), 0, 0, 0, 0, 0)
    assert bev_iou(CAR, half_a_length)[0, 0] == pytest.approx(1 / 3)
    assert iou_3d(CAR, half_a_length)[0, 0] == pytest.approx(1 / 3)
    turned_round = moved(0, 0, 0, 0, 0, 0, np.pi)
    assert iou_3d(CAR, turned_round)[0, 0] == pytest.approx(1)  # the heading does not count here
    assert iou_3d(np.empty((0, 7)), CAR).shape == (0, 1)


def test_volume_overlap_against_sampled_points() -> None:
    generator = np.random.default_rng(0)
    boxes = np.concatenate(
        [generator.uniform(-1, 1, (6, 3)), generator.uniform(1, 4, (6, 3)), generator.uniform(-4, 4, (6, 1))], axis=1
    )
    points = generator.uniform(-5, 5, (200_000, 3))
    inside = np.empty((6, len(points)), dtype=bool)
    for row, (x, y, z, length, width, height, yaw) in enumerate(boxes):
        along = (points[:, 0] - x) * np.cos(yaw) + (points[:, 1] - y) * np.sin(yaw)
        across = -(points[:, 0] - x) * np.sin(yaw) + (points[:, 1] - y) * np.cos(yaw)
        near = np.abs(np.stack([along, across, points[:, 2] - z]))
        inside[row] = (near <= np.array([[length], [width], [height]]) / 2).all(axis=0)
    shared = (inside[:, None] & inside[None]).sum(axis=2)
    union = (inside[:, None] | inside[None]).sum(axis=2)
    assert iou_3d(boxes, boxes) == pytest.approx(shared / union, abs=0.03)


def test_distance_is_on_the_ground() -> None:
    assert ground_distance(CAR, moved(3, 4, 100, 0, 0, 0, 0)).tolist() == [[5.0]]


def test_scale_error_does_not_see_place_and_heading() -> None:
    assert scale_error(CAR, moved(5, 5, 5, 0, 0, 0, 1))[0] == pytest.approx(0)
    assert scale_error(CAR, moved(0, 0, 0, 4, 0, 0, 0))[0] == pytest.approx(0.5)
    # Longer and narrower: shared 4 x 1 x 1.5 of 12 + 12 - 6.
    assert scale_error(CAR, moved(0, 0, 0, 4, -1, 0, 0))[0] == pytest.approx(1 - 6 / 18)


def test_yaw_wraps() -> None:
    first, second = np.zeros((4, 7)), np.zeros((4, 7))
    first[:, 6], second[:, 6] = [3.1, -3.1, 0.0, 0.2], [-3.1, 3.1, -np.pi, 0.5]
    assert yaw_error(first, second) == pytest.approx([2 * np.pi - 6.2, 2 * np.pi - 6.2, np.pi, 0.3])
