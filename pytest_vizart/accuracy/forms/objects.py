"""What forms of all tasks with objects share: one value, one score and one class for each object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms.arrays import as_array, as_floats
from pytest_vizart.accuracy.forms.class_numbers import ClassNumbers
from pytest_vizart.accuracy.predicted import BoxFormat
from pytest_vizart.errors import PredictionError

BOX_KEYS = ("box", "bbox")
_OF_COCO = ("category_id", "bbox")  # class and box in COCO's results


@dataclass(frozen=True, slots=True)
class Given:
    """Objects as given, None for what the form does not have.

    values: what the task is about, a list or an array with one entry for each object. boxes: boxes beside them.
    box_format: of upright boxes, be they values or beside them, where the form itself says it. names: the model's own
    names of the same labels. are_ids: labels are class IDs whatever the caller says ("category_id" of COCO's results).
    """

    values: Any
    scores: Any = None
    labels: Any = None
    boxes: Any = None
    box_format: BoxFormat | None = None
    names: Sequence[str] | None = None
    are_ids: bool = False


def is_rows(value: Any) -> bool:
    """Tell a list of dicts, one for each object."""
    return isinstance(value, Sequence) and len(value) > 0 and all(isinstance(row, Mapping) for row in value)


def only(value: Any, has: tuple[str, ...]) -> Any:
    """Return the one result in a list of one, if it is what a model returns for an image, or the value itself."""
    if isinstance(value, Sequence) and len(value) == 1:
        held = value[0]
        if any((name in held) if isinstance(held, Mapping) else hasattr(held, name) for name in has):
            return held
    return value


def first_of(value: Any, *names: str) -> Any:
    """Return the first attribute that is there and not None, or None."""
    return next((found for name in names if (found := getattr(value, name, None)) is not None), None)


def from_mapping(value: Mapping[str, Any], keys: tuple[str, ...]) -> Given:
    """Read a dict of columns; the objects stand under the first of `keys` that it has."""
    key = next((key for key in keys if key in value), None)
    if key is None:
        raise PredictionError(
            f"no {keys[0]} in it",
            place=keys[0],
            expected=f"keys {keys[0]}, scores, labels",
            found=str([str(name) for name in list(value)[:10]]),
            hint=f'rename the key to "{keys[0]}"',
        )
    return Given(value[key], value.get("scores"), value.get("labels"), value.get("boxes") if key != "boxes" else None)


def from_rows(rows: Sequence[Mapping[str, Any]], keys: tuple[str, ...], noun: str) -> Given:
    """Read one dict for each object: its value under one of `keys`, its score, its class, its box.

    Those with `category_id` are COCO's results: that is an ID, and a `bbox` is x, y, width, height, whatever stands
    beside them.
    """
    key = next((key for key in keys if key in rows[0]), None)
    lacking = next((position for position, row in enumerate(rows) if key not in row), None)
    if key is None or lacking is not None:
        raise PredictionError(
            f"no {keys[0]} in it",
            place=f"{noun}[{lacking or 0}]",
            expected=" or ".join(f'"{key}"' for key in keys) + (", the same in each" if len(keys) > 1 else ""),
            found=str([str(name) for name in list(rows[lacking or 0])[:10]]),
            hint="add it",
        )
    of_coco = any(row.get(_OF_COCO[0]) is not None for row in rows)
    box = key if key in BOX_KEYS else next((name for name in BOX_KEYS if name in rows[0]), None)
    return Given(
        [row[key] for row in rows],
        [1.0 if row.get("score") is None else row["score"] for row in rows],
        _column(rows, _OF_COCO[0] if of_coco else "label", noun),
        None if box in (None, key) else _column(rows, box, noun),
        box_format="xywh" if of_coco and box == _OF_COCO[1] else None,
        are_ids=of_coco,
    )


def from_detections(value: Any, values: Any, boxes: Any = None, names: Sequence[str] | None = None) -> Given:
    """Read an object with columns such as supervision's (`confidence`, `class_id`) or ultralytics' (`conf`, `cls`)."""
    data = getattr(value, "data", None)  # of ultralytics' objects a tensor
    if names is None and isinstance(data, Mapping) and data.get("class_name") is not None:
        names = [str(name) for name in as_array(data["class_name"], "class_name").reshape(-1).tolist()]
    scores, labels = first_of(value, "confidence", "conf"), first_of(value, "class_id", "cls")
    return Given(values, scores, labels, boxes, "xyxy", names)


def names_of_result(result: Any, detections: Any) -> list[str] | None:
    """Return the names of an ultralytics result's classes, which has a dict from the model's numbers to names."""
    names, labels = getattr(result, "names", None), getattr(detections, "cls", None)
    if not isinstance(names, Mapping) or labels is None:
        return None
    return [str(names.get(number, number)) for number in as_array(labels, "labels").reshape(-1).tolist()]


def _column(rows: Sequence[Mapping[str, Any]], key: str, noun: str) -> list[Any] | None:
    there = [row.get(key) is not None for row in rows]
    if any(there) and not all(there):
        raise PredictionError(
            f"object without a {key}",
            place=f"{noun}[{there.index(False)}].{key}",
            expected=f"a {key}, as others have one",
            found="none",
            hint="give it to each object, or to none of them",
        )
    return [row[key] for row in rows] if all(there) else None


def scores_and_classes(
    given: Given, count: int, numbers: ClassNumbers, noun: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return (N,) scores, 1 where there are none, and (N,) class indices.

    Raises:
        PredictionError: not N of them, not finite, unknown classes, or no classes where there are several.
    """
    scores = np.ones(count) if given.scores is None else as_floats(given.scores, "scores").reshape(-1)
    class_index = _class_index(given, count, numbers, noun)
    for name, column in (("scores", scores), ("labels", class_index)):
        if len(column) != count:
            raise PredictionError(
                f"as many {noun} as {name} are needed",
                place=name,
                expected=f"{count}",
                found=f"{len(column)}",
                hint="were they filtered differently?",
            )
    return scores, class_index


def _class_index(given: Given, count: int, numbers: ClassNumbers, noun: str) -> NDArray[np.int64]:
    if not count and (given.labels is None or not as_array(given.labels, "labels").size):
        return np.empty(0, dtype=np.int64)
    if given.labels is not None and given.are_ids:
        return ClassNumbers(numbers.classes, "id").indices_of(given.labels, "labels")
    if given.labels is not None:
        # The model's own names say what its numbers mean where the caller does not.
        by_name = given.names is not None and not numbers.takes_numbers
        return numbers.indices_of(given.names if by_name else given.labels, "labels")
    if len(numbers.classes) > 1:
        raise PredictionError(
            f"{noun} without classes",
            place="labels",
            expected=f"a class for each: there are {len(numbers.classes)}",
            found="none",
            hint=f'give {{"{noun}": ..., "scores": ..., "labels": ...}}',
        )
    return np.zeros(count, dtype=np.int64)


def split_columns(array: NDArray[np.float64], width: int) -> Given:
    """Return the first `width` columns as values, a further one as scores, one more as classes."""
    columns = array.shape[1]
    return Given(
        array[:, :width],
        array[:, width] if columns > width else None,
        array[:, width + 1] if columns > width + 1 else None,
    )


def require_radians(angles: NDArray[np.float64], noun: str) -> None:
    """Raise PredictionError for an angle beyond a full turn: degrees are never guessed."""
    wrong = np.flatnonzero(np.abs(angles) > 2 * np.pi)
    if len(wrong):
        raise PredictionError(
            "angle beyond a full turn",
            place=f"{noun}[{wrong[0]}]",
            expected="radians, -2 pi to 2 pi",
            found=f"{angles[wrong[0]]:g}",
            hint="degrees? use numpy.radians",
        )


def require_sizes(sizes: NDArray[np.float64], noun: str, expected: str) -> None:
    """Raise PredictionError where one of the (N, D) sizes is negative."""
    wrong = np.flatnonzero((sizes < 0).any(axis=1))
    if len(wrong):
        raise PredictionError(
            "box has a negative size",
            place=f"{noun}[{wrong[0]}]",
            expected=expected,
            found=str(sizes[wrong[0]].tolist()),
            hint="is the order of the columns right? see the table of accepted forms in the documentation",
        )


def require_reach(values: NDArray[np.float64], limit: float, noun: str, unit: str) -> None:
    """Raise PredictionError where a coordinate is beyond any meaning."""
    if values.size and not (np.abs(values) <= limit).all():
        raise PredictionError(
            "coordinate is too large",
            place=noun,
            expected=f"within {limit:g} {unit}",
            found=f"{np.abs(values).max():g}",
            hint="check its unit",
        )
