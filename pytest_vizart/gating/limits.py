"""What the markers declare of times and memory, checked; and how the limits of several markers combine."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from pytest_vizart.gating.accuracy_limits import ACCURACY_ARGUMENTS, AccuracyLimit
from pytest_vizart.gating.arguments import (
    PIPELINE,
    STAGE,
    Argument,
    checked,
    in_range,
    number_of,
    positive,
    refuse_on_pipeline,
    stage_of,
)

__all__ = [
    "ARGUMENTS",
    "PIPELINE",
    "AccuracyLimit",
    "LatencyLimit",
    "MemoryLimit",
    "did_not_run",
    "pick",
    "stages_with_peak_limit",
    "unknown_stages",
    "usage",
]


def _milliseconds(name: str, what: str) -> Argument:
    return Argument(name, "a number of milliseconds above 0", f"{what} of the stage's wall time, at most", positive)


def _megabytes(name: str, what: str) -> Argument:
    return Argument(name, "a number of MB above 0", what, positive)


ARGUMENTS: Mapping[str, tuple[Argument, ...]] = {
    "vizart_accuracy": ACCURACY_ARGUMENTS,
    "vizart_latency": (
        STAGE,
        _milliseconds("median_ms", "median"),
        _milliseconds("p95_ms", "95th percentile"),
        _milliseconds("p99_ms", "99th percentile"),
        Argument(
            "max_slowdown",
            "a fraction above 0, at most 1",
            "how much slower than its baseline a stage may be (0.02)",
            in_range(0.0, 1.0, above_low=True),
            "5 % is 0.05",
        ),
        Argument(
            "min_per_second",
            "a number above 0",
            "items (samples, also of a batch) per second of the time during which the stage runs, at least",
            positive,
        ),
    ),
    "vizart_memory": (
        STAGE,
        _megabytes("max_rss_mb", "resident memory of the process around the stage, at most"),
        _megabytes("max_growth_mb", "growth over one execution of the stage, at most"),
        _megabytes("max_peak_mb", "peak above the stage's start, at most; naming it turns the exact peak on"),
        _megabytes("max_leak_mb", "growth of the process per 100 samples, at most, where it surely goes on"),
        _megabytes("max_gpu_mb", "GPU memory that torch allocates in the stage, at most"),
    ),
}


def usage(marker: str) -> str:
    """Return the line that registers a marker: its arguments and what it does."""
    arguments = ", ".join(f"{argument.name}=..." for argument in ARGUMENTS[marker])
    return f"{marker}({arguments}): limits of one stage, or of all; beyond them the test fails"


@dataclass(frozen=True, slots=True)
class LatencyLimit:
    """Budgets in milliseconds of wall time, the largest slowdown against the baseline (0.05 = 5 %), and the fewest
    items per second.
    """

    stage: str | None = None
    median_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_slowdown: float | None = None
    min_per_second: float | None = None

    @classmethod
    def from_marker(cls, args: Sequence[object], kwargs: Mapping[str, object]) -> Self:
        """Raises UsageError: an unknown, mistyped or positional argument, none but the stage, or one that is judged of
        stages only, on the whole pipeline.
        """
        values = checked("vizart_latency", ARGUMENTS["vizart_latency"], args, kwargs)
        limits = {argument.name: number_of(values, argument.name) for argument in ARGUMENTS["vizart_latency"][1:]}
        if values.get("stage") == PIPELINE:
            refuse_on_pipeline([name for name in values if name not in ("stage", "max_slowdown")])
        return cls(stage_of(values), **limits)


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """Limits in MB (10^6 bytes).

    max_rss_mb: resident memory of the process around and, where the peak is measured, inside of the stage. max_peak_mb:
    the peak above the stage's start. max_leak_mb: growth per 100 samples. max_gpu_mb: the highest that torch allocates.
    """

    stage: str | None = None
    max_rss_mb: float | None = None
    max_growth_mb: float | None = None
    max_peak_mb: float | None = None
    max_leak_mb: float | None = None
    max_gpu_mb: float | None = None

    @classmethod
    def from_marker(cls, args: Sequence[object], kwargs: Mapping[str, object]) -> Self:
        """Raises UsageError: an unknown, mistyped or positional argument, or none but the stage."""
        values = checked("vizart_memory", ARGUMENTS["vizart_memory"], args, kwargs)
        limits = {argument.name: number_of(values, argument.name) for argument in ARGUMENTS["vizart_memory"][1:]}
        return cls(stage_of(values), **limits)


class Limit(Protocol):
    @property
    def stage(self) -> str | None: ...


L = TypeVar("L", bound=Limit)
V = TypeVar("V")


def pick(limits: Sequence[L], stage: str, read: Callable[[L], V | None]) -> V | None:
    """Return one limit of a stage: one that names the stage beats one that names none, then the first one wins."""
    for name in (stage, None):
        for limit in limits:
            value = read(limit) if limit.stage == name else None
            if value is not None:
                return value
    return None


def stages_with_peak_limit(limits: Iterable[MemoryLimit]) -> frozenset[str | None]:
    """Return the stages whose exact peak is asked for; None among them stands for every stage."""
    return frozenset(limit.stage for limit in limits if limit.max_peak_mb is not None)


def unknown_stages(limits: Iterable[Limit], known: Iterable[str]) -> list[str]:
    """Return the stages that limits name and that did not run: such a limit must not pass in silence."""
    ran = set(known)
    return list(dict.fromkeys(limit.stage for limit in limits if limit.stage is not None and limit.stage not in ran))


def did_not_run(stage: str, known: Iterable[str], what: str = "stages") -> str:
    """Return the message for a limit on a stage that did not run."""
    names = list(known)
    close = difflib.get_close_matches(stage, names, n=1)
    listed = f"{what}: {', '.join(names)}" if names else f"there are no {what}"
    return f"{stage} has a limit but nothing to hold it to; {listed}" + (f"; did you mean {close[0]}?" if close else "")
