"""Class labels: one CSV file with a header, one row for each sample."""

from __future__ import annotations

import copy
import csv
import io
from dataclasses import dataclass

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_bytes, resolve_inside
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import ClassLabel, ClassMap, Task

_USUAL_NAMES = {
    "sample": ("sample", "file", "file_name", "filename", "image", "path", "id"),
    "label": ("label", "class", "category"),
}


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    label: str | None  # None: the row has fewer cells than the header


class ClassCsvReader:
    """Reads the columns that the manifest names; a sample without a row, or with an empty label, is unlabeled."""

    tasks: tuple[Task, ...] = ("classes",)
    per_sample = False

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        self._path = resolve_inside(source.root, source.entry.path, file=source.manifest, place=f"{source.place}.path")
        self._rows: dict[str, list[_Row]] | None = None
        self._broken: GoldenFormatError | None = None

    def classes(self) -> ClassMap:
        return self._source.required_classes()

    def read(self, key: SampleKey) -> ClassLabel | None:
        rows = self._by_sample().get(key.id, [])
        if len(rows) > 1:
            raise GoldenFormatError(
                "sample has several rows",
                file=self._path,
                place=f"line {rows[1].line}",
                expected="one row for each sample",
                found=f"{key.id} in lines {', '.join(str(row.line) for row in rows)}",
                hint="remove all but one",
            )
        return self._label(rows[0]) if rows else None

    def _label(self, row: _Row) -> ClassLabel | None:
        classes = self.classes()
        if row.label is None:
            raise GoldenFormatError(
                "row is too short",
                file=self._path,
                place=f"line {row.line}",
                expected="as many cells as the header",
                hint="complete it",
            )
        if not row.label:
            return None
        if row.label in classes.names:
            return ClassLabel(classes.names.index(row.label))
        by_id = {str(number): index for index, number in enumerate(classes.ids)}
        if row.label in by_id:
            return ClassLabel(by_id[row.label])
        raise GoldenFormatError(
            "unknown class",
            file=self._path,
            place=f"line {row.line}",
            expected=f"one of {', '.join(classes.names)}, or an ID of theirs",
            found=row.label,
            hint="correct the row, or add the class to the manifest",
        )

    def _by_sample(self) -> dict[str, list[_Row]]:
        if self._broken is not None:
            raise copy.copy(self._broken)  # the same error for each sample, without the tracebacks piling up
        if self._rows is None:
            try:
                self._rows = self._read_rows()
            except GoldenFormatError as error:
                self._broken = error
                raise copy.copy(error) from error
        return self._rows

    def _read_rows(self) -> dict[str, list[_Row]]:
        columns = self._source.entry.columns
        names = SampleNames(self._source.samples)
        rows: dict[str, list[_Row]] = {}
        try:
            text = read_bytes(self._path).decode("utf-8-sig")
            lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
            header = list(lines.fieldnames or [])
            sample_column = self._column(header, "sample", columns.sample)
            label_column = self._column(header, "label", columns.label)
            for cells in lines:
                name = (cells[sample_column] or "").strip()
                label = cells[label_column]
                sample_id = names.exact(name) or names.by_file_name(name)
                if sample_id is not None:
                    row = _Row(lines.line_num, None if label is None else label.strip())
                    rows.setdefault(sample_id, []).append(row)
        except UnicodeDecodeError as error:
            raise GoldenFormatError(
                "CSV is not UTF-8 text", file=self._path, found=str(error), hint="save it as UTF-8"
            ) from error
        except csv.Error as error:
            raise GoldenFormatError(
                "not a CSV file",
                file=self._path,
                place=f"line {lines.line_num + 1}",
                found=str(error),
                hint="check the quotes",
            ) from error
        return rows

    def _column(self, header: list[str], key: str, configured: str | None) -> str:
        """Return the column that the manifest names, or the only one with a usual name."""
        usual = (configured,) if configured is not None else _USUAL_NAMES[key]
        found = [name for name in header if name in usual]
        if len(found) == 1:
            return found[0]
        raise GoldenFormatError(
            f"several columns could hold the {key}" if found else f"no column holds the {key}",
            file=self._path,
            place="line 1",
            expected=f"one column called {' or '.join(usual)}",
            found=", ".join(header) or "no header",
            hint=f"set `columns: {{{key}: ...}}` in the manifest to one of these",
        )
