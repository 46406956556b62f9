"""Outlines, and bitmaps of a part of the image, to COCO's run-length encoded masks with their boxes and areas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.box_columns import Corners, bounds, box_labels
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.image_size import Size
from pytest_vizart.golden.inputs import MAX_PIXELS
from pytest_vizart.records.labels import InstanceLabels

MAX_OUTLINE_PX = 4_000_000
"""The codec walks an outline in steps of a fifth of a pixel and keeps them all, 80 bytes for each pixel."""

MAX_POINTS = 250_000
"""Corners of one polygon."""

# Of all masks of an image: some seconds, and some hundred megabytes.
_MAX_TOTAL_OUTLINE_PX = 40_000_000
_OUTLINE_PX_OF_POLYGON = 200  # what a polygon takes apart from its outline
_MAX_TOTAL_BITMAP_PX = 1_000_000_000
_MAX_TOTAL_BYTES = 200_000_000
_MAX_CHANGES = 5_000_000


@dataclass(frozen=True, slots=True)
class Mask:
    """One encoded mask: COCO's compressed counts, the box of its outline in pixels, its area in square pixels."""

    counts: bytes
    box: Corners
    area: float


def require_size(
    height: object, width: object, *, file: Path, place: str, names: tuple[str, str] = ("height", "width")
) -> Size:
    """Return (height, width) in pixels; GoldenFormatError if no image is so.

    Args:
        place, names: where the label file gives them, and how it calls them there.
    """
    for what, name, value in (("width", names[1], width), ("height", names[0], height)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise GoldenFormatError(
                f"image has no {what}",
                file=file,
                place=f"{place}.{name}" if place else name,
                expected="whole pixels, from 1",
                found=shown(value),
                hint="masks need the image's size: add it",
            )
    assert isinstance(height, int)
    assert isinstance(width, int)
    if width * height > MAX_PIXELS:
        raise GoldenFormatError(
            "image is too large",
            file=file,
            place=place or ", ".join(names),
            expected=f"at most {MAX_PIXELS:,} pixels",
            found=f"{width} x {height}",
            hint="tile it",
        )
    return height, width


def instance_labels(masks: Sequence[Mask], class_index: Sequence[int], size: Size) -> InstanceLabels:
    """Return the columns of N instances, none of them a crowd."""
    objects = box_labels([mask.box for mask in masks], class_index, area=[mask.area for mask in masks])
    return InstanceLabels(objects=objects, masks=tuple(mask.counts for mask in masks), size=size)


class MaskEncoder:
    """Encodes the masks of one image as pycocotools does; bounded in time and memory over all of them.

    Args:
        size: (height, width) in pixels, from 1, at most MAX_PIXELS together.
        file: the label file, for messages.
    """

    def __init__(self, size: Size, *, file: Path) -> None:
        self._size = size
        self._file = file
        self._outline_px = 0.0
        self._bitmap_px = 0
        self._bytes = 0

    def polygons(self, polygons: Sequence[Sequence[float]], *, place: str) -> Mask:
        """Return the mask of the union of polygons, each flat: x, y, x, y, ... in pixels, finite.

        The box is that of the corners, the area that of the pixels inside of the image.

        Raises:
            GoldenFormatError: fewer than three points, far outside of the image, or outlines that are too long.
        """
        from pycocotools import mask as codec

        for polygon in polygons:
            self._require_polygon(polygon, place)
        height, width = self._size
        parts = codec.frPyObjects([list(polygon) for polygon in polygons], height, width)
        while len(parts) > 1:  # in pairs: merging one by one would walk the growing union once for each
            parts = [codec.merge(parts[first : first + 2]) for first in range(0, len(parts), 2)]
        return self._kept(parts[0], bounds([value for polygon in polygons for value in polygon]), place)

    def bitmap(self, inside: NDArray[np.bool_], *, left: int, top: int, place: str) -> Mask:
        """Return the mask of a bitmap, (h, w) bool, whose upper left pixel is (left, top) of the image.

        Raises:
            GoldenFormatError: it does not lie inside, or all bitmaps of the image together are too large.
        """
        self._require_inside(left, top, inside.shape[1], inside.shape[0], place)
        return self._encoded(inside, left, top, place)

    def row_runs(self, runs: Sequence[int], box: tuple[int, int, int, int], *, place: str) -> Mask:
        """Return the mask of run lengths along the rows of a box, beginning outside of the mask.

        Args:
            runs: pixels, from 0, below 2**40.
            box: left, top, width, height in pixels, from 0.

        Raises:
            GoldenFormatError: the runs do not cover the box; as `bitmap`.
        """
        left, top, columns, rows = box
        self._require_inside(left, top, columns, rows, place)
        lengths = np.array(runs, dtype=np.int64)
        if lengths.sum() != columns * rows:
            raise GoldenFormatError(
                "run lengths do not cover the mask's box",
                file=self._file,
                place=place,
                expected=f"a sum of {columns} x {rows}",
                found=str(lengths.sum()),
                hint="export the masks again",
            )
        inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(rows, columns)
        return self._encoded(inside, left, top, place)

    def _encoded(self, inside: NDArray[np.bool_], left: int, top: int, place: str) -> Mask:
        from pycocotools import mask as codec

        height, width = self._size
        runs = self._runs(inside, left, top, place)
        encoded = codec.frPyObjects({"size": [height, width], "counts": runs}, height, width)
        x, y, w, h = codec.toBbox(encoded).tolist()
        return self._kept(encoded, (x, y, x + w, y + h), place)

    def _require_inside(self, left: int, top: int, columns: int, rows: int, place: str) -> None:
        height, width = self._size
        if min(left, top) < 0 or left + columns > width or top + rows > height:
            raise GoldenFormatError(
                "mask does not lie inside of its image",
                file=self._file,
                place=place,
                expected=f"inside of {width} x {height} pixels",
                found=f"{columns} x {rows} at {left}, {top}",
                hint="are width and height of the image right?",
            )
        self._bitmap_px += columns * rows
        self._require_within(self._bitmap_px, _MAX_TOTAL_BITMAP_PX, "pixels of bitmaps", place)

    def _runs(self, inside: NDArray[np.bool_], left: int, top: int, place: str) -> list[int]:
        """Return run lengths down the columns of the whole image, beginning outside of the mask."""
        height, width = self._size
        # A zero below each column ends its last run there.
        columns = np.zeros((inside.shape[1], inside.shape[0] + 1), dtype=np.bool_)
        columns[:, :-1] = inside.T
        flat = columns.ravel()
        changes = np.empty(flat.shape, dtype=np.bool_)
        changes[:1] = flat[:1]
        np.not_equal(flat[1:], flat[:-1], out=changes[1:])
        self._require_within(int(np.count_nonzero(changes)), _MAX_CHANGES, "runs", place)
        where = np.flatnonzero(changes)
        column, row = np.divmod(where, columns.shape[1])
        edges = (column + left) * height + row + top
        # Where the bitmap is as high as the image, a run goes on in the next column: no run is empty, but the first.
        same = np.diff(edges, append=-1) == 0
        edges = edges[~(same | np.roll(same, 1)) & (edges < height * width)]
        return [int(run) for run in np.diff(edges, prepend=0, append=height * width)]

    def _require_polygon(self, polygon: Sequence[float], place: str) -> None:
        height, width = self._size
        self._require_within(len(polygon) // 2, MAX_POINTS, "points", place)
        if len(polygon) < 6 or len(polygon) % 2:
            raise GoldenFormatError(
                "not a polygon",
                file=self._file,
                place=place,
                expected="x, y of three points and more",
                found=f"{len(polygon)} numbers",
                hint="correct it, or remove the object",
            )
        points = np.array(polygon, dtype=np.float64).reshape(-1, 2)
        # The codec counts in 32-bit integers.
        if not np.abs(points).max() <= 4.0 * max(height, width) + 1000.0:
            raise GoldenFormatError(
                "polygon lies far outside of its image",
                file=self._file,
                place=place,
                expected=f"pixels of an image of {width} x {height}",
                found=", ".join(f"{value:g}" for value in polygon[:8]),
                hint="are width and height of the image right?",
            )
        outline_px = float(np.abs(points - np.roll(points, -1, axis=0)).max(axis=1).sum())
        self._require_within(outline_px, MAX_OUTLINE_PX, "pixels of outline", place)
        self._outline_px += outline_px + _OUTLINE_PX_OF_POLYGON
        self._require_within(self._outline_px, _MAX_TOTAL_OUTLINE_PX, "pixels of outline in all", place)

    def _kept(self, encoded: dict[str, Any], box: Corners, place: str) -> Mask:
        from pycocotools import mask as codec

        counts = bytes(encoded["counts"])
        self._bytes += len(counts)
        self._require_within(self._bytes, _MAX_TOTAL_BYTES, "bytes", place)
        return Mask(counts=counts, box=box, area=float(codec.area(encoded)))

    def _require_within(self, found: float, limit: int, unit: str, place: str) -> None:
        if found > limit:
            raise GoldenFormatError(
                "masks of the image are too long to be encoded",
                file=self._file,
                place=place,
                expected=f"at most {limit:,} {unit}",
                found=f"{found:,.0f}",
                hint="simplify the outlines",
            )
