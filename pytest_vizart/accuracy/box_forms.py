"""Forms of box predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.arrays import as_array, as_floats
from pytest_vizart.accuracy.class_numbers import ClassNumbers
from pytest_vizart.accuracy.predicted import BoxFormat, BoxPredictions, no_boxes
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import MAX_EDGE_PX


@dataclass(frozen=True, slots=True)
class _Raw:
    """Boxes as given. Scores and labels are None where the form has none."""

    boxes: Any
    scores: Any = None
    labels: Any = None
    format: BoxFormat | None = None  # where the form itself says it


def read_boxes(value: Any, numbers: ClassNumbers, box_format: BoxFormat) -> BoxPredictions:
    """Return box predictions in the order given; PredictionError if a number, shape or class is not acceptable."""
    raw = next(read for fits, read in _FORMS if fits(value))(value)
    given, form = as_floats(raw.boxes, "boxes"), raw.format or box_format
    boxes = _corners(given, form)
    if not len(boxes):
        return no_boxes()
    extent = None if form == "xyxy" else given[:, 2] * given[:, 3]
    scores = np.ones(len(boxes)) if raw.scores is None else as_floats(raw.scores, "scores").reshape(-1)
    class_index = _class_index(raw.labels, numbers, len(boxes))
    for name, column in (("scores", scores), ("labels", class_index)):
        if len(column) != len(boxes):
            raise PredictionError(
                f"as many boxes as {name} are needed",
                place=name,
                expected=f"{len(boxes)}",
                found=f"{len(column)}",
                hint="were they filtered differently?",
            )
    return BoxPredictions(boxes, scores, class_index, extent)


def _class_index(labels: Any, numbers: ClassNumbers, count: int) -> NDArray[np.int64]:
    if labels is not None:
        return numbers.indices_of(labels, "labels")
    if len(numbers.classes) > 1:
        raise PredictionError(
            "boxes without classes",
            place="labels",
            expected=f"a class for each box: there are {len(numbers.classes)}",
            found="none",
            hint='give {"boxes": ..., "scores": ..., "labels": ...} or an (N, 6) array',
        )
    return np.zeros(count, dtype=np.int64)


def _corners(boxes: NDArray[np.float64], box_format: BoxFormat) -> NDArray[np.float64]:
    if not boxes.size:
        return np.empty((0, 4))
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
            found=str([float(side) for side in boxes[wrong[0]]]),
            hint="is it another box_format? xyxy, xywh and cxcywh are known",
        )
    if not (np.abs(corners) <= MAX_EDGE_PX).all():
        raise PredictionError(
            "box is too large", place="boxes", expected=f"edges within {MAX_EDGE_PX:g} pixels", hint="check its unit"
        )
    return corners


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


def _from_mapping(value: Mapping[str, Any]) -> _Raw:
    if "boxes" not in value:
        raise PredictionError(
            "no boxes in it",
            place="boxes",
            expected="keys boxes, scores, labels",
            found=str([str(key) for key in list(value)[:10]]),
            hint='rename the key to "boxes"',
        )
    return _Raw(value["boxes"], value.get("scores"), value.get("labels"))


def _from_objects(rows: Sequence[Mapping[str, Any]]) -> _Raw:
    boxes: list[Any] = []
    for position, row in enumerate(rows):
        key = "box" if "box" in row else "bbox"
        if key not in row:
            raise PredictionError(
                "no box in it",
                place=f"boxes[{position}]",
                expected='"box" or "bbox"',
                found=str(list(row)[:10]),
                hint="add it",
            )
        box = as_floats(row[key], f"boxes[{position}]")
        if box.shape != (4,):
            raise PredictionError(
                "not a box",
                place=f"boxes[{position}]",
                expected="four numbers",
                found=f"shape {box.shape}",
                hint="check the row",
            )
        boxes.append(box)
    labelled = [row.get("label") is not None for row in rows]
    if any(labelled) and not all(labelled):
        raise PredictionError(
            "box without a class",
            place=f"boxes[{labelled.index(False)}].label",
            expected="a class",
            found="none",
            hint="give each box a label, or none of them where there is one class",
        )
    scores = [1.0 if row.get("score") is None else row["score"] for row in rows]
    return _Raw(boxes, scores, [row["label"] for row in rows] if all(labelled) else None)


def _from_detections(value: Any) -> _Raw:
    """An object such as supervision.Detections (`confidence`, `class_id`) or ultralytics' Boxes (`conf`, `cls`)."""
    scores = value.confidence if hasattr(value, "confidence") else getattr(value, "conf", None)
    labels = value.class_id if hasattr(value, "class_id") else getattr(value, "cls", None)
    return _Raw(value.xyxy, scores, labels, "xyxy")


def _from_array(value: Any) -> _Raw:
    array = as_array(value, "boxes")
    if not array.size:
        return _Raw(np.empty((0, 4)))
    if array.ndim != 2 or array.shape[1] not in (4, 5, 6):
        raise PredictionError(
            "wrong shape",
            place="shape",
            expected="(N, 4) boxes, (N, 5) with scores, or (N, 6) with scores and classes",
            found=str(array.shape),
            hint="put a single box into a list" if array.ndim == 1 else "one row for each box",
        )
    floats = as_floats(array, "boxes")
    columns = floats.shape[1]
    return _Raw(floats[:, :4], floats[:, 4] if columns > 4 else None, floats[:, 5] if columns > 5 else None)


def _is_objects(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) > 0 and all(isinstance(row, Mapping) for row in value)


def _is_results(value: Any) -> bool:
    return hasattr(getattr(value, "boxes", None), "xyxy")


def _is_one_result(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) == 1 and _is_results(value[0])


# The first that fits reads. ultralytics returns a list of one result for one image.
_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any], _Raw]], ...] = (
    (lambda value: isinstance(value, Mapping), _from_mapping),
    (_is_objects, _from_objects),
    (_is_results, lambda value: _from_detections(value.boxes)),
    (_is_one_result, lambda value: _from_detections(value[0].boxes)),
    (lambda value: hasattr(value, "xyxy"), _from_detections),
    (lambda value: True, _from_array),
)
