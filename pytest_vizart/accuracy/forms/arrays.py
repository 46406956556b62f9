"""Nested lists, numpy arrays and tensors to numpy arrays."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from reprlib import Repr
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import PredictionError

_SHOWN = 20
_BRIEF = Repr()
_BRIEF.maxlist = _BRIEF.maxtuple = _BRIEF.maxdict = 8
_BRIEF.maxstring = _BRIEF.maxother = 80

MAX_VALUES = 1_000_000_000
"""More values than any sample has; a broadcast view can claim them without holding them."""


def shown(value: object) -> str:
    """Return a value for a message: the beginning of it, numpy's numbers as plain ones."""
    if isinstance(value, list | tuple):
        value = [_plain(one) for one in value[:_SHOWN]]
    try:
        return _BRIEF.repr(_plain(value))
    except ValueError:  # Python writes no number of more than 4,300 digits
        return f"{type(value).__name__} of too many digits"


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def some(texts: Iterable[str]) -> str:
    """Return the first of many, for a message."""
    found = list(islice(texts, _SHOWN + 1))
    return ", ".join(found[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")


def as_array(value: Any, place: str) -> NDArray[Any]:
    """Return a numpy array of numbers, booleans or text; tensors are detached and brought to the CPU first.

    Raises:
        PredictionError: rows of different lengths, objects, or a tensor that numpy cannot hold.
    """
    try:
        for step in ("detach", "cpu", "numpy"):
            if hasattr(value, step):
                value = getattr(value, step)()
        array = np.asarray(value)
    except Exception as error:  # a tensor type of any library raises what it likes
        raise PredictionError(
            "not an array",
            place=place,
            expected="rows of equal length, all of numbers",
            found=f"{type(value).__name__}: {error}",
            hint="convert it with numpy.asarray before you hand it over",
        ) from error
    if array.size > MAX_VALUES:
        raise PredictionError(
            "array is too large",
            place=place,
            expected=f"at most {MAX_VALUES:,} values",
            found=f"shape {array.shape}",
            hint="is it a view that repeats values? tile what is really so large",
        )
    if array.dtype.kind not in "biufUS":
        raise PredictionError(
            "not an array of numbers",
            place=place,
            expected="numbers",
            found=f"{type(value).__name__} of {array.dtype}",
            hint="see the table of accepted forms in the documentation",
        )
    return array


def as_floats(value: Any, place: str) -> NDArray[np.float64]:
    """Return a float64 array; PredictionError where a value is no finite number."""
    array = as_array(value, place)
    if array.dtype.kind not in "iuf" and array.size:
        raise PredictionError(
            "not numbers", place=place, expected="numbers", found=f"{array.dtype}", hint="convert them"
        )
    floats = array.astype(np.float64) if array.size else np.empty(array.shape)
    finite = np.isfinite(floats)
    if not finite.all():
        where = tuple(int(axis) for axis in np.argwhere(~finite)[0])
        raise PredictionError(
            "not a finite number",
            place=f"{place}[{', '.join(map(str, where))}]",
            expected="finite numbers",
            found=str(floats[where]),
            hint="did the model diverge, or divide by zero?",
        )
    return floats
