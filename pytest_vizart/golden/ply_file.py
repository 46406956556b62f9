"""PLY files (Turk, 1994): ascii, binary of both endians. Vertices are kept, list properties and the rest skipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_bytes

_MAX_HEADER_BYTES = 1 << 20
_BYTE_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8", "bool"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}


@dataclass(frozen=True, slots=True)
class _Property:
    name: str
    type: str
    count_type: str | None = None  # of a list property


@dataclass(slots=True)
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        return any(one.count_type for one in self.properties)

    def dtype(self, order: str) -> np.dtype[Any]:
        return np.dtype([(f"p{number}", order + one.type) for number, one in enumerate(self.properties)])


def read_vertices(path: Path) -> dict[str, NDArray[Any]]:
    """Return the scalar properties of the vertices: name -> (N,) array in the file's own type and native byte order.

    Raises:
        GoldenFormatError: no PLY file, no vertex element, a header that makes no sense, or fewer values than it says.
    """
    content = read_bytes(path)
    order, elements, offset = _header(content, path)
    vertex = next((element for element in elements if element.name == "vertex"), None)
    if vertex is None:
        found = ", ".join(element.name for element in elements) or "none"
        raise GoldenFormatError(
            "no element called vertex", file=path, place="header", found=found, hint="export vertices"
        )
    before = elements[: elements.index(vertex)]
    if order == "=":
        return _ascii_vertices(content[offset:], before, vertex, path)
    for element in before:
        offset = _skip(content, offset, element, order, path)
    return _binary_vertices(content, offset, vertex, order, path)


def read_points(path: Path) -> NDArray[np.float32]:
    """Return the vertices' coordinates: (N, 3) float32, in the file's unit. GoldenFormatError as `read_vertices`."""
    vertices = read_vertices(path)
    missing = [axis for axis in "xyz" if axis not in vertices]
    if missing:
        raise GoldenFormatError(
            f"vertices have no property {missing[0]}",
            file=path,
            place="header",
            found=", ".join(vertices),
            hint="name them x, y, z",
        )
    with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite, which whoever draws it can see
        return np.stack([vertices[axis].astype(np.float32) for axis in "xyz"], axis=1)


def _header(content: bytes, path: Path) -> tuple[str, list[_Element], int]:
    """Return byte order, elements, and where the data begins."""
    if content[:3] != b"ply" or content[3:4] not in (b"\n", b"\r"):
        raise GoldenFormatError(
            "not a PLY file", file=path, place="line 1", expected="ply", found=repr(content[:16]), hint="check the file"
        )
    order: str | None = None
    elements: list[_Element] = []
    for number, line, offset in _header_lines(content, path):
        words = line.split()
        keyword = words[0] if words else "comment"
        try:
            if keyword == "end_header":
                if order is None:
                    raise ValueError("no line `format`")
                return order, elements, offset
            if keyword == "format":
                order = _BYTE_ORDERS[words[1]]
            elif keyword == "element":
                elements.append(_Element(words[1], _count(words[2])))
            elif keyword == "property":
                elements[-1].properties.append(_property(words))
            elif keyword not in ("comment", "obj_info"):
                raise ValueError("unknown keyword")
        except (ValueError, LookupError) as error:
            raise GoldenFormatError(
                "PLY header makes no sense",
                file=path,
                place=f"line {number}",
                expected="format, element, property or end_header",
                found=line,
                hint=str(error) if type(error) is ValueError else "check the words of this line",
            ) from error
    raise AssertionError("the header's lines end with end_header or an error")


def _header_lines(content: bytes, path: Path) -> Iterator[tuple[int, str, int]]:
    """Yield number, text and end of each header line after the first; lines end with LF, CR LF or CR."""
    separator = b"\r" if content[3:4] == b"\r" and content[4:5] != b"\n" else b"\n"
    start = content.index(separator) + 1
    number = 1
    while start < min(len(content), _MAX_HEADER_BYTES):
        number += 1
        end = content.find(separator, start)
        end = len(content) if end < 0 else end
        yield number, content[start:end].decode("ascii", "replace").strip(), end + 1
        start = end + 1
    raise GoldenFormatError(
        "PLY header does not end", file=path, place=f"line {number}", expected="end_header", hint="file is cut off"
    )


def _count(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 12):
        raise ValueError("the number of rows is a whole number")
    return int(word)


def _property(words: list[str]) -> _Property:
    if words[1] == "list":
        if _TYPES[words[2]][0] == "f":
            raise ValueError("the length of a list is a whole number")
        return _Property(words[4], _TYPES[words[3]], _TYPES[words[2]])
    return _Property(words[2], _TYPES[words[1]])


def _skip(content: bytes, offset: int, element: _Element, order: str, path: Path) -> int:
    if element.has_lists:
        for end, _row in _walk(content, offset, element, order, path):
            offset = end
        return offset
    return _end(content, offset, element, element.dtype(order).itemsize, path)


def _end(content: bytes, offset: int, element: _Element, row_bytes: int, path: Path) -> int:
    end = offset + element.count * row_bytes
    if end > len(content):
        raise _cut_off(path, element, (len(content) - offset) // row_bytes)
    return end


def _binary_vertices(content: bytes, offset: int, vertex: _Element, order: str, path: Path) -> dict[str, NDArray[Any]]:
    if vertex.has_lists:
        rows = [row for _, row in _walk(content, offset, vertex, order, path)]
        return _columns(vertex, [np.array([row[i] for row in rows]) for i in range(len(vertex.properties))])
    dtype = vertex.dtype(order)
    _end(content, offset, vertex, dtype.itemsize, path)
    count = vertex.count if dtype.itemsize else 0
    table = np.frombuffer(content, dtype, count=count, offset=offset) if count else np.empty(0, dtype)
    return _columns(vertex, [table[f"p{number}"] for number in range(len(vertex.properties))])


def _walk(
    content: bytes, offset: int, element: _Element, order: str, path: Path
) -> Iterator[tuple[int, list[float | None]]]:
    """Yield the end and the scalars of each row of an element with list properties, whose rows differ in length."""
    steps = [
        (np.dtype(order + one.type), None if one.count_type is None else np.dtype(order + one.count_type))
        for one in element.properties
    ]
    for number in range(element.count):
        row: list[float | None] = []
        for value_type, count_type in steps:
            length = 1
            if count_type is not None:
                if offset + count_type.itemsize > len(content):
                    raise _cut_off(path, element, number)
                length = int(np.frombuffer(content, count_type, count=1, offset=offset)[0])
                offset += count_type.itemsize
            end = offset + length * value_type.itemsize
            if length < 0 or end > len(content):
                raise _cut_off(path, element, number)
            row.append(
                None if count_type is not None else np.frombuffer(content, value_type, count=1, offset=offset)[0]
            )
            offset = end
        yield offset, row


def _ascii_vertices(body: bytes, before: list[_Element], vertex: _Element, path: Path) -> dict[str, NDArray[Any]]:
    words = body.split()
    position = 0
    for element in before:
        for end, _row in _ascii_rows(words, position, element, path):
            position = end
    if not vertex.has_lists:
        width = len(vertex.properties)
        taken = words[position : position + vertex.count * width]
        if len(taken) < vertex.count * width:
            raise _cut_off(path, vertex, len(taken) // width)
        table = _numbers(taken, vertex, path).reshape(vertex.count if width else 0, width)
        return _columns(vertex, list(table.T))
    rows = [row for _, row in _ascii_rows(words, position, vertex, path)]
    columns = [
        np.empty(0) if one.count_type else _numbers([row[i] or b"" for row in rows], vertex, path)
        for i, one in enumerate(vertex.properties)
    ]
    return _columns(vertex, columns)


def _ascii_rows(
    words: list[bytes], position: int, element: _Element, path: Path
) -> Iterator[tuple[int, list[bytes | None]]]:
    rows = element.count if element.properties else 0
    for number in range(rows):
        row: list[bytes | None] = []
        for one in element.properties:
            length = 1
            if one.count_type:
                word = words[position] if position < len(words) else b""
                if not word.isdigit() or len(word) > 12:
                    raise _cut_off(path, element, number)
                length = int(word)
                position += 1
            if position + length > len(words):
                raise _cut_off(path, element, number)
            row.append(None if one.count_type else words[position])
            position += length
        yield position, row


def _numbers(words: list[bytes], element: _Element, path: Path) -> NDArray[np.float64]:
    try:
        return np.fromiter(map(float, words), dtype=np.float64, count=len(words))
    except ValueError as error:
        raise GoldenFormatError(
            "not a number", file=path, place=f"element {element.name}", found=str(error), hint="is the file damaged?"
        ) from error


def _columns(element: _Element, values: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Name the columns, list properties left out. Ascii numbers stay float64 where their type could not hold them."""
    columns: dict[str, NDArray[Any]] = {}
    for one, column in zip(element.properties, values, strict=True):
        if one.count_type is None:
            native = np.dtype("=" + one.type)
            with np.errstate(invalid="ignore", over="ignore"):
                cast = column.astype(native)
            columns[one.name] = cast if native.kind == "f" or np.array_equal(cast, column) else column
    return columns


def _cut_off(path: Path, element: _Element, rows: int) -> GoldenFormatError:
    return GoldenFormatError(
        "file ends, or a row breaks off, before the header says",
        file=path,
        place=f"element {element.name}, row {rows}",
        expected=f"{element.count} rows",
        found=f"{rows} whole rows",
        hint="was the file fetched completely?",
    )
