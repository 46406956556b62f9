"""Classes, boxes and texts of one CSV file with a header, and ImageNet's lists of files with their classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.box_columns import box_labels, require_corners
from pytest_vizart.golden.formats.class_lookup import ClassLookup
from pytest_vizart.golden.formats.csv_table import CsvTable
from pytest_vizart.golden.formats.parsed_once import parsed_once
from pytest_vizart.golden.formats.sample_files import read_numbers
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import NO_CLASSES, BoxLabels, ClassLabel, ClassMap, Label, Task, TextLabel

_USUAL_LABEL_NAMES = ("label", "class", "category", "class_name")
_USUAL_TEXT_NAMES = ("text", "words", "transcription", "label")
_BOX_COLUMN = ("bbox", "box")
_X1, _Y1 = ("x1", "xmin", "x_min", "left"), ("y1", "ymin", "y_min", "top")
_WIDTH, _HEIGHT = ("w", "width", "bbox_width"), ("h", "height", "bbox_height")
_BOX_COLUMNS: dict[str, tuple[tuple[str, ...], ...]] = {
    "xyxy": (_X1, _Y1, ("x2", "xmax", "x_max", "right"), ("y2", "ymax", "y_max", "bottom")),
    "xywh": (("x", "left", "bbox_x"), ("y", "top", "bbox_y"), _WIDTH, _HEIGHT),
    "cxcywh": (("cx", "xc", "x_center", "center_x"), ("cy", "yc", "y_center", "center_y"), _WIDTH, _HEIGHT),
}


class ClassCsvReader:
    """Reads the columns that the manifest names, or those of usual names.

    Classes: one row for each sample; a sample without a row, or with an empty label, is unlabeled. Classes are names or
    IDs. A file without a header whose first line names a sample is a list of file and class, as ImageNet has them.

    Boxes: one row for each object, with four columns as `box_format` says (x1, y1, x2, y2, or x, y, width, height, or
    cx, cy, width, height, and their usual other names) or one, "bbox", with four numbers in it, in pixels. A sample
    with a single row whose box and class are empty has no objects; one without a row is unlabeled.

    Text: one row for each sample; an empty cell is an empty text.
    """

    tasks: tuple[Task, ...] = ("classes", "boxes", "text")
    per_sample = False

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        self._path = source.only_path()

    def classes(self) -> ClassMap:
        return NO_CLASSES if self._source.entry.task == "text" else self._source.required_classes()

    def read(self, key: SampleKey) -> Label | None:
        table = self._table()
        rows = table.rows_of(key.id)
        return _READERS[self._source.entry.task](self, table, key, rows) if rows else None

    def _class(self, table: CsvTable, key: SampleKey, rows: Sequence[_Row]) -> ClassLabel | None:
        place, cell = self._only_cell(table, key, rows, _USUAL_LABEL_NAMES)
        return ClassLabel(self._class_index(cell, place)) if cell else None

    def _text(self, table: CsvTable, key: SampleKey, rows: Sequence[_Row]) -> TextLabel:
        return TextLabel(self._only_cell(table, key, rows, _USUAL_TEXT_NAMES)[1])

    def _boxes(self, table: CsvTable, key: SampleKey, rows: Sequence[_Row]) -> BoxLabels:
        label_at = self._label_column(table, _USUAL_LABEL_NAMES)
        box_at = self._box_columns(table)
        box_format = self._source.entry.box_format
        corners, extents, indices = [], [], []
        for place, cells in rows:
            label = self._cell(cells, label_at, place)
            numbers = [self._cell(cells, position, place) for position in box_at]
            if not label and not any(numbers) and len(rows) == 1:
                break  # "no objects" as a row: the image is there, its box is not
            if len(box_at) == 1:
                numbers = re.split(r"[,;\s]+", numbers[0].strip("[]() "))
            indices.append(self._class_index(label, place))
            box, extent = self._corners(read_numbers(numbers, file=self._path, place=place), place)
            corners.append(box)
            extents.append(extent)
        return box_labels(
            corners,
            indices,
            area=extents if box_format != "xyxy" else None,
            extent=extents if box_format != "xyxy" else None,
        )

    def _corners(self, numbers: Sequence[float], place: str) -> tuple[tuple[float, float, float, float], float]:
        box_format = self._source.entry.box_format
        if len(numbers) != 4:
            raise GoldenFormatError(
                "not a box",
                file=self._path,
                place=place,
                expected=f"four numbers, {box_format}",
                found=f"{len(numbers)} numbers",
                hint="correct it, or remove the object",
            )
        x, y, third, fourth = numbers
        if box_format == "cxcywh":
            x, y = x - third / 2, y - fourth / 2
        right, bottom = (third, fourth) if box_format == "xyxy" else (x + third, y + fourth)
        box = require_corners(
            (x, y, right, bottom), file=self._path, place=place, hint=f"set `box_format`, which is {box_format} now"
        )
        return box, third * fourth

    def _box_columns(self, table: CsvTable) -> list[int]:
        single = table.find_column(_BOX_COLUMN)
        if len(single) == 1:
            return single
        names = _BOX_COLUMNS[self._source.entry.box_format]
        return [table.column(f"box's {one[0]}", None, one) for one in names]

    def _only_cell(
        self, table: CsvTable, key: SampleKey, rows: Sequence[_Row], usual: Sequence[str]
    ) -> tuple[str, str]:
        """Return place and content of the label column in a sample's only row."""
        if len(rows) > 1:
            raise GoldenFormatError(
                "sample has several rows",
                file=self._path,
                place=rows[1][0],
                expected="one row for each sample",
                found=f"{key.id} in {', '.join(place for place, _ in rows[:12])}",
                hint="remove all but one",
            )
        place, cells = rows[0]
        return place, self._cell(cells, self._label_column(table, usual), place)

    def _label_column(self, table: CsvTable, usual: Sequence[str]) -> int:
        return table.column("label", self._source.entry.columns.label, usual) if table.has_header else 1

    def _cell(self, cells: Sequence[str], position: int, place: str) -> str:
        if position >= len(cells):
            raise GoldenFormatError(
                "row is too short",
                file=self._path,
                place=place,
                expected="as many cells as the header",
                found=f"{len(cells)} cells",
                hint="complete it",
            )
        return cells[position].strip()

    def _class_index(self, name: str, place: str) -> int:
        return self._lookup.by_name_or_id(name, file=self._path, place=place)

    @cached_property
    def _lookup(self) -> ClassLookup:
        return ClassLookup(self.classes())

    def _table(self) -> CsvTable:
        """The indexed file; all of its columns are there."""
        column = self._source.entry.columns.sample
        return parsed_once(
            self._source.shared,
            ("csv", self._path, column, self._source.entry.task),
            lambda: self._checked(CsvTable(self._path, SampleNames(self._source.samples), column)),
        )

    def _checked(self, table: CsvTable) -> CsvTable:
        task = self._source.entry.task
        if task == "boxes":
            self._box_columns(table)
        self._label_column(table, _USUAL_TEXT_NAMES if task == "text" else _USUAL_LABEL_NAMES)
        return table


_Row = tuple[str, list[str]]
_READERS: dict[str, Callable[[ClassCsvReader, CsvTable, SampleKey, Sequence[_Row]], Label | None]] = {
    "classes": ClassCsvReader._class,
    "boxes": ClassCsvReader._boxes,
    "text": ClassCsvReader._text,
}
