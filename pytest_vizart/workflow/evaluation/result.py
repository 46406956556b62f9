"""What an evaluation found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pytest_vizart.records.labels import LabelSpec, Task
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.score import Counts, ErrorCount, MetricInfo, Score


@dataclass(frozen=True)
class Evaluation:
    """Predictions held against their ground truth; the figures and their names are those of a run under pytest.

    spec: task, classes and thresholds. metrics: by name, None where one is not defined on this data. headline: the
    metric that stands for all. per_class: class name -> metric -> value, for the classes that occur. errors: kinds of
    error, how many, on how many samples, and by how much the headline would rise without them. counts: samples that
    are correct, wrong, invalid, unlabeled; None where only numbers were asked for. details: curves, confusion matrix
    and the like, as in docs/json.md. info: direction and unit of the metrics for which lower is better or that have a
    unit. notes: what the figures do not show. labels, predictions: the files' names and formats, for people.
    """

    spec: LabelSpec
    headline: str
    metrics: Mapping[str, float | None]
    per_class: Mapping[str, Mapping[str, float | None]]
    errors: tuple[ErrorCount, ...]
    counts: Counts | None
    details: Mapping[str, Any] = field(repr=False)
    info: Mapping[str, MetricInfo] = field(repr=False)
    notes: tuple[str, ...]
    labels: str
    predictions: str
    compare_samples: Callable[[], tuple[Outcome, ...]] = field(repr=False, compare=False)

    @property
    def task(self) -> Task:
        """The task that was evaluated."""
        return self.spec.task

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of each sample, with its errors, in the order of the ground truth.

        Of two COCO files they are made when they are first asked for: the numbers alone need no look at each sample.
        """
        return self.compare_samples()


def of_score(
    score: Score,
    outcomes: tuple[Outcome, ...],
    spec: LabelSpec,
    *,
    notes: tuple[str, ...],
    labels: str,
    predictions: str,
) -> Evaluation:
    """Return the evaluation that a stage's score is; `notes` go before the score's own."""
    return Evaluation(
        spec=spec,
        headline=score.headline,
        metrics=score.metrics,
        per_class=score.per_class,
        errors=score.errors,
        counts=score.counts,
        details=score.details,
        info={name: info for name, info in score.info.items() if name in score.metrics},
        notes=(*notes, *score.notes),
        labels=labels,
        predictions=predictions,
        compare_samples=lambda: outcomes,
    )
