"""What the markers declare, checked. One table of arguments per marker: names, ranges and help stand here only."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Protocol, Self, TypeVar

from pytest_vizart.errors import UsageError

METRICS = (
    "map", "map_50", "map_75", "map_small", "map_medium", "map_large", "mar_1", "mar_10", "mar_100", "mar_small",
    "mar_medium", "mar_large", "precision", "recall", "f1", "accuracy", "mean_iou", "pixel_accuracy",
)  # fmt: skip
"""Metrics that a floor may name; of all of them more is better, and 1 is the best."""

PIPELINE = "(pipeline)"
"""Name under which the whole pipeline is judged."""

_LARGEST = 1e12
_SHOWN_CHARACTERS = 100

Value = str | float | int
Check = Callable[[object], Value | None]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a marker. `check` returns the plain value, or None when it is not what `expected` says."""

    name: str
    expected: str
    help: str
    check: Check
    hint: str | None = None


def _name(value: object) -> Value | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> Value | None:
    # bool is an Integral; max_newly_wrong=True is a mistake, not 1.
    if isinstance(value, bool) or not isinstance(value, Integral):
        return None
    number = int(value)
    return number if 0 <= number <= _LARGEST else None


def _number(low: float, high: float, *, above_low: bool) -> Check:
    def check(value: object) -> Value | None:
        if isinstance(value, bool) or not isinstance(value, Real):
            return None
        try:
            number = float(value)
        except OverflowError:  # a whole number of more than 308 digits
            return None
        inside = (low < number if above_low else low <= number) and number <= high
        return number if inside else None

    return check


_fraction = _number(0.0, 1.0, above_low=False)
_positive = _number(0.0, _LARGEST, above_low=True)

_STAGE = Argument(
    "stage", "the name of a stage, in quotes", "stage that the limits hold for; without it, every stage", _name
)


def _milliseconds(name: str, what: str) -> Argument:
    return Argument(name, "a number of milliseconds above 0", f"{what} of the stage's wall time, at most", _positive)


def _megabytes(name: str, what: str) -> Argument:
    return Argument(name, "a number of MB above 0", what, _positive)


ARGUMENTS: Mapping[str, tuple[Argument, ...]] = {
    "vizart_accuracy": (
        _STAGE,
        *(
            Argument(metric, "a number from 0 to 1", f"floor of {metric}", _fraction, "80 % is 0.8")
            for metric in METRICS
        ),
        Argument("max_drop", "a number from 0 to 1", "how far a metric may fall below its baseline (0.001)", _fraction),
        Argument("max_newly_wrong", "a whole number, 0 or more", "samples that may become wrong", _count),
    ),
    "vizart_latency": (
        _STAGE,
        _milliseconds("median_ms", "median"),
        _milliseconds("p95_ms", "95th percentile"),
        _milliseconds("p99_ms", "99th percentile"),
        Argument(
            "max_slowdown",
            "a fraction above 0, at most 1",
            "how much slower than its baseline a stage may be (0.02)",
            _number(0.0, 1.0, above_low=True),
            "5 % is 0.05",
        ),
        Argument(
            "min_per_second",
            "a number above 0",
            "items (samples, also of a batch) per second of the time during which the stage runs, at least",
            _positive,
        ),
    ),
    "vizart_memory": (
        _STAGE,
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
class AccuracyLimit:
    """Floors (metric -> lowest value), the largest drop against the baseline, the most newly wrong samples."""

    stage: str | None = None
    floors: Mapping[str, float] = field(default_factory=dict)
    max_drop: float | None = None
    max_newly_wrong: int | None = None

    @classmethod
    def from_marker(cls, args: Sequence[object], kwargs: Mapping[str, object]) -> Self:
        """Raises UsageError: an unknown, mistyped or positional argument, or none but the stage."""
        values = _checked("vizart_accuracy", args, kwargs)
        floors = {name: float(value) for name, value in values.items() if name in METRICS}
        newly_wrong = values.get("max_newly_wrong")
        return cls(
            _stage_of(values), floors, _number_of(values, "max_drop"), None if newly_wrong is None else int(newly_wrong)
        )


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
        values = _checked("vizart_latency", args, kwargs)
        limits = {argument.name: _number_of(values, argument.name) for argument in ARGUMENTS["vizart_latency"][1:]}
        if values.get("stage") == PIPELINE:
            _refuse_on_pipeline([name for name in values if name not in ("stage", "max_slowdown")])
        return cls(_stage_of(values), **limits)


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
        values = _checked("vizart_memory", args, kwargs)
        limits = {argument.name: _number_of(values, argument.name) for argument in ARGUMENTS["vizart_memory"][1:]}
        return cls(_stage_of(values), **limits)


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


def _checked(marker: str, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, Value]:
    table = {argument.name: argument for argument in ARGUMENTS[marker]}
    if args:
        raise UsageError(
            "positional arguments are not taken", place=f"marker {marker}", expected="keyword arguments", found=args[0],
            hint=f'write {marker}(stage="detect", ...)',
        )  # fmt: skip
    values: dict[str, Value] = {}
    for name, given in kwargs.items():
        argument = table.get(name)
        if argument is None:
            raise _unknown_argument(marker, name, tuple(table))
        if given is not None:
            values[name] = _value(marker, argument, given)
    if not values.keys() - {"stage"}:
        raise UsageError(
            "limits nothing", place=f"marker {marker}", expected="at least one of " + ", ".join(list(table)[1:]),
            hint="name a limit, or leave the marker out",
        )  # fmt: skip
    return values


def _value(marker: str, argument: Argument, given: object) -> Value:
    place = f"marker {marker}, argument {argument.name}"
    value = argument.check(given)
    if value is None:
        raise UsageError(
            "not a value it takes", place=place, expected=argument.expected, found=_shown(given), hint=argument.hint
        )
    return value


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return f"{type(value).__name__}, too long to be shown"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _refuse_on_pipeline(names: Sequence[str]) -> None:
    """What is judged stage by stage would pass in silence."""
    if names:
        raise UsageError(
            "is not judged of the whole pipeline", place=f"marker vizart_latency, argument {names[0]}",
            expected=f"max_slowdown alone with stage={PIPELINE!r}", hint="name a stage, or leave it out for every one",
        )  # fmt: skip


def _unknown_argument(marker: str, name: str, known: tuple[str, ...]) -> UsageError:
    close = difflib.get_close_matches(name, known, n=1)
    return UsageError(
        "unknown argument", place=f"marker {marker}", expected="one of " + ", ".join(known), found=name,
        hint=f"did you mean {close[0]}?" if close else None,
    )  # fmt: skip


def _stage_of(values: Mapping[str, Value]) -> str | None:
    stage = values.get("stage")
    return None if stage is None else str(stage)


def _number_of(values: Mapping[str, Value], name: str) -> float | None:
    value = values.get(name)
    return None if value is None else float(value)
