"""Headers of PLY files (Turk, 1994): elements, their properties, and where the data begin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pytest_vizart.errors import GoldenFormatError

ASCII = "="
"""Byte order of files whose numbers are text."""

_MAX_HEADER_BYTES = 1 << 20
_MAX_PARTS = 1000  # elements, and properties of one: names are compared with all others
_BYTE_ORDERS = {"ascii": ASCII, "binary_little_endian": "<", "binary_big_endian": ">"}
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
class PlyProperty:
    """A number, or a list of numbers, of each row of an element."""

    name: str
    type: str
    count_type: str | None = None  # of a list property


@dataclass(slots=True)
class PlyElement:
    """A table of the file: `count` rows."""

    name: str
    count: int
    properties: list[PlyProperty] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        return any(one.count_type for one in self.properties)

    def dtype(self, order: str) -> np.dtype[Any]:
        """Return the type of a row without lists; its fields are p0, p1 and so on."""
        return np.dtype([(f"p{number}", order + one.type) for number, one in enumerate(self.properties)])


def read_header(content: bytes, path: Path) -> tuple[str, list[PlyElement], int]:
    """Return byte order, elements, and where the data begin. Raises GoldenFormatError."""
    if content[:3] != b"ply" or content[3:4] not in (b"\n", b"\r"):
        raise GoldenFormatError(
            "not a PLY file", file=path, place="line 1", expected="ply", found=repr(content[:16]), hint="check the file"
        )
    order: str | None = None
    elements: list[PlyElement] = []
    for number, line, offset in _lines(content, path):
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
                elements.append(_element(words, elements))
            elif keyword == "property":
                elements[-1].properties.append(_property(words))
                _require_few(len(elements[-1].properties), "properties")
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


def _lines(content: bytes, path: Path) -> Iterator[tuple[int, str, int]]:
    """Yield number, text and end of each header line after the first; lines end with LF, CR LF or CR."""
    separator = b"\r" if content[3:4] == b"\r" and content[4:5] != b"\n" else b"\n"
    start = content.index(separator) + 1
    number = 1
    while start < min(len(content), _MAX_HEADER_BYTES):
        number += 1
        end = content.find(separator, start, start + _MAX_HEADER_BYTES)
        end = min(len(content), start + _MAX_HEADER_BYTES) if end < 0 else end
        yield number, content[start:end].decode("ascii", "replace").strip(), min(end + 1, len(content))
        start = end + 1
    raise GoldenFormatError(
        "PLY header does not end",
        file=path,
        place=f"line {number}",
        expected="end_header",
        found="the end of the file, or no end_header for long",
        hint="was the file fetched completely?",
    )


def _element(words: list[str], elements: list[PlyElement]) -> PlyElement:
    _require_few(len(elements), "elements")
    if any(one.name == words[1] for one in elements):
        raise ValueError("this element stands here for the second time")
    if not (words[2].isascii() and words[2].isdigit() and len(words[2]) <= 12):
        raise ValueError("the number of rows is a whole number")
    return PlyElement(words[1], int(words[2]))


def _require_few(count: int, what: str) -> None:
    if count > _MAX_PARTS:
        raise ValueError(f"at most {_MAX_PARTS:,} {what}")


def _property(words: list[str]) -> PlyProperty:
    if words[1] == "list":
        if _TYPES[words[2]][0] == "f":
            raise ValueError("the length of a list is a whole number")
        return PlyProperty(words[4], _TYPES[words[3]], _TYPES[words[2]])
    return PlyProperty(words[2], _TYPES[words[1]])
