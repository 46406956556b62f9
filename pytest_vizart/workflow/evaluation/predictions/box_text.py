"""Text files of `class score` and four numbers, one for each image, as many evaluation tools take them.

The class is a name or number; the box is in pixels as `box_format` says, which must be given, or all four numbers are
shares of the image's size. A sample without a file has no predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import GoldenFormatError, UsageError
from pytest_vizart.golden.formats.sample_files import read_numbers, sample_rows
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import Label
from pytest_vizart.workflow.evaluation.options import Options
from pytest_vizart.workflow.evaluation.predictions import Predictions, require_task
from pytest_vizart.workflow.evaluation.predictions.per_sample import files_of_samples
from pytest_vizart.workflow.evaluation.predictions.values import ValueReader
from pytest_vizart.workflow.evaluation.truths import Truths

_LARGEST_SHARE = 1.5


def open_box_text(path: Path, form: str, truths: Truths, options: Options) -> Predictions:
    """Open a folder of such files, or a path with {id}."""
    require_task(form, truths, path, ("boxes",))
    if options.box_format is None:
        raise UsageError(
            "box format is not known",
            file=path,
            place="box_format",
            expected="xyxy, xywh or cxcywh",
            found="four numbers, which can be any of these",
            hint="name it: --box-format, box_format=...",
        )
    files, notes = files_of_samples(path, (".txt",), truths)
    reader = ValueReader(truths, options)
    shares = _are_shares(list(files.values()))

    def read(key: SampleKey, label: Label) -> Prediction | None:
        file = files.get(key.id)
        rows = [] if file is None else _rows(file)
        if file is None or not rows:
            return None
        boxes = np.array([numbers[1:] for _, numbers in rows])
        if shares:
            height, width = truths.size_of(key, label)
            boxes = boxes * [width, height, width, height]
        labels = [_class(name, reader, file) for name, _ in rows]
        value = {"boxes": boxes, "scores": [numbers[0] for _, numbers in rows], "labels": labels}
        return reader.read(value, label, "", file=file)

    return Predictions(read, f"{path.name or path} ({form})", notes, absent_is_empty=True)


def _are_shares(files: Sequence[Path]) -> bool:
    """Whether no file has a number that only pixels can be."""
    largest = [max(map(abs, numbers[1:])) for file in files for _, numbers in _rows(file)]
    return bool(largest) and max(largest) <= _LARGEST_SHARE


def _rows(file: Path) -> list[tuple[str, list[float]]]:
    """Return the class as it is written, and score and box, of each line."""
    rows = []
    for place, text in sample_rows(file) or ():
        name, *cells = text.rsplit(None, 5)
        numbers = read_numbers(cells, file=file, place=place)
        if len(numbers) != 5:
            raise GoldenFormatError(
                "not a line of predictions",
                file=file,
                place=place,
                expected="class, score, four numbers",
                found=f"{len(cells) + 1} columns",
                hint="correct the line",
            )
        rows.append((name, numbers))
    return rows


def _class(name: str, reader: ValueReader, file: Path) -> Any:
    is_number = name.isascii() and name.isdecimal() and len(name) < 10
    return reader.classes([int(name)], "column 1", file)[0] if is_number else name
