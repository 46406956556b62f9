"""Accuracy of one stage over all samples of a run, and its timing."""

from __future__ import annotations

from dataclasses import dataclass, field


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


@dataclass(frozen=True, slots=True)
class Distribution:
    """Order statistics of one quantity over the counted spans of one stage."""

    median: float
    p95: float
    p99: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """Resident memory of the process around a stage, in MB (10^6 bytes); peak is None until it is measured.

    before: at the first span's start. after: the highest at either edge of a span.
    """

    before: float
    after: float
    growth: float  # largest growth over one span
    peak: float | None = None


@dataclass(frozen=True, slots=True)
class StageStats:
    """One stage of one run: times in milliseconds."""

    name: str
    spans: int  # spans counted: warm-up excluded, errors included
    errors: int
    wall_ms: Distribution | None
    cpu_ms: Distribution | None = None
    memory_mb: MemoryStats | None = None
    gpu_mb: float | None = None
    share: float = 0.0  # of the run's summed wall time, nested stages not counted twice
    notes: tuple[str, ...] = field(default_factory=tuple)
