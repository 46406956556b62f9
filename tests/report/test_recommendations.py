from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_vizart.records.profile import GpuReading, Leak, MeasureTable, Profile
from pytest_vizart.records.run import RunResult, SessionResult
from pytest_vizart.records.span import SPAN_COLUMNS, SpanTable
from pytest_vizart.records.stage import Distribution, GpuStats, MemoryStats, SlowSample, StageStats
from pytest_vizart.report.recommendations import recommend, recommend_for_run

from . import builders

STARTED_US = 1_700_000_000_000_000


def _run(*stages: StageStats, profile: Profile | None = None, **spans: Any) -> RunResult:
    """`spans` gives columns of ten spans of the first stage, one after another, each of the median's length."""
    return RunResult(builders.run_info(), _spans(stages[0], **spans), stages, profile=profile or Profile())


def _spans(stage: StageStats, **given: Any) -> SpanTable:
    wall_ns = int(stage.wall_ms.median * 1e6) if stage.wall_ms else 0
    row = {"stage": stage.name, "pass_index": 0, "warmup": False, "wall_ns": wall_ns, **given}
    columns = {name: [row.get(name)] * 10 for name in SPAN_COLUMNS}
    columns["started_us"] = [STARTED_US + number * wall_ns // 1_000 for number in range(10)]
    return SpanTable(**columns)


def _at(median: float, p95: float = 0) -> Distribution:
    return Distribution(median, max(p95, median), median, median, median)


def _stage(
    name: str, wall: float, cpu: float | None, *, p95: float = 0, growth: float = 0, share: float = 0.5, **more: Any
) -> StageStats:
    stats = StageStats(name, 10, 0, _at(wall, p95), None if cpu is None else _at(cpu), MemoryStats(100, 100, growth))
    return replace(stats, share=share, **more)


def _message(stage: StageStats, **given: Any) -> str:
    (found,) = recommend_for_run(_run(stage, **given))
    return found.message


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
    process_ns = None if process_cpu_ms is None else int(process_cpu_ms * 1e6)
    (found,) = recommend_for_run(_run(stage, process_cpu_ns=process_ns))
    assert said in found.message
    assert found.message.startswith("s takes 50 % of the wall time.")
    assert found.figures["wall_ms"] == 20
    assert found.figures["process_cpu_ms"] == process_cpu_ms


def test_the_three_largest_stages_of_every_run_largest_first() -> None:
    stages = [_stage(name, 1, 1, share=share) for name, share in (("a", 0.1), ("b", 0.5), ("c", 0.05), ("d", 0.35))]
    result = SessionResult(builders.session(), (_run(*stages), _run(stages[0])))
    assert [found.stage for found in recommend(result)] == ["b", "d", "a", "a"]


def test_a_stage_that_only_raised_is_left_out() -> None:
    assert recommend_for_run(_run(StageStats("s", 3, 3, None))) == ()


def _waits(*pairs: tuple[str, float]) -> Profile:
    count = len(pairs)
    return Profile(
        MeasureTable(
            ["external"] * count, [name for name, _ in pairs], [value for _, value in pairs], ["s"] * count,
            [1] * count, ["a"] * count, [0] * count, [False] * count, [0] * count,
        )
    )  # fmt: skip


def test_waiting_on_a_service_names_it() -> None:
    stage = _stage("s", 40, 5, external_ms=31.0, total_ms=400)
    message = _message(stage, profile=_waits(("store", 10e6), ("ocr-api", 300e6)))
    assert "It waits 31.0 of 40.0 ms on ocr-api, store: ask for several samples at once" in message


def test_a_short_wait_on_a_service_is_not_what_the_time_goes_for() -> None:
    assert "ocr-api" not in _message(
        _stage("s", 40, 39, external_ms=19.0, total_ms=400), profile=_waits(("ocr-api", 1e6))
    )


@pytest.mark.parametrize(("mean_ms", "said"), [(40, True), (39, False)])
def test_a_stage_that_is_slow_on_a_few_samples_says_so_before_all_that_its_median_does(
    mean_ms: int, said: bool
) -> None:
    slow = (SlowSample("big", 400.0), SlowSample("b", 20.0))
    message = _message(_stage("s", 20, 19.9, total_ms=10 * mean_ms, slowest=slow))
    rare = "A few slow spans make it so, 40.0 ms in the mean, 20.0 ms in the median: look at big, b."
    assert (rare in message) is said
    assert ("computes in one thread" in message) is not said
    assert (_message(_stage("s", 20, 19.9, total_ms=400)).count("look at which samples they are.")) == 1


def test_waits_at_the_same_time_are_not_longer_than_the_stage() -> None:
    assert "It waits 40.0 of 40.0 ms on external services" in _message(
        _stage("s", 35, 5, external_ms=160.0, total_ms=400)
    )


@pytest.mark.parametrize("faults, said", [(12_000, True), (4_000, False)])
def test_fresh_memory_is_told_from_page_faults(faults: int, said: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_vizart.report.recommendations.PAGESIZE", 4_096)
    stage = _stage("s", 20, 19.9, memory_mb=MemoryStats(100, 100, 0, peak=49.2, peak_exact=True))
    message = _message(stage, minor_faults=faults)
    assert ("It touches 49.2 MB of fresh memory in 20.0 ms: write into arrays" in message) is said
    assert ("computes in one thread" in message) is not said


def test_a_large_peak_is_named_beside_the_fresh_memory() -> None:
    stage = _stage("s", 20, 19.9, memory_mb=MemoryStats(100, 100, 0, peak=300, peak_exact=True))
    assert "in 20.0 ms, its peak is 300.0 MB above its start: " in _message(stage, minor_faults=100_000)


@pytest.mark.parametrize(
    "read, written, cpu, said",
    [
        (24, 1, 5, "It reads 24.0 MB per span, and its thread is busy for 5.00 of 20.0 ms"),
        (1, 24, 5, "It writes 24.0 MB per span"),
        (0.5, 0.5, 5, "waits for the rest"),
        (24, 1, 19.9, "computes in one thread"),
    ],
    ids=["reads", "writes", "little", "from the cache"],
)
def test_waiting_on_files(read: float, written: float, cpu: float, said: str) -> None:
    assert said in _message(_stage("s", 20, cpu, read_mb=read, written_mb=written))


def _gpu(ms: float) -> GpuStats:
    return GpuStats(100, 100, 200, 300, _at(ms))


def _readings(*utilisation: float | None) -> Profile:
    return Profile(gpu=tuple(GpuReading(STARTED_US + 15_000 * row, busy) for row, busy in enumerate(utilisation)))


@pytest.mark.parametrize(
    "gpu_ms, cpu, profile, said",
    [
        (2, 18, None, "The GPU works for 2.00 of 20.0 ms while the CPU is busy for 18.0 ms"),
        (19, 19, _readings(0.1, 0.2, 0.15), "The GPU is 15 % used while the CPU is busy for 19.0 ms"),
        (19, 4, None, "It is the GPU that works for 19.0 of 20.0 ms: half precision"),
        (19, 19, _readings(0.9, 1.0, 0.95), "It is the GPU that works for 19.0 of 20.0 ms, 95 % used: half precision"),
        (19, 19.9, None, "computes in one thread"),
        (19, 19.9, _readings(0.9, None, 1.0), "computes in one thread"),
        (10, 15, _readings(0.5, 0.5, 0.5), "Halving it would save"),
        (2, 1, None, "waits for the rest"),
    ],
    ids=["idle", "idle by its use", "bound", "bound, CPU spins", "untold", "two readings", "neither", "nobody works"],
)
def test_a_gpu_that_idles_or_is_what_takes_the_time(
    gpu_ms: float, cpu: float, profile: Profile | None, said: str
) -> None:
    assert said in _message(_stage("s", 20, cpu, gpu=_gpu(gpu_ms)), profile=profile)


def test_readings_of_the_gpu_while_other_stages_ran_do_not_count() -> None:
    late = Profile(gpu=tuple(GpuReading(STARTED_US + 10**6 + row, 0.05) for row in range(5)))
    early = Profile(gpu=tuple(GpuReading(STARTED_US - 10**6 + row, 0.05) for row in range(5)))
    for profile in (late, early):
        (found,) = recommend_for_run(_run(_stage("s", 20, 19.9, gpu=_gpu(19)), profile=profile))
        assert found.figures["gpu_busy"] is None


@pytest.mark.parametrize("cold_ms, said", [(812.0, True), (99.0, False), (None, False)])
def test_a_cold_start_is_added(cold_ms: float | None, said: bool) -> None:
    message = _message(_stage("s", 20, 19.9, cold_ms=cold_ms))
    assert ("Its first call took 812 ms, later ones 20.0: loading or compiling" in message) is said
    assert "computes in one thread" in message


def test_a_cold_start_of_less_than_10_ms_is_not_worth_a_word() -> None:
    assert "first call" not in _message(_stage("s", 0.5, 0.5, cold_ms=9))


def test_stages_at_the_same_time_are_told() -> None:
    stage = _stage("s", 20, 19.9, concurrent=True)
    assert "It runs at the same time as others: wall times do not add up." in _message(stage)
    assert "cores busy" not in _message(stage, process_cpu_ns=80_000_000)


@pytest.mark.parametrize(
    "p95, because, slow, said",
    [
        (64, None, ("b", "a"), "Its slowest spans take 3.2 times the median or more: look at b, a."),
        (64, "the slowest are the largest inputs: 2.1 MB against 0.4 MB", ("b",),
         "3.2 times the median or more: the slowest are the largest inputs: 2.1 MB against 0.4 MB."),
        (20, "the slowest are the largest inputs: 2.1 MB against 0.4 MB", ("b",),
         " The slowest are the largest inputs: 2.1 MB against 0.4 MB."),
        (64, None, (), "3.2 times the median or more: look at which samples they are."),
    ],
)  # fmt: skip
def test_uneven_stages_name_their_slowest_samples(
    p95: float, because: str | None, slow: tuple[str, ...], said: str
) -> None:
    samples = tuple(SlowSample(name, 50) for name in slow)
    assert _message(_stage("s", 20, 15, p95=p95, slowest=samples, slow_because=because)).endswith(said)


def test_a_leak_is_told_at_the_stage_that_leaks() -> None:
    leak = Leak("cpu", 101.0, 95.0, 108.0, 400, True, "s")
    (found,) = recommend_for_run(_run(_stage("s", 20, 15), profile=Profile(leaks=(leak,))))
    assert found.message.endswith("Memory grows by 101 kB a sample [95 .. 108] over 400 samples, most in s.")
    assert found.figures["leak_kb_per_sample"] == 101.0
    for other in (replace(leak, stage="t"), replace(leak, found=False), replace(leak, stage=None)):
        assert "grows" not in _message(_stage("s", 20, 15), profile=Profile(leaks=(other,)))


def test_every_figure_that_a_message_rests_on_is_there() -> None:
    stage = _stage(
        "s", 20, 15, growth=3, external_ms=1.0, read_mb=2.0, written_mb=3.0, cold_ms=25.0, gpu=_gpu(7),
    )  # fmt: skip
    (found,) = recommend_for_run(_run(stage, process_cpu_ns=16_000_000, minor_faults=0))
    assert found.figures == {
        "wall_ms": 20, "p95_ms": 20, "cpu_ms": 15, "process_cpu_ms": 16, "external_ms": 1.0, "growth_mb": 3,
        "peak_mb": None, "fresh_mb": 0, "read_mb": 2.0, "written_mb": 3.0, "gpu_ms": 7, "gpu_busy": None,
        "cold_ms": 25.0, "leak_kb_per_sample": None,
    }  # fmt: skip


def test_a_run_read_back_without_most_columns() -> None:
    stage = _stage("s", 20, 19.9)
    (found,) = recommend_for_run(RunResult(builders.run_info(), SpanTable(), (stage,)))
    assert "computes in one thread" in found.message
