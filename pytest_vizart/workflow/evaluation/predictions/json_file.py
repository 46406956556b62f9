"""A whole JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats.json_lines import MAX_BYTES


def read_json(path: Path) -> Any:
    """Return what a file holds; GoldenFormatError if it cannot be read, is too large, or is no JSON."""
    try:
        return orjson.loads(read_bytes(path, limit=MAX_BYTES))
    except orjson.JSONDecodeError as error:
        raise GoldenFormatError(
            "not JSON",
            file=path,
            place=f"line {error.lineno}, column {error.colno}",
            found=error.msg,
            hint="NaN and Infinity are not JSON; otherwise check where the file was cut",
        ) from error
