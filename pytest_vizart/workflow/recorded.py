"""Recorded outputs of a run: a stage without human labels is held to what it gave when that was accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, fields, replace
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pytest_vizart.accuracy.metrics import compare
from pytest_vizart.accuracy.predicted import ArrayPrediction, ImagePrediction, Prediction, TextPrediction
from pytest_vizart.errors import GoldenError, GoldenFormatError, UsageError, warn
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.recorded import FOLDER, RecordedStore, require_name
from pytest_vizart.records.labels import LABEL_OF_TASK, NO_CLASSES, Label, LabelSpec, Task
from pytest_vizart.report.wording import plural
from pytest_vizart.workflow.recorded_claims import Claims
from pytest_vizart.workflow.recorded_tables import (
    column,
    is_series,
    is_table,
    plain_array,
    series_columns,
    table_columns,
)
from pytest_vizart.workflow.used_files import shown_path, working_folder

UpdateMode = Literal["missing", "failed", "all"]
NOT_RECORDED = "not-recorded"
_TOLD_NAMES = 10


@dataclass
class RecordedOutputs:
    """What is recorded of a dataset, and what this run makes of it.

    Attributes:
        update: what is recorded anew; None for nothing.
        kept: folder of the run's own outputs, where those that differ are kept until somebody accepts them.
        claims: what other tests of the session record; None where that is not known.
        written: (name, sample ID) of what was recorded.
        refused: (name, sample ID) -> why it can be neither compared nor recorded.
    """

    dataset: GoldenDataset
    kept: Path | None = None
    update: UpdateMode | None = None
    claims: Claims | None = None
    written: list[tuple[str, str]] = field(default_factory=list)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
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
            GoldenFormatError: the recorded file cannot be read, and is not to be recorded anew.
            GoldenError: an output cannot be written, or another test of the session recorded another one.
            UsageError: the output is of a kind that cannot be recorded.
        """
        key = (spec.stage, sample_id)
        if key in self.refused:
            raise GoldenError(self.refused[key])
        claims = None if self.update is None else self.claims
        try:
            with nullcontext() if claims is None else claims.claimed(self.dataset.root, *key) as other:
                return self._truth(sample_id, prediction, spec, other)
        except GoldenError as error:
            self.refused[key] = str(error)
            raise

    def take_over(self, sample_id: str, written: Sequence[str], refused: Mapping[str, str]) -> None:
        """Take over what the test of one sample recorded, by name, and what it could not, with the reason."""
        self.written += [(name, sample_id) for name in written]
        self.refused.update(((name, sample_id), reason) for name, reason in refused.items())

    def notes(self) -> tuple[str, ...]:
        """Return what was recorded, as a note for the run; nothing where nothing was."""
        if not self.written:
            return ()
        names = list(dict.fromkeys(name for name, _ in self.written))
        more = f" and {len(names) - _TOLD_NAMES} more" if len(names) > _TOLD_NAMES else ""
        shown = shown_path(self.store.root, working_folder())
        count = plural(len(set(self.written)), "output")
        return (f"recorded: {count} of {', '.join(names[:_TOLD_NAMES])}{more} ({shown})",)

    def _truth(self, sample_id: str, prediction: Prediction, spec: LabelSpec, other: str | None) -> Label | None:
        """`other`: the test that recorded this output before, in the same session."""
        label = _as_label(prediction, spec.task)
        recorded: Label | None = None
        damaged: GoldenFormatError | None = None
        if self.update != "all" or other is not None:
            try:
                recorded = self.store.read(spec.stage, sample_id)
            except GoldenFormatError as error:
                damaged = error
        if recorded is not None and _meets(prediction, recorded, spec):
            return recorded
        if self._asked_for(missing=recorded is None and damaged is None):
            if other is not None:
                raise self._two_tests(spec.stage, sample_id, other)
            self.store.write(spec.stage, sample_id, label)
            self.written.append((spec.stage, sample_id))
            return label
        self._keep(spec.stage, sample_id, label)
        if damaged is not None:
            raise damaged
        return recorded

    def _keep(self, name: str, sample_id: str, label: Label) -> None:
        """Keep the run's own output until somebody accepts it; a run is judged without."""
        if self._own is None:
            return
        try:
            self._own.write(name, sample_id, label)
        except GoldenError as error:
            warn(f"{error}; `vizart golden accept` will not find it")

    def _two_tests(self, name: str, sample_id: str, other: str) -> GoldenError:
        return GoldenError(
            f"two tests of one session record different outputs as {name!r}",
            file=self.store.root / name,
            place=f"sample {sample_id!r}",
            expected=f"the output of {other}, which came first",
            found="another one" if self.claims is None else f"another one in {self.claims.test_id}",
            hint='give each a name of its own: vizart_run.golden(value, name="...")',
        )

    def _asked_for(self, *, missing: bool) -> bool:
        return self.update is not None and (missing or self.update != "missing")


def _meets(prediction: Prediction, recorded: Label, spec: LabelSpec) -> bool:
    same_kind = isinstance(recorded, LABEL_OF_TASK[spec.task])
    return same_kind and compare(recorded, prediction, spec).status == "correct"


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
    return {name: _tolerance(name, value) for name, value in given.items()}


def _tolerance(name: str, value: object) -> float:
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else None
    except OverflowError:  # a whole number that no float can hold
        number = None
    if number is None or not isfinite(number) or number < 0:
        raise UsageError(
            "not a tolerance", place=f"golden({name}=...)", expected="a number from 0", found=value, hint=None
        )
    return number


def as_plain(value: Any) -> Any:
    """Tables (pandas, Polars, Arrow) as columns; images of Pillow as arrays; all else as it is.

    Raises:
        UsageError: masked values, an empty dict, a column that cannot be recorded.
    """
    if isinstance(value, Mapping):
        if not value:
            raise UsageError(
                "there is nothing to compare", place="golden()", expected="one array or more", found="an empty dict",
                hint="hand over what the stage gave",
            )  # fmt: skip
        return {name: _plain_part(name, each) for name, each in value.items()}
    if is_table(value):
        return as_plain(table_columns(value))
    if is_series(value):
        return series_columns(value)
    return _plain_part("", value)


def _plain_part(name: Any, value: Any) -> Any:
    """One array of a dict, or a value without a name."""
    if is_series(value) or hasattr(value, "null_count"):  # of pandas; of Polars and Arrow
        return column(str(name), value)
    if hasattr(value, "getbands") and hasattr(value, "size"):
        return np.asarray(value)
    return plain_array(str(name), value) if isinstance(value, np.ma.MaskedArray) else value


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
