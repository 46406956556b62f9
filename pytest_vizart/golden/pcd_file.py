"""PCD files, the Point Cloud Library's: ascii, binary, binary_compressed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.ascii_numbers import (
    as_declared,
    ascii_words,
    may_hold,
    not_a_number,
    require_readable,
    take_numbers,
)
from pytest_vizart.golden.cloud_fields import MAX_CLOUD_BYTES, coordinates
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.lzf import decompress
from pytest_vizart.golden.pcd_header import PADDING, PcdHeader, read_header

_SIZES_BYTES = 8


def read_fields(path: Path) -> dict[str, NDArray[Any]]:
    """Return the fields of the points: name -> (N,) array, (N, COUNT) where COUNT is not 1; padding left out.

    N is WIDTH x HEIGHT, organised clouds row by row. Numbers have the file's own type.

    Raises:
        GoldenFormatError: no PCD file, a header that makes no sense, or fewer points than it says.
    """
    content = read_bytes(path, limit=MAX_CLOUD_BYTES)
    header = read_header(content, path)
    columns = _DECODERS[header.encoding](content, header, path)
    fields = zip(header.fields, columns, strict=True)
    return {one.name: column[:, 0] if one.count == 1 else column for one, column in fields if one.name != PADDING}


def read_points(path: Path) -> NDArray[np.float32]:
    """Return the points' coordinates: (N, 3) float32, in the file's unit. GoldenFormatError as `read_fields`."""
    return coordinates(read_fields(path), np.float32, path)


def _ascii(content: bytes, header: PcdHeader, path: Path) -> list[NDArray[Any]]:
    require_readable(content, file=path)
    width = header.row_values
    expected = header.points * width
    if not may_hold(content, expected, header.end):
        raise _cut_off(path, header, 0)
    words = ascii_words(content, header.end)
    try:
        numbers = take_numbers(words, expected)
        goes_on = next(words, None) is not None
    except ValueError:
        raise not_a_number(content, header.end, file=path) from None
    if len(numbers) < expected:
        raise _cut_off(path, header, len(numbers) // width)
    if goes_on:
        raise GoldenFormatError(
            "file goes on after its last point",
            file=path,
            place="data",
            expected=f"{header.points} rows of {width} numbers",
            found="more numbers",
            hint="do POINTS, FIELDS and COUNT describe the rows?",
        )
    table = numbers.reshape(header.points, width)
    columns, start = [], 0
    for one in header.fields:
        columns.append(as_declared(table[:, start : start + one.count], one.dtype))
        start += one.count
    return columns


def _binary(content: bytes, header: PcdHeader, path: Path) -> list[NDArray[Any]]:
    rows = max(len(content) - header.end, 0) // header.row_bytes
    if rows < header.points:  # more is no mistake: the library pads files to whole pages
        raise _cut_off(path, header, rows)
    dtype = np.dtype([(f"f{number}", one.dtype, (one.count,)) for number, one in enumerate(header.fields)])
    if not header.points:
        return [np.empty((0, one.count), one.dtype) for one in header.fields]
    table = np.frombuffer(content, dtype, count=header.points, offset=header.end)
    return [table[f"f{number}"] for number in range(len(header.fields))]


def _compressed(content: bytes, header: PcdHeader, path: Path) -> list[NDArray[Any]]:
    if not header.points:
        return [np.empty((0, one.count), one.dtype) for one in header.fields]
    packed_size, size = _packed_sizes(content, header, path)
    start = header.end + _SIZES_BYTES
    try:
        unpacked = decompress(content[start : start + packed_size], size)
    except ValueError as error:
        raise GoldenFormatError(
            "compressed data do not unpack",
            file=path,
            place="data",
            expected=f"{header.points} points",
            found=str(error),
            hint="was the file fetched completely?",
        ) from error
    # The library leaves padding out when it compresses, other writers do not: the size tells which.
    has_padding = size == header.points * header.row_bytes
    columns, offset = [], 0
    for one in header.fields:  # one field after the other, not one point after the other
        rows = header.points if has_padding or one.name != PADDING else 0
        column = np.frombuffer(unpacked, one.dtype, count=rows * one.count, offset=offset if rows else 0)
        columns.append(column.reshape(rows, one.count))
        offset += rows * one.row_bytes
    return columns


def _packed_sizes(content: bytes, header: PcdHeader, path: Path) -> tuple[int, int]:
    """Return the sizes of the data in bytes, packed and unpacked, that stand before them."""
    if len(content) < header.end + _SIZES_BYTES:
        raise _cut_off(path, header, 0)
    packed_size, size = (int(one) for one in np.frombuffer(content, "<u4", count=2, offset=header.end))
    if packed_size > len(content) - header.end - _SIZES_BYTES:
        raise _cut_off(path, header, 0)
    padding = sum(one.row_bytes for one in header.fields if one.name == PADDING)
    fits = size in (header.points * header.row_bytes, header.points * (header.row_bytes - padding))
    if not fits or size > MAX_CLOUD_BYTES:
        raise GoldenFormatError(
            "cloud is too large to unpack" if fits else "size of the unpacked data is wrong",
            file=path,
            place="data",
            expected=f"{header.points} points of {header.row_bytes} bytes, {MAX_CLOUD_BYTES:,} bytes at most",
            found=f"{size:,} bytes",
            hint="save it as binary, or split it" if fits else "is the file damaged?",
        )
    return packed_size, size


_DECODERS = {"ascii": _ascii, "binary": _binary, "binary_compressed": _compressed}


def _cut_off(path: Path, header: PcdHeader, rows: int) -> GoldenFormatError:
    return GoldenFormatError(
        "file ends before the header says",
        file=path,
        place=f"point {rows}",
        expected=f"{header.points} points of {header.row_bytes} bytes",
        found="a part of the data" if header.encoding == "binary_compressed" else f"{rows} whole points",
        hint="was the file fetched completely?",
    )
