"""Forms of cuboid predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array, as_floats
from pytest_vizart.accuracy.forms.objects import (
    Given,
    from_mapping,
    from_rows,
    is_rows,
    only,
    require_radians,
    require_reach,
    require_sizes,
    scores_and_classes,
    split_columns,
)
from pytest_vizart.accuracy.geometry.rotated_iou import full_turn
from pytest_vizart.accuracy.predicted import Box3DPredictions
from pytest_vizart.errors import PredictionError

MAX_REACH_M = 1e7
"""Map coordinates reach so far; beyond it centimetres lose their meaning."""
_NOUN = "boxes"


def read(value: Any, context: FormContext) -> Box3DPredictions:
    """Return cuboids in the order given; PredictionError if a number, shape or class is not acceptable.

    The yaw is brought into [-pi, pi).
    """
    value = only(value, ("boxes",))
    given = next(read for fits, read in _FORMS if fits(value))(value)
    boxes = _cuboids(as_floats(given.values, _NOUN))
    scores, class_index = scores_and_classes(given, len(boxes), context.numbers, _NOUN)
    return Box3DPredictions(boxes, scores, class_index)


def _cuboids(array: NDArray[np.float64]) -> NDArray[np.float64]:
    if not array.size:
        return np.empty((0, 7))
    if array.ndim != 2 or array.shape[1] != 7:
        raise _wrong_shape(array)
    require_reach(array[:, :6], MAX_REACH_M, _NOUN, "metres")
    require_sizes(array[:, 3:6], _NOUN, "length, width and height from 0")
    require_radians(array[:, 6], _NOUN)
    return np.concatenate([array[:, :6], full_turn(array[:, 6])[:, None]], axis=1)


def _from_array(value: Any) -> Given:
    array = as_array(value, _NOUN)
    if not array.size:
        return Given(np.empty((0, 7)))
    if array.ndim != 2 or array.shape[1] not in (7, 8, 9):
        raise _wrong_shape(array)
    return split_columns(as_floats(array, _NOUN), 7)


def _wrong_shape(array: NDArray[Any]) -> PredictionError:
    return PredictionError(
        "wrong shape",
        place="shape",
        expected="(N, 7) centre x, y, z, length, width, height, yaw; a score and a class may follow",
        found=str(array.shape),
        hint="put a single box into a list" if array.ndim == 1 else "one row for each box, velocities left out",
    )


# The first that fits reads.
_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Given]], ...] = (
    (lambda value: isinstance(value, Mapping), lambda value: from_mapping(value, ("boxes",))),
    (is_rows, lambda value: from_rows(value, ("box", "bbox"), _NOUN)),
    (lambda value: True, _from_array),
)
