"""Outlines of masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_vizart.accuracy.geometry.masks import encode
from pytest_vizart.accuracy.geometry.outlines import outlines, rings_of


def filled(rings: list[NDArray[np.int64]], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Paint rings by the even-odd rule: a pixel is inside if a ray to the left crosses an odd number of edges."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    crossed = np.zeros(size, dtype=int)
    for ring in rings:
        for (x1, y1), (x2, y2) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            assert (x1 == x2) != (y1 == y2)  # along the pixels' edges, no step of no length
            if x1 == x2:
                crossed += (x > x1) & (y > min(y1, y2)) & (y < max(y1, y2))
    return crossed % 2 == 1


@given(seed=st.integers(0, 10**6), height=st.integers(1, 15), width=st.integers(1, 15), share=st.floats(0, 1))
def test_rings_enclose_the_mask_and_nothing_else(seed: int, height: int, width: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    assert np.array_equal(filled(rings_of(mask), mask.shape), mask)


def test_a_square_and_a_hole() -> None:
    mask = np.zeros((20, 30), dtype=bool)
    mask[5:15, 10:20] = True
    assert outlines(encode(mask[None]), mask.shape) == [[[10, 5, 20, 5, 20, 15, 10, 15]]]
    mask[8:11, 12:15] = False
    square, hole = outlines(encode(mask[None]), mask.shape)[0]
    assert square == [10, 5, 20, 5, 20, 15, 10, 15]
    assert sorted(zip(hole[::2], hole[1::2], strict=True)) == [(12, 8), (12, 11), (15, 8), (15, 11)]
    mask[9, 13] = True
    assert len(outlines(encode(mask[None]), mask.shape)[0]) == 2  # a pixel in the hole is too small to be seen


def test_nothing_and_a_pixel() -> None:
    mask = np.zeros((2, 6, 8), dtype=bool)
    mask[1, 3, 4] = True
    assert outlines(encode(mask), (6, 8)) == [[], [[4, 3, 5, 3, 5, 4, 4, 4]]]
    assert outlines((), (0, 0)) == []


def test_a_disk_is_drawn_with_few_points_near_its_edge() -> None:
    y, x = np.mgrid[:480, :640]
    disk = (y - 200) ** 2 + (x - 300) ** 2 < 150**2
    ((ring,),) = outlines(encode(disk[None]), disk.shape)
    assert 16 < len(ring) // 2 < 60
    radius = np.hypot(np.array(ring[::2]) - 300.5, np.array(ring[1::2]) - 200.5)
    assert radius == pytest.approx(np.full(len(radius), 150), abs=2.5)


def test_noise_is_looked_at_in_coarser_steps() -> None:
    noise = np.random.default_rng(0).random((1, 1000, 1000)) < 0.5
    (rings,) = outlines(encode(noise), (1000, 1000))
    assert 0 < sum(map(len, rings)) // 2 < 20_000
    assert min(map(min, rings)) >= 0
    assert max(map(max, rings)) <= 1000 + 64
