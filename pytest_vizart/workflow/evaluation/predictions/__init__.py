"""Predictions of an evaluation: files of many formats, and values in memory, read sample by sample.

A format is a function `open(path, truths, options)` that returns `Predictions`. What a file holds is checked as labels
are: what is wrong with it is a GoldenFormatError, what cannot be compared with the ground truth a PredictionError.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import UsageError
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import Label
from pytest_vizart.workflow.evaluation.options import Options
from pytest_vizart.workflow.evaluation.truths import Truths


@dataclass(frozen=True, slots=True)
class Predictions:
    """What was predicted.

    read: returns the prediction of a sample with this label, None where there is none; raises PredictionError or
    GoldenFormatError. told: file and format, for people. notes: what is not compared. absent_is_empty: where there is
    nothing for a sample, the model found nothing in it, as in COCO's results; otherwise the prediction is missing.
    """

    read: Callable[[SampleKey, Label], Prediction | None]
    told: str
    notes: tuple[str, ...] = ()
    absent_is_empty: bool = False


_FORMATS: dict[str, str] = {
    "boxes-text": "box_text:open_box_text",
    "coco": "coco_results:open_results",
    "coco-panoptic": "panoptic:open_panoptic",
    "csv": "rows:open_csv",
    "image": "label_files:open_files",
    "json": "rows:open_json",
    "jsonl": "rows:open_json_lines",
    "las": "label_files:open_files",
    "lidarseg": "label_files:open_files",
    "npy": "label_files:open_files",
    "pcd": "label_files:open_files",
    "ply": "label_files:open_files",
    "png": "label_files:open_files",
    "semantickitti": "label_files:open_files",
    "text": "label_files:open_files",
    "yolo": "yolo_text:open_yolo",
}


def prediction_formats() -> Collection[str]:
    """Return the names of the formats."""
    return _FORMATS


def open_predictions(path: Path, form: str, truths: Truths, options: Options) -> Predictions:
    """Open the predictions at a path.

    Raises:
        UsageError: no such format, or one that holds no predictions of the task.
        GoldenError, PredictionError: as said above.
    """
    if form not in _FORMATS:
        close = get_close_matches(form, _FORMATS, n=1)
        raise UsageError(
            "unknown format of predictions",
            place="predictions_format",
            expected=", ".join(_FORMATS),
            found=form,
            hint=f"did you mean {close[0]!r}?" if close else "choose one of these",
        )
    module, _, name = _FORMATS[form].partition(":")
    found: Predictions = getattr(import_module(f"{__name__}.{module}"), name)(path, form, truths, options)
    return found


def require_task(form: str, truths: Truths, path: Path, tasks: Collection[str]) -> None:
    """Raise UsageError where a format holds no predictions of the task."""
    if truths.spec.task not in tasks:
        raise UsageError(
            f"predictions of format {form} are for another task",
            file=path,
            place="task",
            expected=" or ".join(tasks),
            found=truths.spec.task,
            hint="name the task of the labels: --task; or the format of the predictions: --predictions-format",
        )
