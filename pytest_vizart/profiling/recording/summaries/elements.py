"""Elements of one form in any layout: their digest, range and mean."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.profiling.recording.summaries.checksum import (
    EXACT_BYTES,
    SAMPLE,
    WHOLE_BYTES,
    Checksum,
    blocks,
    sample_positions,
)
from pytest_vizart.profiling.recording.summaries.forms import PAIRS, RAW, SINGLE_PAIRS, Form, form_of, joined

Array = NDArray[Any]


class Contents(NamedTuple):
    """digest: the bytes that stand for all elements. The mean is that of the finite elements."""

    digest: bytes
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    invalid: int | None = None
    exact: bool = True  # False: the mean is that of a sample
    whole: bool = True  # False: nothing but the sample was looked at


def read_elements(array: Array, form: Form | None = None) -> Contents:
    """Read an array of a plain dtype: no objects, no fields.

    The order in memory, the byte order, -0.0 for 0.0 and the payload of a NaN make no difference.

    Args:
        array: of any shape and strides.
        form: of its elements, where the dtype does not tell.
    """
    if array.dtype.char in "gG":
        array, form = _split(array), PAIRS
    elif array.dtype.kind in "SUV":
        array, form = _bytes_of(array), RAW
    little, part, usual = _layout(array.dtype)
    with np.errstate(all="ignore"):
        read = _read_all if array.nbytes <= EXACT_BYTES else _read_large
        return read(array, little, part, form or usual)


@lru_cache(maxsize=64)
def _layout(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], np.dtype[Any], Form]:
    """Return the dtype in the digest's byte order, the one that its elements are made of, and their form."""
    little = dtype.newbyteorder("<")
    if dtype.kind == "c":
        return little, np.dtype(f"<f{dtype.itemsize // 2}"), SINGLE_PAIRS if dtype.itemsize == 8 else PAIRS
    return little, little, form_of(dtype)


def _bytes_of(array: Array) -> Array:
    """Return text and raw bytes as single bytes, C order, little-endian."""
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return little.view(np.uint8) if little.itemsize and array.ndim else np.frombuffer(little.tobytes(), np.uint8)


def _split(array: Array) -> Array:
    """Return long doubles as sums of doubles, (..., 2): their own bits differ between machines, some are never set."""
    parts = np.stack([array.real, array.imag], axis=-1) if array.dtype.kind == "c" else array
    with np.errstate(all="ignore"):
        upper = parts.astype(np.float64)
        return np.stack([upper, np.nan_to_num(parts - upper, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float64)], -1)


def _read_all(array: Array, little: np.dtype[Any], part: np.dtype[Any], form: Form) -> Contents:
    flat = np.ascontiguousarray(array, dtype=little).reshape(-1)
    if not flat.size:
        return Contents(b"")
    elements, extent = form.look(flat if part is little else flat.view(part))
    if not form.ranged:
        return Contents(elements.tobytes())
    return Contents(elements.tobytes(), extent[0], extent[1], form.mean(elements), extent[2])


def _read_large(array: Array, little: np.dtype[Any], part: np.dtype[Any], form: Form) -> Contents:
    whole = array.nbytes <= WHOLE_BYTES
    checksum, extents = Checksum(), []
    for block in blocks(array, array.itemsize) if whole else ():
        elements, extent = form.look(block if part is little else block.view(part))
        extents.append(extent)
        checksum.add(elements)
    # After the whole, which is in the processor's cache then if it is not too large.
    sample, sample_extent = form.look(_taken(array, little).view(part))
    low, high, invalid = (joined(extents) if whole else sample_extent) if form.ranged else (None, None, None)
    digest = checksum.digest(sample) if whole else sample.tobytes()
    mean = form.mean(sample) if form.ranged else None
    return Contents(digest, low, high, mean, invalid, exact=array.size <= SAMPLE, whole=whole)


def _taken(array: Array, little: np.dtype[Any]) -> Array:
    """Return the sampled elements, contiguous and little-endian."""
    positions = sample_positions(array.size)
    flat = array.flags.c_contiguous
    taken = array.reshape(-1)[positions] if flat else array[np.unravel_index(positions, array.shape)]
    return taken.astype(little, copy=False)
