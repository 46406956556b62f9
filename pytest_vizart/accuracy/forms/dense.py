"""Forms of semantic masks and point labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array
from pytest_vizart.accuracy.forms.class_numbers import ClassNumbers
from pytest_vizart.accuracy.predicted import PointPrediction, SemanticPrediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import IGNORE

BACKGROUND = "background"


def read_mask(value: Any, context: FormContext) -> SemanticPrediction:
    """Return a mask of class indices; PredictionError for another shape than `image_size`, or unknown classes."""
    array, image_size = as_array(value, "mask"), context.image_size
    if array.ndim != 2 or (image_size is not None and array.shape != tuple(image_size)):
        expected = "(H, W)" if image_size is None else f"{tuple(image_size)}, height and width of the label"
        hint = "resize the mask to the label's size, with nearest neighbour"
        if array.ndim == 3:
            hint = "scores of each class? take the argmax over the class axis; a batch of one? take mask[0]"
        raise PredictionError("wrong shape", place="shape", expected=expected, found=str(array.shape), hint=hint)
    return SemanticPrediction(_indices(array, context.numbers, "mask"))


def read_points(value: Any, context: FormContext) -> PointPrediction:
    """Return a class index for each point; PredictionError for another shape than (N,), or unknown classes."""
    array = as_array(value, "points")
    if array.ndim != 1:
        raise PredictionError(
            "wrong shape",
            place="shape",
            expected="(N,)",
            found=str(array.shape),
            hint="one class for each point; argmax over scores",
        )
    return PointPrediction(_indices(array, context.numbers, "points"))


def _indices(array: NDArray[Any], numbers: ClassNumbers, place: str) -> NDArray[np.int32]:
    if array.dtype.kind == "b":
        return _foreground(array, numbers, place)
    if array.dtype.kind not in "iu" and array.size:
        raise PredictionError(
            "not class numbers",
            place=place,
            expected="whole numbers: IDs or indices of classes",
            found=str(array.dtype),
            hint="scores? threshold them or take the argmax; class numbers? use .astype(int)",
        )
    return numbers.dense(array, place)


def _foreground(array: NDArray[np.bool_], numbers: ClassNumbers, place: str) -> NDArray[np.int32]:
    """True is the one foreground class; False the background, nothing predicted where the class map has none."""
    names = numbers.classes.names
    foreground = [index for index, name in enumerate(names) if name.lower() != BACKGROUND]
    if numbers.classes.ids == (0, 1) and len(foreground) == 2:
        return array.astype(np.int32)  # as a program reads it: False is ID 0, True is ID 1
    if len(foreground) != 1:
        raise PredictionError(
            "true or false, and several classes",
            place=place,
            expected=f"class numbers: there are {len(foreground)} foreground classes",
            found="booleans",
            hint="give a class number for each value",
        )
    background = next((index for index in range(len(names)) if index != foreground[0]), IGNORE)
    return np.where(array, foreground[0], background).astype(np.int32)
