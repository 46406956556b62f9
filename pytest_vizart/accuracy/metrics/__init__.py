"""Metrics of each task: one file for each, imported when a stage with such labels is first scored.

A metric reduces each sample to a tally, judges the tally (correct or wrong, and every error in it), and makes the
metrics out of all tallies, so that no mask or cloud is kept longer than its sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.errors import UsageError
from pytest_vizart.records.labels import Label, LabelSpec
from pytest_vizart.records.outcome import ErrorItem
from pytest_vizart.records.score import MetricInfo


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of one sample, by the task's own rule. `unlabeled`: its label leaves everything out.

    score: 1 is best. measures: the sample's figures by name, over which `correct_when` decides ("recall", "misses",
    "false_positives", "iou", "cer"). errors: worst first. missed, false_positives: objects as `Outcome` writes them.
    """

    status: Literal["correct", "wrong", "unlabeled"]
    error_type: str | None = None
    score: float | None = None
    reason: str | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    errors: tuple[ErrorItem, ...] = ()
    missed: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()
    error_counts: Mapping[str, int] | None = None  # kind -> number, where `errors` may be cut off; None: it is not


@dataclass(frozen=True, slots=True)
class Summary:
    """Metrics over all samples, None where one is not defined on them.

    per_class: class name -> metric -> value, for the classes that occur. details: curves, confusion matrix and the like
    as plain data (lists, numbers, text). costs: kind of error -> by how much the headline would rise without it. notes:
    what the metrics do not show.
    """

    metrics: dict[str, float | None]
    per_class: dict[str, dict[str, float | None]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Running(Protocol):
    """Metrics while samples pass, at a cost that does not grow with the samples passed."""

    def add(self, tally: Any, comparison: Comparison) -> None:
        """Take one more sample in."""
        ...

    def values(self) -> dict[str, float | None]:
        """Return the metrics so far; those that need all samples at once (mAP) are left out."""
        ...


class TaskMetric(Protocol):
    """Accuracy of one task.

    `headline` names the metric that is compared with a baseline when no marker names one; `info` gives direction and
    unit of the metrics for which lower is better or that have a unit.
    """

    headline: str
    info: Mapping[str, MetricInfo]

    def tally(self, truth: Any, prediction: Any, spec: LabelSpec) -> Any:
        """Reduce one sample; `prediction` is None where nothing came. Raises PredictionError where shapes differ."""
        ...

    def judge(self, tally: Any, spec: LabelSpec) -> Comparison:
        """Tell whether the sample is correct, and what is wrong with it."""
        ...

    def summarise(self, tallies: Sequence[Any], spec: LabelSpec, *, full: bool = True) -> Summary:
        """Return the metrics over all samples; without `full` nothing but `metrics` is needed."""
        ...

    def running(self, spec: LabelSpec) -> Running:
        """Return empty running metrics."""
        ...

    def picture(
        self, truth: Any, prediction: Any, spec: LabelSpec, *, xyz: NDArray[np.floating[Any]] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return `truth` and `predicted` of `records.outcome.Case`."""
        ...

    def digest(self, prediction: Any) -> str:
        """Return 32 hex digits that differ where two passes gave different predictions."""
        ...


@runtime_checkable
class LocatingMetric(Protocol):
    """A metric that finds the worst places of a wrong sample once it is told where its points are."""

    def regions(
        self, truth: Any, prediction: Any, spec: LabelSpec, xyz: NDArray[np.floating[Any]]
    ) -> tuple[ErrorItem, ...]:
        """Return errors of kind `region`, worst first. xyz: (N, 3), metres."""
        ...


_METRICS: dict[str, str] = {
    "classes": "classes:ClassMetric",
    "boxes": "boxes:BoxMetric",
    "oriented_boxes": "oriented_boxes:OrientedBoxMetric",
    "instances": "instances:InstanceMetric",
    "keypoints": "keypoints:KeypointMetric",
    "semantic": "semantic:SemanticMetric",
    "panoptic": "panoptic:PanopticMetric",
    "points": "points:PointMetric",
    "boxes_3d": "boxes_3d:Box3DMetric",
    "cloud": "cloud:CloudMetric",
    "image": "image:ImageMetric",
    "text": "text:TextMetric",
    "array": "values:ArrayMetric",
}


def task_metric(name: str) -> TaskMetric:
    """Return the metric of a task; UsageError for an unknown one."""
    if name not in _METRICS:
        raise UsageError(
            "unknown task", place="task", expected=", ".join(_METRICS), found=name, hint="choose one of these"
        )
    module, _, attribute = _METRICS[name].partition(":")
    metric: TaskMetric = getattr(import_module(f"{__name__}.{module}"), attribute)()
    return metric


def compare(truth: Label, prediction: Prediction | None, spec: LabelSpec) -> Comparison:
    """Tell whether one sample is correct. Raises PredictionError where the shapes differ."""
    metric = task_metric(spec.task)
    return metric.judge(metric.tally(truth, prediction, spec), spec)


def summarise(pairs: Iterable[tuple[Label, Prediction | None]], spec: LabelSpec) -> dict[str, float | None]:
    """Return the metrics of a stage over pairs of ground truth and prediction, None for nothing predicted."""
    metric = task_metric(spec.task)
    return metric.summarise([metric.tally(truth, prediction, spec) for truth, prediction in pairs], spec).metrics
