"""Turned rectangles out of four points."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.golden.formats.rectangles import half_turn, oriented_labels, smallest_rectangles

size = st.floats(0.5, 500)


@settings(max_examples=200, deadline=None)
@given(x=st.floats(-100, 900), y=st.floats(-100, 900), width=size, height=size, angle=st.floats(-pi / 2, pi / 2 - 1e-6))
def test_corners_of_a_rectangle_give_it_back(x: float, y: float, width: float, height: float, angle: float) -> None:
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    signs = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    corners = np.array([[x, y] + i * width / 2 * along + j * height / 2 * across for i, j in signs])
    (box,) = smallest_rectangles(corners[None])
    np.testing.assert_allclose(box[:4], [x, y, width, height], rtol=1e-9, atol=1e-9)
    assert abs((box[4] - angle + pi / 2) % pi - pi / 2) < 1e-9
    assert -pi / 2 <= box[4] < pi / 2


points = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=4, max_size=4)


@settings(max_examples=200, deadline=None)
@given(corners=points)
def test_any_four_points_lie_in_a_rectangle_as_small_as_opencv_finds(corners: list[tuple[int, int]]) -> None:
    cv2 = pytest.importorskip("cv2")
    given_points = np.array(corners, dtype=np.float64)
    (x, y, width, height, angle), *_ = smallest_rectangles(given_points[None])
    turned = (given_points - [x, y]) @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert (np.abs(turned) <= np.array([width, height]) / 2 + 1e-9).all()
    _, (w, h), _ = cv2.minAreaRect(given_points.astype(np.float32))
    assert width * height <= w * h * 1.0011 + 1e-2


def test_none_at_all() -> None:
    assert smallest_rectangles(np.empty((0, 4, 2))).shape == (0, 5)
    assert oriented_labels([], []).boxes.shape == (0, 5)


@pytest.mark.parametrize(
    "angle, expected", [(pi / 2, -pi / 2), (-pi / 2, -pi / 2), (pi, 0), (0.1 - 3 * pi, 0.1), (-1e-17, 0)]
)
def test_angles_are_those_of_an_axis(angle: float, expected: float) -> None:
    (turned,) = half_turn(np.array([angle]))
    assert turned == pytest.approx(expected, abs=1e-12)
    assert -pi / 2 <= turned < pi / 2
