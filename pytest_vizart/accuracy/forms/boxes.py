"""Forms of box predictions, alone or beside other objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array, as_floats
from pytest_vizart.accuracy.forms.objects import (
    BOX_KEYS,
    Given,
    from_detections,
    from_mapping,
    from_rows,
    is_rows,
    names_of_result,
    only,
    require_reach,
    scores_and_classes,
    split_columns,
)
from pytest_vizart.accuracy.predicted import BoxFormat, BoxPredictions
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import MAX_EDGE_PX

_NOUN = "boxes"


def read(value: Any, context: FormContext) -> BoxPredictions:
    """Return box predictions in the order given; PredictionError if a number, shape or class is not acceptable."""
    value = only(value, ("boxes",))
    given = next(read for fits, read in _FORMS if fits(value))(value)
    boxes, extent = _corners(given.values, given.box_format or context.box_format)
    scores, class_index = scores_and_classes(given, len(boxes), context.numbers, _NOUN)
    return BoxPredictions(boxes, scores, class_index, extent)


def with_given_boxes(objects: BoxPredictions, given: Given, context: FormContext, noun: str) -> BoxPredictions:
    """Return the objects with the boxes that stand beside them; as they are where none do.

    Raises:
        PredictionError: not as many boxes as objects, or as for box predictions.
    """
    if given.boxes is None:
        return objects
    boxes, extent = _corners(given.boxes, given.box_format or context.box_format)
    if len(boxes) != len(objects):
        raise PredictionError(
            f"as many {noun} as boxes are needed",
            place=_NOUN,
            expected=f"{len(objects)}",
            found=f"{len(boxes)}",
            hint="were they filtered differently?",
        )
    return replace(objects, boxes=boxes, extent=extent)


def _corners(values: Any, box_format: BoxFormat) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return (N, 4) corners, and (N,) width x height where the format gives them."""
    boxes = as_floats(values, _NOUN)
    if not boxes.size:
        return np.empty((0, 4)), None
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise PredictionError(
            "wrong shape",
            place="shape",
            expected="(N, 4) boxes",
            found=str(boxes.shape),
            hint="one row of four numbers for each box",
        )
    corners = _TO_CORNERS[box_format](boxes)
    wrong = np.flatnonzero((corners[:, 2] < corners[:, 0]) | (corners[:, 3] < corners[:, 1]))
    if len(wrong):
        raise PredictionError(
            "box has a negative size",
            place=f"boxes[{wrong[0]}]",
            expected=_SIDES[box_format],
            found=str(boxes[wrong[0]].tolist()),
            hint="is it another box_format? xyxy, xywh and cxcywh are known",
        )
    require_reach(corners, MAX_EDGE_PX, _NOUN, "pixels")
    return corners, None if box_format == "xyxy" else boxes[:, 2] * boxes[:, 3]


def _xywh(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _cxcywh(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        half = boxes[:, 2:] / 2
        return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


_TO_CORNERS: dict[BoxFormat, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "xyxy": lambda boxes: boxes.copy(),
    "xywh": _xywh,
    "cxcywh": _cxcywh,
}
_SIDES: dict[BoxFormat, str] = {
    "xyxy": "x1 <= x2 and y1 <= y2",
    "xywh": "width and height from 0",
    "cxcywh": "width and height from 0",
}


def _from_rows(rows: Sequence[Mapping[str, Any]]) -> Given:
    given = from_rows(rows, BOX_KEYS, _NOUN)
    boxes = [as_floats(box, f"boxes[{position}]") for position, box in enumerate(given.values)]
    wrong = next((position for position, box in enumerate(boxes) if box.shape != (4,)), None)
    if wrong is not None:
        raise PredictionError(
            "not a box",
            place=f"boxes[{wrong}]",
            expected="four numbers",
            found=f"shape {boxes[wrong].shape}",
            hint="check the row",
        )
    return replace(given, values=boxes)


def _from_detections(value: Any) -> Given:
    """An object such as supervision.Detections (`confidence`, `class_id`) or ultralytics' Boxes (`conf`, `cls`)."""
    return from_detections(value, value.xyxy)


def _from_result(value: Any) -> Given:
    """An ultralytics result with `boxes`."""
    return from_detections(value.boxes, value.boxes.xyxy, names=names_of_result(value, value.boxes))


def _from_array(value: Any) -> Given:
    array = as_array(value, _NOUN)
    if not array.size:
        return Given(np.empty((0, 4)))
    if array.ndim != 2 or array.shape[1] not in (4, 5, 6):
        raise PredictionError(
            "wrong shape",
            place="shape",
            expected="(N, 4) boxes, (N, 5) with scores, or (N, 6) with scores and classes",
            found=str(array.shape),
            hint="put a single box into a list" if array.ndim == 1 else "one row for each box",
        )
    return split_columns(as_floats(array, _NOUN), 4)


# The first that fits reads.
_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Given]], ...] = (
    (lambda value: isinstance(value, Mapping), lambda value: from_mapping(value, ("boxes",))),
    (is_rows, _from_rows),
    (lambda value: hasattr(getattr(value, "boxes", None), "xyxy"), _from_result),
    (lambda value: hasattr(value, "xyxy"), _from_detections),
    (lambda value: True, _from_array),
)
