"""Accuracy of one stage over all samples of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_vizart.records.outcome import ObjectChanges

Direction = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What a figure means: whether higher or lower is better, and its unit ("" for shares from 0 to 1)."""

    direction: Direction = "higher"
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many samples were correct, wrong, invalid, unlabeled."""

    correct: int = 0
    wrong: int = 0
    invalid: int = 0
    unlabeled: int = 0


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How often one kind of error occurred.

    cost: by how much the headline metric would rise if the errors of this kind were mended (TIDE's delta AP); None
    where that is not defined for the task.
    """

    kind: str
    count: int
    samples: int
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Metrics of one stage. A metric that is not defined on this data (no object of that size) is None.

    per_class and per_tag: name -> metric -> value. details: curves, confusion matrix and the like as plain data, see
    docs/json.md. info: direction and unit of the metrics for which lower is better or that have a unit.
    """

    stage: str
    task: str
    headline: str  # the metric that the gate compares with the baseline when no marker names one
    metrics: dict[str, float | None]
    counts: Counts
    newly_wrong: tuple[str, ...] = ()  # samples correct in the baseline and wrong now
    newly_fixed: tuple[str, ...] = ()
    negative_flip_rate: float | None = None  # share of the samples that both sides have which became wrong
    objects: Mapping[str, ObjectChanges] = field(default_factory=dict)  # sample ID -> what changed since the baseline
    notes: tuple[str, ...] = ()  # "3 predictions name a class that is not in the class map"
    per_class: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    per_tag: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    errors: tuple[ErrorCount, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, MetricInfo] = field(default_factory=dict)
    recorded: bool = False  # held to recorded outputs, of which each must be met

    def direction(self, metric: str) -> Direction:
        """Tell whether higher or lower values of a metric are better."""
        found = self.info.get(metric)
        return "higher" if found is None else found.direction
