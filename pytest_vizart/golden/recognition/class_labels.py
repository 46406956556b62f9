"""One class, or a table of boxes, for each image: CSV files and folders called after classes."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pytest_vizart.golden.formats.csv_table import USUAL_SAMPLE_NAMES
from pytest_vizart.golden.recognition.candidate import (
    SPLIT_WORDS,
    Candidate,
    common_top,
    entry,
    folder_name,
    inputs_of,
    nearest,
    sample_globs,
    tree_globs,
)
from pytest_vizart.golden.recognition.class_names import names_in_table
from pytest_vizart.golden.recognition.view import IMAGES, FolderView, stem

_SAMPLE_COLUMNS = frozenset(USUAL_SAMPLE_NAMES)
_LABEL_COLUMNS = frozenset({"label", "class", "category", "class_name"})
_CORNERS = (frozenset({"x1", "xmin", "x_min"}), frozenset({"x2", "xmax", "x_max"}))
_OTHER_BOXES = frozenset({"bbox", "box", "x", "left", "bbox_x", "cx", "xc", "x_center", "center_x"})
_BOX_FORMAT_UNKNOWN = {"box_format": "columns do not tell whether boxes are xyxy, xywh or cxcywh"}
_OPEN_IMAGES = frozenset({"ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"})
_OPEN_IMAGES_LABEL = frozenset({"LabelName"})
_STRUCTURE = re.compile(
    r"(?i)(images?|imgs?|masks?|labels?|annotations?|instances?|semantic|panoptic|depth|rgb|inputs?|targets?|gts?)|image_\d+"
)
"""Folders with these names hold a dataset's parts, not its classes."""


def class_csv(view: FolderView) -> Iterator[Candidate]:
    """A table with a column of file names and one of classes, or with Open Images' columns."""
    found: dict[tuple[str, str], list[_Table]] = {}
    for path in view.files(".csv"):
        header = _header(view, path)
        samples = header & _SAMPLE_COLUMNS
        if header >= _OPEN_IMAGES:
            form, task, column = "openimages", "boxes", "ImageID"
        elif len(samples) == 1 and len(header & _LABEL_COLUMNS) == 1:
            boxes = _has_corners(header) or header & _OTHER_BOXES
            form, task, column = "csv", "boxes" if boxes else "classes", next(iter(samples))
        else:
            continue
        table = _table(view, path, column, has_corners=_has_corners(header))
        if table is not None:
            found.setdefault((form, task), []).append(table)
    for (form, task), tables in found.items():
        for family in _families(tables):
            unclear = form == "csv" and task == "boxes" and not all(table.has_corners for table in family)
            yield replace(_candidate(view, form, task, family), open_keys=_BOX_FORMAT_UNKNOWN if unclear else {})


def _has_corners(header: set[str]) -> bool:
    return all(header & corner for corner in _CORNERS)


def folders(view: FolderView) -> Iterator[Candidate]:
    """cat/1.jpg, dog/2.jpg; or train/cat/1.jpg, val/cat/2.jpg."""
    holding = [folder for folder in view.folders() if view.images(folder)]
    if not holding or "" in holding or any(view.extensions(folder) - IMAGES for folder in holding):
        return
    parts = [folder.split("/") for folder in holding]
    names = sorted({part[-1] for part in parts})
    tops = {"/".join(part[:-1]) for part in parts}
    if len(names) < 2 or any(map(_STRUCTURE.fullmatch, names)) or SPLIT_WORDS & set(names):
        return
    if len(tops) > 1 and not {top.rsplit("/", 1)[-1] for top in tops} <= SPLIT_WORDS:
        return
    top = common_top(sorted(tops))
    if any(f"{folder}.json" in view.files(".json") for folder in holding):
        return
    if any(view.extensions(folder) - IMAGES for folder in view.folders() if folder != "" and folder not in holding):
        return
    globs, splits = tree_globs(view, top, holding, IMAGES)
    labels = tuple(entry("classes", "folders", one or ".") for one in sorted(tops))
    what = f"folders called after classes: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
    yield Candidate("folders", what, globs, labels, ((top, ""),), names, splits)


@dataclass(frozen=True, slots=True)
class _Table:
    path: str
    names: frozenset[str]
    folders: tuple[str, ...]
    has_corners: bool


def _families(tables: list[_Table]) -> list[list[_Table]]:
    """Tables of other images are one dataset's; tables of the same images are two readings of it."""
    families: list[list[_Table]] = []
    for table in tables:
        home = next((one for one in families if all(table.names.isdisjoint(other.names) for other in one)), None)
        if home is None:
            families.append([table])
        else:
            home.append(table)
    return families


def _candidate(view: FolderView, form: str, task: str, tables: list[_Table]) -> Candidate:
    used = {folder for table in tables for folder in table.folders}
    holding = [folder for folder in view.folders() if folder in used]
    # Open Images names its images by the bare ID that a sample has in a glob of its own folder.
    globs, splits = (sample_globs(view, holding, IMAGES), {}) if form == "openimages" else inputs_of(view, holding)
    what = f"{', '.join(table.path for table in tables)} for {', '.join(map(folder_name, holding))}"
    places = tuple((folder, table.path.rpartition("/")[0]) for table in tables for folder in table.folders)
    paths = [table.path for table in tables]
    labels = tuple(entry(task, form, path) for path in paths)
    described = any("class-descriptions" in path for path in view.files(".csv"))  # then the reader finds the names
    names = None if described else names_in_table(paths, _OPEN_IMAGES_LABEL if form == "openimages" else _LABEL_COLUMNS)
    return Candidate(form, what, globs, labels, places, splits=splits, names=names)


def _table(view: FolderView, path: str, column: str, *, has_corners: bool) -> _Table | None:
    """The table, if images that it names are there."""
    names = frozenset(_cells(view, path, column))
    stems = {stem(name) for name in names}
    holding = [
        folder for folder in view.folders() if any(one in names or stem(one) in stems for one in view.images(folder))
    ]
    return _Table(path, names, tuple(nearest(holding, path)), has_corners) if holding else None


def _cells(view: FolderView, path: str, column: str) -> Iterator[str]:
    lines = view.head(path).decode("utf-8-sig", "replace").splitlines()
    try:
        for row in csv.DictReader(lines if view.is_whole(path) else lines[:-1]):
            value = row.get(column)
            if value:
                yield value.replace("\\", "/").rsplit("/", 1)[-1].strip()
    except csv.Error:
        return


def _header(view: FolderView, path: str) -> set[str]:
    lines = view.head(path).decode("utf-8-sig", "replace").splitlines()[:1]
    try:
        return {cell.strip() for cell in next(csv.reader(lines), [])}
    except csv.Error:
        return set()
