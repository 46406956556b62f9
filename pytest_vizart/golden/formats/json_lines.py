"""JSON Lines: one JSON object a line, one line for each sample."""

from __future__ import annotations

import copy
import json
import re
from array import array
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.class_lookup import ClassLookup
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.formats.csv_table import USUAL_SAMPLE_NAMES
from pytest_vizart.golden.formats.parsed_once import parsed_once
from pytest_vizart.golden.formats.plain_labels import WITHOUT_CLASSES, plain_label
from pytest_vizart.golden.formats.plain_values import PlainValues
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import NO_CLASSES, ClassMap, Label, Task

MAX_BYTES = 300_000_000
_MAX_LINE_BYTES = 10_000_000  # parsed, hostile JSON takes thirty times its bytes
_TOLD = 12  # lines of one sample that an error names
_STRING = re.compile(rb'"([^"\\]{1,1000})"')

_USUAL: dict[str, tuple[str, ...]] = {
    "classes": ("label", "class", "category", "class_name"),
    "text": ("text", "words", "transcription", "label"),
    "array": ("array", "arrays", "values", "value", "label"),
    "boxes": ("boxes", "bboxes", "bbox"),
    "labels": ("labels", "classes", "categories", "category", "label"),
    "crowd": ("crowd", "iscrowd"),
}


class JsonLinesReader:
    """Reads lines such as

        {"file_name": "a.jpg", "label": "cat"}
        {"file_name": "a.jpg", "boxes": [[1, 2, 30, 40]], "labels": ["cat"]}
        {"file_name": "a.jpg", "objects": [{"bbox": [1, 2, 30, 40], "category": "cat"}]}
        {"file_name": "a.jpg", "objects": {"bbox": [[1, 2, 30, 40]], "category": ["cat"]}}
        {"file_name": "a.jpg", "text": "EXIT"}
        {"file_name": "a.jpg", "array": [[0.1, 0.2]]}
        {"file_name": "a.jpg", "arrays": {"pose": [0.1, 0.2]}}

    The keys of sample and label are those of the manifest's `columns`, or found by their usual names; boxes are written
    as `box_format` says, in pixels, with "crowd" and "area" where they are known; classes are names or IDs; null is no
    label, and other keys are passed over. A sample without a line is unlabeled.

    A line that is broken makes the sample invalid whose name it holds or, where it holds none, all samples that have no
    other line: any of them may be meant.
    """

    tasks: tuple[Task, ...] = ("classes", "boxes", "text", "array")
    per_sample = False

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        self._path = source.only_path()

    def classes(self) -> ClassMap:
        return NO_CLASSES if self._source.entry.task in WITHOUT_CLASSES else self._source.required_classes()

    def read(self, key: SampleKey) -> Label | None:
        lines = self._lines()
        found = lines.of(key.id)
        if len(found) > 1:
            raise GoldenFormatError(
                "sample has several lines",
                file=self._path,
                place=found[1][0],
                expected="one line for each sample",
                found=f"{key.id} in {', '.join(place for place, _ in found)}",
                hint="remove all but one",
            )
        for place, row in found:
            values = _SHAPES[self._source.entry.task](self, row, place)
            return None if values is None else plain_label(self._source.entry.task, self._values(values, place))
        return None

    def _values(self, values: Mapping[str, Any], place: str) -> PlainValues:
        return PlainValues(values, self._path, place, self.classes(), self._lookup, self._source.entry.box_format)

    @cached_property
    def _lookup(self) -> ClassLookup:
        return ClassLookup(self.classes())

    def _lines(self) -> SampleLines:
        column = self._source.entry.columns.sample
        return parsed_once(
            self._source.shared,
            ("jsonl", self._path, column),
            lambda: SampleLines(self._path, SampleNames(self._source.samples), column),
        )

    def _single(self, row: Mapping[str, Any], place: str) -> dict[str, Any] | None:
        """A class, a text or an array: one value, under the key that the task's plain form has for it."""
        task = self._source.entry.task
        name = self._key(row, self._source.entry.columns.label, task, place)
        if row[name] is None:
            return None
        plain = {"classes": "label", "text": "text"}.get(task) or ("arrays" if isinstance(row[name], dict) else "array")
        return {plain: row[name]}

    def _boxes(self, row: Mapping[str, Any], place: str) -> dict[str, Any] | None:
        label_key = self._source.entry.columns.label
        objects = row.get("objects", row)
        if objects is None:
            return None
        if isinstance(objects, list):
            return self._box_columns(objects, label_key, place)
        if not isinstance(objects, dict):
            raise self._wrong("not objects", f"{place}.objects", "a list of objects, or an object of lists", objects)
        box_name = self._key(objects, None, "boxes", place)
        if objects[box_name] is None:
            return None
        label_name = self._key(objects, label_key, "labels", place)
        columns = {"boxes": objects[box_name], "labels": objects[label_name]}
        return columns | self._extras(objects)

    def _box_columns(self, objects: list[Any], label_key: str | None, place: str) -> dict[str, Any]:
        """Turn a list of objects into one list for each property; what one object has, all must have."""
        columns: dict[str, list[Any]] = {"boxes": [], "labels": []}
        for position, one in enumerate(objects):
            here = f"{place}.objects[{position}]"
            if not isinstance(one, dict):
                raise self._wrong("not an object", here, "an object with box and class", one)
            box_name = self._key(one, None, "boxes", here, extra=("box",))
            label_name = self._key(one, label_key, "labels", here, extra=("class",))
            properties = {"boxes": one[box_name], "labels": one[label_name], **self._extras(one)}
            for name, value in properties.items():
                columns.setdefault(name, []).append(value)
        return columns

    def _extras(self, row: Mapping[str, Any]) -> dict[str, Any]:
        crowd = next((row[name] for name in _USUAL["crowd"] if name in row), None)
        extras = {"crowd": crowd, "area": row.get("area")}
        return {name: value for name, value in extras.items() if value is not None}

    def _key(
        self, row: Mapping[str, Any], configured: str | None, kind: str, place: str, *, extra: tuple[str, ...] = ()
    ) -> str:
        usual = (configured,) if configured is not None else (*_USUAL[kind], *extra)
        found = next((name for name in usual if name in row), None)
        if found is None:
            raise self._wrong("key is missing", place, " or ".join(usual), ", ".join(list(row)[:12]) or "no keys")
        return found

    def _wrong(self, problem: str, place: str, expected: str, found: object) -> GoldenFormatError:
        text = found if isinstance(found, str) else shown(found)
        return GoldenFormatError(
            problem,
            file=self._path,
            place=place,
            expected=expected,
            found=text,
            hint="correct the line; `columns` in the manifest names the keys",
        )


_SHAPES: dict[str, Callable[[JsonLinesReader, Mapping[str, Any], str], dict[str, Any] | None]] = {
    "classes": JsonLinesReader._single,
    "text": JsonLinesReader._single,
    "array": JsonLinesReader._single,
    "boxes": JsonLinesReader._boxes,
}


class SampleLines:
    """Places of the lines of each sample; lines are parsed once to be found, and again when they are asked for.

    Raises:
        GoldenFormatError: the file cannot be read; no line is of a sample.
    """

    def __init__(self, path: Path, names: SampleNames, sample_key: str | None) -> None:
        self._path = path
        self._keys = (sample_key,) if sample_key is not None else USUAL_SAMPLE_NAMES
        self._content = read_bytes(path, limit=MAX_BYTES)
        self._places: dict[str, array[int]] = {}
        self._nameless: GoldenFormatError | None = None  # the first line of which nobody can tell whose it is
        strange: tuple[int, str] | None = None
        for number, start, end in self._spans():
            try:
                name = self._sample_name(self._parsed(number, start, end), number)
            except GoldenFormatError as error:
                found = self._names_within(start, end, names)
                self._nameless = self._nameless or (None if found else error)
            else:
                one = names.exact(name) or names.by_file_name(name)
                found = set() if one is None else {one}
                strange = strange or (None if found else (number, name))
            for sample_id in found:
                self._places.setdefault(sample_id, array("q")).extend((number, start, end))
        if strange is not None and not self._places and self._nameless is None:
            raise GoldenFormatError(
                "no line is of a sample of this dataset",
                file=path,
                place=f"line {strange[0]}",
                expected="IDs or file names of samples",
                found=strange[1],
                hint="check `samples`, or `columns: {sample: ...}`",
            )

    def of(self, sample_id: str) -> list[tuple[str, dict[str, Any]]]:
        """Return place, such as "line 3", and content of a sample's first lines; GoldenFormatError if one is broken."""
        places = self._places.get(sample_id)
        if places is None:
            if self._nameless is not None:
                raise copy.copy(self._nameless)
            return []
        rows = []
        places = places[: 3 * _TOLD]  # one is right, and a million would fill the memory
        for number, start, end in zip(places[0::3], places[1::3], places[2::3], strict=True):
            row = self._parsed(number, start, end)
            self._sample_name(row, number)
            rows.append((f"line {number}", row))
        return rows

    def _spans(self) -> Iterator[tuple[int, int, int]]:
        """Yield number, start and end of the lines that are not blank."""
        start = 3 if self._content.startswith(b"\xef\xbb\xbf") else 0
        number = 0
        while start < len(self._content):
            end = self._content.find(b"\n", start)
            end = len(self._content) if end < 0 else end
            number += 1
            if not self._content[start:end].isspace() and end > start:
                yield number, start, end
            start = end + 1

    def _parsed(self, number: int, start: int, end: int) -> dict[str, Any]:
        place = f"line {number}"
        if end - start > _MAX_LINE_BYTES:
            raise self._broken("line is too long", place, f"at most {_MAX_LINE_BYTES:,} bytes", f"{end - start:,}")
        try:
            row = orjson.loads(self._content[start:end])
        except json.JSONDecodeError as error:
            place = f"{place}, column {error.colno}"
            raise self._broken("not JSON", place, "one JSON object a line", error.msg) from error
        if not isinstance(row, dict):
            raise self._broken("not an object", place, "one JSON object a line", shown(row))
        return row

    def _sample_name(self, row: Mapping[str, Any], number: int) -> str:
        found = [row[key] for key in self._keys if key in row]
        if found and isinstance(found[0], str | int) and not isinstance(found[0], bool):
            return str(found[0])
        expected = f"the sample's ID or file name as {' or '.join(self._keys)}"
        text = shown(found[0]) if found else ", ".join(list(row)[:12]) or "no keys"
        raise self._broken("line names no sample", f"line {number}", expected, text)

    def _names_within(self, start: int, end: int, names: SampleNames) -> set[str]:
        """Return the samples whose names a broken line holds as texts."""
        texts = (found.group(1).decode("utf-8", "replace") for found in _STRING.finditer(self._content, start, end))
        return {one for text in texts if (one := names.exact(text) or names.by_file_name(text)) is not None}

    def _broken(self, problem: str, place: str, expected: str, found: str) -> GoldenFormatError:
        return GoldenFormatError(
            problem,
            file=self._path,
            place=place,
            expected=expected,
            found=found,
            hint="correct the line; NaN and Infinity are not JSON",
        )
