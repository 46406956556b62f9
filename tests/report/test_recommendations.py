from __future__ import annotations

import pytest

from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.score import Distribution, MemoryStats, StageStats
from pytest_vizart.records.span import SpanTable
from pytest_vizart.report.recommendations import recommend, recommend_for_run

from . import builders


def _run(*stages: StageStats, process_cpu_ms: float | None = None) -> RunResult:
    table = SpanTable()
    if process_cpu_ms is not None:
        table = builders.spans({stages[0].name: (1.0, 1.0)}, samples=1, passes=1)
        table.process_cpu_ns[:] = [int(process_cpu_ms * 1e6)]
    return RunResult(builders.run_info(), table, stages)


def _stage(
    name: str, wall: float, cpu: float | None, *, p95: float = 0, growth: float = 0, share: float = 0.5
) -> StageStats:
    def at(median: float) -> Distribution:
        return Distribution(median, max(p95, median), median, median, median)

    return StageStats(
        name, 10, 0, at(wall), None if cpu is None else at(cpu), MemoryStats(100, 100, growth), share=share
    )


@pytest.mark.parametrize(
    "stage, process_cpu_ms, said",
    [
        (_stage("s", 20, 5), 5.0, "waits for the rest"),
        (_stage("s", 20, 5), 60.0, "while other threads of the process work"),
        (_stage("s", 20, 19.8), 20.0, "computes in one thread for 99 %"),
        (_stage("s", 20, 19.8), 62.0, "keeps 3.1 cores busy"),
        (_stage("s", 20, 5, growth=120), 5.0, "grows the process by up to 120.0 MB"),
        (_stage("s", 20, 15), 15.0, "Halving it would save 25 % of the run"),
        (_stage("s", 20, None), None, "Halving it would save 25 % of the run"),
        (_stage("s", 20, 15, p95=64), 15.0, "slowest spans take 3.2 times the median"),
    ],
)
def test_the_message_follows_from_the_figures(stage: StageStats, process_cpu_ms: float | None, said: str) -> None:
    (found,) = recommend_for_run(_run(stage, process_cpu_ms=process_cpu_ms))
    assert said in found.message
    assert found.message.startswith("s takes 50 % of the wall time.")
    assert found.figures["wall_ms"] == 20


def test_the_three_largest_stages_of_every_run_largest_first() -> None:
    stages = [_stage(name, 1, 1, share=share) for name, share in (("a", 0.1), ("b", 0.5), ("c", 0.05), ("d", 0.35))]
    result = SessionResult(builders.session(), (_run(*stages), _run(stages[0])))
    assert [found.stage for found in recommend(result)] == ["b", "d", "a", "a"]


def test_a_stage_that_only_raised_is_left_out() -> None:
    assert recommend_for_run(_run(StageStats("s", 3, 3, None))) == ()
