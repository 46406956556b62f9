"""Predictions in the formats of label files, one for each sample: masks, points, clouds, images, texts, arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pytest_vizart.accuracy.predicted import (
    ArrayPrediction,
    CloudPrediction,
    ImagePrediction,
    PanopticPrediction,
    PointPrediction,
    Prediction,
    SemanticPrediction,
    TextPrediction,
)
from pytest_vizart.errors import GoldenFormatError, PredictionError
from pytest_vizart.golden.formats import LabelSource, open_reader
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.manifest import LabelEntry
from pytest_vizart.golden.recognition.view import IMAGES
from pytest_vizart.records.labels import (
    ArrayLabel,
    ClassMap,
    CloudLabel,
    ImageLabel,
    Label,
    PanopticLabels,
    PointLabels,
    SemanticLabels,
    TextLabel,
)
from pytest_vizart.workflow.evaluation.label_files import read_names
from pytest_vizart.workflow.evaluation.options import Options
from pytest_vizart.workflow.evaluation.path_kinds import EXTENSIONS
from pytest_vizart.workflow.evaluation.predictions import Predictions, require_task
from pytest_vizart.workflow.evaluation.predictions.per_sample import files_of_samples
from pytest_vizart.workflow.evaluation.truths import Truths

_IGNORED = 255
_SUFFIXES: dict[str, tuple[str, ...]] = {
    **{form: tuple(one for one, name in EXTENSIONS.items() if name == form) for form in set(EXTENSIONS.values())},
    "image": tuple(sorted(IMAGES)),
    "text": (".txt",),
    "lidarseg": (".bin",),
}
_PREDICTION_OF: dict[type, Callable[[Any], Prediction]] = {
    SemanticLabels: lambda label: SemanticPrediction(label.mask),
    PanopticLabels: lambda label: PanopticPrediction(label.segments, label.class_index),
    PointLabels: lambda label: PointPrediction(label.labels),
    CloudLabel: lambda label: CloudPrediction(label.xyz),
    ImageLabel: lambda label: ImagePrediction(label.image),
    TextLabel: lambda label: TextPrediction(label.text),
    ArrayLabel: lambda label: ArrayPrediction(label.arrays),
}
_TASKS = ("semantic", "panoptic", "points", "cloud", "image", "text", "array")


def open_files(path: Path, form: str, truths: Truths, options: Options) -> Predictions:
    """Open a folder of such files, a path with {id}, or a single file where there is one sample.

    Numbers are class IDs, or positions in the class map with class_numbers="index"; 255 predicts nothing where no class
    has that ID.
    """
    require_task(form, truths, path, _TASKS)
    files, notes = files_of_samples(path, _SUFFIXES[form], truths)
    classes = _numbered(truths.spec.classes, options)
    positions = _positions(classes, truths.spec.classes, path)

    def read(key: SampleKey, label: Label) -> Prediction | None:
        file = files.get(key.id)
        if file is None:
            return None
        given = _read(file, form, truths, classes, options)
        return _PREDICTION_OF[type(given)](_told_in(given, positions))

    return Predictions(read, f"{path.name or path} ({form})", notes)


def _read(file: Path, form: str, truths: Truths, classes: ClassMap, options: Options) -> Label:
    document: dict[str, Any] = {"stage": truths.spec.stage, "task": truths.spec.task, "format": form}
    ignore = options.ignore if options.ignore is not None else _IGNORED if _IGNORED not in classes.ids else None
    if ignore is not None and truths.spec.task in ("semantic", "panoptic", "points"):
        document["ignore"] = ignore
    entry = LabelEntry.model_validate({**document, "path": f"{{id}}{file.suffix}"})
    key = SampleKey(file.stem, file, file.name, file.name)
    source = LabelSource(file.parent, file, "predictions", entry, classes if len(classes) else None, (key,))
    try:
        label = open_reader(source).read(key)
    except GoldenFormatError as error:
        if error.hint and "manifest" in error.hint:
            error.hint = "do the predictions hold IDs of the ground truth's classes? see --class-numbers, --ignore"
        raise
    if label is None:  # it was there a moment ago
        raise GoldenFormatError("file is gone", file=file, hint="run it again")
    return label


def _numbered(classes: ClassMap, options: Options) -> ClassMap:
    """Return the class map with the numbers that the predictions use."""
    if options.prediction_classes is not None and len(classes):
        return read_names(options.prediction_classes, "prediction_classes")
    if options.class_numbers == "index":
        return replace(classes, ids=tuple(range(len(classes))))
    return classes


def _positions(own: ClassMap, classes: ClassMap, path: Path) -> np.ndarray[Any, Any] | None:
    """Return the ground truth's index of each of the model's classes, where they differ."""
    if own.names == classes.names:
        return None
    known = {name: index for index, name in enumerate(classes.names)}
    unknown: Sequence[str] = [name for name in own.names if name not in known]
    if unknown:
        raise PredictionError(
            "the model's classes are not all classes of the ground truth",
            file=path,
            place="prediction_classes",
            expected=", ".join(classes.names[:12]),
            found=", ".join(unknown[:12]),
            hint="give them the ground truth's names",
        )
    return np.array([*(known[name] for name in own.names), -1], dtype=np.int64)  # [-1], nothing, is the last one


def _told_in(label: Label, positions: np.ndarray[Any, Any] | None) -> Label:
    if positions is None:
        return label
    changed: Any = label
    if isinstance(label, SemanticLabels):
        changed = SemanticLabels(positions[label.mask].astype(np.int32))
    elif isinstance(label, PointLabels):
        changed = PointLabels(positions[label.labels].astype(np.int32))
    elif isinstance(label, PanopticLabels):
        changed = replace(label, class_index=positions[label.class_index])
    return changed  # type: ignore[no-any-return]
