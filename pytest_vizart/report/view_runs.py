"""One run as the template needs it: its stages with bars, its memory, its accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pytest_vizart.records.run import RunResult
from pytest_vizart.records.score import Score, StageStats
from pytest_vizart.report.charts import memory_chart, stage_bar
from pytest_vizart.report.recommendations import recommend_for_run
from pytest_vizart.report.standing import Tone, run_tone
from pytest_vizart.report.view_cases import CaseKey
from pytest_vizart.report.wording import (
    aligned_milliseconds,
    megabytes,
    metric_value,
    percent,
    plural,
)

_OPEN_RUNS = 6
_MOST_FLIPS = 60


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage; every text is ready to show, `bar` is SVG."""

    name: str
    bar: Markup
    median: str
    p95: str
    p99: str
    fastest: str
    slowest: str
    cpu: str
    share: str
    spans: str
    errors: str
    before: str
    after: str
    growth: str
    peak: str
    gpu: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemoryView:
    stage: str
    chart: Markup
    low: str
    high: str
    spans: str
    net: str  # "+1.2 MB from the first span to the last"


@dataclass(frozen=True, slots=True)
class FlipLink:
    sample: str
    case: int | None


@dataclass(frozen=True, slots=True)
class AccuracyView:
    stage: str
    task: str
    headline: str
    value: str
    metrics: tuple[tuple[str, str], ...]
    counts: tuple[tuple[str, str, str], ...]  # status, number, width in per cent
    newly_wrong: tuple[FlipLink, ...]
    newly_wrong_count: int
    newly_fixed: tuple[str, ...]
    newly_fixed_count: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunView:
    anchor: str
    test_id: str
    status: str
    tone: Tone
    facts: str
    open: bool
    stages: tuple[StageRow, ...]
    has_gpu: bool
    has_memory: bool
    memory: tuple[MemoryView, ...]
    accuracy: tuple[AccuracyView, ...]
    notes: tuple[str, ...]
    advice: tuple[str, ...]


def run_view(run: RunResult, number: int, numbers: dict[CaseKey, int], runs: int) -> RunView:
    """One run. With many of them the good ones are folded."""
    tone = run_tone(run)
    longest = max((max(stats.wall_ms.p95, stats.wall_ms.median) for stats in run.stages if stats.wall_ms), default=0.0)
    return RunView(
        anchor=f"run-{number}",
        test_id=run.info.test_id,
        status=run.info.status,
        tone=tone,
        facts=_facts(run),
        open=number < _OPEN_RUNS or (tone == "fail" and number < 4 * _OPEN_RUNS),
        stages=_stages(run.stages, longest),
        has_gpu=any(stats.gpu_mb is not None for stats in run.stages),
        has_memory=any(stats.memory_mb is not None for stats in run.stages),
        memory=_memory(run),
        accuracy=tuple(_accuracy(score, run.info.test_id, numbers) for score in run.scores),
        notes=_notes(run),
        advice=tuple(found.message for found in recommend_for_run(run)),
    )


def _facts(run: RunResult) -> str:
    info = run.info
    seconds = (info.finished_us - info.started_us) / 1e6
    parts = [
        info.dataset or "no dataset",
        plural(info.samples, "sample"),
        plural(info.passes, "pass", "passes"),
        f"{info.warmup} warm-up",
        f"profile {info.profile}",
        f"{seconds:.1f} s",
    ]
    return " · ".join(parts)


def _notes(run: RunResult) -> tuple[str, ...]:
    info = run.info
    notes = list(info.notes)
    if info.partial:
        notes.append("Only a part of the data was used.")
    if info.contended:
        notes.append("Measured beside other workers: latency was recorded and not judged.")
    if info.not_accepted_because:
        notes.append(f"Not a baseline: {info.not_accepted_because}")
    return tuple(notes)


def _stages(stages: Sequence[StageStats], longest: float) -> tuple[StageRow, ...]:
    times = {
        name: aligned_milliseconds([getattr(stats.wall_ms, name, None) for stats in stages])
        for name in ("median", "p95", "p99", "min", "max")
    }
    cpu = aligned_milliseconds([stats.cpu_ms.median if stats.cpu_ms else None for stats in stages])
    return tuple(
        _stage(stats, longest, {name: column[row] for name, column in times.items()}, cpu[row])
        for row, stats in enumerate(stages)
    )


def _stage(stats: StageStats, longest: float, times: dict[str, str], cpu: str) -> StageRow:
    wall, cpu_ms, memory = stats.wall_ms, stats.cpu_ms, stats.memory_mb
    return StageRow(
        name=stats.name,
        bar=stage_bar(wall.median, wall.p95, cpu_ms.median if cpu_ms else None, longest) if wall else Markup(""),
        median=times["median"],
        p95=times["p95"],
        p99=times["p99"],
        fastest=times["min"],
        slowest=times["max"],
        cpu=cpu,
        share=percent(stats.share),
        spans=f"{stats.spans:,}",
        errors=f"{stats.errors:,}" if stats.errors else "",
        before=megabytes(memory.before if memory else None),
        after=megabytes(memory.after if memory else None),
        growth=megabytes(memory.growth if memory else None),
        peak=megabytes(memory.peak if memory else None),
        gpu=megabytes(stats.gpu_mb),
        notes=stats.notes,
    )


def _memory(run: RunResult) -> tuple[MemoryView, ...]:
    views = []
    for stats in run.stages:
        pairs = _resident_mb(run, stats.name)
        if len(pairs) > 1:
            views.append(_memory_view(stats.name, pairs))
    return tuple(views)


def _resident_mb(run: RunResult, stage: str) -> list[tuple[float, float]]:
    before, after = run.spans.rss_before, run.spans.rss_after
    pairs = ((before[row], after[row]) for row in run.spans.measured_rows(stage))
    return [(low / 1e6, high / 1e6) for low, high in pairs if low is not None and high is not None]


def _memory_view(stage: str, pairs: list[tuple[float, float]]) -> MemoryView:
    before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    net = after[-1] - before[0]
    return MemoryView(
        stage=stage,
        chart=memory_chart(before, after),
        low=megabytes(min(*before, *after)),
        high=megabytes(max(*before, *after)),
        spans=plural(len(pairs), "span"),
        net=f"{net:+,.1f} MB from the first span to the last",
    )


def _accuracy(score: Score, test_id: str, numbers: dict[CaseKey, int]) -> AccuracyView:
    counts = score.counts
    amounts = {
        "correct": counts.correct,
        "wrong": counts.wrong,
        "invalid": counts.invalid,
        "unlabeled": counts.unlabeled,
    }
    total = sum(amounts.values()) or 1
    links = [FlipLink(name, numbers.get((test_id, score.stage, name))) for name in score.newly_wrong[:_MOST_FLIPS]]
    return AccuracyView(
        stage=score.stage,
        task=score.task,
        headline=score.headline,
        value=metric_value(score.metrics.get(score.headline)),
        metrics=tuple((name, metric_value(value)) for name, value in score.metrics.items() if name != score.headline),
        counts=tuple((name, f"{amount:,}", f"{100 * amount / total:.2f}") for name, amount in amounts.items()),
        newly_wrong=tuple(links),
        newly_wrong_count=len(score.newly_wrong),
        newly_fixed=score.newly_fixed[:_MOST_FLIPS],
        newly_fixed_count=len(score.newly_fixed),
        notes=score.notes,
    )
