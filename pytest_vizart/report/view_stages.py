"""The stages of one run as the template needs them: a row each, and every figure that was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pytest_vizart.records.stage import MemoryStats, StageStats
from pytest_vizart.report.charts import stage_bar
from pytest_vizart.report.nesting import nested
from pytest_vizart.report.view_cases import CaseKey
from pytest_vizart.report.wording import (
    NOT_MEASURED,
    aligned_milliseconds,
    megabytes,
    milliseconds,
    per_second,
    percent,
    unbroken,
)

_DEEPEST = 5
_NEARLY_ALL = 0.999

QUANTILES = ("fastest", "median", "p95", "p99", "slowest")

Figures = tuple[tuple[str, str], ...]
"""Names and values, ready to show."""


@dataclass(frozen=True, slots=True)
class SlowLink:
    """A slow sample; `case` is its number in the case list, None when it is not there."""

    sample: str
    time: str
    case: int | None


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage; every text is ready to show, `bar` is SVG, `depth` how many stages are around it."""

    name: str
    depth: int
    inside: str  # name of the stage around it, "" for none
    concurrent: bool
    bar: Markup
    median: str
    p95: str
    cpu: str
    rate: str
    share: str
    errors: str
    quantiles: tuple[tuple[str, tuple[str, ...]], ...]  # what, and its QUANTILES in milliseconds
    groups: tuple[tuple[str, Figures], ...]
    slow_samples: tuple[SlowLink, ...]
    because: str
    notes: tuple[str, ...]


def stage_rows(stages: Sequence[StageStats], test_id: str, numbers: dict[CaseKey, int]) -> tuple[StageRow, ...]:
    """The stages, nested ones after the one around them.

    Args:
        numbers: numbers of the cases that the report shows.
    """
    levels = nested(stages)
    ordered = [stats for _, stats in levels]
    cases = _Cases(test_id, numbers)
    longest = max((max(each.wall_ms.p95, each.wall_ms.median) for each in ordered if each.wall_ms), default=0.0)
    medians = aligned_milliseconds([each.wall_ms.median if each.wall_ms else None for each in ordered])
    p95s = aligned_milliseconds([each.wall_ms.p95 if each.wall_ms else None for each in ordered])
    cpus = aligned_milliseconds([each.cpu_ms.median if each.cpu_ms else None for each in ordered])
    return tuple(
        StageRow(
            name=stats.name,
            depth=min(depth, _DEEPEST),
            inside=(stats.parent or "") if depth else "",
            concurrent=stats.concurrent,
            bar=_bar(stats, longest),
            median=median,
            p95=p95,
            cpu=cpu,
            rate=per_second(stats.per_second),
            share=percent(stats.share),
            errors=f"{stats.errors:,}" if stats.errors else "",
            quantiles=tuple(_quantiles(stats)),
            groups=_groups(stats),
            slow_samples=tuple(_slow_links(stats, cases)),
            because=unbroken(stats.slow_because or ""),
            notes=stats.notes,
        )
        for (depth, stats), median, p95, cpu in zip(levels, medians, p95s, cpus, strict=True)
    )


def _bar(stats: StageStats, longest: float) -> Markup:
    if stats.wall_ms is None:
        return Markup("")
    return stage_bar(stats.wall_ms.median, stats.wall_ms.p95, stats.cpu_ms.median if stats.cpu_ms else None, longest)


class _Cases:
    """The cases of one test by stage and sample."""

    def __init__(self, test_id: str, numbers: dict[CaseKey, int]) -> None:
        self._exact = {key[1:]: number for key, number in numbers.items() if key[0] == test_id}
        self._of_sample = {sample: number for (_, sample), number in reversed(self._exact.items())}

    def number(self, stage: str, sample: str) -> int | None:
        """The case of this sample in this stage, or else in another one."""
        return self._exact.get((stage, sample), self._of_sample.get(sample))


def _slow_links(stats: StageStats, cases: _Cases) -> Iterable[SlowLink]:
    for slow in stats.slowest:
        yield SlowLink(slow.sample_id, _ms(slow.wall_ms), cases.number(stats.name, slow.sample_id))


def _quantiles(stats: StageStats) -> Iterable[tuple[str, tuple[str, ...]]]:
    gpu_ms = stats.gpu.gpu_ms if stats.gpu else None
    known = [
        (name, times) for name, times in (("wall", stats.wall_ms), ("CPU", stats.cpu_ms), ("GPU", gpu_ms)) if times
    ]
    values = [value for _, times in known for value in (times.min, times.median, times.p95, times.p99, times.max)]
    shown = aligned_milliseconds(values)  # with as many decimals for all of them
    for row, (name, _) in enumerate(known):
        yield name, tuple(shown[row * len(QUANTILES) : (row + 1) * len(QUANTILES)])


def _groups(stats: StageStats) -> tuple[tuple[str, Figures], ...]:
    """What was measured, by kind; what was not is left out rather than shown as nothing."""
    memory = _memory(stats.memory_mb) if stats.memory_mb else []
    groups = (("Time", _time(stats)), ("Throughput", _throughput(stats)), ("Memory", memory), ("Files", _files(stats)),
              ("GPU", _gpu(stats)))  # fmt: skip
    shown = ((name, tuple((label, value) for label, value in figures if value)) for name, figures in groups)
    return tuple((name, figures) for name, figures in shown if figures)


def _time(stats: StageStats) -> list[tuple[str, str]]:
    itself = stats.self_ms / stats.total_ms if stats.total_ms else 1.0
    return [
        ("all spans together", _ms(stats.total_ms) if stats.total_ms else ""),
        ("of that itself", f"{_ms(stats.self_ms)}, {percent(itself)}" if itself < _NEARLY_ALL else ""),
        ("very first call", _ms(stats.cold_ms)),
        ("waits on services", f"{_ms(stats.external_ms)} a span" if stats.external_ms else ""),
    ]


def _throughput(stats: StageStats) -> list[tuple[str, str]]:
    return [
        ("spans", f"{stats.spans:,}"),
        ("samples", f"{stats.items:,}" if stats.items else ""),
        ("a second", per_second(stats.per_second) if stats.per_second is not None else ""),
        ("in error", f"{stats.errors:,}" if stats.errors else ""),
    ]


def _memory(memory: MemoryStats) -> list[tuple[str, str]]:
    how = "" if memory.peak_exact is None else ", exact" if memory.peak_exact else ", sampled"
    return [
        ("before", _mb(memory.before)),
        ("after, highest", _mb(memory.after)),
        ("growth, largest", _mb(memory.growth)),
        (f"peak above its start{how}", _mb(memory.peak)),
        ("highest seen", _mb(memory.highest)),
    ]


def _files(stats: StageStats) -> list[tuple[str, str]]:
    return [
        ("read", f"{_size(stats.read_mb)} a span" if stats.read_mb is not None else ""),
        ("written", f"{_size(stats.written_mb)} a span" if stats.written_mb is not None else ""),
    ]


def _gpu(stats: StageStats) -> list[tuple[str, str]]:
    gpu = stats.gpu
    if gpu is None:
        return [("peak", _mb(stats.gpu_mb))]
    return [
        ("before", _mb(gpu.before_mb)),
        ("after, highest", _mb(gpu.after_mb)),
        ("peak allocated", _mb(gpu.peak_mb)),
        ("taken from the device", _mb(gpu.reserved_mb)),
    ]


def _ms(value: float | None) -> str:
    return "" if value is None else f"{milliseconds(value)}\u00a0ms"


def _mb(value: float | None) -> str:
    shown = megabytes(value)
    return "" if shown == NOT_MEASURED else f"{shown}\u00a0MB"


def _size(value_mb: float) -> str:
    return f"{value_mb * 1e3:,.0f}\u00a0kB" if value_mb < 0.95 else f"{megabytes(value_mb)}\u00a0MB"
