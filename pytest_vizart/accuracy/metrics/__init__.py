"""Metrics of each task: one file for each, imported when a stage with such labels is first scored.

A metric reduces each sample to a tally, judges the tally (correct or wrong), and makes the metrics out of all tallies,
so that no mask or cloud is kept longer than its sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import UsageError
from pytest_vizart.records.labels import Label, LabelSpec


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of one sample. `unlabeled`: its label leaves everything out. score: 1 is best."""

    status: Literal["correct", "wrong", "unlabeled"]
    error_type: str | None = None
    score: float | None = None
    reason: str | None = None


class TaskMetric(Protocol):
    """Accuracy of one task. `headline` names the metric that is compared with a baseline when no marker names one."""

    headline: str

    def tally(self, truth: Any, prediction: Any, spec: LabelSpec) -> Any:
        """Reduce one sample; `prediction` is None where nothing came. Raises PredictionError where shapes differ."""
        ...

    def judge(self, tally: Any, spec: LabelSpec) -> Comparison:
        """Tell whether the sample is correct."""
        ...

    def summarise(self, tallies: Sequence[Any], spec: LabelSpec) -> dict[str, float | None]:
        """Return the metrics over all samples, None where one is not defined on them."""
        ...

    def notes(self, tallies: Sequence[Any], spec: LabelSpec) -> tuple[str, ...]:
        """Return what the metrics do not show."""
        ...

    def picture(
        self, truth: Any, prediction: Any, spec: LabelSpec, *, xyz: NDArray[np.floating[Any]] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return `truth` and `predicted` of `records.outcome.Case`."""
        ...

    def digest(self, prediction: Any) -> str:
        """Return 32 hex digits that differ where two passes gave different predictions."""
        ...


_METRICS: dict[str, str] = {
    "classes": "pytest_vizart.accuracy.metrics.classes:ClassMetric",
    "boxes": "pytest_vizart.accuracy.metrics.boxes:BoxMetric",
    "semantic": "pytest_vizart.accuracy.metrics.semantic:SemanticMetric",
    "points": "pytest_vizart.accuracy.metrics.points:PointMetric",
}


def task_metric(name: str) -> TaskMetric:
    """Return the metric of a task; UsageError for an unknown one."""
    if name not in _METRICS:
        raise UsageError(
            "unknown task", place="task", expected=", ".join(_METRICS), found=name, hint="choose one of these"
        )
    module, _, attribute = _METRICS[name].partition(":")
    metric: TaskMetric = getattr(import_module(module), attribute)()
    return metric


def compare(truth: Label, prediction: Prediction | None, spec: LabelSpec) -> Comparison:
    """Tell whether one sample is correct. Raises PredictionError where the shapes differ."""
    metric = task_metric(spec.task)
    return metric.judge(metric.tally(truth, prediction, spec), spec)


def summarise(pairs: Iterable[tuple[Label, Prediction | None]], spec: LabelSpec) -> dict[str, float | None]:
    """Return the metrics of a stage over pairs of ground truth and prediction, None for nothing predicted."""
    metric = task_metric(spec.task)
    return metric.summarise([metric.tally(truth, prediction, spec) for truth, prediction in pairs], spec)
