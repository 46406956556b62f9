from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_coins import COINS, LEAST_VISIBLE, TILE_PX, area, clipped, outline, run_lengths, tile_corners
from pycocotools import mask as coco_mask


@pytest.fixture(scope="module")
def document(golden_folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((golden_folder / "coins" / "annotations.json").read_text(encoding="utf-8"))
    return loaded


def pixels_of(annotation: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    shape = annotation["segmentation"]
    encoded = coco_mask.frPyObjects(shape, TILE_PX, TILE_PX)
    return np.asarray(coco_mask.decode(coco_mask.merge(encoded) if isinstance(encoded, list) else encoded))


def test_an_outline_touches_all_four_sides_whatever_its_lean() -> None:
    for lean_deg in (-8.0, 0.0, 5.0):
        xs, ys = np.transpose(outline(10.0, 20.0, 50.0, 80.0, lean_deg))
        # 48 points leave at most half a step of the ellipse between a side and the nearest point.
        assert [xs.min(), ys.min(), xs.max(), ys.max()] == pytest.approx([10, 20, 50, 80], abs=0.1)


def test_the_area_of_an_outline_is_that_of_an_ellipse() -> None:
    assert area(outline(0.0, 0.0, 40.0, 60.0, 0.0)) == pytest.approx(math.pi * 20 * 30, rel=0.004)


@pytest.mark.parametrize(
    "left, top, share",
    [(-20.0, 40.0, 0.5), (40.0, TILE_PX - 20.0, 0.5), (-20.0, -20.0, 0.25), (TILE_PX - 20.0, TILE_PX - 20.0, 0.25)],
)
def test_clipping_halves_and_quarters_a_circle_on_the_border(left: float, top: float, share: float) -> None:
    circle = outline(left, top, left + 40, top + 40, 0.0)
    assert area(clipped(circle, TILE_PX)) == pytest.approx(share * area(circle), rel=1e-6)


def test_clipping_leaves_nothing_of_a_polygon_outside() -> None:
    assert clipped([(-9.0, -9.0), (-5.0, -9.0), (-5.0, -5.0)], TILE_PX) == []


def test_run_lengths_decode_to_the_polygon_even_when_the_first_pixel_is_set() -> None:
    for corner in (0.0, 30.0):
        polygon = [corner, corner, corner + 20, corner, corner + 20, corner + 10, corner, corner + 10]
        runs = run_lengths(polygon)
        direct = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([polygon], TILE_PX, TILE_PX)))
        again = coco_mask.decode(coco_mask.frPyObjects(runs, TILE_PX, TILE_PX))
        assert np.array_equal(again, direct)
        assert again[int(corner), int(corner)] == 1


def test_every_coin_is_whole_in_a_tile_and_tiles_lie_inside_the_photograph(document: dict[str, Any]) -> None:
    corners = [(left, top) for _, left, top in tile_corners(303, 384)]
    assert all(0 <= left <= 384 - TILE_PX and 0 <= top <= 303 - TILE_PX for left, top in corners)
    for coin in COINS:
        assert any(
            left <= coin[0] and top <= coin[1] and coin[2] <= left + TILE_PX and coin[3] <= top + TILE_PX
            for left, top in corners
        ), coin
    assert len(document["images"]) == len(corners)


def test_boxes_and_areas_agree_with_the_pixels_of_their_outlines(document: dict[str, Any]) -> None:
    for annotation in document["annotations"]:
        pixels = pixels_of(annotation)
        rows, columns = np.nonzero(pixels)
        x, y, width, height = annotation["bbox"]
        if not pixels.any():  # a sliver thinner than a pixel
            assert min(width, height) < 1
            continue
        drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert [x, y, x + width, y + height] == pytest.approx(drawn, abs=1.6)
        assert annotation["area"] == pytest.approx(pixels.sum(), rel=0.02, abs=12)


def test_only_coins_that_are_mostly_outside_are_crowd(document: dict[str, Any]) -> None:
    smallest_coin = min(area(outline(*coin)) for coin in COINS)
    largest_coin = max(area(outline(*coin)) for coin in COINS)
    for annotation in document["annotations"]:
        if annotation["iscrowd"]:
            assert annotation["area"] < LEAST_VISIBLE * largest_coin
        else:
            assert annotation["area"] >= LEAST_VISIBLE * smallest_coin - 0.1
    assert {annotation["iscrowd"] for annotation in document["annotations"]} == {0, 1}


def test_annotation_ids_start_at_one_and_are_unique(document: dict[str, Any]) -> None:
    ids = [annotation["id"] for annotation in document["annotations"]]
    assert ids == list(range(1, len(ids) + 1))
