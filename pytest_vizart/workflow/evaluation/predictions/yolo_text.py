"""YOLO's text files with scores, one for each image: `class x y width height score` in shares of the image's size.

Segments (class, outline, score), poses and oriented boxes likewise, the score last, as ultralytics' `save_conf` writes
them; without a score it is 1. A sample without a file has no predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import GoldenFormatError, UsageError
from pytest_vizart.golden.formats.sample_files import read_numbers, sample_rows
from pytest_vizart.golden.image_size import Size
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import Label
from pytest_vizart.workflow.evaluation.options import Options
from pytest_vizart.workflow.evaluation.predictions import Predictions, require_task
from pytest_vizart.workflow.evaluation.predictions.per_sample import files_of_samples
from pytest_vizart.workflow.evaluation.predictions.values import ValueReader
from pytest_vizart.workflow.evaluation.truths import Truths

_REACH = (-1.0, 2.0)
_INSIDE = 0.02  # a detector cuts its boxes off at the image's edge; rounding moves them a little
_LOOKED_AT = 50

Row = tuple[str, list[float]]


def open_yolo(path: Path, form: str, truths: Truths, options: Options) -> Predictions:
    """Open a folder of such files, or a path with {id}."""
    require_task(form, truths, path, tuple(_KINDS))
    files, notes = files_of_samples(path, (".txt",), truths)
    if truths.spec.task == "boxes":
        _require_scores_last(list(files.values())[:_LOOKED_AT])
    reader = ValueReader(truths, options)
    build = _KINDS[truths.spec.task]

    def read(key: SampleKey, label: Label) -> Prediction | None:
        file = files.get(key.id)
        rows = [] if file is None else _rows(file)
        if file is None or not rows:
            return None
        value = build(rows, truths.size_of(key, label), file, len(truths.spec.keypoint_names))
        value["labels"] = reader.classes([int(numbers[0]) for _, numbers in rows], "column 1", file)
        return reader.read(value, label, "", box_format="cxcywh", file=file)

    return Predictions(read, f"{path.name or path} ({form})", notes, absent_is_empty=True)


def _rows(file: Path) -> list[Row]:
    return [(place, read_numbers(text.split(), file=file, place=place)) for place, text in sample_rows(file) or ()]


def _boxes(rows: Sequence[Row], size: Size, file: Path, keypoints: int) -> dict[str, Any]:
    shares, scores = _split(rows, file, lambda width: width == 4, "class, x, y, width, height, and a score")
    return {"boxes": np.array(shares) * [size[1], size[0], size[1], size[0]], "scores": scores}


def _segments(rows: Sequence[Row], size: Size, file: Path, keypoints: int) -> dict[str, Any]:
    expected = "class, x and y of three points and more, and a score"
    shares, scores = _split(rows, file, lambda width: width >= 6 and width % 2 == 0, expected)
    rings = [(np.array(one).reshape(-1, 2) * [size[1], size[0]]).reshape(-1).tolist() for one in shares]
    return {"masks": [{"size": list(size), "polygons": [ring]} for ring in rings], "scores": scores}


def _oriented(rows: Sequence[Row], size: Size, file: Path, keypoints: int) -> dict[str, Any]:
    shares, scores = _split(rows, file, lambda width: width == 8, "class, x and y of four corners, and a score")
    return {"boxes": np.array(shares).reshape(-1, 4, 2) * [size[1], size[0]], "scores": scores}


def _poses(rows: Sequence[Row], size: Size, file: Path, keypoints: int) -> dict[str, Any]:
    if not keypoints:
        raise UsageError(
            "number of keypoints is not known",
            file=file,
            expected="labels that name their keypoints",
            hint="list them in the manifest or in the COCO file's categories",
        )
    expected = f"class, x, y, width, height, {keypoints} keypoints of 2 or 3 values, and a score"
    columns = (4 + 2 * keypoints, 4 + 3 * keypoints)
    shares, scores = _split(rows, file, lambda width: width in columns, expected)
    points: list[NDArray[np.float64]] = []
    for one in shares:
        values = np.array(one[4:]).reshape(keypoints, -1)
        placed = values[:, :2] * [size[1], size[0]]
        points.append(np.column_stack([placed, values[:, 2] if values.shape[1] == 3 else np.ones(keypoints)]))
    boxes = np.array([one[:4] for one in shares]) * [size[1], size[0], size[1], size[0]]
    return {"keypoints": np.array(points), "boxes": boxes, "scores": scores}


_KINDS: dict[str, Callable[[Sequence[Row], Size, Path, int], dict[str, Any]]] = {
    "boxes": _boxes,
    "instances": _segments,
    "oriented_boxes": _oriented,
    "keypoints": _poses,
}


def _split(
    rows: Sequence[Row], file: Path, fits: Callable[[int], bool], expected: str
) -> tuple[list[list[float]], list[float]]:
    """Return the shares and the score of each row; 1 where it has none."""
    shares, scores = [], []
    for place, numbers in rows:
        if fits(len(numbers) - 1):
            own, score = numbers[1:], 1.0
        elif fits(len(numbers) - 2):
            own, score = numbers[1:-1], numbers[-1]
        else:
            raise _wrong("not a prediction of this kind", file, place, expected, f"{len(numbers)} columns")
        if numbers[0] != int(numbers[0]) or numbers[0] < 0:
            raise _wrong("not a class number", file, place, "a whole number in the first column", f"{numbers[0]:g}")
        if not (_REACH[0] <= min(own) and max(own) <= _REACH[1]):
            found = next(one for one in own if not _REACH[0] <= one <= _REACH[1])
            hint = "pixels? --predictions-format boxes-text reads `class score x y x y` in pixels"
            raise _wrong("coordinates are no shares of the image's size", file, place, "numbers from 0 to 1",
                         f"{found:g}", hint)  # fmt: skip
        shares.append(own)
        scores.append(score)
    return shares, scores


def _require_scores_last(files: Sequence[Path]) -> None:
    """Refuse files whose boxes leave their images unless the second column is the score, which others write there."""
    rows = [(file, place, numbers) for file in files for place, numbers in _rows(file) if len(numbers) == 6]
    outside = [(file, place, numbers) for file, place, numbers in rows if not _lies_inside(numbers[1:5])]
    if outside and all(_lies_inside(numbers[2:6]) for _, _, numbers in rows):
        file, place, numbers = outside[0]
        raise _wrong(
            "boxes lie outside of their images",
            file,
            place,
            "class, x, y, width, height, score",
            f"{' '.join(f'{one:g}' for one in numbers)}; with the score in the second column all boxes lie inside",
            "--predictions-format boxes-text --box-format cxcywh reads `class score x y width height`",
        )


def _lies_inside(box: Sequence[float]) -> bool:
    x, y, width, height = box
    low, high = -_INSIDE, 1 + _INSIDE
    return low <= x - width / 2 and x + width / 2 <= high and low <= y - height / 2 and y + height / 2 <= high


def _wrong(
    problem: str, file: Path, place: str, expected: str, found: str, hint: str = "correct the line"
) -> GoldenFormatError:
    return GoldenFormatError(problem, file=file, place=place, expected=expected, found=found, hint=hint)
