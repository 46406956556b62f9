"""Means of figures that may not be defined."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def mean_of_known(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are not None; None without any."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
