"""Recorded outputs of a run: a stage without human labels is held to what it gave when that was accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pytest_vizart.accuracy.metrics import compare
from pytest_vizart.accuracy.predicted import ArrayPrediction, ImagePrediction, Prediction, TextPrediction
from pytest_vizart.errors import UsageError
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.recorded import FOLDER, RecordedStore, require_name
from pytest_vizart.records.labels import LABEL_OF_TASK, NO_CLASSES, Label, LabelSpec, Task

UpdateMode = Literal["missing", "failed", "all"]
NOT_RECORDED = "not-recorded"


@dataclass
class RecordedOutputs:
    """What is recorded of a dataset, and what this run makes of it.

    Attributes:
        update: what is recorded anew; None for nothing.
        kept: folder of the run's own outputs, where those that differ are kept until somebody accepts them.
        written: (name, sample ID) of what was recorded.
    """

    dataset: GoldenDataset
    kept: Path | None = None
    update: UpdateMode | None = None
    written: list[tuple[str, str]] = field(default_factory=list)
    _specs: dict[str, LabelSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = RecordedStore(self.dataset.root / FOLDER)
        self._own = None if self.kept is None else RecordedStore(self.kept / FOLDER)

    def spec(self, name: str | None, task: Task, tolerances: Mapping[str, float]) -> LabelSpec:
        """Return how an output of this kind is compared.

        Raises:
            UsageError: no name that a folder can have, the name of a labelled stage, or of outputs of another kind.
        """
        name = require_name(name)
        declared = {spec.stage: spec for spec in self.dataset.specs}
        if name in declared and declared[name].recorded:
            told = declared[name]
            if told.task == task:
                return replace(told, tolerances={**told.tolerances, **tolerances})
            raise _two_kinds(name, told.task, task)
        if name in declared:
            raise UsageError(
                "a stage with labels is not recorded as well",
                place=f"golden(name={name!r})",
                expected="a name of its own",
                found=name,
                hint="predict() compares with the labels; give the recorded output another name",
            )
        known = self._specs.get(name)
        if known is None:
            known = self._specs[name] = LabelSpec(name, task, NO_CLASSES, tolerances=dict(tolerances), recorded=True)
        if known.task != task:
            raise _two_kinds(name, known.task, task)
        return known

    def truth(self, sample_id: str, prediction: Prediction, spec: LabelSpec) -> Label | None:
        """Return what is recorded of a sample, after recording what was asked for; None if nothing is.

        Raises:
            GoldenFormatError: the recorded file cannot be read.
            OSError: an output cannot be written.
        """
        label = _as_label(prediction, spec.task)
        recorded = None if self.update == "all" else self.store.read(spec.stage, sample_id)
        if recorded is not None and not isinstance(recorded, LABEL_OF_TASK[spec.task]):
            recorded_differs = True
        else:
            recorded_differs = recorded is None or compare(recorded, prediction, spec).status != "correct"
        if not recorded_differs:
            return recorded
        if self._asked_for(missing=recorded is None):
            self.store.write(spec.stage, sample_id, label)
            self.written.append((spec.stage, sample_id))
            return label
        if self._own is not None:
            self._own.write(spec.stage, sample_id, label)
        return recorded

    def _asked_for(self, *, missing: bool) -> bool:
        return self.update is not None and (missing or self.update != "missing")


def _two_kinds(name: str, expected: Task, found: Task) -> UsageError:
    return UsageError(
        "outputs of one name are of two kinds",
        place=f"golden(name={name!r})",
        expected=expected,
        found=found,
        hint="give them two names",
    )


def tolerances_of(rtol: float | None, atol: float | None, others: Mapping[str, float]) -> dict[str, float]:
    """Return the tolerances that a call gives, by name; UsageError for one that is no number from 0."""
    given = {name: value for name, value in {"rtol": rtol, "atol": atol, **others}.items() if value is not None}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise UsageError(
                "not a tolerance", place=f"golden({name}=...)", expected="a number from 0", found=value, hint=None
            )
    return {name: float(value) for name, value in given.items()}


def as_plain(value: Any) -> Any:
    """Tables (pandas, Polars, Arrow) as columns; images of Pillow as arrays; all else as it is."""
    if hasattr(value, "column_names") and hasattr(value, "column"):
        return {str(name): np.asarray(value.column(name)) for name in value.column_names}
    if hasattr(value, "columns") and hasattr(value, "shape") and not isinstance(value, np.ndarray):
        return {str(name): _column(value[name]) for name in value.columns}
    if hasattr(value, "getbands") and hasattr(value, "size"):
        return np.asarray(value)
    return value


def _column(values: Any) -> Any:
    array = np.asarray(values)
    return array.astype(str) if array.dtype.kind == "O" else array


def task_of(value: Any) -> Task:
    """Return the kind of an output: text, image (uint8 or uint16 pixels) or array (numbers and tables of them)."""
    if isinstance(value, str):
        return "text"
    dtype, ndim = getattr(value, "dtype", None), getattr(value, "ndim", 0)
    pixels = dtype == np.uint8 and (ndim == 2 or (ndim == 3 and value.shape[2] in (3, 4)))
    return "image" if pixels or (dtype == np.uint16 and ndim == 2) else "array"


def task_of_prediction(prediction: Prediction) -> Task:
    """Return the kind of an output that was read already."""
    kinds: dict[type, Task] = {TextPrediction: "text", ImagePrediction: "image", ArrayPrediction: "array"}
    return kinds[type(prediction)]


def _as_label(prediction: Prediction, task: Task) -> Label:
    """A prediction of text, image or array has the fields of its label."""
    assert isinstance(prediction, TextPrediction | ImagePrediction | ArrayPrediction)
    label: Label = LABEL_OF_TASK[task](**{item.name: getattr(prediction, item.name) for item in fields(prediction)})
    return label
