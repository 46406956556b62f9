"""Masks of COCO annotations, equal to COCO.annToMask; what the C code of pycocotools trusts is checked first."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.coco_file import CocoImage
from pytest_vizart.golden.formats.coco_values import is_number, shown
from pytest_vizart.golden.inputs import MAX_PIXELS

_MAX_OUTLINE_PX = 20_000_000
"""The codec walks a polygon's outline in steps of a fifth of a pixel, keeping them all: this bounds its memory."""


def image_size(image: CocoImage, path: Path) -> tuple[int, int]:
    """Return (height, width) in pixels of an image; GoldenFormatError if the file does not give them."""
    for name, value in (("width", image.width), ("height", image.height)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise GoldenFormatError(
                f"image has no {name}",
                file=path,
                place=f"{image.place}.{name}",
                expected="pixels, from 1",
                found=shown(value),
                hint="masks need the image's size: add it",
            )
    assert isinstance(image.width, int)
    assert isinstance(image.height, int)
    if image.width * image.height > MAX_PIXELS:
        raise GoldenFormatError(
            "image is too large",
            file=path,
            place=image.place,
            expected=f"at most {MAX_PIXELS:,} pixels",
            found=f"{image.width} x {image.height}",
            hint="tile it",
        )
    return image.height, image.width


def paint(mask: NDArray[np.int32], row: dict[str, Any], value: int, place: str, path: Path) -> None:
    """Set the pixels of an annotation's segmentation in `mask`, (H, W), to `value`; GoldenFormatError if it is none."""
    height, width = mask.shape
    segmentation = row.get("segmentation")
    place = f"{place}.segmentation"
    if isinstance(segmentation, list) and segmentation:
        for number, polygon in enumerate(segmentation):
            _require_polygon(polygon, height, width, f"{place}[{number}]", path)
        runs = _polygon_runs(segmentation, height, width)
    elif isinstance(segmentation, dict):
        runs = _given_runs(segmentation, height, width, place, path)
    else:
        raise GoldenFormatError(
            "no mask",
            file=path,
            place=place,
            expected="polygons, or run lengths {counts, size}",
            found="nothing" if "segmentation" not in row else shown(segmentation),
            hint="only boxes? then use `task: boxes`",
        )
    # Runs go down the columns, beginning outside of the object.
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T
    mask[inside] = value


def _polygon_runs(polygons: list[list[float]], height: int, width: int) -> list[int]:
    """Return the run lengths of checked polygons' union."""
    from pycocotools import mask as codec

    encoded = codec.merge(codec.frPyObjects(polygons, height, width))
    runs = _decompressed(encoded["counts"].decode("ascii"))
    assert runs is not None  # the codec's own text
    return runs


def _require_polygon(polygon: object, height: int, width: int, place: str, path: Path) -> None:
    reach = 4.0 * max(height, width) + 1000.0
    if not (isinstance(polygon, list) and len(polygon) >= 6 and len(polygon) % 2 == 0 and all(map(is_number, polygon))):
        raise GoldenFormatError(
            "not a polygon",
            file=path,
            place=place,
            expected="x, y of three points and more, finite numbers",
            found=shown(polygon),
            hint="correct it, or remove the annotation",
        )
    if max(abs(value) for value in polygon) > reach:
        raise GoldenFormatError(
            "polygon lies far outside of its image",
            file=path,
            place=place,
            expected=f"pixels of an image of {width} x {height}",
            found=shown(polygon),
            hint="are width and height of the image right?",
        )
    points = list(zip(polygon[0::2], polygon[1::2], strict=True))
    closed = pairwise([*points, points[0]])
    if sum(max(abs(a[0] - b[0]), abs(a[1] - b[1])) for a, b in closed) > _MAX_OUTLINE_PX:
        raise GoldenFormatError(
            "polygon's outline is too long",
            file=path,
            place=place,
            expected=f"at most {_MAX_OUTLINE_PX:,} pixels",
            hint="simplify it",
        )


def _given_runs(segmentation: dict[str, Any], height: int, width: int, place: str, path: Path) -> list[int]:
    """Return run lengths, from COCO's text form or its list, after checking that they cover the image exactly."""
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise GoldenFormatError(
            "mask has another size than its image",
            file=path,
            place=f"{place}.size",
            expected=f"[{height}, {width}]",
            found=shown(size),
            hint="height comes first",
        )
    runs = counts if isinstance(counts, list) else _decompressed(counts) if isinstance(counts, str) else None
    whole = runs is not None and all(isinstance(run, int) and not isinstance(run, bool) and run >= 0 for run in runs)
    if runs is None or not whole or sum(runs) != height * width:
        raise GoldenFormatError(
            "run lengths do not cover the image",
            file=path,
            place=f"{place}.counts",
            expected=f"runs from 0 that sum up to {height * width}",
            found=shown(counts),
            hint="export the masks again",
        )
    return runs


def _decompressed(text: str) -> list[int] | None:
    """Decode COCO's run lengths in text form (pycocotools, common/maskApi.c, rleFrString); None if they are none."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 40:
            return None
        value |= (code & 0x1F) << shift
        shift += 5
        if code & 0x20:
            continue
        if code & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return runs if shift == 0 else None
