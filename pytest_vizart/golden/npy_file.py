"""NPY and NPZ files: arrays of numbers, never pickles. What a header claims is held against the bytes there are."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import refuse_lfs_pointer, require_regular

MAX_ARRAY_BYTES = 400_000_000
"""Larger files are refused, and archives whose arrays are larger together."""

MAX_ARRAYS = 10_000
_PIECE_BYTES = 1 << 24
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,  # the same but for UTF-8 in names of fields
}
_NUMBERS = "biufc"


def read_npy(path: Path) -> NDArray[Any]:
    """Return the array, in native byte order.

    Raises:
        GoldenFormatError: damaged, too large, or not an array of numbers, or of rows of numbers.
    """
    with _opened(path, "NPY", "one array of numbers, saved by numpy.save without pickle") as stream:
        return _array(stream, path.stat().st_size)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays by name. Raises GoldenFormatError as `read_npy`, and for an archive that would not fit."""
    expected = "arrays of numbers, saved by numpy.savez or numpy.savez_compressed without pickle"
    with _opened(path, "NPZ", expected) as stream, zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        size = sum(member.file_size for member in members)
        if size > MAX_ARRAY_BYTES or len(members) > MAX_ARRAYS:
            raise ValueError(
                f"{len(members):,} arrays of {size:,} bytes, at most {MAX_ARRAYS:,} of {MAX_ARRAY_BYTES:,} are read"
            )
        arrays: dict[str, NDArray[Any]] = {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            if member.compress_type not in _COMPRESSIONS or name == member.filename or name in arrays:
                raise ValueError(f"{member.filename!r} is no array, or not saved by numpy")
            with archive.open(member) as entry:
                arrays[name] = _array(entry, member.file_size)
        return arrays


@contextmanager
def _opened(path: Path, kind: str, expected: str) -> Iterator[BinaryIO]:
    """Open a file; whatever goes wrong with it, inside the block too, is a GoldenFormatError."""
    require_regular(path, limit=MAX_ARRAY_BYTES)
    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy warns of headers that it has to mend
            refuse_lfs_pointer(stream.read(64), path)
            stream.seek(0)
            yield stream
    except GoldenFormatError:
        raise
    except Exception as error:  # numpy's header parser raises what its evaluated literal raises, zipfile what it likes
        raise GoldenFormatError(
            f"not an {kind} file that can be read",
            file=path,
            expected=expected,
            found=f"{type(error).__name__}: {error}",
            hint="save it again with numpy, allow_pickle=False",
        ) from error


def _array(stream: IO[bytes], size: int) -> NDArray[Any]:
    """Return the array in a stream of so many bytes. Raises ValueError, and what numpy's header parser raises."""
    shape, fortran, dtype = _HEADER_READERS[np.lib.format.read_magic(stream)](stream)
    _require_numbers(dtype)
    if any(isinstance(edge, bool) or edge < 0 for edge in shape):
        raise ValueError(f"shape {shape}")
    claimed, there = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if claimed != there:
        raise ValueError(f"{there:,} bytes of data where shape {shape} of {dtype} takes {claimed:,}")
    array = _filled(stream, there).view(dtype)
    return array.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="), copy=False)


def _filled(stream: IO[bytes], size: int) -> NDArray[np.uint8]:
    """Return so many bytes, piece by piece: read at once they would take twice their memory. Raises ValueError."""
    content = np.empty(size, np.uint8)  # the system gives memory for what is written into it, whatever `size` claims
    filled = 0
    while filled < size:
        piece = stream.read(min(_PIECE_BYTES, size - filled))
        if not piece:
            raise ValueError(f"ends after {filled:,} bytes of {size:,}")
        content[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
    return content


def _require_numbers(dtype: np.dtype[Any]) -> None:
    """Raise ValueError for pickled objects, texts, dates and raw memory; fields of numbers are good."""
    if dtype.hasobject:
        raise ValueError("holds pickled objects")
    fields = [dtype[name] for name in dtype.names] if dtype.names else [dtype]
    if any(field.kind not in _NUMBERS or not field.itemsize for field in fields):
        raise ValueError(f"holds {dtype}, not numbers")
