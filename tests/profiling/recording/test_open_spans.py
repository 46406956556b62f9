"""What stages do to control flow, and control flow to stages: spans are closed, and right."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import sys
import time
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_vizart.profiling.recording.open_spans import innermost
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.records.span import UNFINISHED, SpanTable
from pytest_vizart.workflow.recording import RecordingOptions
from pytest_vizart.workflow.run import Run


@pytest.fixture(params=["basic", "detailed", "full"])
def recorder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(request.param, folder=tmp_path)
    yield recorder
    recorder.discard()
    assert innermost.get() is None


def parents(table: SpanTable) -> dict[str, str | None]:
    return dict(zip(table.stage, table.parent, strict=True))


def test_recursion(recorder: Recorder) -> None:
    def dive(depth: int) -> None:
        with recorder.stage("dive"):
            if depth:
                dive(depth - 1)

    dive(3)
    table = recorder.table()
    assert table.stage == ["dive"] * 4
    ids = dict(zip(table.span_id, table.parent_id, strict=True))
    assert sorted(table.span_id) == [1, 2, 3, 4]
    assert ids == {4: 3, 3: 2, 2: 1, 1: None}


def test_self_time_is_what_children_leave(recorder: Recorder) -> None:
    with recorder.stage("outer"):
        with recorder.stage("inner"):
            time.sleep(0.003)
        with recorder.stage("inner"):
            time.sleep(0.003)
    table = recorder.table()
    outer = table.stage.index("outer")
    inner_ns = sum(wall for stage, wall in zip(table.stage, table.wall_ns, strict=True) if stage == "inner")
    assert table.self_ns[outer] == table.wall_ns[outer] - inner_ns
    assert 0 <= table.self_ns[outer] < 3_000_000


def test_a_generator_may_leave_its_stage_while_another_is_open(recorder: Recorder) -> None:
    def reading() -> Iterator[int]:
        with recorder.stage("read"):
            yield 1

    steps = reading()
    next(steps)
    with recorder.stage("detect"):
        assert next(steps, None) is None
        with recorder.stage("inner"):
            pass
    with recorder.stage("after"):
        pass
    table = recorder.table()
    assert sorted(table.stage) == ["after", "detect", "inner", "read"]
    assert parents(table) == {"read": None, "inner": "detect", "detect": "read", "after": None}
    assert table.error == [None] * 4


def test_an_abandoned_generator_closes_its_stage(recorder: Recorder) -> None:
    def reading() -> Iterator[int]:
        with recorder.stage("read"):
            yield 1

    steps = reading()
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert recorder.table().error == ["GeneratorExit"]


def test_a_stage_left_in_another_context(recorder: Recorder) -> None:
    stage = recorder.stage("detect")
    contextvars.Context().run(stage.__enter__)
    with recorder.stage("other"):
        stage.__exit__(None, None, None)
        with recorder.stage("inner"):
            pass
    assert parents(recorder.table()) == {"detect": None, "inner": "other", "other": None}


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), MemoryError(), GeneratorExit()])
def test_whatever_leaves_a_stage_is_recorded_and_goes_on(recorder: Recorder, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, recorder.stage("outer"), recorder.stage("inner"):
        raise error
    assert caught.value is error
    assert recorder.table().error == [type(error).__name__] * 2


def test_sys_exit(recorder: Recorder) -> None:
    with pytest.raises(SystemExit), recorder.stage("detect"):
        sys.exit(1)
    assert recorder.table().error == ["SystemExit"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
def test_a_timeout_by_signal(recorder: Recorder) -> None:
    def strike(*_: object) -> None:
        raise TimeoutError("too slow")

    before = signal.signal(signal.SIGALRM, strike)
    try:
        with pytest.raises(TimeoutError), recorder.stage("outer"), recorder.stage("detect"):
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            time.sleep(5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    table = recorder.table()
    assert (table.stage, table.error) == (["detect", "outer"], ["TimeoutError"] * 2)
    assert all(15_000_000 < wall < 4_000_000_000 for wall in table.wall_ns)


def test_tasks_are_children_of_the_stage_that_started_them(recorder: Recorder) -> None:
    async def fetch(number: int) -> None:
        with recorder.stage(f"fetch {number}"):
            await asyncio.sleep(0.002)
            with recorder.stage(f"parse {number}"):
                await asyncio.sleep(0.002)

    async def work() -> None:
        with recorder.stage("all"):
            await asyncio.gather(*(fetch(number) for number in range(5)))

    asyncio.run(work())
    found = parents(recorder.table())
    assert len(found) == 11
    assert all(found[f"fetch {number}"] == "all" for number in range(5))
    assert all(found[f"parse {number}"] == f"fetch {number}" for number in range(5))


def test_a_stage_that_is_still_open_is_unfinished(recorder: Recorder) -> None:
    recorder.begin_sample("one")
    with recorder.stage("detect"):
        table = recorder.table()
    assert (table.stage, table.error, table.sample_id) == (["detect"], [UNFINISHED], ["one"])
    assert recorder.table().error == [None]


def test_a_stage_that_outlives_its_run_is_let_pass(tmp_path: Path) -> None:
    for profile in ("basic", "detailed", "full"):
        recorder = Recorder(profile, folder=tmp_path)
        with recorder.stage("open"):
            recorder.discard()
            with recorder.stage("late") as late:
                late.output(1)
        with pytest.raises(ValueError, match="x"), recorder.stage("later"):
            raise ValueError("x")
        recorder.close()
    assert list(tmp_path.iterdir()) == []


def test_thirty_thousand_spans_outgrow_the_first_room(tmp_path: Path) -> None:
    recorder = Recorder("basic", folder=tmp_path)
    count = 30_000
    with recorder.stage("around"):
        for _ in range(count):
            with recorder.stage("detect"):
                pass
    table = recorder.table()
    assert table.stage.count("detect") == count
    assert table.parent.count("around") == count
    assert table.error.count(None) == count + 1
    recorder.discard()


def test_without_a_folder_memory_takes_the_spans() -> None:
    recorder = Recorder("basic")
    with recorder.stage("around"):
        for _ in range(10_000):
            with recorder.stage("detect"):
                pass
    assert len(recorder.table()) == 10_001
    recorder.close()


def test_what_a_failed_stage_held_is_let_go(recorder: Recorder) -> None:
    class Block:
        pass

    def attempt() -> weakref.ref[Block]:
        block = Block()
        held = weakref.ref(block)
        try:
            with recorder.stage("detect"):
                raise MemoryError(block)
        except MemoryError:
            pass
        return held

    assert attempt()() is None
    assert recorder.failure is not None


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
def test_a_signal_at_any_moment_gets_through_and_the_next_sample_starts_clean(tmp_path: Path) -> None:
    run = Run("test", output=tmp_path, recording=RecordingOptions("full", journal=tmp_path / "journal"), warmup=0)

    def strike(*_: object) -> None:
        raise TimeoutError("too slow")

    before = signal.signal(signal.SIGALRM, strike)
    struck = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in turned(run, 200):
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.000_3)
                    for _ in range(1_000):  # some 50 times as long
                        with run.stage("outer"), run.stage("inner"):
                            pass
                except TimeoutError:
                    struck += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        innermost.set(None)  # one that strikes at the very entry of `__exit__` leaves the stage open, as its end tells
    recorded = run.recorder.table()
    run.recorder.discard()
    assert struck >= 190  # a signal may strike in a finaliser, out of which nothing gets through
    samples = dict(zip(recorded.span_id, recorded.sample_id, strict=True))
    crossing = [
        row
        for row, parent in enumerate(recorded.parent_id)
        if parent is not None and samples[parent] != recorded.sample_id[row]
    ]
    assert crossing == []
    calibrated = [row for row, stage in enumerate(recorded.stage) if stage == "(calibration)"]
    assert None not in [recorded.rss_before[row] for row in calibrated]


def turned(run: Run, count: int) -> Iterator[int]:
    """What `Run.samples` does around each sample."""
    around = innermost.get()
    for number in range(count):
        innermost.set(around)
        run.recorder.begin_sample(str(number))
        with run.recorder.calibration():
            pass
        yield number


def test_a_span_that_is_entered_twice_harms_nobody(recorder: Recorder) -> None:
    span = recorder.stage("detect")
    recorder.begin_sample("one")
    with span, span:
        span.output([1])
    with recorder.stage("after"):
        pass
    assert parents(recorder.table())["after"] is None


def test_no_more_threads_no_sampled_peak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    monkeypatch.setattr("pytest_vizart.profiling.recording.detailed_spans.LONG_NS", 0)
    recorder = Recorder(folder=tmp_path)
    for _ in range(3):
        with recorder.stage("long"):
            pass
    assert recorder.table().rss_peak == [None] * 3
    recorder.discard()
