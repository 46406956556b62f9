from __future__ import annotations

import contextvars

import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.recording.stage_names import MAX_STAGE_NAMES
from tests.profiling.fake_clock import FakeClock, FakeMemory


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def recorder(clock: FakeClock) -> Recorder:
    return Recorder(clock=clock, memory=FakeMemory())


def test_a_span_has_exactly_the_time_that_passed(recorder: Recorder, clock: FakeClock) -> None:
    recorder.begin_sample("one", pass_index=2)
    with recorder.stage("detect"):
        clock.advance(5_000, cpu_ns=3_000)
    table = recorder.table()
    assert (table.wall_ns, table.cpu_ns, table.process_cpu_ns) == ([5_000], [3_000], [3_000])
    assert (table.stage, table.sample_id, table.pass_index, table.error) == (["detect"], ["one"], [2], [None])


def test_memory_is_read_at_both_edges(clock: FakeClock) -> None:
    memory = FakeMemory(100)
    recorder = Recorder(clock=clock, memory=memory)
    with recorder.stage("load"):
        memory.rss = 350
    assert (recorder.table().rss_before, recorder.table().rss_after) == ([100], [350])


def test_basic_measures_wall_time_alone(clock: FakeClock) -> None:
    recorder = Recorder("basic", clock=clock)
    with recorder.stage("detect"):
        clock.advance(7)
    table = recorder.table()
    assert table.wall_ns == [7]
    assert table.cpu_ns == table.rss_before == table.voluntary_switches == [None]


def test_an_exception_is_recorded_by_type_and_goes_on_unchanged(recorder: Recorder) -> None:
    error = KeyError("x")
    with pytest.raises(KeyError) as caught, recorder.stage("detect"):
        raise error
    assert caught.value is error
    assert recorder.table().error == ["KeyError"]
    assert recorder.failure == ("detect", id(error), KeyError)


def test_system_exit_closes_the_span(recorder: Recorder) -> None:
    with pytest.raises(SystemExit), recorder.stage("detect"):
        raise SystemExit(3)
    assert recorder.table().error == ["SystemExit"]


def test_nested_stages_know_their_parent(recorder: Recorder) -> None:
    with recorder.stage("outer"), recorder.stage("inner"):
        pass
    with recorder.stage("after"):
        pass
    assert dict(zip(recorder.table().stage, recorder.table().parent, strict=True)) == {
        "inner": "outer", "outer": None, "after": None,
    }  # fmt: skip


def test_the_innermost_failing_stage_is_named(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="x"), recorder.stage("outer"), recorder.stage("inner"):
        raise ValueError("x")
    assert recorder.failure is not None
    assert recorder.failure[0] == "inner"


def test_output_is_handed_through(recorder: Recorder) -> None:
    value = object()
    with recorder.stage("detect") as stage:
        assert stage.output(value) is value
        assert stage.name == "detect"


def test_a_stage_left_in_another_context_closes_its_span(recorder: Recorder) -> None:
    stage = recorder.stage("detect")
    contextvars.Context().run(stage.__enter__)
    stage.__exit__(None, None, None)
    assert recorder.table().stage == ["detect"]
    assert recorder.open_stage() is None


@pytest.mark.parametrize("name", ["", "  ", None, 3, ["detect"], "(calibration)", "x" * 201])
def test_a_stage_name_that_cannot_be_meant(recorder: Recorder, name: object) -> None:
    with pytest.raises(UsageError):
        recorder.stage(name)  # type: ignore[arg-type]
    assert len(recorder.table()) == 0


def test_thousands_of_distinct_names_are_refused(recorder: Recorder) -> None:
    for number in range(MAX_STAGE_NAMES):
        recorder.stage(f"stage {number}")
    with pytest.raises(UsageError, match="too many distinct stage names"):
        recorder.stage("one more")
    recorder.stage("stage 5")  # a known one still works


def test_an_empty_recorder_gives_an_empty_table(recorder: Recorder) -> None:
    assert len(recorder.table()) == 0
    assert recorder.table().stage_names() == ()
