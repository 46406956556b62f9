"""Masks out of outlines, bitmaps and run lengths: as pycocotools encodes them, and bounded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as codec

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import polygons
from pytest_vizart.golden.formats.polygons import MaskEncoder, instance_labels, require_size

FILE = Path("labels.json")
SQUARE = [1.0, 1, 5, 1, 5, 4, 1, 4]


def encoder(height: int = 6, width: int = 8) -> MaskEncoder:
    return MaskEncoder((height, width), file=FILE)


numbers = st.floats(-20, 30, allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(
    outlines=st.lists(
        st.lists(numbers, min_size=6, max_size=10).filter(lambda one: len(one) % 2 == 0), min_size=1, max_size=5
    )
)
def test_polygons_are_united_as_pycocotools_does(outlines: list[list[float]]) -> None:
    mask = encoder().polygons(outlines, place="x")
    expected = codec.merge(codec.frPyObjects(outlines, 6, 8))
    np.testing.assert_array_equal(codec.decode({"size": [6, 8], "counts": mask.counts}), codec.decode(expected))
    assert mask.area == float(codec.area(expected))
    points = np.array([value for outline in outlines for value in outline]).reshape(-1, 2)
    assert mask.box == (*points.min(axis=0), *points.max(axis=0))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_bitmaps_are_encoded_where_they_lie(data: st.DataObject) -> None:
    left, top = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 3))
    width, height = data.draw(st.integers(1, 5 - left)), data.draw(st.integers(1, 4 - top))
    pixels = data.draw(st.lists(st.booleans(), min_size=width * height, max_size=width * height))
    inside = np.array(pixels).reshape(height, width)
    mask = encoder(4, 5).bitmap(inside, left=left, top=top, place="x")
    canvas = np.zeros((4, 5), np.uint8)
    canvas[top : top + height, left : left + width] = inside
    expected = codec.encode(np.asfortranarray(canvas))
    assert mask.counts == expected["counts"]
    assert mask.area == inside.sum()
    x, y, w, h = codec.toBbox(expected)
    assert mask.box == (x, y, x + w, y + h)


def test_runs_go_along_the_rows_of_their_box() -> None:
    mask = encoder(3, 4).row_runs([0, 1, 2, 1], (2, 1, 2, 2), place="x")
    decoded = codec.decode({"size": [3, 4], "counts": mask.counts})
    assert decoded.tolist() == [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_instances_have_the_boxes_and_areas_of_their_masks() -> None:
    labels = instance_labels([encoder().polygons([SQUARE], place="x")], [2], (6, 8))
    assert labels.objects.boxes.tolist() == [[1, 1, 5, 4]]
    assert labels.objects.area.tolist() == [12]
    assert labels.objects.class_index.tolist() == [2]
    assert len(instance_labels([], [], (6, 8)).objects.boxes) == 0


@pytest.mark.parametrize(
    "outline, problem",
    [
        ([1.0, 1, 5, 1], "not a polygon; expected x, y of three points and more; found 4 numbers"),
        ([1.0, 1, 5, 1, 5, 4, 1], "not a polygon"),
        ([1.0, 1, 5, 1, 5, 1e9], "far outside"),
        ([0.0, 0, 1, 1] * 130_000, "at most 250,000 points"),
        ([-900.0, 0, 900, 0] * 2_000, "at most 4,000,000 pixels of outline;"),
    ],
)
def test_outlines_that_would_harm_the_codec_are_refused(outline: list[float], problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        encoder().polygons([SQUARE, outline], place="line 3")
    assert caught.value.place == "line 3"
    assert caught.value.file == str(FILE)


def test_the_masks_of_an_image_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polygons, "_MAX_TOTAL_OUTLINE_PX", 500)
    monkeypatch.setattr(polygons, "_MAX_TOTAL_BITMAP_PX", 100)
    several = encoder()
    several.polygons([SQUARE], place="1")
    several.polygons([SQUARE], place="2")
    with pytest.raises(GoldenFormatError, match="at most 500 pixels of outline in all"):
        several.polygons([SQUARE], place="3")
    several.row_runs([48], (0, 0, 8, 6), place="4")
    several.row_runs([48], (0, 0, 8, 6), place="5")
    with pytest.raises(GoldenFormatError, match="at most 100 pixels of bitmaps"):
        several.row_runs([48], (0, 0, 8, 6), place="6")
    monkeypatch.setattr(polygons, "_MAX_TOTAL_BYTES", 4)
    with pytest.raises(GoldenFormatError, match="at most 4 bytes"):
        encoder().polygons([SQUARE], place="7")


@pytest.mark.parametrize("box", [(5, 0, 4, 1), (0, 5, 1, 2), (0, 0, 9, 1)])
def test_run_lengths_lie_inside_of_the_image(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(GoldenFormatError, match="does not lie inside"):
        encoder().row_runs([box[2] * box[3]], box, place="x")


@pytest.mark.parametrize(
    "height, width, problem", [(0, 8, "height"), (6, None, "width"), (6.0, 8, "height"), (6, True, "width")]
)
def test_sizes_are_whole_pixels(height: object, width: object, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=f"image has no {problem}"):
        require_size(height, width, file=FILE, place="size")
    assert require_size(6, 8, file=FILE, place="size") == (6, 8)
