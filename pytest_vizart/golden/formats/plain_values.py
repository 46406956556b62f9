"""Values of one label by key, each checked when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.class_ids import class_indices
from pytest_vizart.golden.formats.class_lookup import ClassLookup
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.records.labels import IGNORE, MAX_EDGE_PX, ClassMap

BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
MAX_VALUES = 50_000_000
"""Numbers of one label: JSON of more would not fit into memory."""


@dataclass(frozen=True, slots=True)
class PlainValues:
    """Values of one label, with what is needed to tell where they stand.

    place: line or sample in the file, "" for the whole file. indexed: classes are indices of the class map, as in the
    label records, not names or IDs. ignore: the class ID that means "no label".
    """

    values: Mapping[str, Any]
    file: Path
    place: str
    class_map: ClassMap
    lookup: ClassLookup
    box_format: BoxFormat = "xyxy"
    ignore: int | None = None
    indexed: bool = False

    def of(self, values: Mapping[str, Any], place: str) -> PlainValues:
        """Return other values of the same file."""
        return replace(self, values=values, place=place)

    def has(self, key: str) -> bool:
        """Whether there is a value that is not None."""
        return self.values.get(key) is not None

    def required(self, key: str) -> Any:
        """Return a value; GoldenFormatError if there is none."""
        if not self.has(key):
            keys = ", ".join(map(str, list(self.values)[:12]))
            raise self.problem("key is missing", key, key, keys or "no keys")
        return self.values[key]

    def require_only(self, keys: frozenset[str]) -> None:
        """Raise GoldenFormatError for a key that the task does not know: a misspelt one would be passed over."""
        unknown = next((key for key in self.values if key not in keys), None)
        if unknown is not None:
            close = get_close_matches(str(unknown), keys, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "remove it"
            raise self.problem("unknown key", "", ", ".join(sorted(keys)), str(unknown), hint=hint)

    def place_of(self, key: str) -> str:
        """Return the place of a value for messages."""
        return f"{self.place}.{key}" if self.place and key else self.place or key

    def problem(
        self, problem: str, key: str, expected: str, found: object, *, hint: str = "correct it"
    ) -> GoldenFormatError:
        """Return the error that says what is wrong with a value."""
        text = found if isinstance(found, str) else shown(found)
        return GoldenFormatError(
            problem, file=self.file, place=self.place_of(key) or None, expected=expected, found=text, hint=hint
        )

    def array(self, key: str) -> NDArray[Any]:
        """Return a value as a numeric or boolean array; GoldenFormatError if it is none, or ragged."""
        value = self.required(key)
        try:
            array = np.asarray(value)
        except Exception as error:  # numpy asks the value itself, which may raise anything
            raise self.problem("not an array of numbers", key, "nested lists of equal lengths", value) from error
        if array.dtype.kind not in "biuf" and array.size:
            raise self.problem("not an array of numbers", key, "numbers", value)
        if array.size > MAX_VALUES:
            raise self.problem("too many numbers", key, f"at most {MAX_VALUES:,}", array.shape)
        return array if array.dtype.kind in "biuf" else array.astype(np.float64)

    def any_numbers(self, key: str) -> NDArray[Any]:
        """Return a value as a numeric array of any shape; NaN and infinite numbers may be meant."""
        return self.array(key)

    def numbers(self, key: str, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
        """Return a value as finite numbers of this shape, None for any length; [] for no rows."""
        array = self.array(key)
        if array.size == 0 and shape[0] in (None, 0):
            return np.zeros(tuple(0 if length is None else length for length in (0, *shape[1:])))
        fits = array.ndim == len(shape) and all(
            want is None or have == want for have, want in zip(array.shape, shape, strict=True)
        )
        if not fits or array.dtype.kind == "b":
            wanted = ", ".join("N" if length is None else str(length) for length in shape)
            found = f"shape {array.shape}" if array.dtype.kind != "b" else "true and false"
            raise self.problem("wrong shape", key, f"numbers of shape ({wanted})", found)
        numbers = array.astype(np.float64)
        good = (np.isfinite(numbers) & (np.abs(numbers) <= MAX_EDGE_PX)).reshape(len(numbers), -1).all(axis=1)
        self.require_rows(key, good, f"finite numbers within {MAX_EDGE_PX:g}", numbers)
        return numbers

    def whole_numbers(self, key: str, *, dimensions: int) -> NDArray[Any]:
        """Return a value as whole numbers; GoldenFormatError for others, or another number of dimensions."""
        array = self.array(key)
        if array.ndim != dimensions or (array.dtype.kind not in "iu" and array.size):
            shape = "(H, W)" if dimensions == 2 else "(N,)"
            raise self.problem(
                "not whole numbers", key, f"whole numbers of shape {shape}", f"{array.dtype} {array.shape}"
            )
        return array.astype(np.int64) if array.dtype.kind == "f" else array

    def require_rows(self, key: str, good: ArrayLike, expected: str, rows: NDArray[Any]) -> None:
        """Raise GoldenFormatError for the first row that is not good, by (N,) flags."""
        bad = ~np.asarray(good, dtype=np.bool_)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise self.problem("wrong value", f"{key}[{row}]", expected, rows[row].tolist())

    def boxes(self, key: str, count: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Return (N, 4) corners, and (N,) width x height where the box format gives them."""
        given = self.numbers(key, (count, 4))
        if self.box_format == "xyxy":
            self.require_rows(
                key, (given[:, 2:] >= given[:, :2]).all(axis=1), "x1, y1, x2, y2 with x2 >= x1, y2 >= y1", given
            )
            return given, None
        place, size = given[:, :2], given[:, 2:]
        self.require_rows(key, (size >= 0).all(axis=1), f"{self.box_format} with width and height from 0", given)
        corner = place - size / 2 if self.box_format == "cxcywh" else place
        return np.concatenate([corner, corner + size], axis=1), size.prod(axis=1)

    def class_index(self, value: object, key: str) -> int:
        """Return the index of a class; GoldenFormatError if there is no such class."""
        if not self.indexed:
            return self.lookup.by_name_or_id(value, file=self.file, place=self.place_of(key))
        index = int(value) if isinstance(value, int | np.integer) and not isinstance(value, bool) else -1
        if not 0 <= index < len(self.class_map):
            raise self.problem("unknown class", key, f"an index from 0 to {len(self.class_map) - 1}", value)
        return index

    def classes(self, key: str, count: int | None) -> NDArray[np.int64]:
        """Return (N,) class indices of a list of classes, `count` of them."""
        value = self.required(key)
        given = value.tolist() if isinstance(value, np.ndarray) else value
        if not isinstance(given, list | tuple) or count not in (None, len(given)):
            expected = "a list of classes" if count is None else f"a list of {count} classes, one for each object"
            found = f"{len(given)} of them" if isinstance(given, list | tuple) else shown(value)
            raise self.problem("not a class for each object", key, expected, found)
        found_indices = [self.class_index(one, f"{key}[{row}]") for row, one in enumerate(given)]
        return np.array(found_indices, dtype=np.int64)

    def flags(self, key: str, count: int) -> NDArray[np.bool_]:
        """Return (N,) flags; all false if there are none."""
        if not self.has(key):
            return np.zeros(count, dtype=np.bool_)
        array = self.array(key)
        if array.shape != (count,) or not np.isin(array, (0, 1)).all():
            raise self.problem("not flags", key, f"{count} times 0 or 1", self.values[key])
        return array.astype(np.bool_)

    def dense_classes(self, key: str, *, dimensions: int, what: str) -> NDArray[np.int32]:
        """Return class indices of an array of class IDs, IGNORE where there is no label."""
        values = self.whole_numbers(key, dimensions=dimensions)
        if not self.indexed:
            return class_indices(values, self.class_map, ignore=self.ignore, file=self.file, what=what)
        if values.size and not IGNORE <= values.min() <= values.max() < len(self.class_map):
            raise self.problem(
                "unknown class",
                key,
                f"indices from 0 to {len(self.class_map) - 1}, {IGNORE} for no label",
                f"{values.min()} to {values.max()}",
            )
        return values.astype(np.int32)
