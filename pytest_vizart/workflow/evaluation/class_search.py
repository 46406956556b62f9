"""Names of classes in label files that write names but list them nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

import orjson

from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.recognition.class_names import (
    Finder,
    names_in_kitti,
    names_in_labelme,
    names_in_table,
    names_in_voc,
)
from pytest_vizart.golden.recognition.view import FolderView
from pytest_vizart.workflow.evaluation.options import ClassNames

_LABEL_COLUMNS = frozenset({"label", "class", "category", "class_name"})
_JSON_KEYS = ("label", "class", "category", "class_name", "labels", "classes", "categories")
_CLASSLESS = frozenset({"text", "array", "image", "cloud"})


def names_in(source: LabelSource, form: str) -> ClassNames | None:
    """Return the names that the files of a source use; None where they list them themselves, or hold numbers."""
    finder = _FINDERS.get(form)
    if finder is None or source.entry.task in _CLASSLESS:
        return None
    return finder(source)


def _in_folder(finder: Callable[[list[str]], Finder]) -> Callable[[LabelSource], ClassNames | None]:
    def find(source: LabelSource) -> ClassNames | None:
        folder = PurePosixPath(source.entry.path).parent.as_posix()
        return finder(["" if folder == "." else folder])(FolderView(source.root))

    return find


def _in_table(source: LabelSource) -> ClassNames | None:
    columns = frozenset({"LabelName"}) if source.entry.format == "openimages" else _LABEL_COLUMNS
    return names_in_table([source.entry.path], columns)(FolderView(source.root))


def _in_json_lines(source: LabelSource) -> ClassNames | None:
    """Names under the usual keys; lines that are broken tell for themselves when they are read."""
    found: set[str] = set()
    numbers = False
    try:
        content = (source.root / source.entry.path).read_bytes()
    except OSError:
        return None
    for line in content.splitlines():
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        for value in _values(row):
            found |= {value} if isinstance(value, str) else set()
            numbers = numbers or not isinstance(value, str)
    return sorted(found) if found and not numbers else None


def _values(row: object) -> list[object]:
    if not isinstance(row, dict):
        return []
    held = row.get("objects", row)
    rows = held if isinstance(held, list) else [held]
    found: list[object] = []
    for one in rows:
        value = next((one[key] for key in _JSON_KEYS if key in one), None) if isinstance(one, dict) else None
        found += value if isinstance(value, list) else [] if value is None else [value]
    return found


_FINDERS: dict[str, Callable[[LabelSource], ClassNames | None]] = {
    "csv": _in_table,
    "jsonl": _in_json_lines,
    "kitti": _in_folder(names_in_kitti),
    "labelme": _in_folder(names_in_labelme),
    "openimages": _in_table,
    "voc": _in_folder(names_in_voc),
}
