"""What the fields of a cloud file hold, whichever format it is: coordinates, by the names x, y, z."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError

MAX_CLOUD_BYTES = 256_000_000
"""Larger files are refused, and compressed ones that unpack to more."""

MAX_POINTS = 12_000_000
"""Clouds of more points are refused: their coordinates, 24 bytes each, are copied on their way."""

_Float = TypeVar("_Float", np.float32, np.float64)


def coordinates(fields: Mapping[str, NDArray[Any]], dtype: type[_Float], path: Path) -> NDArray[_Float]:
    """Return the points' coordinates: (N, 3) of the type asked for, in the file's unit.

    A number beyond float32 becomes infinite there, which whoever draws it can see.

    Raises:
        GoldenFormatError: no field x, y or z, or one that is no single number for each point.
    """
    for axis in "xyz":
        if len(fields.get(axis, ())) > MAX_POINTS:
            raise GoldenFormatError(
                "cloud has too many points",
                file=path,
                expected=f"at most {MAX_POINTS:,}",
                found=f"{len(fields[axis]):,}",
                hint="cut it into several samples, or thin it out",
            )
        if axis not in fields:
            raise GoldenFormatError(
                f"points have no property {axis}",
                file=path,
                place="header",
                expected="fields x, y and z",
                found=", ".join(fields) or "none",
                hint="name the coordinates x, y, z",
            )
        if fields[axis].ndim != 1 or fields[axis].dtype.kind not in "fiu":
            raise GoldenFormatError(
                f"property {axis} is not one number for each point",
                file=path,
                place="header",
                expected="shape (N,)",
                found=f"{fields[axis].dtype} of shape {fields[axis].shape}",
                hint="write x, y and z as three fields of numbers",
            )
    xyz = np.empty((len(fields["x"]), 3), dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # signalling NaN are NaN too
        for column, axis in enumerate("xyz"):
            xyz[:, column] = fields[axis]
    return xyz
