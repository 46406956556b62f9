"""From what a pipeline returns to plain prediction arrays. What cannot be resolved is an error, never a guess.

| task | accepted forms |
|---|---|
| classes | name; ID or index; `(label, score)`; `{"label": ..., "score": ...}`; `{name: probability, ...}` |
| boxes | (N, 4) array where there is one class, (N, 5) with score, (N, 6) with score and class; a dict of `boxes`, `scores`, `labels`; a list of `{"box" or "bbox", "score", "label"}`; objects with `xyxy`, or with `boxes.xyxy` |
| semantic | (H, W) whole numbers: IDs or indices, -1 where nothing is predicted; booleans where there is one foreground class |
| points | (N,) whole numbers, as semantic |

Arrays may be nested lists, numpy arrays or torch tensors. A missing score is 1.0.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from pytest_vizart.accuracy.box_forms import read_boxes
from pytest_vizart.accuracy.class_forms import read_class
from pytest_vizart.accuracy.class_numbers import ClassNumbers
from pytest_vizart.accuracy.dense_forms import read_mask, read_point_labels
from pytest_vizart.accuracy.predicted import (
    BoxFormat,
    BoxPredictions,
    ClassPrediction,
    LabelKind,
    PointPrediction,
    Prediction,
    SemanticPrediction,
)
from pytest_vizart.errors import PredictionError, UsageError
from pytest_vizart.records.labels import LabelSpec, Task

__all__ = [
    "BoxFormat",
    "BoxPredictions",
    "ClassPrediction",
    "LabelKind",
    "PointPrediction",
    "Prediction",
    "SemanticPrediction",
    "read_prediction",
]


def read_prediction(
    value: object,
    spec: LabelSpec,
    *,
    box_format: BoxFormat = "xyxy",
    labels: LabelKind | None = None,
    image_size: tuple[int, int] | None = None,
) -> Prediction:
    """Return a model's output as plain arrays.

    Args:
        value: the output, in one of the forms of this module's table.
        spec: what the labels of the stage say: task and classes.
        box_format: how boxes are written; objects with `xyxy` attributes are xyxy whatever it says.
        labels: what a class given as a number is, its ID or its index; needed only where the two differ. Text is
            always a name.
        image_size: (height, width) in pixels that a semantic mask must have.

    Raises:
        PredictionError: form, shape, class or number cannot be compared with the ground truth.
        UsageError: box_format or labels is no such word.
    """
    _require_word(box_format, get_args(BoxFormat), "box_format")
    if labels is not None:
        _require_word(labels, get_args(LabelKind), "labels")
    if value is None:
        raise PredictionError(
            "nothing was predicted",
            place=f"stage {spec.stage}",
            expected=_FORMS[spec.task],
            found="None",
            hint="return an empty list for no objects"
            if spec.task == "boxes"
            else "does the function return its result?",
        )
    numbers = ClassNumbers(spec.classes, labels)
    readers: dict[Task, Callable[[], Prediction]] = {
        "classes": lambda: read_class(value, numbers),
        "boxes": lambda: read_boxes(value, numbers, box_format),
        "semantic": lambda: read_mask(value, numbers, image_size),
        "points": lambda: read_point_labels(value, numbers),
    }
    return readers[spec.task]()


_FORMS: dict[Task, str] = {
    "classes": "a class name or number, with or without a score",
    "boxes": "an (N, 4), (N, 5) or (N, 6) array, a dict of boxes, scores and labels, or a list of dicts",
    "semantic": "an (H, W) array of class numbers",
    "points": "an (N,) array of class numbers",
}


def _require_word(word: str, known: tuple[str, ...], place: str) -> None:
    if word not in known:
        raise UsageError(
            "unknown value", place=place, expected=" or ".join(known), found=word, hint="choose one of these"
        )
