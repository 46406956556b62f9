from __future__ import annotations

import asyncio
import gc
import inspect
import types
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest

from pytest_vizart import profile
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.watching.active import activated
from tests.profiling.fake_clock import FakeClock
from tests.profiling.ran import new_recorder, ran

clock = FakeClock()


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder(clock)


@profile
def frames(count: int) -> Generator[int, Any, str]:
    for number in range(count):
        clock.advance(10, cpu_ns=4)
        yield number
    clock.advance(1, cpu_ns=1)
    return "end"


@profile
def doubled(numbers: Iterator[int]) -> Iterator[int]:
    for number in numbers:
        clock.advance(100)
        yield 2 * number


@profile
async def aframes(count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        clock.advance(10)
        yield number


@profile
def echo() -> Generator[Any, Any, Any]:
    got = yield "first"
    while True:
        try:
            got = yield got
        except KeyError as error:
            got = f"caught {error}"


def spans(recorder: Recorder) -> dict[str, tuple[int, int | None]]:
    table = recorder.table()
    return {name: (wall, cpu) for name, wall, cpu in zip(table.stage, table.wall_ns, table.cpu_ns, strict=True)}


@pytest.mark.parametrize("profile_level", ["basic", "detailed"])
def test_a_generator_is_one_span_of_its_own_running_time(profile_level: str) -> None:
    recorder = new_recorder(clock, profile_level)
    with activated(recorder):
        for _ in frames(3):
            clock.advance(1_000)
    assert ran(recorder) == {"frames": 1}
    assert spans(recorder) == {"frames": (31, 13 if profile_level == "detailed" else None)}


@pytest.mark.parametrize("profile_level", ["basic", "detailed"])
def test_a_generator_keeps_its_true_start_and_tells_its_pauses(profile_level: str) -> None:
    recorder = new_recorder(clock, profile_level)
    with activated(recorder), recorder.stage("outer"):
        for _ in frames(3):
            with recorder.stage("detect"):
                clock.advance(20)
    table = recorder.table()
    rows = {name: row for row, name in enumerate(table.stage)}
    outer, frame, last = rows["outer"], rows["frames"], rows["detect"]
    assert table.offset_ns[frame] == table.offset_ns[outer]
    assert (table.wall_ns[frame], table.paused_ns[frame]) == (31, 60)
    assert table.end_ns(frame) == table.end_ns(last) + 1 == table.end_ns(outer)
    assert (table.self_ns[outer], table.paused_ns[outer], table.paused_ns[last]) == (0, None, None)
    stages = {stage.name: stage for stage in stage_stats(table)}
    assert [stages[name].share for name in ("outer", "frames", "detect")] == pytest.approx([0, 31 / 91, 60 / 91])
    assert not any(stage.concurrent for stage in stages.values())


def test_stages_of_the_consumer_are_not_inside_of_the_generator(recorder: Recorder) -> None:
    with activated(recorder), recorder.stage("outer"):
        for _ in frames(2):
            with recorder.stage("consume"):
                clock.advance(5)
    with recorder.stage("after"):
        pass
    assert ran(recorder) == {"outer": 1, "outer > frames": 1, "outer > consume": 2, "after": 1}


def test_a_generator_that_draws_on_another_one_is_around_it(recorder: Recorder) -> None:
    with activated(recorder):
        assert list(doubled(frames(2))) == [0, 2]
    assert ran(recorder) == {"doubled": 1, "doubled > frames": 1}
    assert spans(recorder) == {"doubled": (221, 209), "frames": (21, 9)}


def test_generators_side_by_side(recorder: Recorder) -> None:
    with activated(recorder):
        assert list(zip(frames(2), frames(2), strict=True)) == [(0, 0), (1, 1)]
        with recorder.stage("after"):
            pass
    assert ran(recorder) == {"frames": 2, "after": 1}
    assert recorder.table().wall_ns[:2] == [21, 21]


@pytest.mark.parametrize("end", ["close", "drop"])
def test_a_generator_that_is_given_up_is_closed_and_no_error(recorder: Recorder, end: str) -> None:
    closed = []

    @profile
    def work() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    with activated(recorder):
        generator: Any = work()
        with recorder.stage("consume"):
            assert next(generator) == 1
        if end == "close":
            generator.close()
        del generator
        gc.collect()
        assert closed == [True]
        with recorder.stage("after"):
            pass
    assert ran(recorder) == {"consume": 1, "consume > work": 1, "after": 1}


def test_a_generator_that_outlives_its_run_goes_on(recorder: Recorder) -> None:
    with activated(recorder):
        generator = frames(3)
        next(generator)
    recorder.close()
    assert list(generator) == [1, 2]


def test_a_generator_that_is_never_begun_is_no_stage(recorder: Recorder) -> None:
    with activated(recorder):
        frames(3)
    assert ran(recorder) == {}


def test_values_and_exceptions_reach_the_generator_and_its_result_comes_back(recorder: Recorder) -> None:
    def delegate() -> Iterator[int]:
        assert (yield from frames(1)) == "end"

    with activated(recorder):
        assert list(delegate()) == [0]
        generator = echo()
        assert next(generator) == "first"
        assert generator.send("sent") == "sent"
        assert generator.throw(KeyError("k")) == "caught 'k'"
        with pytest.raises(ValueError, match="v"):
            generator.throw(ValueError("v"))
    assert ran(recorder) == {"frames": 1, "echo !ValueError": 1}


def test_a_stage_inside_of_a_generator_keeps_its_parent_over_a_yield(recorder: Recorder) -> None:
    @profile
    def work() -> Iterator[int]:
        with recorder.stage("inside"):
            clock.advance(1)
            yield 1
            with recorder.stage("deep"):
                clock.advance(2)

    with activated(recorder):
        for _ in work():
            with recorder.stage("consume"):
                clock.advance(100)
    assert ran(recorder) == {"work": 1, "work > inside": 1, "inside > deep": 1, "consume": 1}
    assert spans(recorder)["work"][0] == 3


def test_an_asynchronous_generator_is_one_span(recorder: Recorder) -> None:
    async def consume() -> list[int]:
        seen = []
        async for number in aframes(3):
            with recorder.stage("consume"):
                clock.advance(1_000)
            seen.append(number)
        return seen

    with activated(recorder):
        assert asyncio.run(consume()) == [0, 1, 2]
    assert ran(recorder) == {"aframes": 1, "consume": 3}
    assert spans(recorder)["aframes"][0] == 30
    assert sorted(recorder.table().paused_ns, key=str) == [3_000, None, None, None]


def test_wrong_arguments_are_refused_at_the_call(recorder: Recorder) -> None:
    @profile
    async def fetch(number: int, *, k: int = 0) -> int:
        return number

    with activated(recorder):
        for function in (frames, aframes, fetch):
            with pytest.raises(TypeError, match="argument"):
                function(1, 2)
            with pytest.raises(TypeError, match="argument"):
                function()
        assert asyncio.run(fetch(3, k=1)) == 3
    assert ran(recorder) == {"fetch": 1}


def test_an_asynchronous_generator_takes_values_and_exceptions_and_can_be_given_up(recorder: Recorder) -> None:
    @profile
    async def work() -> Any:
        try:
            yield (yield 1)
        except KeyError:
            yield "caught"

    async def use() -> None:
        generator = work()
        assert await generator.__anext__() == 1
        assert await generator.asend("sent") == "sent"
        assert await generator.athrow(KeyError()) == "caught"
        await generator.aclose()
        generator = work()
        await generator.__anext__()
        with pytest.raises(ValueError, match="v"):
            await generator.athrow(ValueError("v"))
        async for _ in work():
            break
        gc.collect()
        for _ in range(3):  # the event loop closes what was given up
            await asyncio.sleep(0)

    with activated(recorder):
        asyncio.run(use())
    assert ran(recorder) == {"work": 2, "work !ValueError": 1}


def test_concurrent_coroutines_are_stages_of_their_own_with_the_parent_they_began_in(recorder: Recorder) -> None:
    @profile
    async def fetch(number: int) -> int:
        await step()
        return number

    @profile
    async def step() -> None:
        await asyncio.sleep(0)

    async def work() -> list[int]:
        with recorder.stage("all"):
            return await asyncio.gather(*(fetch(number) for number in range(3)))

    with activated(recorder):
        assert asyncio.run(work()) == [0, 1, 2]
    assert ran(recorder) == {"all": 1, "all > fetch": 3, "fetch > step": 3}


def test_a_cancelled_coroutine_is_closed(recorder: Recorder) -> None:
    @profile
    async def wait() -> None:
        await asyncio.sleep(60)

    async def work() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait(), 0)

    async def work_begun() -> None:
        task = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with activated(recorder):
        asyncio.run(work())
        asyncio.run(work_begun())
    assert ran(recorder) == {"wait !CancelledError": 1}


def test_a_generator_that_can_be_awaited_can_be_still(recorder: Recorder) -> None:
    @profile
    @types.coroutine
    def old() -> Any:
        yield
        return 3

    async def work() -> Any:
        return await old()

    with activated(recorder):
        assert asyncio.run(work()) == 3
    assert asyncio.run(work()) == 3
    assert ran(recorder) == {"old": 1}


def test_kinds_stay_what_they_are() -> None:
    async def wait() -> None: ...

    assert inspect.isgeneratorfunction(frames)
    assert inspect.isasyncgenfunction(aframes)
    assert inspect.iscoroutinefunction(profile(wait))


def test_nothing_is_measured_while_no_run_is_active() -> None:
    async def collect() -> list[int]:
        return [number async for number in aframes(2)]

    assert (list(frames(2)), asyncio.run(collect())) == ([0, 1], [0, 1])
