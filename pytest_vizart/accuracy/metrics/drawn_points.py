"""Points as the report draws them: few enough, in millimetres, as base64."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_PICTURE_POINTS = 20_000
_MM_PER_M = 1000.0


def spread(count: int) -> NDArray[np.int64]:
    """Return the positions of at most MAX_PICTURE_POINTS points, evenly spread over the file."""
    if count <= MAX_PICTURE_POINTS:
        return np.arange(count)
    return np.arange(MAX_PICTURE_POINTS, dtype=np.int64) * count // MAX_PICTURE_POINTS


def places_mm(xyz: NDArray[np.floating[Any]]) -> str:
    """Return (M, 3) metres as base64 of little-endian int32 millimetres."""
    # A point without a place is drawn at the origin: an invalid return of a sensor is no reason to show no picture.
    finite = np.nan_to_num(xyz.astype(np.float64) * _MM_PER_M, nan=0.0, posinf=0.0, neginf=0.0)
    return encoded(np.clip(np.round(finite), -(2.0**31), 2.0**31 - 1), "<i4")


def distances_mm(distances_m: NDArray[np.floating[Any]]) -> str:
    """Return (M,) metres as base64 of little-endian uint16 millimetres; 65,535 for all that is farther."""
    return encoded(np.clip(np.round(distances_m * _MM_PER_M), 0, 65_535), "<u2")


def encoded(values: NDArray[Any], kind: str) -> str:
    """Return an array as base64 of a numpy type."""
    return b64encode(np.ascontiguousarray(values.astype(kind)).tobytes()).decode("ascii")
