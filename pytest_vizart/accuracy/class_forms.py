"""Forms of a class prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_vizart.accuracy.arrays import as_array, as_floats
from pytest_vizart.accuracy.class_numbers import ClassNumbers
from pytest_vizart.accuracy.predicted import ClassPrediction
from pytest_vizart.errors import PredictionError


def read_class(value: Any, numbers: ClassNumbers) -> ClassPrediction:
    """Return a class prediction; PredictionError if the value has none of the accepted forms."""
    if isinstance(value, str):
        return ClassPrediction(numbers.index_of(value, "label"))
    if isinstance(value, Mapping):
        return _from_mapping(value, numbers)
    if isinstance(value, Sequence):
        if len(value) != 2:
            raise _no_form(f"{type(value).__name__} of {len(value)}")
        if isinstance(value[0], float):
            raise PredictionError(
                "a list of scores is no class",
                place="label",
                expected="(label, score), the label a name or a whole number",
                found=repr(value)[:80],
                hint="give {name: score, ...}, or the best class: take the argmax",
            )
        return ClassPrediction(numbers.index_of(_scalar(value[0], "label"), "label"), _score(value[1], "score"))
    return ClassPrediction(numbers.index_of(_scalar(value, "label"), "label"))


def _from_mapping(value: Mapping[Any, Any], numbers: ClassNumbers) -> ClassPrediction:
    # A class may be called "label": then a number beside it is a probability.
    if "label" in value and not (set(value) <= set(numbers.classes.names)):
        score = value.get("score")
        index = numbers.index_of(_scalar(value["label"], "label"), "label")
        return ClassPrediction(index, None if score is None else _score(score, "score"))
    if not value:
        raise _no_form("an empty mapping")
    scores = {
        numbers.index_of(_scalar(name, "label"), "label"): _score(one, repr(name)[:80]) for name, one in value.items()
    }
    # The first class of the class map among the best: no order of the mapping decides.
    best = min(scores, key=lambda index: (-scores[index], index))
    return ClassPrediction(best, scores[best])


def _scalar(value: Any, place: str) -> Any:
    if isinstance(value, str):
        return value
    array = as_array(value, place)
    if array.size != 1:
        raise _no_form(f"an array of shape {array.shape}")
    return str(array.item()) if array.dtype.kind in "US" else array.reshape(-1)[0]


def _score(value: Any, place: str) -> float:
    scores = as_floats(value, place)
    if scores.size != 1:
        raise PredictionError(
            "not one score", place=place, expected="a number", found=f"shape {scores.shape}", hint="take the maximum"
        )
    return float(scores.reshape(-1)[0])


def _no_form(found: str) -> PredictionError:
    return PredictionError(
        "not a class prediction",
        place="form",
        expected='a name, a number, (label, score), {"label": ..., "score": ...} or {name: probability, ...}',
        found=found,
        hint="take the argmax of the scores, or build {name: probability}",
    )
