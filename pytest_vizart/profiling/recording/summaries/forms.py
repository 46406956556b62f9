"""Forms of elements: how the same value gets the same bytes, and what range a block of them spans.

Numbers are told by their bits, so that a thread whose processor flushes denormal numbers to zero digests them alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Extent = tuple[float | None, float | None, int]
"""Smallest and largest finite element, None where there is none, and how many are NaN or infinite."""


NO_EXTENT: Extent = (None, None, 0)
_PIECE_BYTES = 96 << 10


def joined(extents: list[Extent]) -> Extent:
    """Return the range of several blocks."""
    lows = [low for low, _, _ in extents if low is not None]
    highs = [high for _, high, _ in extents if high is not None]
    return min(lows, default=None), max(highs, default=None), sum(invalid for _, _, invalid in extents)


class Form(Protocol):
    """One form. Blocks are contiguous, little-endian, of one dimension, and not empty."""

    @property
    def ranged(self) -> bool:
        """Whether the elements have a range and a mean at all."""
        ...

    def look(self, block: Array) -> tuple[Array, Extent]:
        """Return a block in which equal elements have equal bytes, the same one where it is so already; its range."""
        ...

    def mean(self, block: Array) -> float | None:
        """Return the mean of the finite elements of such a block; None where there is none, or none that fits."""
        ...


@dataclass(frozen=True, slots=True)
class Raw:
    """Text, raw bytes, moments: every bit counts, and there is no range."""

    ranged: bool = False

    def look(self, block: Array) -> tuple[Array, Extent]:
        return block, NO_EXTENT

    def mean(self, block: Array) -> float | None:
        return None


@dataclass(frozen=True, slots=True)
class Integers:
    """Whole numbers; truth values, of which every byte but 0 is true."""

    ranged: bool = True

    def look(self, block: Array) -> tuple[Array, Extent]:
        if block.dtype.kind == "b":
            block = block.view(np.uint8) != 0
        return block, (float(np.minimum.reduce(block)), float(np.maximum.reduce(block)), 0)

    def mean(self, block: Array) -> float | None:
        return float(np.add.reduce(block, dtype=np.float64)) / block.size


@dataclass(frozen=True, slots=True)
class Floats:
    """Floating point by its bits: -0.0 becomes 0.0, every NaN the same one.

    integer: the signed integer as wide. top: the largest one. infinity: the bits of infinity. nan: of the one NaN.
    """

    integer: str
    top: int
    infinity: int
    nan: int
    ranged: bool = True

    def look(self, block: Array) -> tuple[Array, Extent]:
        # In small pieces: large intermediate arrays would be mapped and unmapped again and again.
        size = _PIECE_BYTES // block.itemsize
        starts = range(0, block.size, size)
        pieces = [self._put_right(block[start : start + size].view(self.integer)) for start in starts]
        extent = joined([self._extent(bits) for bits, _ in pieces])
        if not any(changed for _, changed in pieces):
            return block, extent
        return np.concatenate([bits for bits, _ in pieces]).view(block.dtype), extent

    def _put_right(self, bits: Array) -> tuple[Array, bool]:
        odd = (bits & self.top) > self.infinity
        zero = bits == ~self.top  # the sign alone
        if not odd.any() and not zero.any():
            return bits, False
        bits = bits.copy()
        bits[zero] = 0
        bits[odd] = self.nan
        return bits, True

    def _extent(self, bits: Array) -> Extent:
        # A key in the order of the numbers: integers are compared 10 times as fast as half floats.
        key = self._in_order(bits)
        invalid = 0
        if key.max() >= self.infinity or key.min() < -self.infinity:
            key = key[(bits & self.top) < self.infinity]
            invalid = int(bits.size - key.size)
        if not key.size:
            return None, None, invalid
        ends = np.array([key.min(), key.max()], dtype=bits.dtype)
        low, high = self.values(self._in_order(ends))
        return float(low), float(high), invalid

    def _in_order(self, bits: Array) -> Array:
        """Return integers in the order of the numbers with these bits; of those, the bits again."""
        key: Array = bits ^ ((bits >> (8 * bits.itemsize - 1)) & self.top)
        return key

    def mean(self, block: Array) -> float | None:
        values = self.values(block.view(self.integer))
        mean = float(np.add.reduce(values)) / values.size
        if not isfinite(mean):
            values = values[np.isfinite(values)]
            mean = float(np.add.reduce(values)) / values.size if values.size else nan
        return mean if isfinite(mean) else None

    def values(self, bits: Array) -> NDArray[np.float64]:
        """Return the elements with these bits as float64."""
        return bits.view(f"<f{bits.itemsize}").astype(np.float64, copy=False)


@dataclass(frozen=True, slots=True)
class QuickFloats(Floats):
    """float32 and float64, whose largest and smallest tell in one look whether there is anything to put right."""

    def look(self, block: Array) -> tuple[Array, Extent]:
        low, high = float(np.minimum.reduce(block)), float(np.maximum.reduce(block))
        if not (isfinite(low) and isfinite(high)):
            return Floats.look(self, block)
        if low <= 0 <= high:
            bits = block.view(self.integer)
            zero = bits == ~self.top
            if zero.any():
                bits = bits.copy()
                bits[zero] = 0
                return bits.view(block.dtype), (low or 0.0, high or 0.0, 0)
        return block, (low, high, 0)


@dataclass(frozen=True, slots=True)
class BrainFloats(Floats):
    """bfloat16, which numpy does not know: held as the upper half of a float32, in 16-bit integers."""

    def values(self, bits: Array) -> NDArray[np.float64]:
        upper = bits.view("<u2").astype("<u4") << np.uint32(16)
        return upper.view("<f4").astype(np.float64)


RAW = Raw()
INTEGERS = Integers()
HALF = Floats("<i2", 0x7FFF, 0x7C00, 0x7E00)
BRAIN = BrainFloats("<i2", 0x7FFF, 0x7F80, 0x7FC0)
SINGLE = QuickFloats("<i4", 0x7FFFFFFF, 0x7F800000, 0x7FC00000)
DOUBLE = QuickFloats("<i8", 0x7FFFFFFFFFFFFFFF, 0x7FF0000000000000, 0x7FF8000000000000)
SINGLE_PAIRS = replace(SINGLE, ranged=False)  # complex numbers
PAIRS = replace(DOUBLE, ranged=False)  # complex numbers, and long doubles as sums of doubles

_FORMS: dict[str, Form] = {"b1": INTEGERS, "f2": HALF, "f4": SINGLE, "f8": DOUBLE}


def form_of(dtype: np.dtype[Any]) -> Form:
    """Return the form of a plain dtype; complex numbers are looked at as pairs before."""
    if dtype.kind in "iu":
        return INTEGERS
    return _FORMS.get(f"{dtype.kind}{dtype.itemsize}", RAW)
