"""Makes golden/coins: the coins photograph cut into overlapping tiles, with outlines drawn by eye.

    python golden/make_coins.py [--output DIR]

Needs scikit-image (the photograph is inside its wheel), Pillow and pycocotools.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from skimage import data

Point = tuple[float, float]

TILE_PX = 128
TILE_ROWS = 4
TILE_COLUMNS = 6
OUTLINE_POINTS = 48
LEAST_VISIBLE = 0.3
"""A coin of which less than this share lies in a tile is a crowd region: it may be found, it need not be."""

COINS: tuple[tuple[float, float, float, float, float], ...] = (
    (22.5, 35.0, 66.5, 74.0, -8),
    (81.0, 39.0, 120.0, 74.0, 0),
    (132.0, 28.5, 179.0, 74.0, 0),
    (192.0, 30.0, 239.5, 73.0, 0),
    (255.5, 33.5, 296.5, 72.0, 0),
    (305.0, 16.0, 364.5, 72.0, 0),
    (25.0, 104.0, 66.5, 145.0, 0),
    (84.0, 107.5, 122.0, 144.5, -5),
    (134.0, 109.5, 173.5, 145.0, -5),
    (186.0, 105.0, 226.5, 144.5, -7),
    (245.5, 94.5, 296.5, 144.0, 0),
    (317.0, 105.0, 356.0, 144.5, 0),
    (25.5, 177.5, 62.5, 217.0, 0),
    (80.5, 175.0, 124.0, 217.0, 0),
    (135.0, 179.0, 174.0, 217.0, 0),
    (189.0, 170.0, 236.5, 216.5, 0),
    (251.5, 172.5, 296.5, 217.0, 8),
    (315.0, 156.0, 379.0, 218.0, 0),
    (18.5, 233.0, 75.0, 288.0, 0),
    (92.5, 244.5, 135.5, 287.5, 0),
    (144.0, 236.5, 201.0, 287.5, 5),
    (220.0, 240.0, 269.0, 288.0, 0),
    (275.5, 239.0, 326.5, 288.5, -8),
    (335.5, 248.0, 380.5, 289.0, 0),
)
"""Drawn by eye on the photograph: left, top, right, bottom in pixels; lean of the ellipse in between, in degrees."""


def outline(left: float, top: float, right: float, bottom: float, lean_deg: float) -> list[Point]:
    """Return the polygon of an ellipse that touches all four sides, whatever its lean."""
    middle_x, half_width = (left + right) / 2, (right - left) / 2
    middle_y, half_height = (top + bottom) / 2, (bottom - top) / 2
    lean = math.radians(lean_deg)
    turns = (2 * math.pi * step / OUTLINE_POINTS for step in range(OUTLINE_POINTS))
    return [(middle_x + half_width * math.cos(turn), middle_y + half_height * math.sin(turn + lean)) for turn in turns]


def area(polygon: list[Point]) -> float:
    """Return the area of a polygon, square pixels."""
    following = polygon[1:] + polygon[:1]
    return abs(sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(polygon, following, strict=True))) / 2


def clipped(polygon: list[Point], size: float) -> list[Point]:
    """Return the part of a polygon inside the square from (0, 0) to (size, size) (Sutherland and Hodgman, 1974)."""
    sides: tuple[Callable[[Point], float], ...] = (
        lambda point: point[0],
        lambda point: size - point[0],
        lambda point: point[1],
        lambda point: size - point[1],
    )
    for inside_by in sides:
        polygon = _cut(polygon, inside_by)
    return polygon


def _cut(polygon: list[Point], inside_by: Callable[[Point], float]) -> list[Point]:
    kept: list[Point] = []
    for here, there in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        depth, next_depth = inside_by(here), inside_by(there)
        if depth >= 0:
            kept.append(here)
        if (depth >= 0) != (next_depth >= 0):
            share = depth / (depth - next_depth)
            kept.append((here[0] + share * (there[0] - here[0]), here[1] + share * (there[1] - here[1])))
    return kept


def tile_corners(height: int, width: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, left and top of every tile: evenly spread, so that neighbours overlap by half and more."""
    for row in range(TILE_ROWS):
        for column in range(TILE_COLUMNS):
            top = round(row * (height - TILE_PX) / (TILE_ROWS - 1))
            left = round(column * (width - TILE_PX) / (TILE_COLUMNS - 1))
            yield f"tile_{row}{column}", left, top


def annotations_of(image_id: int, left: int, top: int) -> list[dict[str, Any]]:
    """Return the COCO annotations of the coins in one tile, without their IDs."""
    found = []
    for coin in COINS:
        whole = [(x - left, y - top) for x, y in outline(*coin)]
        visible = clipped(whole, TILE_PX)
        if len(visible) < 3 or area(visible) < 1:
            continue
        xs, ys = [x for x, _ in visible], [y for _, y in visible]
        crowd = area(visible) < LEAST_VISIBLE * area(whole)
        flat = [round(value, 2) for point in visible for value in point]
        found.append(
            {
                "image_id": image_id,
                "category_id": 1,
                "iscrowd": int(crowd),
                "bbox": [round(value, 2) for value in (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))],
                "area": round(area(visible), 1),
                "segmentation": run_lengths(flat) if crowd else [flat],
            }
        )
    return found


def run_lengths(polygon: list[float]) -> dict[str, Any]:
    """Return the polygon as COCO's uncompressed run lengths, the form that crowd regions have."""
    encoded = coco_mask.merge(coco_mask.frPyObjects([polygon], TILE_PX, TILE_PX))
    pixels: NDArray[np.uint8] = coco_mask.decode(encoded).ravel(order="F")
    changes = np.flatnonzero(np.diff(pixels)) + 1
    counts = np.diff(np.concatenate([[0], changes, [pixels.size]])).tolist()
    # COCO's runs begin with background, even when there is none.
    return {"size": [TILE_PX, TILE_PX], "counts": [0, *counts] if pixels[0] else counts}


def make(output: Path) -> None:
    """Write images/tile_RC.png and annotations.json into `output`."""
    photograph = data.coins()
    images_folder = output / "images"
    images_folder.mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, (name, left, top) in enumerate(tile_corners(*photograph.shape), start=1):
        pixels = photograph[top : top + TILE_PX, left : left + TILE_PX]
        Image.fromarray(pixels).save(images_folder / f"{name}.png", optimize=True)
        images.append({"id": image_id, "file_name": f"{name}.png", "width": TILE_PX, "height": TILE_PX})
        annotations += annotations_of(image_id, left, top)
    numbered = [{"id": number, **annotation} for number, annotation in enumerate(annotations, start=1)]
    document = {"images": images, "annotations": numbered, "categories": [{"id": 1, "name": "coin"}]}
    (output / "annotations.json").write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "coins", help="default: golden/coins")
    make(parser.parse_args().output)
