"""Boxes of one image as columns, for formats that give corners."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import MAX_EDGE_PX, BoxLabels

Corners = tuple[float, float, float, float]


def require_corners(corners: Sequence[float], *, file: Path, place: str, hint: str) -> Corners:
    """Return x1, y1, x2, y2 in pixels; GoldenFormatError if the size is negative or no image is so large.

    A box without area is accepted: it is told of when the dataset is validated, and costs no more than itself.
    """
    x1, y1, x2, y2 = corners
    if x2 < x1 or y2 < y1:
        raise GoldenFormatError(
            "box has a negative size",
            file=file,
            place=place,
            expected="the right and lower edge not before the left and upper one",
            found=f"{x1:g}, {y1:g} to {x2:g}, {y2:g}",
            hint=hint,
        )
    if max(abs(x1), abs(y1), abs(x2), abs(y2)) > MAX_EDGE_PX:
        raise GoldenFormatError(
            "box is too large",
            file=file,
            place=place,
            expected=f"pixels within {MAX_EDGE_PX:g}",
            found=f"{x1:g}, {y1:g} to {x2:g}, {y2:g}",
            hint="correct it, or remove the object",
        )
    return x1, y1, x2, y2


def box_labels(
    corners: ArrayLike,
    class_index: Sequence[int],
    *,
    area: ArrayLike | None = None,
    extent: ArrayLike | None = None,
    crowd: Sequence[bool] | None = None,
    ignored: Sequence[bool] | None = None,
    regions: ArrayLike | None = None,
) -> BoxLabels:
    """Return the columns of N boxes.

    Args:
        corners: (N, 4) x1, y1, x2, y2 in pixels, half-open.
        area: (N,) square pixels; width x height if absent.
        ignored, regions: left out where there are none.
    """
    boxes = np.array(corners, dtype=np.float64).reshape(-1, 4)
    if area is None:
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return BoxLabels(
        boxes=boxes,
        class_index=np.array(class_index, dtype=np.int64),
        crowd=np.zeros(len(boxes), dtype=np.bool_) if crowd is None else np.array(crowd, dtype=np.bool_),
        area=np.array(area, dtype=np.float64),
        extent=None if extent is None else np.array(extent, dtype=np.float64),
        ignored=np.array(ignored, dtype=np.bool_) if ignored is not None and any(ignored) else None,
        regions=np.array(regions, dtype=np.float64).reshape(-1, 4) if regions is not None and len(regions) else None,  # type: ignore[arg-type]
    )


def bounds(points: ArrayLike) -> Corners:
    """Return x1, y1, x2, y2 around points, (N, 2) or flat x, y, x, y."""
    pairs = np.array(points, dtype=np.float64).reshape(-1, 2)
    (x1, y1), (x2, y2) = pairs.min(axis=0).tolist(), pairs.max(axis=0).tolist()
    return x1, y1, x2, y2
