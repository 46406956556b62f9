"""From what is told to the bytes of one line, whatever it is that is told."""

from __future__ import annotations

import traceback
from datetime import datetime
from functools import singledispatch
from typing import Any

import orjson

from pytest_vizart.records.text import escaped

# orjson's own way with times that have a zone ends the process where the stack has no room for one more call.
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME
_LONG_LINE = 64_000
_LONGEST_LINE = 1_000_000
_LONGEST_TEXT = 16_000
_MOST_ITEMS = 1_000
_DEEPEST = 8
_LONGEST_ERROR = 2_000


def encoded(fields: dict[str, Any]) -> bytes:
    """Return one line of JSON; texts and lists that are very long lose their middle. It raises nothing."""
    try:
        line = orjson.dumps(fields, default=_told, option=_OPTIONS)
    except (TypeError, RecursionError):  # half a surrogate pair, keys that are no texts, an object that tells nothing
        line = orjson.dumps(_plain_dict(fields, 0), option=_OPTIONS)
    if len(line) <= _LONG_LINE:
        return line
    line = orjson.dumps(_plain_dict(fields, 0), option=_OPTIONS)
    if len(line) <= _LONGEST_LINE:
        return line
    short = {name: shortened(str(value), 200) for name, value in _plain_dict(fields, 0).items() if name != "success"}
    return orjson.dumps(short | ({"success": fields["success"]} if "success" in fields else {}), option=_OPTIONS)


def _told(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def failure_fields(error: BaseException) -> dict[str, str]:
    """Return an exception as the fields of a line: its type and message, and where it came from."""
    return {"error": error_text(error), "traceback": shortened(_traceback(error), _LONGEST_TEXT)}


def error_text(error: BaseException) -> str:
    """`ValueError: what it says`, of 2,000 characters at most."""
    return shortened(f"{type(error).__name__}: {_shown(error)}", _LONGEST_ERROR)


def shortened(text: str, most: int) -> str:
    """The text without its middle where it is too long: of a traceback the end tells most, of a message the start."""
    if len(text) <= most:
        return text
    half = (most - 30) // 2
    return f"{text[:half]} ... {len(text) - 2 * half:,} characters left out ... {text[-half:]}"


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception as problem:  # noqa: BLE001 - exceptions of others can do anything when they are looked at
        return f"(no traceback: {type(problem).__name__})"


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception as problem:  # noqa: BLE001 - likewise
        return f"({type(value).__name__} that cannot be shown: {type(problem).__name__})"


@singledispatch
def _plain(value: object, depth: int) -> Any:
    """The value as JSON can hold it."""
    return shortened(escaped(_shown(value)), _LONGEST_TEXT)


@_plain.register
def _plain_text(value: str, depth: int) -> str:
    return shortened(escaped(value), _LONGEST_TEXT)


@_plain.register(float)
@_plain.register(type(None))
def _plain_as_it_is(value: object, depth: int) -> Any:
    return value


@_plain.register
def _plain_moment(value: datetime, depth: int) -> str:
    return value.isoformat()


@_plain.register
def _plain_integer(value: int, depth: int) -> Any:
    return value if -(2**63) <= value < 2**63 else shortened(hex(value), _LONGEST_TEXT)


@_plain.register
def _plain_dict(value: dict, depth: int) -> Any:  # type: ignore[type-arg]
    if depth > _DEEPEST:
        return "..."
    items = list(value.items())[:_MOST_ITEMS]
    return {shortened(escaped(_shown(key)), 200): _plain(item, depth + 1) for key, item in items}


@_plain.register(list)
@_plain.register(tuple)
@_plain.register(set)
@_plain.register(frozenset)
def _plain_list(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return "..."
    kept = [_plain(item, depth + 1) for item in list(value)[:_MOST_ITEMS]]
    return kept + [f"and {len(value) - _MOST_ITEMS:,} more"] if len(value) > _MOST_ITEMS else kept
