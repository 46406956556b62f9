"""A long JSON list of objects, parsed piece by piece: the parsed rows of one piece fit into the processor's cache."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.json_text import not_json

PIECE_BYTES = 1 << 16

_BETWEEN_ROWS = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*\{")
_SPACE = b" \t\r\n"
_OPENING = re.compile(rb"[ \t\r\n]*\[")
_CLOSING = re.compile(rb"[ \t\r\n]*\]")


def list_pieces(content: bytes, path: Path, *, hint: str, piece_bytes: int = PIECE_BYTES) -> Iterator[list[Any]]:
    """Yield the elements of a JSON list, some hundred at once.

    Args:
        hint: what to do where the file holds something else than a list.

    Raises:
        GoldenFormatError: no JSON, or no list.
    """
    start, end = _inside(content, path, hint)
    while start < end:
        size = piece_bytes
        while True:
            cut = _BETWEEN_ROWS.search(content, min(start + size, end), end)
            stop = cut.start() + 1 if cut else end
            try:
                rows = orjson.loads(b"".join((b"[", memoryview(content)[start:stop], b"]")))
                break
            except json.JSONDecodeError as error:
                # Cut in the middle of a row, that looked like its end: a longer piece is whole. An error of the file's
                # own stays where it is.
                if stop == end:
                    raise _no_json(content, start, error, path) from error
                size *= 4
        yield rows
        start = cut.end() - 1 if cut else end


def _inside(content: bytes, path: Path, hint: str) -> tuple[int, int]:
    """Return where the elements of the list begin and end."""
    opening, end = _OPENING.match(content), content.rfind(b"]")
    if opening is None or end < opening.end() or content[end + 1 :].strip(_SPACE):
        raise _no_list(content, path, hint)
    closing = _CLOSING.match(content, opening.end())
    return (end, end) if closing and closing.end() == end + 1 else (opening.end(), end)


def _no_list(content: bytes, path: Path, hint: str) -> GoldenFormatError:
    try:
        value = orjson.loads(content)
    except json.JSONDecodeError as error:
        return _no_json(content, 0, error, path)
    return GoldenFormatError("not a list", file=path, expected="a JSON list", found=shown(value), hint=hint)


def _no_json(content: bytes, start: int, error: json.JSONDecodeError, path: Path) -> GoldenFormatError:
    """start: where the text that was parsed begins in the file, after a bracket of our own; 0 for the whole file."""
    line, column = error.lineno + content.count(b"\n", 0, start), error.colno
    if start and error.lineno == 1:
        column += start - content.rfind(b"\n", 0, start) - 2
    return not_json(path, f"line {line}, column {column}", error.msg)
