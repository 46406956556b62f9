"""Overlap of turned rectangles, with shapely as the oracle where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_vizart.accuracy.geometry.rotated_iou import (
    full_turn,
    half_turn,
    rectangle_corners,
    rectangles_around,
    rotated_intersection,
    rotated_iou,
)

Floats = NDArray[np.float64]


def rectangles(generator: np.random.Generator, count: int) -> Floats:
    centre, size = generator.uniform(0, 80, (count, 2)), generator.uniform(1, 60, (count, 2))
    return np.concatenate([centre, size, generator.uniform(-7, 7, (count, 1))], axis=1)


def test_known_overlaps() -> None:
    square = np.array([[5.0, 5.0, 2.0, 2.0, 0.0]])
    diamond = np.array([[5.0, 5.0, 2.0, 2.0, np.pi / 4]])
    # The octagon that two equal squares share, turned by 45 degrees: 8 (sqrt(2) - 1) for a side of 2.
    assert rotated_intersection(square, diamond)[0, 0] == pytest.approx(8 * (np.sqrt(2) - 1), abs=1e-14)
    others = np.array(
        [
            [5.0, 5.0, 2.0, 2.0, np.pi / 2],  # itself
            [6.0, 5.0, 2.0, 2.0, 0.0],  # half of it
            [7.0, 5.0, 2.0, 2.0, 0.0],  # touches
            [50.0, 5.0, 2.0, 2.0, 0.0],  # far away
            [5.0, 5.0, 1.0, 1.0, 0.3],  # inside
            [5.0, 5.0, 0.0, 3.0, 0.3],  # a line
        ]
    )
    assert rotated_iou(square, others)[0] == pytest.approx([1, 1 / 3, 0, 0, 1 / 4, 0], abs=1e-15)


def test_no_rectangles() -> None:
    none, one = np.empty((0, 5)), np.array([[0.0, 0, 1, 1, 0]])
    assert rotated_iou(none, one).shape == (0, 1)
    assert rotated_iou(one, none).shape == (1, 0)
    assert rectangles_around(np.empty((0, 4, 2))).shape == (0, 5)


def test_equal_to_shapely() -> None:
    polygon = pytest.importorskip("shapely").Polygon
    generator = np.random.default_rng(1)
    first, second = rectangles(generator, 40), rectangles(generator, 40)
    second[:5] = first[:5]  # the same
    second[5:10] = first[5:10] + [0, 0, 0, 0, np.pi]  # the same, turned round
    second[10:15] = first[10:15] * [1, 1, 0.5, 1, 1]  # with sides in common
    ours = rotated_iou(first, second)
    shapes = [[polygon(corners) for corners in rectangle_corners(boxes)] for boxes in (first, second)]
    theirs = np.array([[a.intersection(b).area / a.union(b).area for b in shapes[1]] for a in shapes[0]])
    assert np.abs(ours - theirs).max() < 1e-12
    assert ours.max() <= 1.0


def test_far_from_the_origin_it_is_as_exact() -> None:
    generator = np.random.default_rng(2)
    first, second = rectangles(generator, 20), rectangles(generator, 20)
    away = np.array([2.0**21, -(2.0**21), 0, 0, 0])
    assert np.abs(rotated_iou(first + away, second + away) - rotated_iou(first, second)).max() < 1e-9


@given(
    boxes=st.lists(
        st.tuples(*[st.floats(-50, 50)] * 2, *[st.floats(0, 60)] * 2, st.floats(-6, 6)), min_size=2, max_size=2
    )
)
def test_overlap_is_a_share_and_symmetric(boxes: list[tuple[float, ...]]) -> None:
    array = np.array(boxes)
    there, back = rotated_iou(array[:1], array[1:])[0, 0], rotated_iou(array[1:], array[:1])[0, 0]
    assert 0 <= there <= 1
    assert there == pytest.approx(back, abs=1e-6)


def test_corners_in_any_order_give_the_rectangle_back() -> None:
    generator = np.random.default_rng(3)
    boxes = rectangles(generator, 50)
    corners = rectangle_corners(boxes)
    back = rectangles_around(corners)
    assert back[:, :4] == pytest.approx(boxes[:, :4], abs=1e-9)  # width stays width
    assert np.abs(np.sin(back[:, 4] - boxes[:, 4])).max() < 1e-9
    shuffled = np.stack([each[generator.permutation(4)] for each in corners])
    assert np.diag(rotated_iou(rectangles_around(shuffled), boxes)).min() > 1 - 1e-9


def test_other_quadrangles_give_the_smallest_rectangle_around() -> None:
    points = pytest.importorskip("shapely").MultiPoint
    quadrangles = np.random.default_rng(4).uniform(0, 50, (50, 4, 2))
    ours = rectangles_around(quadrangles)
    theirs = [points(corners).minimum_rotated_rectangle.area for corners in quadrangles]
    assert ours[:, 2] * ours[:, 3] == pytest.approx(theirs, rel=1e-9)


def test_angles_wrap() -> None:
    angles = np.array([0.0, np.pi / 2, -np.pi / 2, np.pi, 3.0, -1e-300])
    assert half_turn(angles) == pytest.approx([0, -np.pi / 2, -np.pi / 2, 0, 3 - np.pi, 0], abs=1e-15)
    assert full_turn(np.array([np.pi, -np.pi, 7.0])) == pytest.approx([-np.pi, -np.pi, 7 - 2 * np.pi])
    every = np.nextafter(np.arange(-40, 41) * np.pi / 4, [[-np.inf], [np.inf]]).reshape(-1)
    for wrap, half in ((half_turn, np.pi / 2), (full_turn, np.pi)):
        assert (wrap(every) >= -half).all()
        assert (wrap(every) < half).all()
