"""What stands for many elements of one type: all their bytes while they are few, a sample and a checksum beyond.

The checksum cuts the canonical bytes into blocks, each a table of 64 rows and 1,021 columns of 64-bit words. Sums of
the rows are kept, sums of the columns enter a polynomial over the blocks (all modulo 2^64): whatever happens to one
word changes a row's sum and a column's, and so does exchanging, shifting or reordering words, but for exchanges made to
cancel out. The number of columns is prime, so that rows and columns of an image do not come to lie in those of the
table. It is no protection against forgery.

Measured on one core of 2.6 GHz with numpy 2.4, range and search for NaN included: float32 and float64 6 GB/s, uint8
and bool 7, float16 and bfloat16 2 (zlib.crc32 alone 2.4, adler32 1.9, blake2b 1.0). Arrays that are not contiguous are
gathered first, at 0.7 to 2 GB/s.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

EXACT_BYTES = 1 << 14
"""Up to here the digest is taken of all the bytes (about 0.02 ms)."""

WHOLE_BYTES = 8 << 30
"""Beyond this (views of one number repeated can be of any size) only the sample is looked at."""

SAMPLE = 4_096
ROWS, COLUMNS = 64, 1_021
BLOCK_BYTES = ROWS * COLUMNS * 8
_KEPT = 4  # the sample is there for the mean more than for the digest
_ROW_BYTES = COLUMNS * 8
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit of an earlier block is lost


class Checksum:
    """Takes blocks in their order, or the sums of their rows and columns where those were made elsewhere."""

    def __init__(self) -> None:
        self._rows = blake2b(digest_size=16)
        self._columns = np.zeros(COLUMNS, np.uint64)

    def add(self, block: Array) -> None:
        """Take one block: contiguous, canonical, BLOCK_BYTES long; the last one may be shorter."""
        octets = block.view(np.uint8)
        whole = octets.size - octets.size % _ROW_BYTES
        words = octets[:whole].view("<u8").reshape(-1, COLUMNS)
        rows, columns = np.add.reduce(words, axis=1), np.add.reduce(words, axis=0)
        if whole < octets.size:  # the last row alone is filled up: the block stays where it is
            last = np.zeros(_ROW_BYTES, np.uint8)
            last[: octets.size - whole] = octets[whole:]
            rows, columns = np.append(rows, np.add.reduce(last.view("<u8"))), columns + last.view("<u8")
        self.add_sums(rows, columns)

    def add_sums(self, rows: Array, columns: Array) -> None:
        """Take the sums of one block. rows: (up to 64,), columns: (1021,), unsigned 64 bit."""
        self._rows.update(rows.astype("<u8", copy=False).tobytes())
        self._columns *= _FACTOR
        self._columns += columns

    def digest(self, sample: Array) -> bytes:
        """Return 16 bytes over all blocks and every fourth sampled element."""
        hasher = self._rows.copy()
        hasher.update(self._columns.astype("<u8").tobytes())
        hasher.update(sample[::_KEPT].tobytes())
        return hasher.digest()


def blocks(array: Array, itemsize: int) -> Iterator[Array]:
    """Yield the elements in C order, little-endian, in contiguous pieces of BLOCK_BYTES; the last may be shorter.

    itemsize: bytes of an element, a divisor of BLOCK_BYTES. Yielded pieces are only valid until the next one.
    """
    size, little = BLOCK_BYTES // itemsize, array.dtype.newbyteorder("<")
    if array.flags.c_contiguous and array.dtype == little:
        flat = array.reshape(-1)
        for start in range(0, flat.size, size):
            yield flat[start : start + size]
        return
    buffer, filled = np.empty(min(size, array.size), little), 0
    pieces: Any = np.nditer(
        array,
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_dtypes=[little],
        casting="equiv",
        order="C",
        buffersize=8_192,
    )
    for piece in pieces:
        taken = 0
        while taken < piece.size:
            count = min(piece.size - taken, buffer.size - filled)
            buffer[filled : filled + count] = piece[taken : taken + count]
            taken, filled = taken + count, filled + count
            if filled == buffer.size:
                yield buffer
                filled = 0
    if filled:
        yield buffer[:filled]


@lru_cache(maxsize=16)
def sample_positions(size: int) -> NDArray[np.int64]:
    """Return which of `size` elements are sampled: one of each of up to 4,096 equal parts, in their order.

    Where in its part is different from part to part, so that no row or channel of an image is met again and again.
    """
    count = min(size, SAMPLE)
    number = np.arange(count, dtype=np.uint64)
    step = max(size // max(count, 1), 1)
    inside = ((number * _FACTOR) >> np.uint64(32)) % np.uint64(step)
    # In Python's and float's stead: number * size can exceed 64 bits for views of any size.
    whole, rest = divmod(size, max(count, 1))
    start = number * np.uint64(whole) + number * np.uint64(rest) // np.uint64(max(count, 1))
    positions: NDArray[np.int64] = (start + inside).astype(np.int64)
    return positions


def digest_bytes(value: bytes | bytearray | memoryview) -> bytes:
    """Return the digest of many bytes."""
    flat = np.frombuffer(value, np.uint8)
    checksum = Checksum()
    for block in blocks(flat, 1):
        checksum.add(block)
    return checksum.digest(flat[sample_positions(flat.size)])
