"""JSON text of hostile files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson

from pytest_vizart.errors import GoldenFormatError

_HINT = "NaN and Infinity are not JSON; otherwise check where the file was cut"


def parse_json(content: bytes, path: Path, *, hint: str = _HINT) -> Any:
    """Return the value in a whole file; GoldenFormatError, with line and column, where it is no JSON."""
    try:
        return orjson.loads(content)
    except json.JSONDecodeError as error:
        raise not_json(path, f"line {error.lineno}, column {error.colno}", error.msg, hint=hint) from error


def not_json(path: Path, place: str, reason: str, *, hint: str = _HINT) -> GoldenFormatError:
    """Return the error of a file that is no JSON; reason: the parser's."""
    return GoldenFormatError("not JSON", file=path, place=place, expected="JSON", found=reason, hint=hint)
