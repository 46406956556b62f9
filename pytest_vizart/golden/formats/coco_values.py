"""Numbers of one COCO annotation, checked: box, area, crowd flag."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from reprlib import Repr
from typing import Any

import numpy as np

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import MAX_EDGE_PX

Box = tuple[float, float, float, float]


_BRIEF = Repr()
_BRIEF.maxlevel, _BRIEF.maxlist, _BRIEF.maxtuple, _BRIEF.maxdict = 4, 12, 12, 8
_BRIEF.maxstring = _BRIEF.maxother = 200


def shown(value: object) -> str:
    """A value for an error message; its representation is built of a bounded part of it, whatever that is.

    Python's own of lists within lists ends in a RecursionError, and that of a number of 5,000 digits in a ValueError.
    """
    if isinstance(value, list):
        return f"[{', '.join(_brief(one)[:40] for one in value[:12])}{', ...' if len(value) > 12 else ''}]"
    if isinstance(value, dict):
        return f"an object with keys [{', '.join(_brief(key)[:80] for key in list(value)[:8])}]"
    return _brief(value)[:200]


def _brief(value: object) -> str:
    try:
        return _BRIEF.repr(value.item() if isinstance(value, np.generic) else value)  # 1.0, not np.float64(1.0)
    except ValueError:
        return f"{type(value).__name__} of too many digits"


def is_number(value: object) -> bool:
    """Whether it is a finite number; JSON's true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e300 if isinstance(value, int) else isfinite(value)


def read_box(row: dict[str, Any], place: str, path: Path) -> tuple[Box, float]:
    """Return (x1, y1, x2, y2) in pixels of the annotation's bbox (x, y, width, height), and width x height."""
    bbox = row.get("bbox")
    if not (isinstance(bbox, list) and len(bbox) == 4 and all(is_number(value) for value in bbox)):
        raise GoldenFormatError(
            "not a box",
            file=path,
            place=f"{place}.bbox",
            expected="[x, y, width, height], four finite numbers",
            found="nothing" if "bbox" not in row else shown(bbox),
            hint="correct the box, or remove the annotation",
        )
    x, y, width, height = (float(value) for value in bbox)
    if width < 0 or height < 0 or max(abs(x), abs(y), abs(x + width), abs(y + height)) > MAX_EDGE_PX:
        raise GoldenFormatError(
            "box has a negative size" if min(width, height) < 0 else "box is too large",
            file=path,
            place=f"{place}.bbox",
            expected=f"[x, y, width, height] with width and height from 0, within {MAX_EDGE_PX:g} pixels",
            found=shown(bbox),
            hint="were the corners written instead of the size?",
        )
    return (x, y, x + width, y + height), width * height


def read_area(row: dict[str, Any], extent: float, place: str, path: Path) -> float:
    """Return the annotation's area in square pixels; that of its box if it gives none."""
    if "area" not in row:
        return extent
    area = row["area"]
    if not is_number(area) or area < 0:
        raise GoldenFormatError(
            "not an area",
            file=path,
            place=f"{place}.area",
            expected="a finite number from 0",
            found=shown(area),
            hint="correct it",
        )
    return float(area)


def is_crowd(row: Mapping[str, Any], place: str, path: Path) -> bool:
    """Return the annotation's iscrowd flag, false if it has none."""
    return bool(read_flag(row, "iscrowd", place, path, hint="1 for a region of many objects"))


def read_flag(row: Mapping[str, Any], key: str, place: str, path: Path, *, hint: str) -> bool | None:
    """Return a flag, None if the row has none; GoldenFormatError for anything but 0, 1, false and true."""
    flag = row.get(key)
    if flag is None:
        return None
    if not isinstance(flag, int) or flag not in (0, 1):
        raise GoldenFormatError(
            "not a flag", file=path, place=f"{place}.{key}", expected="0 or 1", found=shown(flag), hint=hint
        )
    return bool(flag)
