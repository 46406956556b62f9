"""What could be done about the stages that take most of the time. Every sentence follows from measured figures."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from mmap import PAGESIZE
from statistics import fmean, median

from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.stage import StageStats
from pytest_vizart.report.advice import REMARKS, RULES, Figures, Measured
from pytest_vizart.report.wording import percent

_LEAST_SHARE = 0.1
_LEAST_MS = 0.05
_GPU_READINGS = 3


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
    measured = _measured(run, stats)
    said = (rule(measured) for rule in RULES)
    advice = next((text for text in said if text), f"Halving it would save {percent(stats.share / 2)} of the run.")
    remarks = [text for text in (remark(measured) for remark in REMARKS) if text]
    return Recommendation(
        test_id=run.info.test_id,
        run_id=run.info.run_id,
        stage=stats.name,
        share=stats.share,
        message=" ".join([f"{stats.name} takes {percent(stats.share)} of the wall time.", advice, *remarks]),
        figures=measured.figures(),
    )


def _measured(run: RunResult, stats: StageStats) -> Measured:
    assert stats.wall_ms is not None, "stages without a time are left out"
    spans, rows = run.spans, list(run.spans.measured_rows(stats.name))
    process_ns, faults = _median(spans.process_cpu_ns, rows), _median(spans.minor_faults, rows)
    memory, gpu_ms = stats.memory_mb, stats.gpu.gpu_ms if stats.gpu else None
    return Measured(
        stats=stats,
        services=_services(run, stats.name),
        wall_ms=stats.wall_ms.median,
        p95_ms=stats.wall_ms.p95,
        cpu_ms=stats.cpu_ms.median if stats.cpu_ms else None,
        process_cpu_ms=None if process_ns is None else process_ns / 1e6,
        external_ms=stats.external_ms,
        growth_mb=memory.growth if memory else None,
        peak_mb=memory.peak if memory else None,
        fresh_mb=None if faults is None else faults * PAGESIZE / 1e6,
        read_mb=stats.read_mb,
        written_mb=stats.written_mb,
        gpu_ms=gpu_ms.median if gpu_ms else None,
        gpu_busy=_gpu_busy(run, rows),
        cold_ms=stats.cold_ms,
        leak=next((leak for leak in run.profile.leaks if leak.found and leak.stage == stats.name), None),
    )


def _median(column: Sequence[int | None], rows: Sequence[int]) -> float | None:
    known = [value for row in rows if column and (value := column[row]) is not None]
    return median(known) if known else None


def _services(run: RunResult, stage: str) -> tuple[str, ...]:
    measures = run.profile.measures
    waited: dict[str, float] = {}
    for row, kind in enumerate(measures.kind):
        if kind == "external" and measures.stage[row] == stage and not measures.warmup[row]:
            waited[measures.name[row]] = waited.get(measures.name[row], 0.0) + measures.value[row]
    return tuple(sorted(waited, key=lambda name: -waited[name]))


def _gpu_busy(run: RunResult, rows: Sequence[int]) -> float | None:
    """Mean utilisation over the readings that fell into the stage's spans."""
    readings = [(reading.at_us, reading.utilisation) for reading in run.profile.gpu if reading.utilisation is not None]
    if len(readings) < _GPU_READINGS or not run.spans.started_us:
        return None
    starts = sorted((run.spans.started_us[row], run.spans.wall_ns[row] // 1_000) for row in rows)
    latest_ends = list(accumulate((start + lasted for start, lasted in starts), max))
    begun = ((bisect_right(starts, (at, float("inf"))), at, busy) for at, busy in readings)
    inside = [busy for number, at, busy in begun if number and at <= latest_ends[number - 1]]
    return fmean(inside) if len(inside) >= _GPU_READINGS else None
