from __future__ import annotations

import math

import numpy as np
import pytest
from make_street import (
    DROPOUT,
    GROUND,
    LIDAR_HEIGHT_M,
    OBJECT,
    RANGE_M,
    RAYS_A_RING,
    RINGS_DEG,
    Surface,
    box,
    cylinder,
    plane,
    scan,
)

FORWARD = np.array([[1.0, 0.0, 0.0]])
BACKWARD = -FORWARD
DOWN_45 = np.array([[math.sqrt(0.5), 0.0, -math.sqrt(0.5)]])


def test_a_ray_meets_the_near_side_of_a_box() -> None:
    assert box((10.0, 0.0, 0.0), (4.0, 2.0, 2.0), 0.0)(FORWARD) == pytest.approx([8.0])


def test_a_turned_box_shows_its_other_side() -> None:
    assert box((10.0, 0.0, 0.0), (4.0, 2.0, 2.0), 90.0)(FORWARD) == pytest.approx([9.0])


def test_a_ray_meets_the_near_side_of_a_cylinder_between_its_ends_only() -> None:
    assert cylinder(5.0, 0.0, -1.0, 2.0, 0.5)(FORWARD) == pytest.approx([4.5])
    assert np.isinf(cylinder(5.0, 0.0, 0.5, 2.0, 0.5)(FORWARD)).all()


def test_a_ray_meets_the_plane_below() -> None:
    assert plane(-1.8, 0.0, 0.0, (0.0, 5.0))(DOWN_45) == pytest.approx([1.8 * math.sqrt(2)])


def test_a_ray_along_the_plane_or_beside_its_strip_misses_it() -> None:
    assert np.isinf(plane(-1.8, 0.0, 0.0, (0.0, 5.0))(FORWARD)).all()
    assert np.isinf(plane(-1.8, 0.0, 0.0, (1.0, 5.0))(DOWN_45)).all()


def test_what_lies_behind_the_lidar_is_not_hit() -> None:
    for surface in (box((10.0, 0.0, 0.0), (4.0, 2.0, 2.0), 0.0), cylinder(5.0, 0.0, -1.0, 2.0, 0.5)):
        assert np.isinf(surface(BACKWARD)).all()


def test_a_scan_labels_a_point_by_what_its_ray_met_first() -> None:
    ground = Surface(plane(-LIDAR_HEIGHT_M, 0.0, 0.0, (0.0, RANGE_M)), 0.5, GROUND)
    wall = Surface(box((6.0, 0.0, 0.0), (0.2, 200.0, 20.0), 0.0), 0.5, OBJECT)
    cloud = scan([ground, wall], np.random.default_rng(1))
    on_wall = np.abs(cloud["x"] - 5.9) < 0.1
    assert (cloud["x"] < 6.1).all()
    assert (cloud["label"][on_wall & (cloud["z"] > -1.0)] == OBJECT).all()
    assert (cloud["label"][cloud["x"] < 5.0] == GROUND).all()


def test_a_scan_loses_about_the_share_of_rays_it_is_meant_to_lose() -> None:
    everywhere = Surface(lambda rays: np.full(len(rays), 10.0), 0.5, OBJECT)
    rays = RAYS_A_RING * len(RINGS_DEG)
    kept = len(scan([everywhere], np.random.default_rng(2)))
    # Four standard deviations of a binomial count.
    assert abs(kept - (1 - DROPOUT) * rays) < 4 * math.sqrt(rays * DROPOUT * (1 - DROPOUT))
