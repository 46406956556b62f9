"""Demands on the metrics of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_vizart.accuracy.metric_names import beyond
from pytest_vizart.errors import UsageError
from pytest_vizart.workflow.evaluation.result import Evaluation


@dataclass(frozen=True, slots=True)
class Limit:
    """A demand on a metric: at least (`min`) or at most (`max`) so much."""

    metric: str
    kind: Literal["min", "max"]
    limit: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A demand and what became of it; a metric that is not defined on the data (None) does not meet it."""

    metric: str
    kind: Literal["min", "max"]
    limit: float
    value: float | None
    met: bool


def judge(evaluation: Evaluation, limits: Sequence[Limit]) -> tuple[Judged, ...]:
    """Hold an evaluation to demands; UsageError for a metric that the task does not have."""
    judged = []
    for one in limits:
        if one.metric not in evaluation.metrics:
            raise UsageError(
                "unknown metric",
                place=f"--{one.kind} {one.metric}",
                expected=", ".join(evaluation.metrics),
                found=one.metric,
                hint="choose one of these",
            )
        value = evaluation.metrics[one.metric]
        met = value is not None and not beyond(value, one.limit, "higher" if one.kind == "min" else "lower")
        judged.append(Judged(one.metric, one.kind, one.limit, value, met))
    return tuple(judged)
