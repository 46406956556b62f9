"""Accuracy of one stage over all samples of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """How many samples were correct, wrong, invalid, unlabeled."""

    correct: int = 0
    wrong: int = 0
    invalid: int = 0
    unlabeled: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """Metrics of one stage. A metric that is not defined on this data (no object of that size) is None."""

    stage: str
    task: str
    headline: str  # the metric that the gate compares with the baseline when no marker names one
    metrics: dict[str, float | None]
    counts: Counts
    newly_wrong: tuple[str, ...] = ()  # samples correct in the baseline and wrong now
    newly_fixed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # "3 predictions name a class that is not in the class map"
