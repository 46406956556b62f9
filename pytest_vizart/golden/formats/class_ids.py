"""Values of masks and clouds to class indices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import IGNORE, ClassMap

_TABLE_BELOW = 1 << 16


def class_indices(
    values: NDArray[Any], classes: ClassMap, *, ignore: int | None, file: Path, what: str
) -> NDArray[np.int32]:
    """Return class indices of integer class IDs, IGNORE where the value is `ignore`, in the same shape.

    Args:
        what: name of one value in messages: "pixel", "point".

    Raises:
        GoldenFormatError: a value is neither the ID of a class nor `ignore`; with the place of the first one.
    """
    known = dict(zip(classes.ids, range(len(classes)), strict=True))
    if ignore is not None:
        known[ignore] = IGNORE
    indices = _looked_up(values, known)
    unknown = indices == _UNKNOWN
    if unknown.any():
        where = tuple(int(axis) for axis in np.argwhere(unknown)[0])
        value = int(values[where])
        raise GoldenFormatError(
            f"{what} has a value that is no class ID",
            file=file,
            place=f"{what} {where if len(where) > 1 else where[0]}" + (" (row, column)" if len(where) > 1 else ""),
            expected=f"one of {sorted(known)}",
            found=f"{value}, {int(np.count_nonzero(values == value))} times",
            hint="set `ignore: 255` in the manifest"
            if value == 255
            else "add the class to the manifest, or set `ignore`",
        )
    return indices


_UNKNOWN = -2


def _looked_up(values: NDArray[Any], known: dict[int, int]) -> NDArray[np.int32]:
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        table = np.full(_TABLE_BELOW, _UNKNOWN, dtype=np.int32)
        for value, index in known.items():
            if 0 <= value < _TABLE_BELOW:
                table[value] = index
        indices: NDArray[np.int32] = table[values]
        return indices
    ordered = np.array(sorted(known), dtype=np.int64)
    targets = np.array([known[int(value)] for value in ordered], dtype=np.int32)
    wide = values.astype(np.int64)
    position = np.minimum(np.searchsorted(ordered, wide), len(ordered) - 1)
    return np.where(ordered[position] == wide, targets[position], np.int32(_UNKNOWN)).astype(np.int32)
