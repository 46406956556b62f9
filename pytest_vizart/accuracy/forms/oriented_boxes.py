"""Forms of oriented box predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array, as_floats
from pytest_vizart.accuracy.forms.objects import (
    Given,
    first_of,
    from_detections,
    from_mapping,
    from_rows,
    is_rows,
    names_of_result,
    only,
    require_radians,
    require_reach,
    require_sizes,
    scores_and_classes,
    split_columns,
)
from pytest_vizart.accuracy.geometry.rotated_iou import half_turn, rectangles_around
from pytest_vizart.accuracy.predicted import OrientedBoxPredictions
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import MAX_EDGE_PX

_NOUN = "boxes"
_CORNERS = "xyxyxyxy"


def read(value: Any, context: FormContext) -> OrientedBoxPredictions:
    """Return oriented boxes in the order given; PredictionError if a number, shape or class is not acceptable.

    Angles are brought into [-pi/2, pi/2); corners become the smallest rectangle around them.
    """
    value = only(value, ("boxes", "obb"))
    given = next(read for fits, read in _FORMS if fits(value))(value)
    boxes = _rectangles(as_floats(given.values, _NOUN))
    scores, class_index = scores_and_classes(given, len(boxes), context.numbers, _NOUN)
    return OrientedBoxPredictions(boxes, scores, class_index)


def _rectangles(array: NDArray[np.float64]) -> NDArray[np.float64]:
    if not array.size:
        return np.empty((0, 5))
    if array.ndim == 3 and array.shape[1:] == (4, 2):
        array = array.reshape(-1, 8)
    if array.ndim != 2 or array.shape[1] not in (5, 8):
        raise _wrong_shape(array)
    if array.shape[1] == 8:
        require_reach(array, MAX_EDGE_PX, _NOUN, "pixels")
        return rectangles_around(array.reshape(-1, 4, 2))
    require_reach(array[:, :4], MAX_EDGE_PX, _NOUN, "pixels")
    require_sizes(array[:, 2:4], _NOUN, "width and height from 0")
    require_radians(array[:, 4], _NOUN)
    return np.concatenate([array[:, :4], half_turn(array[:, 4])[:, None]], axis=1)


def _from_array(value: Any) -> Given:
    array = as_array(value, _NOUN)
    if array.ndim == 3 or not array.size:
        return Given(array if array.size else np.empty((0, 5)))
    if array.ndim != 2 or array.shape[1] not in (5, 6, 7, 8, 9, 10):
        raise _wrong_shape(array)
    return split_columns(as_floats(array, _NOUN), 5 if array.shape[1] < 8 else 8)


def _wrong_shape(array: NDArray[Any]) -> PredictionError:
    return PredictionError(
        "wrong shape",
        place="shape",
        expected="(N, 5) centre x, y, width, height, angle, or (N, 8) corners; a score and a class may follow",
        found=str(array.shape),
        hint="put a single box into a list" if array.ndim == 1 else "one row for each box",
    )


def _from_detections(value: Any, names: Sequence[str] | None = None) -> Given:
    """An object such as ultralytics' OBB (`xywhr`, `conf`, `cls`)."""
    return from_detections(value, first_of(value, "xywhr", _CORNERS), names=names)


def _from_result(value: Any) -> Given:
    """An ultralytics result with `obb`."""
    return _from_detections(value.obb, names_of_result(value, value.obb))


def _from_supervision(value: Any) -> Given:
    """supervision.Detections keeps the corners in its `data`."""
    return from_detections(value, value.data[_CORNERS])


def _is_supervision(value: Any) -> bool:
    data = getattr(value, "data", None)
    return isinstance(data, Mapping) and _CORNERS in data


def _is_detections(value: Any) -> bool:
    return first_of(value, "xywhr", _CORNERS) is not None


# The first that fits reads.
_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Given]], ...] = (
    (lambda value: isinstance(value, Mapping), lambda value: from_mapping(value, ("boxes",))),
    (is_rows, lambda value: from_rows(value, ("box", "bbox"), _NOUN)),
    (lambda value: _is_detections(getattr(value, "obb", None)), _from_result),
    (_is_detections, _from_detections),
    (_is_supervision, _from_supervision),
    (lambda value: True, _from_array),
)
