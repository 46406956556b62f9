"""Forms of predicted numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array, shown
from pytest_vizart.accuracy.predicted import ArrayPrediction
from pytest_vizart.errors import PredictionError


def read(value: Any, context: FormContext) -> ArrayPrediction:
    """Return arrays by name; a number or array without a name has the name "".

    Accepted: a number, true or false, text, an array or nested list of them, a tensor, or a mapping from names to any
    of these. NaN and infinity are values like others.

    Raises:
        PredictionError: rows of different lengths, objects, or a name that is no text.
    """
    if not isinstance(value, Mapping):
        return ArrayPrediction({"": as_array(value, "array").copy()})
    for name in value:
        if not isinstance(name, str):
            raise PredictionError(
                "name is no text",
                place="array",
                expected="names as text",
                found=shown(name),
                hint="use str(name) as the key",
            )
    return ArrayPrediction({str(name): as_array(one, shown(name)).copy() for name, one in value.items()})
