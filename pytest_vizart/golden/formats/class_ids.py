"""Values of masks and clouds to class indices."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import IGNORE, ClassMap

MAX_VALUES = 100_000_000
"""Masks and clouds of more pixels or points are refused: their class indices take 4 bytes each."""

UNKNOWN = -2
"""What `looked_up` returns for a value that is not known."""

_TABLE_BELOW = 1 << 16
_BLOCK = 1 << 20  # values looked up at once, since searching takes 30 bytes for each
_NAMED_IDS = 20
_NAMED_VALUES = 8
_DISTINCT = 1000


def class_indices(
    values: NDArray[Any], classes: ClassMap, *, ignore: int | None, file: Path, what: str
) -> NDArray[np.int32]:
    """Return class indices of integer class IDs, IGNORE where the value is `ignore`, in the same shape.

    Args:
        what: name of one value in messages: "pixel", "point".

    Raises:
        GoldenFormatError: a value is neither the ID of a class nor `ignore`; with the place of the first one, and
            how often each such value occurs.
    """
    require_countable(values.size, file, what)
    known = dict(zip(classes.ids, range(len(classes)), strict=True))
    if ignore is not None:
        known[ignore] = IGNORE
    indices = looked_up(values, known)
    unknown = indices == UNKNOWN
    if unknown.any():
        where = first_place(unknown)
        counts = _counted(values, unknown)
        ids = ", ".join(str(number) for number in sorted(known)[:_NAMED_IDS])
        raise GoldenFormatError(
            f"{what} has a value that is no class ID",
            file=file,
            place=f"{what} {where if len(where) > 1 else where[0]}" + (" (row, column)" if len(where) > 1 else ""),
            expected=f"one of [{ids}{', ...' if len(known) > _NAMED_IDS else ''}]",
            found=_told(counts),
            hint="set `ignore: 255` in the manifest"
            if list(counts) == [255]
            else "add the class to the manifest, or set `ignore`"
            if len(counts) == 1
            else "add the classes to the manifest; `ignore` is for the one value that means no label",
        )
    return indices


def _counted(values: NDArray[Any], unknown: NDArray[np.bool_]) -> dict[int, int]:
    """Return how often each unknown value occurs, sorted; of more than _DISTINCT values, those found first."""
    flat, chosen = values.reshape(-1), unknown.reshape(-1)
    counts: Counter[int] = Counter()
    for start in range(0, len(flat), _BLOCK):
        block = flat[start : start + _BLOCK][chosen[start : start + _BLOCK]]
        found, times = np.unique(block, return_counts=True)
        for value, count in zip(found[:_DISTINCT].tolist(), times[:_DISTINCT].tolist(), strict=True):
            if value in counts or len(counts) < _DISTINCT:
                counts[int(value)] += count
    return dict(sorted(counts.items()))


def _told(counts: dict[int, int]) -> str:
    if len(counts) == 1:
        ((value, count),) = counts.items()
        return f"{value}, {count} times"
    shown = ", ".join(f"{value} ({count} times)" for value, count in list(counts.items())[:_NAMED_VALUES])
    more = f" and {len(counts) - _NAMED_VALUES} more values" if len(counts) > _NAMED_VALUES else ""
    return shown + more


def require_countable(count: int, file: Path, what: str, *, limit: int = MAX_VALUES) -> None:
    """Raise GoldenFormatError for a mask or cloud that is too large."""
    if count > limit:
        raise GoldenFormatError(
            f"too many {what}s",
            file=file,
            expected=f"at most {limit:,}",
            found=f"{count:,}",
            hint="tile it",
        )


def first_place(where: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first true value."""
    return tuple(int(axis) for axis in np.unravel_index(int(np.argmax(where)), where.shape))


def looked_up(values: NDArray[Any], known: dict[int, int]) -> NDArray[np.int32]:
    """Return the class index of each integer, UNKNOWN where it has none, in the same shape."""
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        table = np.full(_TABLE_BELOW, UNKNOWN, dtype=np.int32)
        for value, index in known.items():
            if 0 <= value < _TABLE_BELOW:
                table[value] = index
        indices: NDArray[np.int32] = table[values]
        return indices
    ordered = np.array(sorted(known), dtype=np.int64)
    targets = np.array([known[int(value)] for value in ordered], dtype=np.int32)
    flat = values.reshape(-1)
    found = np.empty(len(flat), np.int32)
    for start in range(0, len(flat), _BLOCK):
        wide = flat[start : start + _BLOCK].astype(np.int64)
        position = np.minimum(np.searchsorted(ordered, wide), len(ordered) - 1)
        found[start : start + _BLOCK] = np.where(ordered[position] == wide, targets[position], np.int32(UNKNOWN))
    return found.reshape(values.shape)
