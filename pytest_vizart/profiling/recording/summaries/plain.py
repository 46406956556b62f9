"""Values without parts: nothing, numbers, text, bytes, paths, moments, members of enumerations."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import struct
import uuid
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from pytest_vizart.profiling.recording.summaries.checksum import EXACT_BYTES, digest_bytes
from pytest_vizart.profiling.recording.summaries.walk import Description, Walk, sealed

_SHOWN_CHARACTERS = 60
_INLINE_BYTES = 1_024
_ZERO, _MINUS_ZERO, _NAN = struct.pack("<d", 0.0), struct.pack("<d", -0.0), struct.pack("<d", float("nan"))


def none_token(value: None) -> bytes:
    return b"n"


def bool_token(value: bool) -> bytes:
    return b"b1" if value else b"b0"


def int_token(value: int) -> bytes:
    return b"i" + int.to_bytes(value, (int.bit_length(value) + 8) // 8, "little", signed=True)


def float_token(value: float) -> bytes:
    """-0.0 and 0.0 are one number, and every NaN is the same."""
    packed = struct.pack("<d", value) if value == value else _NAN
    return b"f" + (_ZERO if packed == _MINUS_ZERO else packed)


def text_token(value: str) -> bytes:
    return _bytes_token("s", str.encode(value, "utf-8", "surrogatepass"))


def bytes_token(value: bytes) -> bytes:
    return _bytes_token("y", value)


SCALARS: dict[type, Callable[[Any], bytes]] = {
    type(None): none_token,
    bool: bool_token,
    int: int_token,
    float: float_token,
    str: text_token,
    bytes: bytes_token,
}
"""Exact type -> canonical bytes: the way of the many small parts of containers."""


def describe_none(value: None, walk: Walk) -> Description:
    return Description("none", none_token(value), "None")


def describe_bool(value: bool, walk: Walk) -> Description:
    return Description("number", bool_token(value), str(value), dtype="bool")


def describe_int(value: int, walk: Walk) -> Description:
    number = int.__index__(value)  # an IntEnum's member and other subclasses as the number that they are
    return _number(int_token(number), _as_float(number), "int", _digits(number))


def describe_float(value: float, walk: Walk) -> Description:
    number = float.__pos__(value)  # a subclass as the number that it is
    return _number(float_token(number), number, "float", f"{number:.6g}")


def describe_complex(value: complex, walk: Walk) -> Description:
    number = complex.__pos__(value)
    token = b"c" + float_token(number.real) + float_token(number.imag)
    return Description("number", token, f"complex {number:.6g}", dtype="complex")


def describe_decimal(value: decimal.Decimal, walk: Walk) -> Description:
    """1.0 and 1.00 are one number."""
    digits = max(len(value.as_tuple().digits), 1)
    exact = decimal.Context(prec=digits, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
    text = str(exact.normalize(value)) if value.is_finite() and value else "0" if value.is_finite() else str(value)
    return Description("number", sealed("decimal", text.encode()), f"Decimal {text[:_SHOWN_CHARACTERS]}")


def describe_fraction(value: fractions.Fraction, walk: Walk) -> Description:
    return Description(
        "number", sealed("fraction", int_token(value.numerator), int_token(value.denominator)), "Fraction"
    )


def describe_text(value: str, walk: Walk) -> Description:
    token, start = text_token(value), str.__getitem__(value, slice(_SHOWN_CHARACTERS))
    shown = "".join(character if character.isprintable() else " " for character in start)
    length = str.__len__(value)
    dots = "..." if length > len(start) else ""
    size = len(str.encode(value, "utf-8", "surrogatepass"))
    return Description("text", token, f'{length:,} characters: "{shown}{dots}"', size_bytes=size)


def describe_bytes(value: bytes | bytearray, walk: Walk) -> Description:
    """A bytearray is equal to the bytes that it holds."""
    size = len(memoryview(value))
    return Description("bytes", _bytes_token("y", value), f"{size:,} bytes", size_bytes=size)


def describe_path(value: PurePath, walk: Walk) -> Description:
    path = value.as_posix()
    return Description("path", sealed("path", path.encode("utf-8", "surrogatepass")), path[-_SHOWN_CHARACTERS:])


def describe_enum(value: enum.Enum, walk: Walk) -> Description:
    name = f"{type(value).__name__}.{value._name_}"
    return Description("enum", sealed("enum", name.encode()), name[:_SHOWN_CHARACTERS])


def describe_moment(value: datetime.datetime, walk: Walk) -> Description:
    """Moments with a time zone are equal where they are the same moment."""
    known = value.utcoffset() is not None
    text = (value.astimezone(datetime.UTC) if known else value).isoformat()
    return Description("time", sealed("moment", text.encode()), text)


def describe_time(value: datetime.time, walk: Walk) -> Description:
    """Times of day with a time zone are equal where they are as far from midnight UTC, which Python does not wrap."""
    offset = value.utcoffset()
    if offset is None:
        return describe_date(value, walk)
    clock = datetime.timedelta(0, value.second, value.microsecond, minutes=value.minute, hours=value.hour)
    since = (clock - offset) // datetime.timedelta(microseconds=1)
    return Description("time", sealed("time", int_token(since)), value.isoformat())


def describe_date(value: datetime.date | datetime.time, walk: Walk) -> Description:
    text = value.isoformat()
    return Description("time", sealed("date", text.encode()), text)


def describe_duration(value: datetime.timedelta, walk: Walk) -> Description:
    parts = (int_token(part) for part in (value.days, value.seconds, value.microseconds))
    return Description("time", sealed("duration", *parts), f"{value.total_seconds():.6g} s")


def describe_uuid(value: uuid.UUID, walk: Walk) -> Description:
    return Description("text", sealed("uuid", value.bytes), str(value))


def _number(token: bytes, number: float | None, dtype: str, text: str) -> Description:
    finite = number is not None and abs(number) != float("inf") and number == number
    value = number if finite else None
    return Description(
        "number",
        token,
        text,
        dtype=dtype,
        low=value,
        high=value,
        mean=value,
        invalid=int(not finite and dtype == "float"),
    )


def _digits(number: int) -> str:
    return f"{number:,}" if abs(number) < 10**15 else f"a number of {number.bit_length()} bits"


def _as_float(number: int) -> float | None:
    try:
        return float(number)
    except OverflowError:
        return None


def _bytes_token(tag: str, value: bytes | bytearray | memoryview) -> bytes:
    size = len(value)
    if size <= _INLINE_BYTES:
        return tag.encode() + bytes(value)
    return sealed(tag, bytes(value)) if size <= EXACT_BYTES else sealed(tag + "+", digest_bytes(value))


HANDLERS: dict[type, Any] = {
    type(None): describe_none,
    bool: describe_bool,
    enum.Enum: describe_enum,
    int: describe_int,
    float: describe_float,
    complex: describe_complex,
    decimal.Decimal: describe_decimal,
    fractions.Fraction: describe_fraction,
    str: describe_text,
    bytes: describe_bytes,
    bytearray: describe_bytes,
    PurePath: describe_path,
    datetime.datetime: describe_moment,
    datetime.date: describe_date,
    datetime.time: describe_time,
    datetime.timedelta: describe_duration,
    uuid.UUID: describe_uuid,
}
