"""Names of the classes of formats that write names but list them nowhere: all label files are searched.

Sorted by name, counted from 0; in the order of the benchmark that made the format, where all names are its own; names
that are whole numbers are their own IDs.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import unescape

from pytest_vizart.golden.recognition.view import FolderView, joined

Names = list[str] | dict[int, str]
Finder = Callable[[FolderView], Names | None]

_LABELME_NAME = re.compile(r'"label"\s*:\s*("(?:[^"\\]|\\.)*")')
_VOC_2012 = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
_KITTI = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc")
_DONT_CARE = "DontCare"
_MAX_NAMES = 1000


def names_in_voc(folders: Sequence[str]) -> Finder:
    return _of_files(folders, ".xml", _voc_names, _VOC_2012)


def names_in_labelme(folders: Sequence[str]) -> Finder:
    return _of_files(folders, ".json", _labelme_names, ())


def names_in_kitti(folders: Sequence[str]) -> Finder:
    return _of_files(folders, ".txt", _kitti_names, _KITTI)


def names_in_table(paths: Sequence[str], columns: frozenset[str]) -> Finder:
    """Names in the only one of these columns that a table has."""

    def find(view: FolderView) -> Names | None:
        return _ordered((name for path in paths for name in _cells(view.whole_text(path) or "", columns)), ())

    return find


def _of_files(
    folders: Sequence[str], extension: str, names: Callable[[str], Iterable[str]], usual: Sequence[str]
) -> Finder:
    def find(view: FolderView) -> Names | None:
        paths = (joined(folder, name) for folder in dict.fromkeys(folders) for name in view.names(folder, extension))
        return _ordered((name for path in paths for name in names(view.whole_text(path) or "")), usual)

    return find


def _ordered(found: Iterable[str], usual: Sequence[str]) -> Names | None:
    names: dict[str, None] = {}
    for name in found:
        names[name] = None
        if len(names) > _MAX_NAMES:
            return None
    if not names:
        return None
    if set(names) <= set(usual):
        return list(usual)
    if all(name.isascii() and name.isdecimal() and str(int(name[:9])) == name for name in names):
        return {number: str(number) for number in sorted(map(int, names))}
    return sorted(names)


def _voc_names(text: str) -> Iterator[str]:
    """The name of each object, those of its parts left out; by partition, which takes no longer for hostile text."""
    for element in text.split("<object>")[1:]:
        first, *parts = element.partition("</object>")[0].split("<part>")
        own = first + "".join(part.partition("</part>")[2] for part in parts)
        name = own.partition("<name>")[2].partition("</name>")[0].strip()
        if name:
            yield unescape(name)


def _labelme_names(text: str) -> Iterator[str]:
    import json

    for found in _LABELME_NAME.findall(text):
        try:
            yield json.loads(found)
        except ValueError:
            continue


def _kitti_names(text: str) -> Iterator[str]:
    first_words = (line.split(maxsplit=1)[0] for line in text.splitlines() if line.strip())
    return (word for word in first_words if word != _DONT_CARE)


def _cells(text: str, columns: frozenset[str]) -> Iterator[str]:
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""))
        used = columns.intersection(rows.fieldnames or ())
        if len(used) == 1:
            (column,) = used
            yield from (value.strip() for row in rows if (value := row.get(column)) and value.strip())
    except csv.Error:
        return
