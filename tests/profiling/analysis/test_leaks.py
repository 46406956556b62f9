"""Leaks are found, and nothing else is: simulated series of many kinds, and the memory of this very process."""

from __future__ import annotations

import mmap
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_vizart.profiling.analysis.leaks import find_leak, leaking_stage
from pytest_vizart.records.profile import Leak, MemoryPoint
from tests.profiling.span_rows import one_after_another, span_table

Series = NDArray[np.float64]
Random = np.random.Generator
Family = Callable[[Random, int], Series]

MB = 1e6
LEAK = 100e3  # bytes a sample


def points(values: Series, *, passes: int = 1, warmup: int = 0) -> list[MemoryPoint]:
    size = len(values) // passes
    warm = [MemoryPoint(f"w{number}", 0, True, 50_000_000) for number in range(warmup)]
    return warm + [
        MemoryPoint(str(row % size), row // size, False, 1_000_000_000 + int(value)) for row, value in enumerate(values)
    ]


def test_a_leak_is_told_per_sample_also_where_batches_come():
    random = np.random.default_rng(1)
    sizes = [16] * 39 + [7] + [16] * 39 + [7]  # two passes, of which the second counts
    before = np.cumsum([0, *sizes[:-1]])
    rss = 1e9 + before * LEAK + random.normal(0, 1e4, len(sizes))
    series = [
        MemoryPoint(str(row % 40), row // 40, False, int(value), items=sizes[row]) for row, value in enumerate(rss)
    ]
    leak = find_leak(series, "cpu")
    assert leak is not None
    assert (leak.found, leak.points) == (True, 16 * 39 + 7)
    assert leak.kb_per_sample == pytest.approx(100, rel=0.01)
    assert leak.low < 100 < leak.high


def leak_of(values: Series, **options: int) -> Leak:
    found = find_leak(points(values, **options), "cpu")
    assert found is not None
    return found


def _size(random: Random, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _noise(random: Random, size: int) -> Series:
    return random.choice([0, 2e4, 3e5, 2e6]) * random.normal(size=size)


def still(random: Random, size: int) -> Series:
    return _noise(random, size)


def steps_up(random: Random, size: int) -> Series:
    """Models loaded late, modules imported on the way."""
    values = _noise(random, size)
    for _ in range(random.integers(1, 7)):
        values[random.integers(0, size) :] += _size(random, 0.5 * MB, 50 * MB)
    return values


def steps_both_ways(random: Random, size: int) -> Series:
    values = _noise(random, size)
    for _ in range(random.integers(2, 30)):
        values[random.integers(0, size) :] += random.choice([-1, 1]) * _size(random, 0.5 * MB, 50 * MB)
    return values


def cache_with_an_end(random: Random, size: int) -> Series:
    full = random.uniform(0.1, 0.75) * size
    return np.minimum(np.arange(size) / full, 1) * _size(random, 2 * MB, 500 * MB) + _noise(random, size)


def cache_that_saturates(random: Random, size: int) -> Series:
    pace = random.uniform(0.02, 0.4) * size
    return (1 - np.exp(-np.arange(size) / pace)) * _size(random, 2 * MB, 500 * MB) + _noise(random, size)


def collected_garbage(random: Random, size: int) -> Series:
    period = random.uniform(2, size / 3)
    tooth = (np.arange(size) / period + random.uniform()) % 1
    return tooth * _size(random, 0.2 * MB, 50 * MB) + _noise(random, size)


def allocator_that_keeps(random: Random, size: int) -> Series:
    switched = np.cumsum(random.random(size) < random.uniform(0.01, 0.3)) % 2
    return switched * _size(random, 0.5 * MB, 50 * MB) + _noise(random, size)


def high_water_mark(random: Random, size: int) -> Series:
    needed = np.exp(random.normal(size=size) * random.choice([0.3, 1.0, 1.5]))
    return np.maximum.accumulate(needed) * _size(random, 1 * MB, 20 * MB) + _noise(random, size)


def random_walk(random: Random, size: int) -> Series:
    return np.cumsum(random.normal(size=size)) * _size(random, 1e4, 1e6)


def walk_in_leaps(random: Random, size: int) -> Series:
    return np.cumsum(random.standard_t(2, size=size)) * _size(random, 1e4, 3e5)


WITHOUT: tuple[Family, ...] = (
    still, steps_up, steps_both_ways, cache_with_an_end, cache_that_saturates, collected_garbage, allocator_that_keeps,
    high_water_mark, random_walk, walk_in_leaps,
)  # fmt: skip


@pytest.mark.parametrize("family", WITHOUT, ids=lambda family: family.__name__)
def test_no_leak_is_found_in_series_without_one(family):
    random = np.random.default_rng(20)
    found = []
    for number in range(48):
        size, passes = [(40, 1), (80, 1), (200, 1), (600, 1), (200, 2), (600, 3)][number % 6]
        found.append(leak_of(family(random, size), passes=passes).found)
    assert not any(found)


def plain(random: Random) -> Series:
    return np.zeros(200)


def noisy(random: Random) -> Series:
    return random.normal(size=200) * 3e5


def with_steps(random: Random) -> Series:
    values = noisy(random)
    for _ in range(3):
        values[random.integers(0, 200) :] += random.uniform(5 * MB, 20 * MB)
    return values


def with_garbage(random: Random) -> Series:
    return ((np.arange(200) / 10 + random.uniform()) % 1) * 2 * MB


def with_a_walk(random: Random) -> Series:
    return np.cumsum(random.normal(size=200)) * 1e5


def with_a_cache(random: Random) -> Series:
    return (1 - np.exp(-np.arange(200) / 10)) * 20 * MB


def with_leaps(random: Random) -> Series:
    return random.standard_t(3, size=200) * 3e5


def in_arenas(random: Random) -> Series:
    leaking = np.arange(200) * LEAK
    return np.floor(leaking / 2**20) * 2**20 - leaking


@pytest.mark.parametrize(
    "around", [plain, noisy, with_steps, with_garbage, with_a_walk, with_a_cache, with_leaps, in_arenas],
    ids=lambda around: around.__name__,
)  # fmt: skip
def test_a_leak_of_100_kb_a_sample_over_200_samples_is_found(around):
    random = np.random.default_rng(3)
    for _ in range(25):
        leak = leak_of(np.arange(200) * LEAK + around(random))
        assert leak.found
        assert leak.low <= leak.kb_per_sample <= leak.high
        assert leak.kb_per_sample == pytest.approx(100, rel=0.35)


def test_a_leak_over_three_passes_is_found():
    leak = leak_of(np.arange(600) * LEAK + noisy_for(600), passes=3)
    assert (leak.found, leak.points, leak.resource, leak.stage) == (True, 400, "cpu", None)


def noisy_for(size: int) -> Series:
    return np.random.default_rng(8).normal(size=size) * 2e5


def test_the_slope_of_a_straight_line_is_exact():
    leak = leak_of(np.arange(100) * LEAK)
    assert (leak.kb_per_sample, leak.low, leak.high) == (100, 100, 100)
    assert leak.points == 80


def test_the_interval_holds_the_drift_of_a_random_walk_99_times_in_100():
    random = np.random.default_rng(4)
    held = 0
    for _ in range(500):
        leak = leak_of(np.cumsum(random.normal(50e3, 200e3, size=150)))
        held += leak.low <= 50 <= leak.high
    assert held >= 490


def test_samples_that_need_more_and_more_within_each_pass_are_no_leak():
    leak = leak_of(np.tile(np.arange(100) * LEAK, 3), passes=3)
    assert not leak.found


def test_the_first_pass_fills_caches():
    assert leak_of(np.concatenate([np.arange(100) * LEAK, np.full(100, 100 * LEAK)]), passes=2).points == 100


@pytest.mark.parametrize("per_sample, found", [(1_900, False), (2_100, True)])
def test_less_than_2_kb_a_sample_is_no_leak(per_sample, found):
    assert leak_of(np.arange(1_500) * per_sample).found is found


@pytest.mark.parametrize("per_sample, found", [(25_500, False), (26_000, True)])
def test_less_than_1_mb_in_all_is_no_leak(per_sample, found):
    assert leak_of(np.arange(50) * per_sample).found is found


@pytest.mark.parametrize(
    "count, passes, enough", [(36, 1, False), (37, 1, True), (58, 2, False), (60, 2, True), (0, 1, False)]
)
def test_30_points_are_needed_after_what_is_left_out(count, passes, enough):
    assert (find_leak(points(np.zeros(count), passes=passes, warmup=5), "cpu") is not None) is enough


def test_warm_up_does_not_count():
    assert leak_of(np.zeros(50), warmup=10) == leak_of(np.zeros(50))


def test_a_gpu_goes_by_the_allocator_where_there_is_one():
    grown = [
        MemoryPoint("a", 0, False, 10**9, gpu=10**8 + row * 100_000, device=10**9 + row * 7_000) for row in range(50)
    ]
    leak = find_leak(grown, "gpu")
    assert leak is not None
    assert (leak.resource, leak.kb_per_sample, leak.found) == ("gpu", 100, True)
    by_driver = [MemoryPoint("a", 0, False, 10**9, device=row * 2_000_000) for row in range(50)]
    leak = find_leak(by_driver, "gpu")
    assert leak is not None
    assert leak.kb_per_sample == 2_000
    assert find_leak(points(np.zeros(100)), "gpu") is None


def test_a_leak_is_never_found_below_zero():
    assert not leak_of(np.arange(200) * -LEAK).found


# --- which stage


def growing(*stages: tuple[str, float], samples: int = 100):
    """Each stage's growth in MB on every sample."""
    return one_after_another(
        *[
            {"stage": name, "rss_before": 10**9, "rss_after": 10**9 + int(grown * 1e6), "sample_id": str(sample)}
            for sample in range(samples)
            for name, grown in stages
        ]
    )


def test_the_stage_that_grows_is_named():
    assert leaking_stage(growing(("decode", 0.02), ("detect", 0.08)), 80 * 0.1e6) == "detect"


def test_a_stage_whose_memory_others_free_explains_nothing():
    assert leaking_stage(growing(("decode", 10), ("detect", 0.1), ("draw", -10)), 80 * 0.1e6) == "detect"
    assert leaking_stage(growing(("decode", 10), ("draw", -9.9)), 80 * 0.1e6) is None


def test_growth_between_stages_is_nobodys():
    assert leaking_stage(growing(("decode", 0.01), ("detect", 0.03)), 80 * 0.1e6) is None


def test_the_innermost_stage_is_named():
    rows = []
    for number in range(100):
        edges = {"rss_before": 10**9, "rss_after": 10**9 + 100_000, "sample_id": str(number)}
        rows.append({"stage": "outer", "offset_ns": number * 100, "wall_ns": 100, **edges})
        rows.append(
            {"stage": "inner", "offset_ns": number * 100 + 5, "wall_ns": 90, "parent_id": 2 * number + 1, **edges}
        )
    assert leaking_stage(span_table(*rows), 80 * 0.1e6) == "inner"


def test_stages_at_the_same_time_cannot_be_told_apart():
    edges = {"rss_before": 10**9, "rss_after": 10**9 + 100_000}
    rows = [
        {"stage": name, "offset_ns": 100 * row, "wall_ns": 90, **edges}
        for row in range(50)
        for name in ("left", "right")
    ]
    assert leaking_stage(span_table(*rows), 40 * 0.1e6) is None


def test_other_processes_have_memory_of_their_own():
    table = growing(("decode", 0.0), samples=50)
    others = growing(("worker", 0.1), samples=50)
    for name in ("stage", "parent", "rss_before", "rss_after", "sample_id", "pass_index", "warmup", "error"):
        getattr(table, name).extend(getattr(others, name))
    table.process.extend([5_000] * 50)
    assert leaking_stage(table, 40 * 0.1e6) is None


def test_a_leak_brings_its_stage_along():
    spans = growing(("decode", 0.0), ("detect", 0.1), samples=200)
    leak = find_leak(points(np.arange(200) * LEAK), "cpu", spans)
    assert leak is not None
    assert leak.stage == "detect"
    still_there = find_leak(points(np.zeros(200)), "cpu", spans)
    assert still_there is not None
    assert still_there.stage is None


def test_the_gpu_has_columns_of_its_own():
    spans = growing(("detect", 0.1))
    assert leaking_stage(spans, 80 * 0.1e6, "gpu") is None
    spans.gpu_before[:], spans.gpu_after[:] = spans.rss_before, spans.rss_after
    assert leaking_stage(spans, 80 * 0.1e6, "gpu") == "detect"


# --- a process


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def _work(keep: list[bytearray] | None, samples: int = 200) -> list[MemoryPoint]:
    found = []
    for number in range(samples):
        image = np.full((400, 400, 3), number % 256, np.uint8)
        sum(len(str(value)) for value in image[:20, :20].ravel().tolist())
        if keep is not None:
            keep.append(bytearray(b"x") * 100_000)
        found.append(MemoryPoint(str(number), 0, False, _resident_bytes()))
    return found


def _look_for_real_leaks() -> None:
    for _ in range(10):
        without = find_leak(_work(None), "cpu")
        assert without is not None
        assert not without.found
    kept: list[bytearray] = []
    leak = find_leak(_work(kept), "cpu")
    assert leak is not None
    assert leak.found
    assert 70 < leak.kb_per_sample < 160  # the allocator adds to it


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_real_leak_is_found_and_ten_runs_without_one_report_none():
    # In a process of its own: what this one has freed before would be used again, and nothing would grow.
    code = "from tests.profiling.analysis.test_leaks import _look_for_real_leaks; _look_for_real_leaks()"
    told = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
