"""Classes as models write them, names, IDs or indices, to class indices."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms.arrays import as_array, some
from pytest_vizart.accuracy.predicted import LabelKind
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import IGNORE, ClassMap

_TABLE_UP_TO = 1 << 16
_UNKNOWN = -2


class ClassNumbers:
    """Resolves classes against a class map. Text is always a name; a number is what `kind` says.

    With `kind` None a number is accepted where ID and index are the same for every class, and refused where not.
    """

    def __init__(self, classes: ClassMap, kind: LabelKind | None) -> None:
        self.classes = classes
        self._kind = kind
        by_index = tuple(range(len(classes)))
        self._ambiguous = kind is None and classes.ids != by_index
        self._index_by_number = dict(zip(by_index if kind == "index" else classes.ids, by_index, strict=True))

    @property
    def takes_numbers(self) -> bool:
        """Whether a number can be told: not where names are asked for, nor where it may be ID or index."""
        return self._kind != "name" and not self._ambiguous

    def index_of(self, label: Any, place: str) -> int:
        """Return the index of one class. Raises PredictionError if it is not in the class map, or not to be told."""
        if isinstance(label, str):
            if label not in self.classes.names:
                close = get_close_matches(label, self.classes.names, n=1)
                hint = (
                    f"did you mean {close[0]!r}?"
                    if close
                    else "add the class to the manifest, or correct the model's names"
                )
                raise self._unknown(label, place, some(self.classes.names), hint)
            return self.classes.names.index(label)
        return int(self.indices_of([label], place, element=False)[0])

    def indices_of(self, labels: Any, place: str, *, element: bool = True) -> NDArray[np.int64]:
        """Return (N,) indices of N classes, names or numbers; `element` puts the position into the error's place."""
        if isinstance(labels, Sequence) and any(isinstance(label, str) for label in labels):
            return np.array([self.index_of(label, f"{place}[{i}]") for i, label in enumerate(labels)], dtype=np.int64)
        values = as_array(labels, place).reshape(-1)
        if values.dtype.kind in "US":
            return self.indices_of([str(one) for one in values], place)
        indices = self._looked_up(self.whole(values, place), place)
        unknown = np.flatnonzero(indices == _UNKNOWN)
        if len(unknown):
            where = f"{place}[{unknown[0]}]" if element else place
            raise self._unknown(values[unknown[0]], where, self._known_numbers(), self._hint())
        return indices.astype(np.int64)

    def dense(self, values: NDArray[Any], place: str) -> NDArray[np.int32]:
        """Return class indices of an array of whole numbers, IGNORE where it holds -1.

        In 8-bit unsigned arrays, which cannot hold -1, 255 means the same unless a class has that number.
        """
        indices = self._looked_up(values, place)
        nothing = values == IGNORE if values.dtype.kind == "i" else np.zeros(0, dtype=bool)
        if values.dtype == np.uint8 and 255 not in self._index_by_number:
            nothing = values == 255
        if nothing.any():
            indices[nothing] = IGNORE
        unknown = indices == _UNKNOWN
        if unknown.any():
            where = tuple(int(axis) for axis in np.argwhere(unknown)[0])
            hint = "-1 stands for: nothing predicted" if values[where] in (255, -1) else self._hint()
            raise self._unknown(values[where], f"{place}[{', '.join(map(str, where))}]", self._known_numbers(), hint)
        return indices

    def whole(self, values: NDArray[Any], place: str) -> NDArray[Any]:
        """Return numbers as integers, 3.0 too, as detectors give them; PredictionError for booleans and fractions."""
        if values.dtype.kind in "iu" or not values.size:
            return np.empty(values.shape, dtype=np.int64) if not values.size else values
        if values.dtype.kind == "f" and bool((np.isfinite(values) & (values == np.round(values))).all()):
            integers: NDArray[np.int64] = np.clip(values, -(2.0**62), 2.0**62).astype(np.int64)
            return integers
        raise PredictionError(
            "not classes",
            place=place,
            expected="whole numbers or names",
            found=f"{values.dtype}, such as {values.reshape(-1)[0]}",
            hint="are these scores? take the argmax over the classes",
        )

    def _looked_up(self, values: NDArray[Any], place: str) -> NDArray[np.int32]:
        if not values.size:
            return np.empty(values.shape, dtype=np.int32)
        if self._kind == "name" or self._ambiguous:
            raise PredictionError(
                "class is a number" if self._kind == "name" else "class numbers can be IDs or indices",
                place=place,
                expected="names"
                if self._kind == "name"
                else f"labels='id' ({some(map(str, self.classes.ids))}) or labels='index' (from 0)",
                found=str(values.reshape(-1)[0]),
                hint="say which with labels=",
            )
        low, high = int(values.min()), int(values.max())
        if low >= 0 and high < _TABLE_UP_TO:
            table = np.full(high + 1, _UNKNOWN, dtype=np.int32)
            for number, index in self._index_by_number.items():
                if number <= high:
                    table[number] = index
            indices: NDArray[np.int32] = table[values]
            return indices
        ordered = np.array(sorted(self._index_by_number), dtype=np.int64)
        targets = np.array([self._index_by_number[int(number)] for number in ordered], dtype=np.int32)
        # Above 2^63 an unsigned number would turn negative, which can be no class: nothing is found by accident.
        wide = values.astype(np.int64)
        position = np.minimum(np.searchsorted(ordered, wide), len(ordered) - 1)
        return np.where(ordered[position] == wide, targets[position], _UNKNOWN).astype(np.int32)

    def _known_numbers(self) -> str:
        kind = "an index" if self._kind == "index" else "an ID"
        return f"{kind} of [{some(map(str, sorted(self._index_by_number)))}]"

    def _hint(self) -> str:
        return "add the class to the manifest, or drop such predictions"

    def _unknown(self, found: object, place: str, expected: str, hint: str) -> PredictionError:
        return PredictionError("unknown class", place=place, expected=expected, found=str(found), hint=hint)
