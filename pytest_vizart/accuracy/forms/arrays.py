"""Nested lists, numpy arrays and tensors to numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import PredictionError


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
