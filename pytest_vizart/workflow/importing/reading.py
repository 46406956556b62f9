"""JSON of others: bounded in size and depth, and nothing in it is what it should be until it was looked at."""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from pytest_vizart.errors import HistoryError
from pytest_vizart.report.wording import encodable

MAX_BYTES = 200_000_000
_LATEST_S = 7_258_118_400.0  # the year 2200
_MAX_TEXT = 500


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        HistoryError: it cannot be read, is larger than 200 MB, or is no UTF-8.
    """
    try:
        require_regular(path)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise HistoryError(
                "file is too large", file=path, expected=f"at most {MAX_BYTES / 1e6:.0f} MB",
                found=f"{size / 1e6:,.0f} MB", hint="split it",
            )  # fmt: skip
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise HistoryError(f"cannot be read ({error.strerror or error})", file=path) from error
    except UnicodeDecodeError as error:
        raise HistoryError("no text", file=path, expected="UTF-8", found=f"byte {error.start}") from error


def require_regular(path: Path) -> None:
    """Raise HistoryError for a pipe or a device, which would be waited for; OSError if it cannot be looked at."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise HistoryError("no regular file", file=path, expected="a file that was written to its end")


def parse(text: str, path: Path, *, offset: int = 0) -> Any:
    """Return what JSON says; NaN and infinity, which asv writes, are taken.

    Args:
        offset: characters of the file before the text, for messages.

    Raises:
        HistoryError: it is no JSON, or nested too deep.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"character {error.pos + offset}" if offset else f"line {error.lineno}, column {error.colno}"
        raise HistoryError("no JSON", file=path, place=place, expected="JSON", found=error.msg) from error
    except RecursionError as error:
        raise HistoryError("nested too deep", file=path, expected="at most some hundred levels") from error
    except ValueError as error:  # a number of thousands of digits
        raise HistoryError("a number that cannot be read", file=path, found=str(error)) from error


def refuse(path: Path, place: str, expected: str, found: object, hint: str | None = None) -> NoReturn:
    """Raise the error of a file that is not what it says."""
    raise HistoryError("not what it should be", file=path, place=place, expected=expected, found=found, hint=hint)


def told(error: HistoryError) -> str:
    """What is wrong, without file and place, which stand beside it."""
    parts = (error.problem, error.expected and f"expected {error.expected}", error.found and f"found {error.found}")
    return "; ".join(part for part in parts if part)


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one: for what a file may lack."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def items(value: Any) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Position and object of each part of a list; None for a part that is no object."""
    for position, each in enumerate(sequence(value)):
        yield position, each if isinstance(each, dict) else None


def text(value: Any) -> str | None:
    """The value if it is text that says something: one line of at most 500 characters that UTF-8 can hold."""
    if not isinstance(value, str) or not value.strip():
        return None
    return encodable(value)[:_MAX_TEXT]


def number(value: Any) -> float | None:
    """The value if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        as_float = float(value)
    except OverflowError:
        return None
    return as_float if math.isfinite(as_float) else None


def positive(value: Any) -> float | None:
    """The value if it is a finite number above zero."""
    found = number(value)
    return found if found is not None and found > 0 else None


def in_ns(seconds: Any) -> float | None:
    """Nanoseconds of seconds; None for what is no time above zero, or beyond all numbers."""
    found = positive(seconds)
    return None if found is None else positive(found * 1e9)


def whole(value: Any) -> int | None:
    """The value if it is a whole number that a column can hold."""
    found = number(value)
    return int(found) if found is not None and found == int(found) and abs(found) < 2**53 else None


def moment_us(value: Any) -> int | None:
    """Microseconds since 1970 of ISO 8601 text, UTC where it names no zone."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds_us(seconds)


def milliseconds_us(value: Any) -> int | None:
    """Microseconds of milliseconds since 1970."""
    found = number(value)
    return None if found is None else seconds_us(found / 1e3)


def seconds_us(seconds: float) -> int | None:
    """Microseconds of seconds since 1970; None for what no clock said."""
    return round(seconds * 1e6) if 0 < seconds < _LATEST_S else None
