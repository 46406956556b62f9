"""Outputs on their way to whoever takes them: once a sample and stage, off the clock, at every level."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.profiling.recording.recorder import Recorder
from tests.profiling.fake_clock import FakeClock, FakeMemory

COST_NS = 1_000_000


class Taker:
    """Takes long, and leaves memory behind."""

    def __init__(self, clock: FakeClock, memory: FakeMemory) -> None:
        self.taken: list[tuple[str, str | None, Any, bool]] = []
        self._clock, self._memory = clock, memory

    def __call__(self, stage: str, sample_id: str | None, value: Any, digest: str | None) -> None:
        self.taken.append((stage, sample_id, value, digest is not None))
        self._clock.advance(COST_NS)
        self._memory.rss += 5_000_000


def recorder_with_taker(level: str) -> tuple[Recorder, Taker, FakeClock]:
    clock, memory = FakeClock(), FakeMemory()
    taker = Taker(clock, memory)
    return Recorder(level, clock=clock, memory=memory, taker=taker), taker, clock


@pytest.mark.parametrize("level", ["basic", "detailed", "full"])
def test_a_taker_costs_no_open_stage_time_or_memory(level: str) -> None:
    recorder, taker, clock = recorder_with_taker(level)
    recorder.begin_sample("a")
    with recorder.stage("outer"):
        clock.advance(10)
        with recorder.stage("inner") as stage:
            clock.advance(7)
            stage.output(3)
        clock.advance(10)
    assert taker.taken == [("inner", "a", 3, level != "basic")]
    assert recorder.summaries.saving_ns == COST_NS
    table = recorder.table()
    assert dict(zip(table.stage, table.wall_ns, strict=True)) == {"outer": 27, "inner": 7}
    if level != "basic":
        outer = table.stage.index("outer")
        assert table.cpu_ns[outer] == 27
        assert table.rss_after[outer] == table.rss_before[outer]
    recorder.discard()


@pytest.mark.parametrize("level", ["basic", "detailed"])
def test_each_stage_once_a_sample_in_warmup_and_the_first_pass_alone(level: str) -> None:
    recorder, taker, _ = recorder_with_taker(level)
    for pass_index, warmup in ((0, True), (0, False), (1, False), (2, True)):
        recorder.begin_sample(f"{pass_index}{warmup}", pass_index=pass_index, warmup=warmup)
        for value in (1, 2):
            with recorder.stage("s") as stage:
                stage.output(value)
    summarised = level == "detailed"
    assert taker.taken == [("s", "0True", 1, False), ("s", "0False", 1, summarised)]
    assert len(recorder.summaries.summaries) == int(summarised)
    recorder.discard()


@pytest.mark.parametrize("level", ["basic", "detailed"])
def test_a_stage_that_raises_has_handed_over_what_it_did(level: str) -> None:
    recorder, taker, _ = recorder_with_taker(level)
    recorder.begin_sample("a")
    with pytest.raises(ZeroDivisionError), recorder.stage("s") as stage:
        stage.output(1)
        raise ZeroDivisionError
    assert [stage for stage, *_ in taker.taken] == ["s"]
    recorder.discard()


def test_a_taker_that_raises_is_told_once_and_left_alone() -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("planted")

    recorder = Recorder("basic", taker=broken)
    recorder.begin_sample("a")
    with pytest.warns(VizartWarning, match="no longer saved: RuntimeError: planted") as caught:
        for name in ("s", "t"):
            with recorder.stage(name) as stage:
                assert stage.output(1) == 1
    assert len(caught) == 1
    recorder.discard()


def test_what_is_done_off_the_clock_is_the_takers_cost() -> None:
    recorder, _, clock = recorder_with_taker("detailed")
    recorder.begin_sample("a")
    with recorder.stage("s"):
        clock.advance(3)
        with recorder.off_the_clock():
            clock.advance(500)
    assert recorder.table().wall_ns == [3]
    assert recorder.summaries.saving_ns == 500
    recorder.discard()


def test_a_forked_process_hands_over_nothing() -> None:
    recorder, taker, _ = recorder_with_taker("basic")
    recorder.forked()
    recorder.begin_sample("a")
    with recorder.stage("s") as stage:
        stage.output(1)
    assert taker.taken == []
    recorder.discard()


def test_without_a_taker_nothing_is_handed_over_at_level_basic() -> None:
    recorder = Recorder("basic")
    recorder.begin_sample("a")
    assert not recorder.takes_outputs
    recorder.discard()


@pytest.mark.parametrize("level", ["basic", "detailed"])
def test_a_value_belongs_to_the_sample_on_which_its_stage_began(level: str) -> None:
    recorder, taker, _ = recorder_with_taker(level)
    warmup, behind = (recorder.stage("s") for _ in range(2))
    recorder.begin_sample("w", warmup=True)
    warmup.__enter__()
    recorder.begin_sample("a")
    warmup.output("of warm-up")
    warmup.__exit__(None, None, None)
    behind.__enter__()
    for sample in "bc":
        recorder.begin_sample(sample)
    behind.output("of a")
    behind.__exit__(None, None, None)
    with recorder.stage("s") as stage:
        stage.output("of c")
    assert [(sample, value) for _, sample, value, _ in taker.taken] == [("a", "of a"), ("c", "of c")]
    summarised = [each.sample_id for each in recorder.summaries.summaries]
    assert summarised == (["a", "c"] if level == "detailed" else [])
    recorder.discard()


def test_a_value_that_another_thread_passes_on_keeps_its_sample() -> None:
    recorder, taker, _ = recorder_with_taker("basic")
    recorder.begin_sample("a")
    behind = recorder.stage("behind")
    behind.__enter__()
    recorder.begin_sample("b")
    behind.output("of a")
    with recorder.stage("s") as stage:
        stage.output("of b")
    assert [each[:3] for each in taker.taken] == [("behind", "a", "of a"), ("s", "b", "of b")]
    behind.__exit__(None, None, None)
    recorder.discard()
