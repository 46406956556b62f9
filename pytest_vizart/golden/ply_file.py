"""PLY files (Turk, 1994): ascii, binary of both endians. Vertices are kept, list properties and the rest skipped."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import chain, islice
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
from pytest_vizart.golden.ply_header import ASCII, PlyElement, read_header

_CODES = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I"}  # of lengths of lists, for struct
_MAX_STEPS = 5_000_000  # a few seconds


def read_vertices(path: Path) -> dict[str, NDArray[Any]]:
    """Return the scalar properties of the vertices: name -> (N,) array in the file's own type and native byte order.

    Raises:
        GoldenFormatError: no PLY file, no vertex element, a header that makes no sense, or fewer values than it says.
    """
    content = read_bytes(path, limit=MAX_CLOUD_BYTES)
    order, elements, offset = read_header(content, path)
    vertex = next((element for element in elements if element.name == "vertex"), None)
    if vertex is None:
        found = ", ".join(element.name for element in elements) or "none"
        raise GoldenFormatError(
            "no element called vertex",
            file=path,
            place="header",
            expected="vertex",
            found=found,
            hint="export the vertices",
        )
    _require_distinct(vertex, path)
    before = elements[: elements.index(vertex)]
    if order == ASCII:
        return _ascii_vertices(content, offset, before, vertex, path)
    for element in before:
        offset = _binary_table(content, offset, element, order, path)[1]
    table = _binary_table(content, offset, vertex, order, path)[0]
    return _columns(vertex, table)


def read_points(path: Path) -> NDArray[np.float32]:
    """Return the vertices' coordinates: (N, 3) float32, in the file's unit. GoldenFormatError as `read_vertices`."""
    return coordinates(read_vertices(path), np.float32, path)


def _require_distinct(vertex: PlyElement, path: Path) -> None:
    names = [one.name for one in vertex.properties]
    if len(set(names)) < len(names):
        raise GoldenFormatError(
            "two properties of the vertices have one name",
            file=path,
            place="header",
            expected="every property once",
            found=", ".join(names),
            hint="rename one",
        )


def _binary_table(
    content: bytes, offset: int, element: PlyElement, order: str, path: Path
) -> tuple[list[NDArray[Any]], int]:
    """Return the columns of an element, empty ones for lists, and where it ends."""
    if element.has_lists:
        regular = _rows_of_one_length(content, offset, element, order)
        return regular if regular is not None else _walked(content, offset, element, order, path)
    dtype = element.dtype(order)
    end = offset + element.count * dtype.itemsize
    if end > len(content):
        raise _cut_off(path, element, max(len(content) - offset, 0) // dtype.itemsize)
    count = element.count if dtype.itemsize else 0
    table = np.frombuffer(content, dtype, count=count, offset=offset) if count else np.empty(0, dtype)
    return [table[f"p{number}"] for number in range(len(element.properties))], end


def _rows_of_one_length(
    content: bytes, offset: int, element: PlyElement, order: str
) -> tuple[list[NDArray[Any]], int] | None:
    """Return what `_binary_table` does where all rows have lists as long as those of the first: most faces have."""
    layout: list[tuple[Any, ...]] = []
    end, lengths = offset, {}
    for number, one in enumerate(element.properties):
        value_type = np.dtype(order + one.type)
        if one.count_type is None:
            layout.append((f"p{number}", value_type))
            end += value_type.itemsize
            continue
        count_type = np.dtype(order + one.count_type)
        if end + count_type.itemsize > len(content):
            return None
        length = int(np.frombuffer(content, count_type, count=1, offset=end)[0])
        lengths[f"n{number}"] = length
        layout += [(f"n{number}", count_type), (f"v{number}", f"V{max(length, 0) * value_type.itemsize}")]
        end += count_type.itemsize + max(length, 0) * value_type.itemsize
    row_bytes = end - offset
    if not element.count or offset + element.count * row_bytes > len(content):
        return None
    table = np.frombuffer(content, np.dtype(layout), count=element.count, offset=offset)
    if not all((table[name] == length).all() and length >= 0 for name, length in lengths.items()):
        return None
    columns = [
        table[f"p{number}"] if one.count_type is None else np.empty(0) for number, one in enumerate(element.properties)
    ]
    return columns, offset + element.count * row_bytes


def _walked(content: bytes, offset: int, element: PlyElement, order: str, path: Path) -> tuple[list[NDArray[Any]], int]:
    """Return what `_binary_table` does, row by row: lists may differ in length."""
    if element.count * len(element.properties) > _MAX_STEPS:
        raise GoldenFormatError(
            "too many lists of different lengths",
            file=path,
            place=f"element {element.name}",
            expected=f"at most {_MAX_STEPS:,} values and lists",
            found=f"{element.count} rows of {len(element.properties)} properties",
            hint="write the vertices first, without lists",
        )
    types = [np.dtype(order + one.type) for one in element.properties]
    counts = [
        None if one.count_type is None else struct.Struct(order + _CODES[one.count_type]) for one in element.properties
    ]
    columns = [bytearray() for _ in types]
    sizes = [dtype.itemsize for dtype in types]
    steps = list(zip(columns, counts, sizes, strict=True))
    size = len(content)
    for number in range(element.count):
        for column, count, value_bytes in steps:
            length = 1
            if count is not None:
                if offset + count.size > size:
                    raise _cut_off(path, element, number)
                (length,) = count.unpack_from(content, offset)
                offset += count.size
            end = offset + length * value_bytes
            if length < 0 or end > size:
                raise _cut_off(path, element, number)
            if count is None:
                column += content[offset:end]
            offset = end
    return [np.frombuffer(column, dtype) for column, dtype in zip(columns, types, strict=True)], offset


def _ascii_vertices(
    content: bytes, offset: int, before: list[PlyElement], vertex: PlyElement, path: Path
) -> dict[str, NDArray[Any]]:
    require_readable(content, file=path)
    words = ascii_words(content, offset)
    try:
        for element in before:
            for _row in _ascii_rows(words, element, path):
                pass
        if vertex.has_lists:
            width = sum(not one.count_type for one in vertex.properties)
            scalars = chain.from_iterable(_ascii_rows(words, vertex, path))
            table = take_numbers(scalars, vertex.count * width).reshape(vertex.count, width)
        else:
            table = _ascii_table(content, offset, words, vertex, path)
    except ValueError:
        raise not_a_number(content, offset, file=path) from None
    columns = iter(table.T)
    return _columns(vertex, [np.empty(0) if one.count_type else next(columns) for one in vertex.properties])


def _ascii_table(
    content: bytes, offset: int, words: Iterator[bytes], vertex: PlyElement, path: Path
) -> NDArray[np.float64]:
    width = len(vertex.properties)
    if not may_hold(content, vertex.count * width, offset):
        raise _cut_off(path, vertex, 0)
    numbers = take_numbers(words, vertex.count * width)
    if len(numbers) < vertex.count * width:
        raise _cut_off(path, vertex, len(numbers) // width)
    return numbers.reshape(vertex.count if width else 0, width)


def _ascii_rows(words: Iterator[bytes], element: PlyElement, path: Path) -> Iterator[list[bytes]]:
    """Yield the scalars of each row."""
    for number in range(element.count if element.properties else 0):
        row: list[bytes] = []
        for one in element.properties:
            word = next(words, None)
            if word is None:
                raise _cut_off(path, element, number)
            if one.count_type is None:
                row.append(word)
                continue
            length = int(word) if word.isdigit() and len(word) <= 12 else -1
            if length < 0 or sum(1 for _ in islice(words, length)) < length:
                raise _cut_off(path, element, number)
        yield row


def _columns(element: PlyElement, values: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Name the columns, list properties left out. Ascii numbers stay float64 where their type could not hold them."""
    columns = zip(element.properties, values, strict=True)
    return {one.name: as_declared(column, np.dtype("=" + one.type)) for one, column in columns if not one.count_type}


def _cut_off(path: Path, element: PlyElement, rows: int) -> GoldenFormatError:
    return GoldenFormatError(
        "file ends, or a row breaks off, before the header says",
        file=path,
        place=f"element {element.name}, row {rows}",
        expected=f"{element.count} rows",
        found=f"{rows} whole rows",
        hint="was the file fetched completely?",
    )
