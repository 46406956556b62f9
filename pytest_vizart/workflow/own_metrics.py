"""The user's own metrics of a test of one sample: measured where the test ran, added up where all are joined.

The process that joins need not have imported what registers them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from pytest_vizart.accuracy.custom import AddUp, CustomMetric, registered_metrics
from pytest_vizart.records.labels import Task
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.score import MetricInfo


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """A registered metric as it travels; `add_up` is None where it is a function."""

    name: str
    tasks: tuple[str, ...]
    stage: str | None
    direction: Literal["higher", "lower"]
    unit: str
    add_up: str | None


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """What the user's own metrics measured of one sample: stage -> name -> figure."""

    metrics: tuple[OwnMetric, ...] = ()
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def own_figures(measured: Mapping[str, Iterable[CustomMetric]], outcomes: Iterable[Outcome]) -> OwnFigures:
    """Return the figures of the outcomes of one sample; `measured`: stage -> its metrics."""
    metrics = {metric.name: metric for of_stage in measured.values() for metric in of_stage}
    return OwnFigures(
        metrics=tuple(
            OwnMetric(
                metric.name,
                metric.tasks,
                metric.stage,
                metric.info.direction,
                metric.info.unit,
                metric.add_up if isinstance(metric.add_up, str) else None,
            )
            for metric in metrics.values()
        ),
        figures={
            outcome.stage: {name: outcome.measures[name] for name in metrics if name in outcome.measures}
            for outcome in outcomes
        },
    )


def joined_metrics(parts: Iterable[OwnFigures]) -> tuple[CustomMetric, ...]:
    """Return the metrics that the parts know, to add their figures up."""
    known = registered_metrics()
    told = {metric.name: metric for part in parts for metric in part.metrics}
    return tuple(known.get(name) or _of_another_process(metric) for name, metric in told.items())


def _of_another_process(metric: OwnMetric) -> CustomMetric:
    return CustomMetric(
        metric.name,
        None,
        cast("tuple[Task, ...]", metric.tasks),
        metric.stage,
        MetricInfo(metric.direction, metric.unit),
        cast("AddUp | None", metric.add_up),
    )
