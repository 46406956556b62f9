from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.profiling.recorder import Recorder
from pytest_vizart.profiling.stats import stage_stats
from pytest_vizart.records.score import StageStats
from tests.profiling.fake_clock import FakeClock, FakeMemory


def run_stage(recorder: Recorder, clock: FakeClock, name: str, wall_ms: float) -> None:
    with recorder.stage(name):
        clock.advance(int(wall_ms * 1e6))


@pytest.fixture
def stats() -> dict[str, StageStats]:
    clock, memory = FakeClock(), FakeMemory(50_000_000)
    recorder = Recorder(clock=clock, memory=memory)
    recorder.begin_sample("w", warmup=True)
    run_stage(recorder, clock, "detect", 9_999)
    for number in range(1, 101):
        recorder.begin_sample(str(number))
        run_stage(recorder, clock, "detect", number)
        run_stage(recorder, clock, "draw", number)
    with pytest.raises(ValueError, match="x"), recorder.stage("detect"):
        clock.advance(10**12)
        raise ValueError("x")
    return {stage.name: stage for stage in stage_stats(recorder.table())}


def test_order_statistics_leave_warm_up_and_errors_out(stats: dict[str, StageStats]) -> None:
    wall = stats["detect"].wall_ms
    assert wall is not None
    expected = np.percentile(np.arange(1, 101), [50, 95, 99])
    assert [wall.median, wall.p95, wall.p99] == pytest.approx(list(expected))
    assert (wall.min, wall.max) == (1.0, 100.0)


def test_errors_are_counted(stats: dict[str, StageStats]) -> None:
    assert (stats["detect"].spans, stats["detect"].errors) == (101, 1)
    assert (stats["draw"].spans, stats["draw"].errors) == (100, 0)


def test_shares_add_up_to_one(stats: dict[str, StageStats]) -> None:
    assert sum(stage.share for stage in stats.values()) == pytest.approx(1.0)


def test_a_nested_stage_is_not_counted_twice() -> None:
    clock = FakeClock()
    recorder = Recorder(clock=clock, memory=FakeMemory())
    with recorder.stage("outer"):
        clock.advance(1_000)
        with recorder.stage("inner"):
            clock.advance(3_000)
    shares = {stage.name: stage.share for stage in stage_stats(recorder.table())}
    assert shares == {"inner": pytest.approx(0.75), "outer": pytest.approx(0.25)}


def test_memory_statistics_are_in_megabytes() -> None:
    memory = FakeMemory(10_000_000)
    recorder = Recorder(clock=FakeClock(), memory=memory)
    with recorder.stage("load"):
        memory.rss = 25_000_000
    (stage,) = stage_stats(recorder.table())
    assert stage.memory_mb is not None
    assert (stage.memory_mb.before, stage.memory_mb.after, stage.memory_mb.growth) == (10.0, 25.0, 15.0)
    assert stage.memory_mb.peak is None


def test_memory_that_was_given_back_inside_of_a_stage_counts() -> None:
    memory = FakeMemory(100_000_000)
    recorder = Recorder(clock=FakeClock(), memory=memory)
    for before, after in ((100, 100), (500, 100)):
        memory.rss = before * 1_000_000
        with recorder.stage("load"):
            memory.rss = after * 1_000_000
    (stage,) = stage_stats(recorder.table())
    assert stage.memory_mb is not None
    assert stage.memory_mb.after == 500.0
