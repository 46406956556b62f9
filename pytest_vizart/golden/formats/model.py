"""JSON of a user's own form, read through the user's own Pydantic model.

The manifest names the model, `model: "package.module:Model"`. It is a class with `model_validate_json` or
`model_validate`, as Pydantic's models are, whose objects have a method `to_label()` or `labels()` without arguments. It
returns a label record of `pytest_vizart.records.labels`, or a dictionary with the keys that `plain_labels` lists:
{"boxes": [[1, 2, 30, 40]], "labels": ["cat"]}. None is "unlabeled".

One file for each sample (a path with {id}) is one object of the model. One file for all holds one JSON object, which
maps a sample's ID or file name to what the model reads.

This imports code: the module that the manifest of the user's own dataset names, out of what Python finds on `sys.path`
and in the working directory, and nothing that lies in the dataset. A manifest is to be trusted as its author is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.class_lookup import ClassLookup
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.formats.parsed_once import parsed_once
from pytest_vizart.golden.formats.plain_labels import WITHOUT_CLASSES, checked_record, plain_label
from pytest_vizart.golden.formats.plain_values import PlainValues
from pytest_vizart.golden.formats.sample_files import sample_bytes
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.json_text import parse_json
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import NO_CLASSES, TASKS, ClassMap, Label, Task

_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_MAX_FILE_BYTES = 30_000_000  # parsed, hostile JSON takes thirty times its bytes


class ModelReader:
    """Reads JSON files through the model that the manifest names; a sample that no file has is unlabeled."""

    tasks: tuple[Task, ...] = TASKS
    per_sample = None

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        self._model = load_model(source.entry.model, source.manifest, f"{source.place}.model")

    def classes(self) -> ClassMap:
        return NO_CLASSES if self._source.entry.task in WITHOUT_CLASSES else self._source.required_classes()

    def read(self, key: SampleKey) -> Label | None:
        if self._source.per_sample:
            path = self._source.path_for(key)
            content, place = sample_bytes(path), ""
        else:
            path = self._source.only_path()
            content, place = self._entries().get(key.id, (None, ""))
        return None if content is None else self._label(content, path, place)

    def _label(self, content: bytes, path: Path, place: str) -> Label | None:
        found = self._said(content, path, place)
        if found is None:
            return None
        if isinstance(found, Mapping):
            return plain_label(self._source.entry.task, self._values(found, path, place, indexed=False))
        return checked_record(
            self._source.entry.task, found, lambda columns: self._values(columns, path, place, indexed=True)
        )

    def _said(self, content: bytes, path: Path, place: str) -> Any:
        """Return what the user's model makes of the JSON text."""
        from pydantic import ValidationError

        try:
            if hasattr(self._model, "model_validate_json"):
                one = self._model.model_validate_json(content)
            else:
                one = self._model.model_validate(orjson.loads(content))
            return one.to_label() if hasattr(one, "to_label") else one.labels()
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            raise GoldenFormatError(
                "JSON does not fit the model",
                file=path,
                place=_json_path(place, detail["loc"]) or None,
                expected=str(detail["msg"]),
                found=shown(detail["input"]),
                hint=f"correct it, or {self._source.entry.model}; {error.error_count()} problems in all",
            ) from error
        except Exception as error:  # the user's own code may raise anything
            raise GoldenFormatError(
                "the model raised",
                file=path,
                place=place or None,
                expected=f"a label of {self._source.entry.model}",
                found=f"{type(error).__name__}: {error}",
                hint="correct the file, or the model's validators and to_label()",
            ) from error

    def _values(self, values: Mapping[str, Any], path: Path, place: str, *, indexed: bool) -> PlainValues:
        entry = self._source.entry
        box_format = "xyxy" if indexed else entry.box_format
        return PlainValues(values, path, place, self.classes(), self._lookup, box_format, entry.ignore, indexed)

    @cached_property
    def _lookup(self) -> ClassLookup:
        return ClassLookup(self.classes())

    def _entries(self) -> dict[str, tuple[bytes, str]]:
        """Return sample -> JSON text and key path of its part of the one file."""
        path = self._source.only_path()
        names = SampleNames(self._source.samples)
        return parsed_once(self._source.shared, ("model", path), lambda: _entries(path, names))


def load_model(target: str | None, manifest: Path, place: str) -> Any:
    """Import the user's model.

    Raises:
        GoldenFormatError: no model is named, it cannot be imported, or has not the methods of one.
    """
    if target is None or _TARGET.fullmatch(target) is None:
        raise GoldenFormatError(
            "key is missing" if target is None else "not the place of a class",
            file=manifest,
            place=place,
            expected='"package.module:Model"',
            found=target,
            hint="name your Pydantic model",
        )
    module, _, name = target.partition(":")
    try:
        with _working_directory_importable():
            model = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:  # the user's module may raise anything
        raise GoldenFormatError(
            "the model cannot be imported",
            file=manifest,
            place=place,
            expected="a class on sys.path or in the working directory",
            found=f"{type(error).__name__}: {error}",
            hint="run from the folder that your package lies in, or install it",
        ) from error
    validates = hasattr(model, "model_validate_json") or hasattr(model, "model_validate")
    answers = callable(getattr(model, "to_label", None)) or callable(getattr(model, "labels", None))
    if not (isinstance(model, type) and validates and answers):
        raise GoldenFormatError(
            "not a model of labels",
            file=manifest,
            place=place,
            expected="a Pydantic model with a method to_label() or labels()",
            found=f"{target}, {'with' if validates else 'without'} model_validate",
            hint="return a label record, or a dictionary such as {'boxes': ..., 'labels': ...}",
        )
    return model


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    """A console script has its own folder on `sys.path`, where `python -m` has the working directory."""
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.append(here)  # last: it must not hide installed packages
    try:
        yield
    finally:
        sys.path.remove(here)


def _entries(path: Path, names: SampleNames) -> dict[str, tuple[bytes, str]]:
    data = parse_json(read_bytes(path, limit=_MAX_FILE_BYTES), path)
    if not isinstance(data, dict):
        raise GoldenFormatError(
            "not an object",
            file=path,
            expected="a JSON object that maps samples to labels",
            found=shown(data),
            hint="for one file a sample write a path with {id}",
        )
    entries: dict[str, tuple[bytes, str]] = {}
    for name, value in data.items():
        sample_id = names.exact(name) or names.by_file_name(name)
        if sample_id is None or value is None:
            continue
        if sample_id in entries:
            raise GoldenFormatError(
                "sample appears twice",
                file=path,
                place=f"[{name!r}]",
                expected="one entry for each sample",
                found=f"{sample_id}, also at {entries[sample_id][1]}",
                hint="remove one of them",
            )
        entries[sample_id] = (_text_of(value, path, f"[{name!r}]"), f"[{name!r}]")
    return entries


def _text_of(value: object, path: Path, place: str) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as error:  # orjson reads deeper than it writes
        raise GoldenFormatError(
            "JSON is nested too deeply",
            file=path,
            place=place,
            expected="at most 250 levels",
            found=str(error),
            hint="write one file for each sample, or flatten it",
        ) from error


def _json_path(place: str, location: tuple[int | str, ...]) -> str:
    for part in location:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else part
    return place
