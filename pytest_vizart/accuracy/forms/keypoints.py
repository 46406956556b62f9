"""Forms of keypoint predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array, as_floats
from pytest_vizart.accuracy.forms.boxes import with_given_boxes
from pytest_vizart.accuracy.forms.objects import (
    Given,
    first_of,
    from_detections,
    from_mapping,
    from_rows,
    is_rows,
    names_of_result,
    only,
    require_reach,
    scores_and_classes,
)
from pytest_vizart.accuracy.predicted import BoxPredictions, KeypointPredictions
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import MAX_EDGE_PX

_NOUN = "keypoints"


def read(value: Any, context: FormContext) -> KeypointPredictions:
    """Return keypoints of objects in the order given; PredictionError if a number, shape or class is not acceptable.

    Where the model gave no boxes, each is the one around all of the object's keypoints, as in COCO.
    """
    value = _unpacked(value)
    given = next(read for fits, read in _FORMS if fits(value))(value)
    keypoints = _keypoints(as_floats(given.values, _NOUN), len(context.spec.keypoint_names))
    scores, class_index = scores_and_classes(given, len(keypoints), context.numbers, _NOUN)
    objects = BoxPredictions(_around(keypoints), scores, class_index)
    return KeypointPredictions(with_given_boxes(objects, given, context, _NOUN), keypoints)


def _keypoints(array: NDArray[np.float64], names: int) -> NDArray[np.float64]:
    """Return (N, K, 3): x, y, confidence, 1 where there is none."""
    if not array.size:
        return np.empty((0, names, 3))
    if array.ndim != 3 or array.shape[2] not in (2, 3):
        raise PredictionError(
            "wrong shape",
            place="shape",
            expected="(N, K, 2) x and y of K keypoints of N objects, or (N, K, 3) with confidences",
            found=str(array.shape),
            hint="put a single object into a list" if array.ndim == 2 else "x and y stand in the last axis",
        )
    if names and array.shape[1] != names:
        raise PredictionError(
            "wrong number of keypoints",
            place="shape",
            expected=f"{names}, as the labels name them",
            found=f"{array.shape[1]} in {array.shape}",
            hint="another skeleton? choose the keypoints, in the labels' order",
        )
    require_reach(array[:, :, :2], MAX_EDGE_PX, _NOUN, "pixels")
    if array.shape[2] == 3:
        return array
    return np.concatenate([array, np.ones((*array.shape[:2], 1))], axis=2)


def _around(keypoints: NDArray[np.float64]) -> NDArray[np.float64]:
    if not len(keypoints):
        return np.empty((0, 4))
    xy = keypoints[:, :, :2]
    return np.concatenate([xy.min(axis=1), xy.max(axis=1)], axis=1)


def _unpacked(value: Any) -> Any:
    """[{"keypoints": (N, K, 3), ...}] is what torchvision returns for one image; a row's keypoints have two axes."""
    if is_rows(value) and len(value) == 1 and "keypoints" in value[0]:
        return value[0] if as_array(value[0]["keypoints"], _NOUN).ndim == 3 else value
    return only(value, ("boxes",))


def _from_rows(rows: Any) -> Given:
    """One dict for each object; COCO's results have their keypoints flat, x, y, confidence of each."""
    given = from_rows(rows, ("keypoints",), _NOUN)
    points = [as_array(one, f"{_NOUN}[{number}]") for number, one in enumerate(given.values)]
    return replace(given, values=[one.reshape(-1, 3) if one.ndim == 1 and one.size % 3 == 0 else one for one in points])


def _from_result(value: Any) -> Given:
    """An ultralytics result: `keypoints` beside `boxes`, in the pixels of the image."""
    points, boxes = value.keypoints, value.boxes
    return from_detections(boxes, points.data, first_of(boxes, "xyxy"), names_of_result(value, boxes))


def _from_supervision(value: Any) -> Given:
    """supervision.KeyPoints: `confidence` is of each keypoint, `detection_confidence` of the object."""
    xy = as_array(value.xy, _NOUN)
    given = first_of(value, "confidence", "keypoint_confidence")
    confidence = np.empty(0) if given is None else as_floats(given, "confidence")
    if xy.ndim == 3 and confidence.shape == xy.shape[:2]:
        xy = np.concatenate([xy, confidence[:, :, None]], axis=2)
    return replace(from_detections(value, xy), scores=first_of(value, "detection_confidence"))


def _is_result(value: Any) -> bool:
    return hasattr(getattr(value, "keypoints", None), "data") and hasattr(value, "boxes")


_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Given]], ...] = (
    (lambda value: isinstance(value, Mapping), lambda value: from_mapping(value, ("keypoints",))),
    (is_rows, _from_rows),
    (_is_result, _from_result),
    (lambda value: hasattr(value, "xy"), _from_supervision),
    (lambda value: True, lambda value: Given(as_array(value, _NOUN))),
)
