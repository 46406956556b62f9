from __future__ import annotations

import time
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.profiling.probes.peak_sampler import PeakSampler
from pytest_vizart.profiling.recording.recorder import Recorder
from tests.profiling.touched import touched


def sampler_of(readings: list[int | None]) -> tuple[PeakSampler, Callable[[], int]]:
    clock = iter(range(1_000_000))
    source = iter(readings)
    return PeakSampler(lambda: next(source), lambda: next(clock)), lambda: 0


@given(st.lists(st.integers(0, 50), min_size=1), st.data())
def test_the_highest_since_any_moment_is_known(readings: list[int], data: st.DataObject) -> None:
    sampler, _ = sampler_of(list(readings))
    for _ in readings:
        assert sampler.take()
    since = data.draw(st.integers(0, len(readings)))
    assert sampler.highest_since(since) == max(readings[since:], default=None)


def test_a_probe_that_went_silent_ends_it() -> None:
    sampler, _ = sampler_of([3, None])
    assert sampler.take()
    assert not sampler.take()
    assert sampler.highest_since(0) == 3


def test_a_long_stage_has_a_sampled_peak_from_its_second_execution_on() -> None:
    recorder = Recorder()
    for _ in range(2):
        with recorder.stage("load"):
            block = touched(100_000_000)
            time.sleep(0.15)
            del block
    table = recorder.table()
    recorder.close()
    assert table.peak_exact == [None, False]
    before, peak = table.rss_before[1], table.rss_peak[1]
    assert before is not None
    assert peak is not None
    assert 90_000_000 < peak - before < 130_000_000
