"""Forms of a class prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array, as_floats, shown
from pytest_vizart.accuracy.forms.class_numbers import ClassNumbers
from pytest_vizart.accuracy.predicted import ClassPrediction
from pytest_vizart.errors import PredictionError

_SUM_WITHIN = 0.01
"""How far the sum of probabilities may be from 1: softmax in half precision."""


def read(value: Any, context: FormContext) -> ClassPrediction:
    """Return a class prediction.

    Accepted: a name; a number; (label, score); {"label": ..., "score": ...}; {name: score, ...};
    {"probabilities": [...]} or {"logits": [...]}, a number for each class in the order of the class map. {name: score}
    with every class and numbers from 0 to 1 counts as probabilities too.

    Raises:
        PredictionError: none of these forms, an unknown class, a number that is not finite, or no probabilities.
    """
    numbers = context.numbers
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
                found=shown(value),
                hint="give {name: score, ...}, or the best class: take the argmax",
            )
        return ClassPrediction(numbers.index_of(_scalar(value[0], "label"), "label"), _score(value[1], "score"))
    return ClassPrediction(numbers.index_of(_scalar(value, "label"), "label"))


def _from_mapping(value: Mapping[Any, Any], numbers: ClassNumbers) -> ClassPrediction:
    # A class may be called "label" or "logits": then a number beside it is a probability.
    if not set(value) <= set(numbers.classes.names):
        if "label" in value:
            score = value.get("score")
            index = numbers.index_of(_scalar(value["label"], "label"), "label")
            return ClassPrediction(index, None if score is None else _score(score, "score"))
        for key, reader in (("probabilities", _probabilities), ("logits", _softmax)):
            if key in value:
                return _best_of(reader(_one_for_each(value[key], key, numbers)))
    if not value:
        raise _no_form("an empty mapping")
    scores = {
        numbers.index_of(_scalar(name, "label"), "label"): _score(one, shown(name)) for name, one in value.items()
    }
    if len(scores) == len(numbers.classes) and all(0 <= score <= 1 for score in scores.values()):
        return _best_of(np.array([scores[index] for index in range(len(scores))]))
    # The first class of the class map among the best: no order of the mapping decides.
    best = min(scores, key=lambda index: (-scores[index], index))
    return ClassPrediction(best, scores[best])


def _one_for_each(value: Any, key: str, numbers: ClassNumbers) -> NDArray[np.float64]:
    values = as_floats(value, key)
    classes = len(numbers.classes)
    if values.size != classes or max(values.shape, default=1) != classes:
        raise PredictionError(
            "wrong shape",
            place=key,
            expected=f"({classes},), one for each class in the order of the class map",
            found=str(values.shape),
            hint="a batch? give one sample after the other; other classes? give {name: probability}",
        )
    return values.reshape(-1)


def _probabilities(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = float(values.sum())
    if values.min() < 0 or values.max() > 1 or abs(total - 1) > _SUM_WITHIN:
        raise PredictionError(
            "not probabilities",
            place="probabilities",
            expected="numbers from 0 to 1 whose sum is 1",
            found=f"{values.min():g} to {values.max():g}, sum {total:g}",
            hint='before softmax? give {"logits": ...}; one score for each class on its own? give {name: score}',
        )
    return values


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares


def _best_of(probabilities: NDArray[np.float64]) -> ClassPrediction:
    best = int(np.argmax(probabilities))  # the first of equal ones
    return ClassPrediction(best, float(probabilities[best]), probabilities)


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
        expected='a name, a number, (label, score), {"label": ..., "score": ...}, {name: probability, ...}, '
        '{"probabilities": [...]} or {"logits": [...]}',
        found=found,
        hint='take the argmax of the scores, or give {"probabilities": scores} or {"logits": scores}',
    )
