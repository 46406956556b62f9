"""Bytes and text as they are, plain data as JSON."""

from __future__ import annotations

import dataclasses
import json
from functools import singledispatch
from pathlib import PurePath
from typing import Any

import orjson

from pytest_vizart.audit.artifacts.registry import CannotWriteError, Encoded, Wish, encode

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


def encode_bytes(value: Any, wish: Wish) -> Encoded:
    return Encoded(wish.suffix or ".bin", lambda file: file.write(value), memoryview(value).nbytes)


def encode_text(value: str, wish: Wish) -> Encoded:
    content = value.encode("utf-8", "backslashreplace")
    return Encoded(wish.suffix or ".txt", lambda file: file.write(content), len(content))


def encode_other(value: Any, wish: Wish) -> Encoded:
    """Write a dataclass by its fields, what says that it is an array as one, and else plain data."""
    if dataclasses.is_dataclass(value):
        return encode({field.name: getattr(value, field.name) for field in dataclasses.fields(value)}, wish)
    if hasattr(type(value), "__array__"):
        import numpy as np

        return encode(np.asarray(value), wish)
    return encode_json(value)


def encode_scalar(value: Any, wish: Wish) -> Encoded:
    return encode_json(value)


def encode_json(value: Any) -> Encoded:
    """Write plain data. JSON has no NaN and no infinity: they become null.

    Raises:
        CannotWriteError: something in it is no plain data.
    """
    try:
        content = orjson.dumps(value, default=_as_plain, option=_OPTIONS)
    except TypeError as first:  # also half a surrogate pair, and whole numbers above 64 bits
        try:
            content = json.dumps(value, default=_as_plain, allow_nan=False).encode("ascii")
        except (TypeError, ValueError, RecursionError):
            raise CannotWriteError(str(first.__cause__ or first)) from first
    return Encoded(".json", lambda file: file.write(content), len(content))


@singledispatch
def _as_plain(value: Any) -> Any:
    if hasattr(type(value), "tolist"):  # arrays that the encoder does not know, scalars, tensors
        return value.tolist()
    if hasattr(type(value), "model_dump"):
        return value.model_dump()
    raise TypeError(f"{type(value).__name__} is no plain data")


_as_plain.register(set, list)
_as_plain.register(frozenset, list)
_as_plain.register(range, list)
_as_plain.register(PurePath, str)


@_as_plain.register
def _(value: bytes) -> str:
    return value.decode("latin-1")  # every byte has its own character


@_as_plain.register
def _(value: tuple) -> Any:  # type: ignore[type-arg]  # a named one: the others are known to the encoder
    return dict(zip(value._fields, value, strict=True)) if hasattr(value, "_fields") else list(value)
