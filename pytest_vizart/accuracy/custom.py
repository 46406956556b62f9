"""Metrics of the user's own: one figure for each sample, added up over the samples."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Literal, TypeVar, get_args

from pytest_vizart.accuracy.metric_names import METRICS
from pytest_vizart.errors import PredictionError, UsageError
from pytest_vizart.records.labels import TASKS, LabelSpec, Task
from pytest_vizart.records.score import Direction, MetricInfo

AddUp = Literal["mean", "median", "sum", "min", "max"]
Measure = Callable[[Any, Any], float | None]
F = TypeVar("F", bound=Measure)

_ADD_UP: dict[AddUp, Callable[[Sequence[float]], float]] = {
    "mean": fmean,
    "median": median,
    "sum": math.fsum,
    "min": min,
    "max": max,
}
_NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = (
    "stage", "max_drop", "max_newly_wrong", "max_newly_missed", "max_new_false_positives", "per_class", "per_tag",
    "correct_when",
)  # fmt: skip
"""Names of arguments of `vizart_accuracy` that are no metrics."""


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """One registered metric."""

    name: str
    measure: Measure | None  # None: another process measures it
    tasks: tuple[Task, ...]
    stage: str | None
    info: MetricInfo
    add_up: AddUp | Callable[[Sequence[float]], float] | None  # None: a function of another process

    def measure_sample(self, truth: Any, prediction: Any) -> float | None:
        """Return the figure of one sample, None where it has none; PredictionError for anything else.

        What the user's function raises goes through: it is the user's own bug, and its traceback tells where.
        """
        value = None if self.measure is None else self.measure(truth, prediction)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise PredictionError(
                "a metric gave no finite number",
                place=f"metric {self.name}",
                expected="a finite number, or None where the sample has none",
                found=repr(value)[:80],
                hint="return None for samples on which it is not defined",
            )
        return number

    def total(self, values: Sequence[float]) -> tuple[float | None, str | None]:
        """Return the figure over all samples that have one, None if none has; and what went wrong, if anything."""
        if not values or self.add_up is None:
            return None, None if not values else f"metric {self.name}: its add_up is a function that only workers know"
        add_up = self.add_up if callable(self.add_up) else _ADD_UP[self.add_up]
        try:
            total = float(add_up(values))
        except Exception as error:  # noqa: BLE001 - the user's own function, or numbers too large
            return None, f"metric {self.name}: add_up raised {type(error).__name__}: {error}"
        if not math.isfinite(total):
            return None, f"metric {self.name}: add_up gave {total}, no finite number"
        return total, None


_registered: dict[str, CustomMetric] = {}


def register_metric(
    name: str,
    *,
    task: Task | Sequence[Task],
    stage: str | None = None,
    direction: Direction = "higher",
    unit: str = "",
    add_up: AddUp | Callable[[Sequence[float]], float] = "mean",
) -> Callable[[F], F]:
    """Add a metric: a function of a sample's ground truth and prediction, in plain form, that returns a number.

        @register_metric("edge_error_px", task="semantic", direction="lower", unit="px")
        def edge_error_px(truth: SemanticLabels, prediction: SemanticPrediction) -> float | None: ...

    It is measured on every sample that has label and prediction, is shown beside the task's own metrics, can have a
    limit in `vizart_accuracy` (a floor, or where lower is better a ceiling), and can be named in `correct_when`.

    Args:
        name: small letters, digits, underscores; with its unit where it has one. The same name again replaces it.
        task: the task or tasks for whose stages it is measured; `stage` narrows that to one stage.
        direction: "higher" or "lower", which values are better.
        unit: "px", "m", "" for shares from 0 to 1.
        add_up: how the samples' figures become one: "mean", "median", "sum", "min", "max", or a function of them.

    Raises:
        UsageError: a name, task, direction or add_up that cannot be meant.
    """
    tasks = (task,) if isinstance(task, str) else tuple(task)
    _require(bool(_NAME.fullmatch(name)), "name", "small letters, digits, underscores", name)
    _require(name not in METRICS and name not in RESERVED, "name", "one that is not taken by vizart_accuracy", name)
    for one in tasks:
        _require(one in TASKS, "task", ", ".join(TASKS), one)
    _require(bool(tasks), "task", "at least one task", task)
    _require(direction in get_args(Direction), "direction", "higher or lower", direction)
    _require(callable(add_up) or add_up in _ADD_UP, "add_up", f"{', '.join(_ADD_UP)}, or a function", add_up)

    def register(measure: F) -> F:
        _registered[name] = CustomMetric(name, measure, tasks, stage, MetricInfo(direction, unit), add_up)
        return measure

    return register


def registered_metrics() -> Mapping[str, CustomMetric]:
    """Return the registered metrics by name."""
    return _registered


def custom_metrics(spec: LabelSpec) -> tuple[CustomMetric, ...]:
    """Return the registered metrics of a stage, in the order in which they were registered."""
    return tuple(
        metric
        for metric in _registered.values()
        if spec.task in metric.tasks and (metric.stage is None or metric.stage == spec.stage)
    )


def _require(fits: bool, place: str, expected: str, found: object) -> None:
    if not fits:
        raise UsageError("not a metric", place=place, expected=expected, found=found, hint="see register_metric")
