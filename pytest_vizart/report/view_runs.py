"""One run as the template needs it: its stages, its profile, its accuracy."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from pytest_vizart.records.run import RunResult
from pytest_vizart.report.charts import memory_chart
from pytest_vizart.report.recommendations import recommend_for_run
from pytest_vizart.report.standing import Tone, run_tone
from pytest_vizart.report.view_accuracy import AccuracyView, accuracy_view
from pytest_vizart.report.view_cases import CasesView
from pytest_vizart.report.view_profile import ProfileView, profile_view
from pytest_vizart.report.view_stages import StageRow, stage_rows
from pytest_vizart.report.wording import megabytes, plural

_OPEN_RUNS = 6


@dataclass(frozen=True, slots=True)
class MemoryView:
    stage: str
    chart: Markup
    low: str
    high: str
    spans: str
    net: str  # "+1.2 MB from the first span to the last"


@dataclass(frozen=True, slots=True)
class RunView:
    anchor: str
    test_id: str
    status: str
    tone: Tone
    facts: str
    open: bool
    stages: tuple[StageRow, ...]
    has_rates: bool
    has_memory: bool
    concurrent: bool
    memory: tuple[MemoryView, ...]
    profile: ProfileView
    accuracy: tuple[AccuracyView, ...]
    notes: tuple[str, ...]
    advice: tuple[str, ...]


def run_view(run: RunResult, number: int, cases: CasesView) -> RunView:
    """One run. With many of them the good ones are folded."""
    tone = run_tone(run)
    return RunView(
        anchor=f"run-{number}",
        test_id=run.info.test_id,
        status=run.info.status,
        tone=tone,
        facts=_facts(run),
        open=number < _OPEN_RUNS or (tone == "fail" and number < 4 * _OPEN_RUNS),
        stages=stage_rows(run.stages, run.info.test_id, cases.numbers),
        has_rates=any(stats.per_second is not None for stats in run.stages),
        has_memory=any(stats.memory_mb is not None for stats in run.stages),
        concurrent=any(stats.concurrent for stats in run.stages),
        memory=_memory(run),
        profile=profile_view(run, number),
        accuracy=tuple(
            accuracy_view(score, run.info.test_id, cases, number, f"{number}-{place}")
            for place, score in enumerate(run.scores)
        ),
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
