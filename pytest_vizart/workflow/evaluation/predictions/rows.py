"""Predictions as rows, one for each sample: JSON Lines, one JSON file, a table of classes; and values in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import GoldenFormatError, PredictionError, UsageError
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.formats.csv_table import USUAL_SAMPLE_NAMES, CsvTable
from pytest_vizart.golden.formats.json_lines import SampleLines
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import Label
from pytest_vizart.workflow.evaluation.notes import counted, unknown_notes
from pytest_vizart.workflow.evaluation.options import Options
from pytest_vizart.workflow.evaluation.predictions import Predictions, require_task
from pytest_vizart.workflow.evaluation.predictions.json_file import read_json
from pytest_vizart.workflow.evaluation.predictions.values import ValueReader, with_classes
from pytest_vizart.workflow.evaluation.sample_listing import Recorded, table_of_any
from pytest_vizart.workflow.evaluation.truths import SampleFinder, Truths

_PREDICTION = "prediction"
_SINGLE: dict[str, tuple[str, ...]] = {
    "semantic": ("mask",),
    "points": ("points", "labels"),
    "image": ("image",),
    "array": ("array", "arrays"),
}
"""Key of a row that holds the prediction itself, where the task's forms are no mapping."""
_LABEL_COLUMNS = ("label", "class", "category", "class_name", "prediction", "predicted")
_SCORE_COLUMNS = ("score", "confidence", "conf", "probability")
_TEXT_COLUMNS = ("text", "words", "transcription", "prediction", "predicted", "label")


def open_json_lines(path: Path, form: str, truths: Truths, options: Options) -> Predictions:
    """Lines {"sample": ..., "boxes": ..., "scores": ..., "labels": ...}, or {"sample": ..., "prediction": value}."""
    everything = Recorded()
    SampleLines(path, everything, None)
    places, unknown = _matched(everything.names, truths.names)
    notes = unknown_notes(unknown, len(places), path, "sample")
    lines = SampleLines(path, _Known(places), None)
    reader = ValueReader(truths, options, path)

    def read(key: SampleKey, label: Label) -> Prediction | None:
        found = lines.of(key.id)
        if len(found) > 1:
            raise _twice(path, found[1][0], key)
        return _of_row(found[0][1], reader, truths, label, found[0][0]) if found else None

    return Predictions(read, _told(path, form), notes)


def open_json(path: Path, form: str, truths: Truths, options: Options) -> Predictions:
    """A list of such rows, or an object from samples to predictions."""
    data = read_json(path)
    if isinstance(data, Mapping):
        rows: dict[str, tuple[str, Mapping[str, Any]]] = {
            name: (repr(name)[:80], {_PREDICTION: value}) for name, value in data.items()
        }
    else:
        rows = _by_name(data, path)
    return _of_rows(rows, truths, ValueReader(truths, options, path), _told(path, form))


def of_values(values: Mapping[str, Any] | Iterable[tuple[str, Any]], truths: Truths, options: Options) -> Predictions:
    """Predictions in memory, by sample."""
    rows: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, value in _pairs(values):
        if name in rows:
            raise UsageError(
                "two predictions for one sample", place="predictions", found=name, hint="give one for each sample"
            )
        rows[name] = (f"predictions[{name!r}]", {_PREDICTION: value})
    return _of_rows(rows, truths, ValueReader(truths, options), f"{counted(len(rows), 'value')} in memory")


def _pairs(values: Any) -> list[tuple[str, Any]]:
    try:
        pairs = [(name, value) for name, value in (values.items() if isinstance(values, Mapping) else values)]
    except (TypeError, ValueError):
        pairs = [(None, None)]
    if all(isinstance(name, str) for name, _ in pairs):
        return pairs
    raise UsageError(
        "not predictions",
        place="predictions",
        expected="a path, sample -> prediction, or pairs of both, samples by name",
        found=repr(values)[:80],
        hint="give a dictionary",
    )


def open_csv(path: Path, form: str, truths: Truths, options: Options) -> Predictions:
    """Columns sample, label, and maybe score; or sample and text."""
    require_task(form, truths, path, ("classes", "text"))
    _, everything = table_of_any(path)
    places, unknown = _matched(everything.names, truths.names)
    notes = unknown_notes(unknown, len(places), path, "sample")
    table = CsvTable(path, _Known(places), None)
    reader = ValueReader(truths, options, path)
    label_at = table.column("label", None, _LABEL_COLUMNS if truths.spec.task == "classes" else _TEXT_COLUMNS)
    score_at = next(iter(table.find_column(_SCORE_COLUMNS)), None)

    def read(key: SampleKey, label: Label) -> Prediction | None:
        found = table.rows_of(key.id)
        if len(found) > 1:
            raise _twice(path, found[1][0], key)
        if not found:
            return None
        place, cells = found[0]
        value = _cell(cells, label_at, path, place)
        if truths.spec.task == "text":
            return reader.read(value, label, place)
        return reader.read(_class(value, cells, score_at, reader, truths, path, place), label, place)

    return Predictions(read, _told(path, form), notes)


def _class(
    value: str, cells: Sequence[str], score_at: int | None, reader: ValueReader, truths: Truths, path: Path, place: str
) -> Any:
    """Return the class of a row: a name where a class is called so, a number otherwise."""
    label: Any = value.strip()
    if label not in truths.spec.classes.names and label.isascii() and label.isdecimal() and len(label) < 10:
        label = reader.classes([int(label)], place)[0]
    if score_at is None or not cells[score_at : score_at + 1] or not cells[score_at].strip():
        return label
    try:
        return label, float(cells[score_at])
    except ValueError as error:
        raise GoldenFormatError(
            "not a score", file=path, place=place, expected="a number", found=cells[score_at], hint="correct the cell"
        ) from error


def _cell(cells: Sequence[str], position: int, path: Path, place: str) -> str:
    if position >= len(cells):
        raise GoldenFormatError(
            "row is too short",
            file=path,
            place=place,
            expected="as many cells as the header",
            found=f"{len(cells)}",
            hint="complete it",
        )
    return cells[position]


def _of_rows(
    rows: Mapping[str, tuple[str, Mapping[str, Any]]], truths: Truths, reader: ValueReader, told: str
) -> Predictions:
    samples, unknown = _matched(rows, truths.names)
    by_sample: dict[str, str] = {}
    for name, sample in samples.items():
        if sample in by_sample:
            raise PredictionError(
                "two predictions for one sample",
                place=rows[name][0],
                expected="one for each sample",
                found=f"{by_sample[sample]}, {name}",
                hint="remove one",
            )
        by_sample[sample] = name

    def read(key: SampleKey, label: Label) -> Prediction | None:
        if key.id not in by_sample:
            return None
        place, row = rows[by_sample[key.id]]
        return _of_row(row, reader, truths, label, place)

    return Predictions(read, told, unknown_notes(unknown, len(samples), reader.file, "sample"))


def _of_row(row: Mapping[str, Any], reader: ValueReader, truths: Truths, label: Label, place: str) -> Prediction:
    value: Any = {key: one for key, one in row.items() if key not in USUAL_SAMPLE_NAMES}
    task = truths.spec.task
    key = next((key for key in (_PREDICTION, "objects", *_SINGLE.get(task, ())) if key in value), None)
    if key is not None:
        value = value[key]
    if isinstance(value, Mapping) and key != "arrays":
        value = with_classes(value, reader, place)
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        value = [with_classes(one, reader, place) for one in value]
    return reader.read(value, label, place)


def _by_name(data: Any, path: Path) -> dict[str, tuple[str, Mapping[str, Any]]]:
    rows: dict[str, tuple[str, Mapping[str, Any]]] = {}
    if not isinstance(data, list):
        raise GoldenFormatError(
            "not predictions",
            file=path,
            expected="a list of rows, or an object from samples to predictions",
            found=shown(data),
            hint="docs/evaluate.md shows the forms",
        )
    for position, row in enumerate(data):
        place = f"[{position}]"
        key = next((key for key in USUAL_SAMPLE_NAMES if isinstance(row, dict) and key in row), None)
        if key is None or isinstance(row[key], bool) or not isinstance(row[key], str | int):
            raise GoldenFormatError(
                "row names no sample",
                file=path,
                place=place,
                expected=f"the sample's ID or file name as {', '.join(USUAL_SAMPLE_NAMES[:4])}, ...",
                found=shown(row),
                hint="name the sample",
            )
        if str(row[key]) in rows:
            raise GoldenFormatError(
                "sample has several rows",
                file=path,
                place=place,
                expected="one row for each sample",
                found=str(row[key]),
                hint="put the objects of a sample into one row",
            )
        rows[str(row[key])] = (place, row)
    return rows


class _Known(SampleNames):
    """Names that were matched before."""

    def __init__(self, samples: Mapping[str, str]) -> None:
        super().__init__(())
        self._samples = samples

    def exact(self, name: str) -> str | None:
        return self._samples.get(name)


def _matched(found: Iterable[str], names: SampleFinder) -> tuple[dict[str, str], list[str]]:
    """Return name -> sample, and the names of no sample."""
    samples: dict[str, str] = {}
    unknown: list[str] = []
    for name in found:
        sample = names.find(name)
        if sample is None:
            unknown.append(name)
        else:
            samples[name] = sample
    return samples, unknown


def _twice(path: Path, place: str, key: SampleKey) -> GoldenFormatError:
    return GoldenFormatError(
        "sample has several rows",
        file=path,
        place=place,
        expected="one row for each sample",
        found=key.id,
        hint="remove all but one; the objects of a sample stand in one row",
    )


def _told(path: Path, form: str) -> str:
    return f"{path.name} ({form})"
