"""Numbers of parsed JSON rows as arrays, strictly: nothing is taken for a number that is none."""

from __future__ import annotations

from array import array
from itertools import chain
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

NOT_PLAIN = (KeyError, TypeError, ValueError, OverflowError, AttributeError)
"""What reading rows by columns raises where one of them is not as it should be."""


def column(code: Literal["d", "q"], values: list[Any]) -> NDArray[Any]:
    """Return numbers as float64 ("d") or, whole ones, as int64 ("q"); one of NOT_PLAIN where others are among them."""
    numbers = np.frombuffer(array(code, values), dtype=np.float64 if code == "d" else np.int64)
    # Of what is no number an array takes true and false only, as 1 and 0.
    if ((numbers == 0) | (numbers == 1)).any() and bool in set(map(type, values)):
        raise TypeError
    return numbers


def lists(values: list[Any], width: int) -> NDArray[np.float64]:
    """Return (n, width) out of n lists of so many numbers; one of NOT_PLAIN where others are among them."""
    if not values:
        return np.empty((0, width))
    if set(map(len, values)) != {width} or set(map(type, values)) != {list}:
        raise ValueError
    return column("d", list(chain.from_iterable(values))).reshape(-1, width)
