"""Panoptic masks whose numbers hold class and instance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.class_ids import UNKNOWN, first_place, looked_up
from pytest_vizart.records.labels import IGNORE, ClassMap, PanopticLabels

INSTANCES_PER_CLASS = 1000
"""Values are class ID x 1000 + instance; below 1000 they are a class ID alone (Cityscapes, Cordts et al., 2016)."""

_BLOCK_PX = 1 << 20


def segments_of(values: NDArray[Any], classes: ClassMap, *, ignore: int | None, file: Path) -> PanopticLabels:
    """Return the segments of an (H, W) mask of such values.

    Args:
        ignore: a value, or a class ID, whose pixels have no label; None for none.

    Raises:
        GoldenFormatError: a value whose class ID is none, with the place of its first pixel.
    """
    numbers = np.unique(values).astype(np.int64)
    alone = numbers < INSTANCES_PER_CLASS
    class_ids = np.where(alone, numbers, numbers // INSTANCES_PER_CLASS)
    known = dict(zip(classes.ids, range(len(classes)), strict=True))
    indices = looked_up(class_ids, known)
    if ignore is not None:
        indices[(numbers == ignore) | (class_ids == ignore)] = IGNORE
    if (indices == UNKNOWN).any():
        number = int(numbers[indices == UNKNOWN][0])
        raise GoldenFormatError(
            "pixel has a value of no class",
            file=file,
            place=f"pixel {first_place(values == number)} (row, column)",
            expected=f"class ID x {INSTANCES_PER_CLASS} + instance, or a class ID below {INSTANCES_PER_CLASS}",
            found=f"{number}, {int(np.count_nonzero(values == number))} times",
            hint="add the class to the manifest, or set `ignore`",
        )
    kept = indices != IGNORE
    class_index = indices[kept].astype(np.int64)
    crowd = alone[kept] & np.isin(class_index, class_index[~alone[kept]])
    positions = np.where(kept, np.cumsum(kept) - 1, IGNORE).astype(np.int32)
    return PanopticLabels(_replaced(values, numbers, positions), class_index, crowd)


def _replaced(values: NDArray[Any], numbers: NDArray[Any], positions: NDArray[np.int32]) -> NDArray[np.int32]:
    flat = values.reshape(-1)
    replaced = np.empty(len(flat), np.int32)
    for start in range(0, len(flat), _BLOCK_PX):  # searching takes more memory than the mask
        block = flat[start : start + _BLOCK_PX]
        replaced[start : start + _BLOCK_PX] = positions[np.searchsorted(numbers, block)]
    return replaced.reshape(values.shape)
