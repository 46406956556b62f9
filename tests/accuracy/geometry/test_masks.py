"""Run-length encoded masks, with pycocotools as the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as codec

from pytest_vizart.accuracy.geometry import masks
from pytest_vizart.errors import PredictionError


def noise(seed: int, size: tuple[int, int], share: float, count: int = 3) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random((count, *size)) < share


@given(seed=st.integers(0, 10**6), height=st.integers(1, 40), width=st.integers(1, 40), share=st.floats(0, 1))
def test_there_and_back(seed: int, height: int, width: int, share: float) -> None:
    size, given_masks = (height, width), noise(seed, (height, width), share)
    for counts, mask in zip(masks.encode(given_masks), given_masks, strict=True):
        assert np.array_equal(masks.decode(counts, size), mask)
        runs = masks.runs_of(counts)
        assert int(runs.sum()) == height * width
        assert int(runs[1::2].sum()) == int(mask.sum())
        assert masks.from_runs(runs, size) == counts
        for form in (counts, counts.decode(), runs.tolist(), runs):
            assert masks.checked_counts(form, size, "here") == counts
        part, (left, top) = masks.cropped(counts, size)
        whole = np.zeros(size, dtype=bool)
        whole[top : top + part.shape[0], left : left + part.shape[1]] = part
        assert np.array_equal(whole, mask)
        assert not mask.any() or (part.any(axis=0)[[0, -1]].all() and part.any(axis=1)[[0, -1]].all())


def test_areas_boxes_and_iou() -> None:
    array = np.zeros((3, 10, 20), dtype=np.uint8)
    array[0, 2:6, 3:8] = 1
    array[1, 2:6, 5:10] = 255
    counts = masks.encode(array)
    assert masks.areas(counts, (10, 20)).tolist() == [20, 20, 0]
    assert masks.boxes(counts, (10, 20)).tolist() == [[3, 2, 8, 6], [5, 2, 10, 6], [0, 0, 0, 0]]
    iou = masks.mask_iou(counts, counts[:2], (10, 20))
    assert iou == pytest.approx(np.array([[1, 12 / 28], [12 / 28, 1], [0, 0]]))
    crowd = masks.mask_iou(counts[:1], counts[1:2], (10, 20), np.array([True]))
    assert crowd.tolist() == [[12 / 20]]


def test_no_masks() -> None:
    assert masks.areas((), (5, 5)).shape == (0,)
    assert masks.boxes((), (5, 5)).shape == (0, 4)
    assert masks.mask_iou((), masks.encode(np.ones((1, 5, 5))), (5, 5)).shape == (0, 1)
    assert masks.encode(np.empty((0, 5, 5))) == ()


def test_polygons_are_painted_as_coco_paints_them() -> None:
    rings = [np.array([1.5, 1, 8, 2, 5, 9.2]), np.array([10.0, 1, 15, 1, 15, 5, 10, 5])]
    counts = masks.from_polygons(rings, (12, 20), "masks[0]")
    theirs = codec.merge(codec.frPyObjects([ring.tolist() for ring in rings], 12, 20))
    assert counts == theirs["counts"]
    assert not masks.decode(masks.from_polygons([], (12, 20), "masks[0]"), (12, 20)).any()


@pytest.mark.parametrize(
    "ring, problem",
    [
        ([1.0, 2, 3, 4], "not a polygon"),
        ([1.0, 2, 3, 4, 5, 6, 7], "not a polygon"),
        ([0.0, 0, 1e6, 0, 0, 1], "far outside"),
        ([0.0, 0, 1e300, 0, 0, 1], "far outside"),
        ([0.0, 0, 900, 900] * 20_000, "far outside"),
    ],
)
def test_polygons_that_are_refused(ring: list[float], problem: str) -> None:
    with pytest.raises(PredictionError, match=problem) as caught:
        masks.from_polygons([np.array([0.0, 0, 1, 0, 1, 1]), np.array(ring)], (10, 10), "masks[2]")
    assert caught.value.place == "masks[2][1]"
    assert caught.value.hint


@pytest.mark.parametrize(
    "counts",
    [
        "",
        b"",
        "\x00\x01",
        "ééé",
        "P",  # more follows, and nothing does
        "ooooooooooooooo0",  # a number of 75 bits
        "o" * 100,
        "5",  # five pixels of 48
        "O",  # a negative run
        [48, -1, 1],
        [2**62, 2**62],
        [0.5, 47.5],
        [[48]],
        ["48"],
        [],
        None,
        48,
        {"a": 1},
        object(),
        [10**30],
    ],
)
def test_run_lengths_that_are_refused(counts: Any) -> None:
    with pytest.raises(PredictionError, match="run lengths do not cover") as caught:
        masks.checked_counts(counts, (6, 8), "masks[0].counts")
    assert caught.value.place == "masks[0].counts"


@given(text=st.binary(max_size=30))
def test_hostile_run_lengths_are_read_or_refused(text: bytes) -> None:
    try:
        counts = masks.checked_counts(text, (6, 8), "masks[0]")
    except PredictionError:
        return
    assert masks.decode(counts, (6, 8)).shape == (6, 8)


def test_empty_runs_are_joined() -> None:
    mask = np.zeros((1, 4, 4), dtype=bool)
    mask[0, 1:3, 0] = True
    (counts,) = masks.encode(mask)
    for runs in ([1, 1, 0, 1, 13], [1, 2, 13, 0, 0], [0, 0, 1, 2, 13], [1, 2, 0, 0, 13], [1, 2, 5, 0, 8, 0]):
        assert masks.checked_counts(runs, (4, 4), "here") == counts
    assert masks.checked_counts([0, 16], (4, 4), "here") == masks.encode(np.ones((1, 4, 4)))[0]
    assert masks.checked_counts([0, 0, 16], (4, 4), "here") == masks.encode(np.zeros((1, 4, 4)))[0]


@pytest.mark.parametrize("count", [255, 256, 600])
def test_areas_of_many_masks(count: int) -> None:
    (counts,) = masks.encode(np.ones((1, 2, 3), dtype=bool))
    assert masks.areas([counts] * count, (2, 3)).tolist() == [6.0] * count
