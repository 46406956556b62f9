"""From what a pipeline returns to plain prediction arrays. What cannot be resolved is an error, never a guess.

The table of accepted forms is in docs/predictions.md. Arrays may be nested lists, numpy arrays or torch tensors. A
missing score is 1.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import get_args

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.class_numbers import ClassNumbers
from pytest_vizart.accuracy.predicted import BoxFormat, LabelKind, Prediction
from pytest_vizart.errors import PredictionError, UsageError, VizartError
from pytest_vizart.records.labels import LabelSpec, Task


@dataclass(frozen=True, slots=True)
class _Form:
    target: str  # "module:function" below accuracy/forms
    accepted: str  # what messages say
    empty: str = "does the function return its result?"  # what to return instead of None


_LIST = "return an empty list for no objects"

_FORMS: dict[Task, _Form] = {
    "classes": _Form(
        "classes:read", "a class name or number, with or without a score, or a probability for each class"
    ),
    "boxes": _Form(
        "boxes:read", "an (N, 4), (N, 5) or (N, 6) array, a dict of boxes, scores and labels, or a list of dicts", _LIST
    ),
    "oriented_boxes": _Form(
        "oriented_boxes:read", "(N, 5) to (N, 7) or (N, 8) arrays, a dict or a list of dicts", _LIST
    ),
    "instances": _Form("instances:read", "a dict of masks, scores and labels, or a list of dicts", _LIST),
    "keypoints": _Form("keypoints:read", "(N, K, 3) arrays, a dict of keypoints and scores, or a list of dicts", _LIST),
    "semantic": _Form("dense:read_mask", "an (H, W) array of class numbers"),
    "panoptic": _Form("panoptic:read", "an (H, W) array of segment IDs and the class of each ID"),
    "points": _Form("dense:read_points", "an (N,) array of class numbers"),
    "boxes_3d": _Form("boxes_3d:read", "(N, 7) to (N, 9) arrays, a dict of boxes, scores and labels, or dicts", _LIST),
    "cloud": _Form("cloud:read", "an (N, 3) array of coordinates in metres"),
    "image": _Form("image:read", "an (H, W) or (H, W, C) array"),
    "text": _Form("text:read", "text"),
    "array": _Form("values:read", "a number, an array, or a dict of them"),
}


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
        image_size: (height, width) in pixels that masks must have.

    Raises:
        PredictionError: form, shape, class or number cannot be compared with the ground truth.
        UsageError: box_format or labels is no such word.
    """
    _require_word(box_format, get_args(BoxFormat), "box_format")
    if labels is not None:
        _require_word(labels, get_args(LabelKind), "labels")
    form = _FORMS[spec.task]
    if value is None:
        raise PredictionError(
            "nothing was predicted",
            place=f"stage {spec.stage}",
            expected=form.accepted,
            found="None",
            hint=form.empty,
        )
    module, _, name = form.target.partition(":")
    read = getattr(import_module(f"pytest_vizart.accuracy.forms.{module}"), name)
    context = FormContext(spec, ClassNumbers(spec.classes, labels), box_format, image_size)
    try:
        prediction: Prediction = read(value, context)
    except VizartError:
        raise
    except Exception as error:  # an object of any library raises what it likes when it is asked for its attributes
        raise PredictionError(
            "the prediction cannot be read",
            place=f"stage {spec.stage}",
            expected=form.accepted,
            found=f"{type(value).__name__}, which raised {type(error).__name__}",
            hint="hand over plain arrays, or lists and dicts of them",
        ) from error
    return prediction


def _require_word(word: str, known: tuple[str, ...], place: str) -> None:
    if word not in known:
        raise UsageError(
            "unknown value", place=place, expected=" or ".join(known), found=word, hint="choose one of these"
        )
