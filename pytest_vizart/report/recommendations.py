"""What could be done about the stages that take most of the time. Every sentence follows from measured figures.

A rule looks at the figures of one stage and returns a sentence or None; the first that has something to say is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.score import StageStats
from pytest_vizart.report.wording import megabytes, milliseconds, percent

Figures = dict[str, float | None]

_LARGE_GROWTH_MB = 50.0
_WAITING_SHARE = 0.5
_BUSY_SHARE = 0.9
_LEAST_SHARE = 0.1
_LEAST_MS = 0.05


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One stage worth a look. `share` is of the run's wall time, 0 to 1; `figures` are those the message rests on."""

    test_id: str
    run_id: str
    stage: str
    share: float
    message: str
    figures: Figures


def recommend(result: SessionResult, *, stages_per_run: int = 3) -> tuple[Recommendation, ...]:
    """Recommendations for the largest stages of every run, in the order of the runs."""
    return tuple(found for run in result.runs for found in recommend_for_run(run, stages=stages_per_run))


def recommend_for_run(run: RunResult, *, stages: int = 3) -> tuple[Recommendation, ...]:
    """One recommendation for each of the `stages` largest stages by share of wall time.

    Stages of which there is nothing to gain are left out: under a tenth of the time, or so short that the clocks' own
    cost is a good part of what they show.
    """
    worth = [
        stats
        for stats in run.stages
        if stats.wall_ms and stats.share >= _LEAST_SHARE and stats.wall_ms.median >= _LEAST_MS
    ]
    largest = sorted(worth, key=lambda stats: -stats.share)[:stages]
    return tuple(_for_stage(run, stats) for stats in largest)


def _for_stage(run: RunResult, stats: StageStats) -> Recommendation:
    figures = _figures(run, stats)
    said = (rule(figures) for rule in RULES)
    advice = next((text for text in said if text), f"Halving it would save {percent(stats.share / 2)} of the run.")
    message = f"{stats.name} takes {percent(stats.share)} of the wall time. {advice}"
    uneven = _uneven(figures)
    return Recommendation(
        test_id=run.info.test_id,
        run_id=run.info.run_id,
        stage=stats.name,
        share=stats.share,
        message=f"{message} {uneven}" if uneven else message,
        figures=figures,
    )


def _figures(run: RunResult, stats: StageStats) -> Figures:
    rows = list(run.spans.measured_rows(stats.name))
    process_ms = _median_ms([run.spans.process_cpu_ns[row] for row in rows])
    return {
        "wall_ms": stats.wall_ms.median if stats.wall_ms else None,
        "p95_ms": stats.wall_ms.p95 if stats.wall_ms else None,
        "cpu_ms": stats.cpu_ms.median if stats.cpu_ms else None,
        "process_cpu_ms": process_ms,
        "growth_mb": stats.memory_mb.growth if stats.memory_mb else None,
    }


def _median_ms(values_ns: Sequence[int | None]) -> float | None:
    known = [value for value in values_ns if value is not None]
    return median(known) / 1e6 if known else None


def _memory(figures: Figures) -> str | None:
    growth = figures["growth_mb"]
    if growth is None or growth < _LARGE_GROWTH_MB:
        return None
    return (
        f"It grows the process by up to {megabytes(growth)} MB in one span: "
        "reuse buffers between samples, or work on a part of the input at a time."
    )


def _waiting(figures: Figures) -> str | None:
    wall, cpu, process = figures["wall_ms"], figures["cpu_ms"], figures["process_cpu_ms"]
    if not wall or cpu is None or cpu > _WAITING_SHARE * wall:
        return None
    waited = f"Its thread is busy for {milliseconds(cpu)} of {milliseconds(wall)} ms"
    if process is not None and process > _BUSY_SHARE * wall:
        return f"{waited} while other threads of the process work: look there, or at how the work is handed over."
    return (
        f"{waited} and waits for the rest (file, network, lock or device): "
        "read ahead in another thread, or keep what is read again."
    )


def _parallel(figures: Figures) -> str | None:
    wall, process = figures["wall_ms"], figures["process_cpu_ms"]
    if not wall or process is None or process < 1.5 * wall:
        return None
    return f"It keeps {process / wall:.1f} cores busy: less work per sample will help more than more threads."


def _one_thread(figures: Figures) -> str | None:
    wall, cpu = figures["wall_ms"], figures["cpu_ms"]
    if not wall or cpu is None or cpu < _BUSY_SHARE * wall:
        return None
    return (
        f"It computes in one thread for {percent(min(cpu / wall, 1.0))} of its time: "
        "profile its functions, use vectorised or batched calls, or run samples in parallel."
    )


def _uneven(figures: Figures) -> str | None:
    wall, p95 = figures["wall_ms"], figures["p95_ms"]
    if not wall or p95 is None or p95 < 2 * wall:
        return None
    return f"Its slowest spans take {p95 / wall:.1f} times the median or more: look at which samples they are."


RULES: tuple[Callable[[Figures], str | None], ...] = (_memory, _waiting, _parallel, _one_thread)
