from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.records.profile import MeasureTable
from pytest_vizart.records.span import CALIBRATION_STAGE, CRASHED, SpanTable
from pytest_vizart.records.stage import Distribution, MemoryStats, StageStats
from tests.profiling.fake_clock import FakeClock, FakeMemory
from tests.profiling.span_rows import one_after_another, span_table


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


# --- what one stage tells beyond its times

MS = 1_000_000


def stats_of(*rows: dict[str, Any], **given: Any) -> dict[str, StageStats]:
    return {stage.name: stage for stage in stage_stats(span_table(*rows), **given)}


def detect_of(*rows: dict[str, Any], **given: Any) -> StageStats:
    """The only stage, its spans one after another."""
    (stage,) = stage_stats(one_after_another(*rows), **given)
    return stage


NESTED = (
    {"stage": "outer", "offset_ns": 0, "wall_ns": 10 * MS},
    {"stage": "inner", "offset_ns": 1 * MS, "wall_ns": 3 * MS, "parent_id": 1},
    {"stage": "inner", "offset_ns": 5 * MS, "wall_ns": 3 * MS, "parent_id": 1, "sample_id": "b"},
)


def test_nested_stages_know_their_parent_their_own_time_and_their_share():
    stages = stats_of(*NESTED)
    outer, inner = stages["outer"], stages["inner"]
    assert (outer.parent, inner.parent) == (None, "outer")
    assert (outer.total_ms, outer.self_ms, outer.share) == (10, 4, 0.4)
    assert (inner.total_ms, inner.self_ms, inner.share) == (6, 6, 0.6)
    assert not outer.concurrent
    assert not inner.concurrent


@pytest.mark.parametrize("missing", ["offset_ns", "span_id", "both, as None"])
def test_runs_kept_by_older_versions_have_their_nested_stages_told_by_name(missing):
    table = span_table(*NESTED)
    if missing == "both, as None":
        for column in (table.span_id, table.parent_id, table.offset_ns, table.self_ns):
            column[:] = [None] * 3
    else:
        getattr(table, missing).clear()
    stages = {stage.name: stage for stage in stage_stats(table)}
    assert (stages["outer"].self_ms, stages["outer"].share, stages["outer"].parent) == (4, 0.4, None)
    assert (stages["inner"].self_ms, stages["inner"].share, stages["inner"].parent) == (6, 0.6, "outer")
    assert stages["inner"].per_second == pytest.approx(2 / 0.006)
    assert not stages["inner"].concurrent


def test_columns_that_were_never_measured_may_be_empty():
    table = span_table(*NESTED)
    bare = SpanTable(
        stage=table.stage, parent=table.parent, sample_id=table.sample_id, pass_index=table.pass_index,
        warmup=table.warmup, wall_ns=table.wall_ns, error=table.error,
    )  # fmt: skip
    outer, inner = stage_stats(bare)
    assert (outer.self_ms, inner.items, inner.cpu_ms, inner.memory_mb, inner.gpu) == (4, 2, None, None, None)


def test_stages_at_the_same_time_share_it():
    stages = stats_of(
        {"stage": "left", "offset_ns": 0, "wall_ns": 60 * MS},
        {"stage": "right", "offset_ns": 40 * MS, "wall_ns": 60 * MS},
        {"stage": "alone", "offset_ns": 200 * MS, "wall_ns": 100 * MS},
    )
    assert [stages[name].concurrent for name in ("left", "right", "alone")] == [True, True, False]
    assert [stages[name].share for name in ("left", "right", "alone")] == [0.25, 0.25, 0.5]


def test_a_stage_in_four_threads_does_more_items_a_second_than_one_of_them():
    one = [{"wall_ns": 100 * MS, "offset_ns": n * 100 * MS, "sample_id": str(n)} for n in range(4)]
    four = [{"wall_ns": 100 * MS, "offset_ns": 0, "sample_id": str(n)} for n in range(4)]
    assert (detect_of(*one).per_second, detect_of(*four).per_second) == (10, 40)
    assert detect_of(*four).total_ms == 400


def test_calibration_takes_no_share_and_runs_beside_nothing():
    stages = stats_of(
        {"stage": CALIBRATION_STAGE, "offset_ns": 0, "wall_ns": 50 * MS},
        {"stage": "background", "offset_ns": 0, "wall_ns": 50 * MS},
    )
    assert list(stages) == ["background"]
    assert (stages["background"].share, stages["background"].concurrent) == (1.0, False)


def test_warm_up_and_errors_take_no_share():
    stages = stats_of(
        {"stage": "all", "offset_ns": 0, "wall_ns": 100 * MS},
        {"offset_ns": 0, "wall_ns": 50 * MS, "parent_id": 1, "warmup": True},
        {"offset_ns": 50 * MS, "wall_ns": 20 * MS, "parent_id": 1, "error": "ValueError"},
        {"offset_ns": 70 * MS, "wall_ns": 10 * MS, "parent_id": 1},
    )
    assert (stages["all"].self_ms, stages["all"].share) == (20, pytest.approx(2 / 3))
    assert (stages["detect"].total_ms, stages["detect"].share) == (10, pytest.approx(1 / 3))


def test_items_of_batches_are_counted():
    batches = detect_of(
        {"sample_id": "a|...", "items": 16, "wall_ns": 100 * MS},
        {"sample_id": "q|...", "items": 4, "wall_ns": 100 * MS},
    )
    assert (batches.items, batches.per_second) == (20, 100)


def test_a_stage_that_runs_for_each_sample_of_a_batch_handles_the_batch_once():
    rows = [{"sample_id": batch, "items": 10, "wall_ns": 5 * MS} for batch in ("a|...", "k|...") for _ in range(10)]
    assert (detect_of(*rows).items, detect_of(*rows).spans, detect_of(*rows).per_second) == (20, 20, 200)


def test_a_stage_that_runs_for_each_tile_of_a_sample_handles_it_once_in_a_pass():
    tiles = [{"wall_ns": 20 * MS} for _ in range(5)]
    assert (detect_of(*tiles).items, detect_of(*tiles).per_second) == (1, 10)
    assert detect_of(*tiles, *({"pass_index": 1, **tile} for tile in tiles)).items == 2
    assert detect_of({"sample_id": None}, {"sample_id": None}).items == 2  # nobody knows of what


def test_a_stage_inside_of_itself_is_timed_once():
    stage = detect_of(
        {"offset_ns": 0, "wall_ns": 10 * MS},
        {"offset_ns": 1 * MS, "wall_ns": 8 * MS, "parent_id": 1},
        {"offset_ns": 2 * MS, "wall_ns": 6 * MS, "parent_id": 2},
    )
    assert (stage.spans, stage.items, stage.total_ms, stage.self_ms, stage.per_second) == (3, 1, 10, 10, 100)
    assert (stage.parent, stage.share, stage.concurrent) == (None, 1.0, False)


def test_a_stage_that_calls_itself_through_another_is_timed_once():
    stages = stats_of(
        {"stage": "A", "offset_ns": 0, "wall_ns": 10 * MS},
        {"stage": "B", "offset_ns": 1 * MS, "wall_ns": 8 * MS, "parent_id": 1},
        {"stage": "A", "offset_ns": 2 * MS, "wall_ns": 6 * MS, "parent_id": 2},
        {"stage": "B", "offset_ns": 3 * MS, "wall_ns": 1 * MS, "parent_id": 3},
        {"stage": "A", "offset_ns": 20 * MS, "wall_ns": 30 * MS, "sample_id": "b"},
    )
    one, other = stages["A"], stages["B"]
    assert (one.spans, one.items, one.total_ms, one.self_ms, one.per_second) == (3, 2, 40, 37, 50)
    assert (other.spans, other.items, other.total_ms, other.self_ms, other.parent) == (2, 1, 8, 3, "A")
    assert [(slow.sample_id, slow.wall_ms) for slow in one.slowest] == [("b", 30), ("a", 10)]


def test_inside_of_one_that_raised_a_stage_counts():
    stage = detect_of(
        {"offset_ns": 0, "wall_ns": 10 * MS, "error": "ValueError"},
        {"offset_ns": 1 * MS, "wall_ns": 8 * MS, "parent_id": 1},
        {"offset_ns": 2 * MS, "wall_ns": 6 * MS, "parent_id": 2},
    )
    assert (stage.spans, stage.errors, stage.items, stage.total_ms, stage.per_second) == (3, 1, 1, 8, 125)


def test_a_stage_very_deep_inside_of_itself():
    rows = [{"stage": "AB"[n % 2], "wall_ns": (9_999 - n) * MS, "parent_id": n or None} for n in range(5_000)]
    stages = stats_of(*rows)
    assert (stages["A"].total_ms, stages["B"].total_ms) == (9_999, 9_998)


@pytest.mark.parametrize(
    "rows, cold_ms",
    [
        ([{"wall_ns": 90 * MS, "warmup": True}, {}], 90),
        ([{"wall_ns": 90 * MS}, {}], 90),
        ([{"wall_ns": 90 * MS}], None),
        ([{"wall_ns": 90 * MS, "error": "ValueError"}, {"wall_ns": 80 * MS}, {}], 80),
        ([{"offset_ns": 500}, {"wall_ns": 90 * MS, "offset_ns": 2}], 90),
    ],
    ids=["warm-up", "first of two", "only one", "an error first", "ended later"],
)
def test_the_first_call_stands_apart(rows, cold_ms):
    assert detect_of(*rows).cold_ms == cold_ms


def test_a_stage_that_only_warmed_up_or_raised():
    warmed = detect_of({"warmup": True})
    assert (warmed.spans, warmed.wall_ms, warmed.items, warmed.per_second, warmed.share) == (0, None, 0, None, 0.0)
    raised = detect_of({"error": "ValueError"}, {"error": CRASHED, "wall_ns": 0})
    assert (raised.spans, raised.errors, raised.wall_ms, raised.per_second, raised.cold_ms) == (2, 2, None, None, None)


def test_nothing_recorded():
    assert stage_stats(SpanTable()) == ()
    assert stage_stats(span_table({"stage": CALIBRATION_STAGE})) == ()


def test_waits_on_external_services_are_means_over_spans():
    waits = MeasureTable(
        kind=["external", "external", "gauge", "external", "external", "external"],
        name=["ocr-api", "ocr-api", "queue", "ocr-api", "ocr-api", "store"],
        value=[30e6, 10e6, 5.0, 99e6, 99e6, 7e6],
        stage=["detect", "detect", "detect", "detect", "detect", None],
        span_id=[1, 2, 2, 3, 4, None],
        sample_id=[None] * 6, pass_index=[0] * 6,
        warmup=[False, False, False, True, False, False],
        at_us=[0] * 6,
    )  # fmt: skip
    rows = ({}, {}, {"warmup": True}, {"error": "ValueError"}, {})
    assert detect_of(*rows, measures=waits).external_ms == pytest.approx(40 / 3)
    assert detect_of(*rows).external_ms is None


def test_bytes_read_and_written_are_means_over_spans():
    stage = detect_of({"read_bytes": 4_000_000, "written_bytes": 0}, {"read_bytes": 1_000_000, "written_bytes": 0}, {})
    assert (stage.read_mb, stage.written_mb) == (2.5, 0)
    assert detect_of({}).read_mb is None


def memory_row(before: int, after: int, peak: int | None = None, exact: bool | None = None) -> dict[str, Any]:
    return {
        "rss_before": before * 10**6, "rss_after": after * 10**6, "peak_exact": exact,
        "rss_peak": None if peak is None else peak * 10**6,
    }  # fmt: skip


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([(100, 110), (120, 115)], MemoryStats(100, 120, 10, None, None, 120)),
        ([(100, 100, 400, True), (200, 200, 450, True)], MemoryStats(100, 200, 0, 300, True, 450)),
        ([(100, 100, 130, False), (100, 100, 120, True)], MemoryStats(100, 100, 0, 30, False, 130)),
        ([(100, 150, 120, False)], MemoryStats(100, 150, 50, 50, False, 150)),
        ([(100, 100, 130, True), (500, 500)], MemoryStats(100, 500, 0, 30, True, 500)),
    ],
    ids=["no peak", "exact", "sampled in part", "peak missed what was there after", "peak of one span"],
)
def test_memory(rows, expected):
    assert detect_of(*[memory_row(*row) for row in rows]).memory_mb == expected


def test_peaks_are_those_of_the_pass_that_is_there_for_them():
    rows = [memory_row(100, 130, 130, True), memory_row(130, 130, 131, True)]
    warm_up = {**memory_row(100, 100, 900, True), "warmup": True}
    peaks = {**memory_row(90, 110, 190, True), "warmup": True, "pass_index": 1}
    functions = {**memory_row(90, 90), "warmup": True, "pass_index": 2}
    raised = {**peaks, **memory_row(90, 90, 990, True), "error": "ValueError"}
    memory = detect_of(warm_up, *rows, peaks, raised, functions).memory_mb
    assert memory == MemoryStats(100, 130, 30, 100, True, 190)


def test_gpu():
    row = {"gpu_before": 10**8, "gpu_after": 2 * 10**8, "gpu_peak": 5 * 10**8, "gpu_reserved": 6 * 10**8, "gpu_ns": MS}
    stage = detect_of(row, {**row, "gpu_peak": 4 * 10**8, "gpu_ns": 3 * MS})
    assert stage.gpu_mb == 500
    assert stage.gpu is not None
    assert (stage.gpu.before_mb, stage.gpu.after_mb, stage.gpu.peak_mb, stage.gpu.reserved_mb) == (100, 200, 500, 600)
    assert stage.gpu.gpu_ms == Distribution(2, pytest.approx(2.9), pytest.approx(2.98), 1, 3)


def test_a_stage_too_short_for_probes_says_so():
    long = {"stage": "long", **memory_row(100, 100), "cpu_ns": 5}
    short = {"stage": "short", "wall_ns": 50_000, "cpu_ns": 5}
    probed_at_first = {"stage": "short", "wall_ns": 50_000, **memory_row(100, 100)}
    stages = stats_of(long, short, short, probed_at_first)
    assert (stages["long"].notes, stages["short"].notes) == ((), ("under 0.2 ms: only timed",))
    assert stats_of(short)["short"].notes == ()  # memory is not known here at all
    assert stats_of(long, {**short, "wall_ns": 5 * MS})["short"].notes == ()  # not because it is short


def test_the_slowest_samples_and_what_they_share():
    rows = [
        {"sample_id": str(number), "pass_index": number_of_pass, "wall_ns": (number + 1) * MS}
        for number_of_pass in range(3)
        for number in range(20)
    ]
    facts = {str(number): {"size": 100_000.0 * (number + 1)} for number in range(20)}
    stage = detect_of(*rows, facts=facts)
    assert [(slow.sample_id, slow.wall_ms) for slow in stage.slowest][:2] == [("19", 20), ("18", 19)]
    assert len(stage.slowest) == 5
    assert stage.slow_because is not None
    assert stage.slow_because.startswith("the slowest are the largest inputs: 1.8 MB against 1.1 MB in the median")
    assert detect_of(*rows).slow_because is None


def test_many_spans_of_many_stages_are_told_apart():
    rows = [{"stage": f"s{number % 500}", "wall_ns": (number % 500 + 1) * 1_000} for number in range(2_000)]
    stages = stage_stats(one_after_another(*rows))
    assert [stage.name for stage in stages] == [f"s{number}" for number in range(500)]
    assert all(stage.spans == 4 for stage in stages)
    assert sum(stage.share for stage in stages) == pytest.approx(1.0)
    assert stages[99].wall_ms == Distribution(0.1, 0.1, 0.1, 0.1, 0.1)
