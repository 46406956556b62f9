"""A LabelMe file: its shapes, checked, and the size of its image."""

from __future__ import annotations

import warnings
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from math import cos, hypot, pi, sin
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.box_columns import Corners, bounds
from pytest_vizart.golden.formats.coco_values import is_number, shown
from pytest_vizart.golden.formats.polygons import MAX_POINTS, Mask, MaskEncoder
from pytest_vizart.golden.formats.sample_files import sample_bytes
from pytest_vizart.golden.json_text import parse_json
from pytest_vizart.records.labels import MAX_EDGE_PX

_MAX_BYTES = 24_000_000
"""The image is in most files, as text; parsed, hostile JSON takes thirty times its bytes."""
_MAX_MASK_PX = 64_000_000

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape; points in pixels. group: the number that ties shapes of one object together, None for none."""

    kind: str
    label: str
    points: tuple[Point, ...]
    group: int | None
    mask: object
    place: str


@dataclass(frozen=True, slots=True)
class LabelMeFile:
    """height, width: as the file gives them, unchecked; None where it does not."""

    path: Path
    shapes: tuple[Shape, ...]
    height: object
    width: object


def read_labelme(path: Path) -> LabelMeFile | None:
    """Return the file's shapes, None if there is no such file; the image in it is left out.

    Raises:
        GoldenFormatError: no JSON, not of LabelMe's form, a shape that is none; with the key.
    """
    content = sample_bytes(path, limit=_MAX_BYTES)
    if content is None:
        return None
    data = parse_json(
        content, path, hint="XML of the LabelMe web tool is not read; otherwise check where the file was cut"
    )
    shapes = data.get("shapes") if isinstance(data, dict) else None
    if not isinstance(shapes, list):
        raise GoldenFormatError(
            "not a LabelMe file",
            file=path,
            place="shapes",
            expected="an object with a list of shapes",
            found=shown(data),
            hint="COCO's JSON is `format: coco`",
        )
    checked = tuple(_shape(row, path, f"shapes[{position}]") for position, row in enumerate(shapes))
    return LabelMeFile(path, checked, data.get("imageHeight"), data.get("imageWidth"))


def box_of(shape: Shape) -> Corners:
    """Return the box of a shape that has an area, x1, y1, x2, y2 in pixels."""
    if shape.kind == "circle":
        (x, y), radius = shape.points[0], _radius(shape)
        return x - radius, y - radius, x + radius, y + radius
    x1, y1, x2, y2 = bounds(shape.points)
    return (x1, y1, x2 + 1, y2 + 1) if shape.kind == "mask" else (x1, y1, x2, y2)  # its last pixel is given


def outline_of(shape: Shape) -> list[float]:
    """Return the polygon of a rectangle, polygon or circle, flat."""
    return [value for point in _OUTLINES[shape.kind](shape) for value in point]


def mask_of(shape: Shape, encoder: MaskEncoder, path: Path) -> Mask:
    """Return the mask of a shape of kind mask; GoldenFormatError if it is not that of its two points."""
    left, top, right, bottom = (round(edge) for edge in bounds(shape.points))
    bitmap = _bitmap(shape, right - left + 1, bottom - top + 1, path)
    return encoder.bitmap(bitmap, left=left, top=top, place=shape.place)


def _bitmap(shape: Shape, width: int, height: int, path: Path) -> NDArray[np.bool_]:
    """Return the mask's pixels, (H, W); its header must say the size of its box before it is decoded."""
    from PIL import Image

    try:
        content = b64decode(shape.mask if isinstance(shape.mask, str) else "", validate=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked below
            image = Image.open(BytesIO(content), formats=("PNG",))
        with image:
            if image.size != (width, height) or width * height > _MAX_MASK_PX or image.mode not in ("1", "L"):
                raise ValueError(f"{image.width} x {image.height} pixels, mode {image.mode}")
            return np.asarray(image) > 0
    except Exception as error:  # damaged images make the decoders raise nearly any kind
        raise GoldenFormatError(
            "mask does not decode",
            file=path,
            place=f"{shape.place}.mask",
            expected=f"a gray PNG in base64, {width} x {height} pixels: from its first point to its second one",
            found=f"{type(error).__name__}: {error}",
            hint="save the file anew",
        ) from error


def _shape(row: object, path: Path, place: str) -> Shape:
    if not isinstance(row, dict):
        raise _wrong(path, place, "an object", row)
    label, group = row.get("label"), row.get("group_id")
    kind = row.get("shape_type", "polygon")
    if not isinstance(label, str) or not label.strip():
        raise _wrong(path, f"{place}.label", "text", label)
    if not (group is None or (isinstance(group, int) and not isinstance(group, bool))):
        raise _wrong(path, f"{place}.group_id", "a whole number or null", group)
    if not isinstance(kind, str) or kind not in _POINTS:
        raise _wrong(path, f"{place}.shape_type", " or ".join(_POINTS), kind)
    points = _points(row.get("points"), path, f"{place}.points")
    if not _POINTS[kind](len(points)):
        raise _wrong(path, f"{place}.points", f"the points of a {kind}", row.get("points"))
    return Shape(kind, label.strip(), points, group, row.get("mask"), place)


def _points(value: object, path: Path, place: str) -> tuple[Point, ...]:
    if not isinstance(value, list) or len(value) > MAX_POINTS:
        raise _wrong(path, place, f"a list of [x, y], at most {MAX_POINTS:,}", value)
    for position, point in enumerate(value):
        fits = isinstance(point, list) and len(point) == 2 and all(map(is_number, point))
        if not fits or max(map(abs, point)) > MAX_EDGE_PX:
            raise _wrong(path, f"{place}[{position}]", f"[x, y], numbers within {MAX_EDGE_PX:g}", point)
    return tuple((float(x), float(y)) for x, y in value)


def _wrong(path: Path, place: str, expected: str, found: Any) -> GoldenFormatError:
    return GoldenFormatError(
        "shape is not LabelMe's",
        file=path,
        place=place,
        expected=expected,
        found=shown(found),
        hint="correct it, or remove the shape",
    )


def _radius(shape: Shape) -> float:
    (x1, y1), (x2, y2) = shape.points
    return hypot(x2 - x1, y2 - y1)


def _circle(shape: Shape) -> list[Point]:
    (x, y), radius = shape.points[0], _radius(shape)
    corners = min(16 + round(radius), 256)  # less than a fifth of a pixel inside of the circle, up to 1,000 pixels
    angles = [2 * pi * corner / corners for corner in range(corners)]
    return [(x + radius * cos(angle), y + radius * sin(angle)) for angle in angles]


def _rectangle(shape: Shape) -> list[Point]:
    x1, y1, x2, y2 = bounds(shape.points)
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


_POINTS: dict[str, Callable[[int], bool]] = {
    "polygon": lambda count: count >= 3,
    "rectangle": lambda count: count in (2, 4),
    "circle": lambda count: count == 2,
    "mask": lambda count: count == 2,
    "point": lambda count: count == 1,
    "points": lambda count: count >= 1,
    "line": lambda count: count == 2,
    "linestrip": lambda count: count >= 2,
}
_OUTLINES: dict[str, Callable[[Shape], list[Point]]] = {
    "polygon": lambda shape: list(shape.points),
    "rectangle": _rectangle,
    "circle": _circle,
}
