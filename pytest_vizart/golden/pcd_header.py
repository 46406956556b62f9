"""Headers of PCD files, the Point Cloud Library's, versions .5 to .7.

COUNT, where absent, is 1 for every field, SIZE 4 and TYPE F, HEIGHT is 1 and POINTS is WIDTH x HEIGHT, as the library
reads them. The viewpoint is not applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pytest_vizart.errors import GoldenFormatError

PADDING = "_"
"""Name of fields that only fill space; any number of them."""

_MAX_HEADER_BYTES = 1 << 16
_MAX_ROW_BYTES = 1 << 20
_TYPES = {
    (kind, size): f"<{letter}{size}"
    for kind, letter, sizes in (("F", "f", (4, 8)), ("I", "i", (1, 2, 4, 8)), ("U", "u", (1, 2, 4, 8)))
    for size in sizes
}
_KEYWORDS = ("VERSION", "FIELDS", "SIZE", "TYPE", "COUNT", "WIDTH", "HEIGHT", "VIEWPOINT", "POINTS", "DATA")
_VERSIONS = (".5", ".6", ".7")
_ENCODINGS = ("ascii", "binary", "binary_compressed")


@dataclass(frozen=True, slots=True)
class PcdField:
    """`count` values of one type for each point."""

    name: str
    dtype: np.dtype[Any]
    count: int

    @property
    def row_bytes(self) -> int:
        return self.count * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class PcdHeader:
    """What a header says. end: where in the file the data begin."""

    fields: tuple[PcdField, ...]
    points: int
    encoding: str
    end: int

    @property
    def row_bytes(self) -> int:
        return sum(one.row_bytes for one in self.fields)

    @property
    def row_values(self) -> int:
        return sum(one.count for one in self.fields)


@dataclass(slots=True)
class _Entries:
    """The header's lines by keyword; `line` and `text` are those of the latest one asked for, where an error lies."""

    words: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    line: int = 0
    text: str = ""

    def values(self, keyword: str, default: list[str] | None = None) -> list[str]:
        """Return the words after a keyword; ValueError where it is absent and has no default."""
        if keyword not in self.words:
            if default is None:
                self.line, self.text = 0, ""
                raise ValueError(f"there is no {keyword}")
            return default
        self.line, words = self.words[keyword]
        self.text = " ".join([keyword, *words])
        return words

    def first(self, keyword: str, default: str | None = None) -> str:
        """Return the word after a keyword; ValueError where there is none."""
        words = self.values(keyword, None if default is None else [default])
        if not words:
            raise ValueError(f"{keyword} has no value")
        return words[0]


def read_header(content: bytes, path: Path) -> PcdHeader:
    """Return the header of a PCD file. Raises GoldenFormatError: none, cut off, or one that makes no sense."""
    entries = _Entries()
    for number, line, end in _lines(content, path):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        keyword = "FIELDS" if words[0] == "COLUMNS" else words[0]
        if keyword not in _KEYWORDS and not entries.words:
            raise _not_pcd(content, path)
        if keyword not in _KEYWORDS or keyword in entries.words:
            problem = "this keyword stands here for the second time" if keyword in _KEYWORDS else "unknown keyword"
            raise _senseless(path, number, line, problem)
        entries.words[keyword] = number, words[1:]
        if keyword == "DATA":
            try:
                return _interpreted(entries, end)
            except ValueError as error:
                raise _senseless(path, entries.line, entries.text, str(error)) from error
    raise AssertionError("the header's lines end with DATA or an error")


def _lines(content: bytes, path: Path) -> Iterator[tuple[int, str, int]]:
    """Yield number, text and end of each line; what follows the last one taken is the data."""
    start, number = 0, 0
    while start < min(len(content), _MAX_HEADER_BYTES):
        number += 1
        newline = content.find(b"\n", start, start + _MAX_HEADER_BYTES)
        end = start + _MAX_HEADER_BYTES if newline < 0 else newline
        yield number, content[start:end].decode("ascii", "replace").strip(), min(end + 1, len(content))
        start = end + 1
    if not content:
        raise _not_pcd(content, path)
    raise GoldenFormatError(
        "PCD header does not end",
        file=path,
        place=f"line {number}",
        expected="DATA",
        found="the end of the file, or no DATA for long",
        hint="was the file fetched completely?",
    )


def _interpreted(entries: _Entries, end: int) -> PcdHeader:
    if entries.first("VERSION", ".7").lstrip("0") not in _VERSIONS:
        raise ValueError(f"the version is one of {', '.join(_VERSIONS)}")
    fields = _fields(entries)
    encoding = entries.first("DATA")
    if encoding not in _ENCODINGS:
        raise ValueError(f"DATA is one of {', '.join(_ENCODINGS)}")
    return PcdHeader(fields, _points(entries), encoding, end)


def _fields(entries: _Entries) -> tuple[PcdField, ...]:
    names = entries.values("FIELDS")
    kept = [name for name in names if name != PADDING]
    if not kept or len(set(kept)) < len(kept):
        raise ValueError("name the fields, each once")

    def column(keyword: str, default: str) -> list[str]:
        words = entries.values(keyword, [default] * len(names))
        if len(words) != len(names):
            raise ValueError(f"{len(names)} fields need {len(names)} values here")
        return words

    counts = [_whole(word) for word in column("COUNT", "1")]
    if min(counts) < 1:
        raise ValueError("a field has one value or more")
    sizes = [_whole(word) for word in column("SIZE", "4")]
    if sum(count * size for count, size in zip(counts, sizes, strict=True)) > _MAX_ROW_BYTES:
        raise ValueError(f"a point has at most {_MAX_ROW_BYTES:,} bytes")
    fields = []
    for name, count, size, kind in zip(names, counts, sizes, column("TYPE", "F"), strict=True):
        if (kind, size) not in _TYPES:
            raise ValueError(f"there is no type {kind} of {size} bytes")
        fields.append(PcdField(name, np.dtype(_TYPES[kind, size]), count))
    return tuple(fields)


def _points(entries: _Entries) -> int:
    height = _whole(entries.first("HEIGHT", "1"))
    width = _whole(entries.first("WIDTH", None if "POINTS" not in entries.words else entries.first("POINTS")))
    points = _whole(entries.first("POINTS", str(width * height)))
    if width * height != points:
        raise ValueError(f"WIDTH x HEIGHT is {width * height}")
    return points


def _whole(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 12):
        raise ValueError(f"{word[:40]!r} is no whole number")
    return int(word)


def _not_pcd(content: bytes, path: Path) -> GoldenFormatError:
    return GoldenFormatError(
        "not a PCD file",
        file=path,
        place="line 1",
        expected="# .PCD v0.7 or VERSION 0.7",
        found=repr(content[:16]) if content else "an empty file",
        hint="check the file",
    )


def _senseless(path: Path, number: int, line: str, problem: str) -> GoldenFormatError:
    return GoldenFormatError(
        "PCD header makes no sense",
        file=path,
        place=f"line {number}" if number else "header",
        expected=", ".join(_KEYWORDS),
        found=line or "another header",
        hint=problem,
    )
