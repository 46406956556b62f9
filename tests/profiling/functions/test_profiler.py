"""The function profile: which calls a sample counts for, executions in threads and tasks, other profilers."""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_vizart import errors
from pytest_vizart.errors import VizartWarning
from pytest_vizart.profiling.functions import profiler as functions
from pytest_vizart.profiling.functions.call_tree import AWAITED, BUILT_IN, MAX_DEPTH, CallTree, Places, Samples
from pytest_vizart.profiling.functions.profiler import (
    FunctionProfiler,
    flame_from_json,
    flame_to_json,
    function_profiler,
    profiled_share,
)
from pytest_vizart.records.profile import FlameNode

OWN_FILE = str(Path(errors.__file__))  # anywhere in the package


def entry(name: str, file: str = "/nowhere/code.py", line: int = 1, owner: str = "") -> str:
    """What pyinstrument tells of one call."""
    return f"{name}\0{file}\0{line}" + (f"\1c{owner}" if owner else "") + "\1l7"


def code_entry(function: Any) -> str:
    code = function.__code__
    return entry(code.co_name, code.co_filename, code.co_firstlineno)


def flat(node: FlameNode, depth: int = 0) -> list[tuple[int, str, float]]:
    """(depth, name, milliseconds), callers before what they call."""
    return [(depth, node.name, round(node.total_ms, 6))] + [
        line for child in node.children for line in flat(child, depth + 1)
    ]


class FakeSampler:
    """pyinstrument's stack sampler, which samples when it is told to."""

    def __init__(self) -> None:
        self.subscribers: list[Any] = []
        self.contexts: list[bool] = []
        self.failure: Exception | None = None

    def subscribe(self, target: Callable[..., None], *, desired_interval: float, use_async_context: bool) -> None:
        if self.failure is not None:
            raise self.failure
        assert 0.0001 <= desired_interval <= 0.0005
        self.contexts.append(use_async_context)
        self.subscribers.append(SimpleNamespace(target=target))

    def unsubscribe(self, target: Callable[..., None]) -> None:
        self.subscribers = [each for each in self.subscribers if each.target != target]

    def sample(self, *calls: str, milliseconds: float = 1.0) -> None:
        """Sample a stack: the one of the caller, and these calls."""
        frames, frame = [], sys._getframe(1)
        while frame is not None:
            frames.append(entry(frame.f_code.co_name, frame.f_code.co_filename, frame.f_code.co_firstlineno))
            frame = frame.f_back  # type: ignore[assignment]
        for subscriber in self.subscribers:
            subscriber.target(["MainThread\0<thread>\0001", *reversed(frames), *calls], milliseconds / 1e3, None)


@pytest.fixture
def sampler() -> FakeSampler:
    return FakeSampler()


@pytest.fixture
def profiler(sampler: FakeSampler, monkeypatch: pytest.MonkeyPatch) -> FunctionProfiler:
    monkeypatch.setattr(functions.time, "perf_counter_ns", lambda: 0)  # only what is sampled counts
    return FunctionProfiler(lambda: sampler)


def test_stages_and_the_functions_that_they_call(profiler: FunctionProfiler, sampler: FakeSampler) -> None:
    assert profiler.flame() is None
    for _ in range(2):
        profiler.start("detect")
        sampler.sample(entry("resize"), milliseconds=1)
        sampler.sample(entry("forward", owner="Net"), entry("conv"), milliseconds=3)
        sampler.sample(entry("forward", owner="Net"), milliseconds=0.5)
        sampler.sample(milliseconds=0.25)
        profiler.stop()
    profiler.start("decode")
    sampler.sample(entry("read", "<built-in>", 0))
    profiler.stop()
    flame = profiler.flame()
    assert flame is not None
    assert flat(flame) == [
        (0, "run", 10.5),
        (1, "detect", 9.5),
        (2, "Net.forward", 7.0),
        (3, "conv", 6.0),
        (2, "resize", 2.0),
        (1, "decode", 1.0),
        (2, "read", 1.0),
    ]
    assert flame.place == flame.children[0].place == ""
    assert flame.children[1].children[0].place == BUILT_IN


def test_our_own_frames_are_no_part_of_it(profiler: FunctionProfiler, sampler: FakeSampler) -> None:
    profiler.start("detect")
    ours = entry("run", OWN_FILE)
    sampler.sample(ours, entry("detect"))
    sampler.sample(entry("detect"), ours, entry("nms"))
    sampler.sample(entry("detect"), ours)  # measuring itself
    sampler.sample(entry("detect"), ours, entry("perf_counter", "<built-in>", 0))
    sampler.sample(entry("detect"), entry("_find_and_load", "<frozen importlib._bootstrap>"), entry("<module>"))
    profiler.stop()
    assert flat(profiler.flame()) == [  # type: ignore[arg-type]
        (0, "run", 3.0), (1, "detect", 3.0), (2, "detect", 3.0), (3, "<module>", 1.0), (3, "nms", 1.0),
    ]  # fmt: skip


def test_nested_stages_belong_to_the_outermost(profiler: FunctionProfiler, sampler: FakeSampler) -> None:
    profiler.start("detect")
    profiler.start("nms")
    assert len(sampler.subscribers) == 1
    sampler.sample(entry("sort"))
    profiler.stop()
    sampler.sample(entry("draw"), milliseconds=2)
    profiler.stop()
    assert not sampler.subscribers
    profiler.stop()  # one too many
    assert flat(profiler.flame()) == [(0, "run", 3.0), (1, "detect", 3.0), (2, "draw", 2.0), (2, "sort", 1.0)]  # type: ignore[arg-type]


def test_time_that_was_not_sampled_is_the_stages_own(sampler: FakeSampler, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0, 5_000_000])
    monkeypatch.setattr(functions.time, "perf_counter_ns", lambda: next(ticks))
    profiler = FunctionProfiler(lambda: sampler)
    profiler.start("detect")
    sampler.sample(entry("resize"), milliseconds=2)
    profiler.stop()
    assert flat(profiler.flame()) == [(0, "run", 5.0), (1, "detect", 5.0), (2, "resize", 2.0)]  # type: ignore[arg-type]


def test_children_never_take_more_than_their_caller(profiler: FunctionProfiler, sampler: FakeSampler) -> None:
    profiler.start("detect")
    for number in range(2_000):
        sampler.sample(*(entry(f"f{number % modulus}") for modulus in (7, 3, 1 + number)))
    profiler.stop()

    def check(node: FlameNode) -> None:
        assert sum(child.total_ms for child in node.children) <= node.total_ms * (1 + 1e-9)
        for child in node.children:
            check(child)

    check(profiler.flame())  # type: ignore[arg-type]


def test_deep_recursion_and_small_paths_are_bounded(profiler: FunctionProfiler, sampler: FakeSampler) -> None:
    profiler.start("detect")
    sampler.sample(*(entry(f"f{number}") for number in range(5_000)), milliseconds=10_000)
    sampler.sample(entry("tiny"), milliseconds=1)
    profiler.stop()
    lines = flat(profiler.flame())  # type: ignore[arg-type]
    assert lines[-1] == (MAX_DEPTH + 1, f"f{MAX_DEPTH - 1}", 10_000.0)
    assert lines[1] == (1, "detect", 10_001.0)
    assert "tiny" not in {name for _, name, _ in lines}


def test_samples_from_elsewhere_do_not_count() -> None:
    samples = Samples(sys._getframe(), Places())
    samples.take([entry("thread"), entry("other")], 1.0, None)
    samples.take([], 1.0, None)
    assert samples.root.total_ms == 0
    samples.take(
        ["thread", entry("loop"), code_entry(test_samples_from_elsewhere_do_not_count), entry("inner")], 1.0, None
    )
    assert samples.root.total_ms == 1_000.0
    assert samples.failure is None


def test_waiting_tasks() -> None:
    samples = Samples(sys._getframe(), Places())
    stack = ["thread", code_entry(test_waiting_tasks), entry("fetch")]
    samples.take(["thread", entry("select")], 0.5, SimpleNamespace(state="out_of_context_awaited", info=stack))
    samples.take(stack, 1.0, SimpleNamespace(state="out_of_context_unknown", info=None))
    samples.take(stack, 0.25, SimpleNamespace(state="in_context", info=None))
    tree = CallTree()
    tree.add("fetch", samples, 0.0)
    assert flat(tree.flame()) == [(0, "run", 750.0), (1, "fetch", 750.0), (2, "fetch", 750.0), (3, AWAITED[0], 500.0)]  # type: ignore[arg-type]


def test_a_sample_that_cannot_be_read_raises_nothing_in_the_stage(
    profiler: FunctionProfiler, sampler: FakeSampler
) -> None:
    profiler.start("detect")
    sampler.subscribers[0].target([3], 1.0, None)
    with pytest.warns(VizartWarning, match="function profile is incomplete: AttributeError"):
        profiler.stop()


def test_places_tell_no_path_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "venv" / "site-packages"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(library), str(tmp_path / "src"), *sys.path])
    places = Places()
    told = {
        str(library / "numpy" / "core.py"): "numpy/core.py:3",
        str(tmp_path / "src" / "shop.py"): "src/shop.py:3",
        os.__file__: "os.py:3",
        "/elsewhere/deep/code.py": "code.py:3",
        "<string>": "<string>:3",
    }
    assert {file: places.function(entry("f", file, 3))[1] for file in told} == told


# --- who else may profile, and where


def test_another_profiler_is_left_alone(profiler: FunctionProfiler, sampler: FakeSampler) -> None:
    def hook(*_: object) -> None:
        pass

    sys.setprofile(hook)
    try:
        with pytest.warns(VizartWarning, match="another profiler or debugger is running") as caught:
            for _ in range(3):
                profiler.start("detect")
                profiler.start("nested")
                profiler.stop()
                profiler.stop()
        assert sys.getprofile() is hook
    finally:
        sys.setprofile(None)
    assert len(caught) == 1
    assert (sampler.contexts, profiler.flame()) == ([], None)
    profiler.start("detect")
    assert len(sampler.subscribers) == 1
    profiler.stop()


def test_a_sampler_that_refuses(profiler: FunctionProfiler, sampler: FakeSampler) -> None:
    sampler.failure = RuntimeError("There is already a profiler running")
    with pytest.warns(VizartWarning, match="already a profiler running") as caught:
        for _ in range(3):
            profiler.start("detect")
            profiler.stop()
    assert len(caught) == 1
    assert profiler.flame() is None


def test_threads_are_profiled_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions.time, "perf_counter_ns", lambda: 0)
    here = threading.local()

    def of_thread() -> FakeSampler:
        if not hasattr(here, "sampler"):
            here.sampler = FakeSampler()
        sampler: FakeSampler = here.sampler
        return sampler

    profiler = FunctionProfiler(of_thread)
    barrier = threading.Barrier(3)

    def work() -> None:
        profiler.start("detect")
        barrier.wait(10)
        of_thread().sample(entry("resize"))
        profiler.stop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert flat(profiler.flame()) == [(0, "run", 3.0), (1, "detect", 3.0), (2, "resize", 3.0)]  # type: ignore[arg-type]


def test_a_thread_that_carries_the_context_is_nested(profiler: FunctionProfiler, sampler: FakeSampler) -> None:
    profiler.start("detect")

    def inner() -> None:
        profiler.start("nms")
        profiler.stop()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(inner,))
    thread.start()
    thread.join()
    profiler.stop()
    assert len(sampler.contexts) == 1


def test_tasks_of_one_thread_are_told_apart(profiler: FunctionProfiler, sampler: FakeSampler) -> None:
    async def task(name: str) -> None:
        profiler.start(name)
        await asyncio.sleep(0)
        profiler.stop()

    async def main() -> int:
        tasks = [asyncio.create_task(task(name)) for name in "ab"]
        await asyncio.sleep(0)
        running = len(sampler.subscribers)
        await asyncio.gather(*tasks)
        return running

    assert asyncio.run(main()) == 2
    assert sampler.contexts == [True, True]
    assert [stage.name for stage in profiler.flame().children] == ["a", "b"]  # type: ignore[union-attr]


def test_a_stage_that_ends_in_another_context(profiler: FunctionProfiler, sampler: FakeSampler) -> None:
    contextvars.copy_context().run(profiler.start, "fixture")
    assert len(sampler.subscribers) == 1
    profiler.stop()
    assert not sampler.subscribers
    context = contextvars.copy_context()
    context.run(profiler.start, "first")
    profiler.stop()
    context.run(profiler.start, "second")  # not taken for one inside of the first
    context.run(profiler.stop)
    assert [stage.name for stage in profiler.flame().children] == ["fixture", "first", "second"]  # type: ignore[union-attr]


def test_without_pyinstrument_there_is_one_warning_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("pyinstrument"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    before = dict(os.environ)
    with pytest.warns(VizartWarning, match=r'pip install "pytest-vizart\[profile\]"') as caught:
        assert function_profiler() is None
    assert len(caught) == 1
    assert dict(os.environ) == before


# --- with pyinstrument itself


@pytest.fixture
def real_profiler() -> Iterator[FunctionProfiler]:
    pytest.importorskip("pyinstrument")
    if sys.getprofile() is not None:
        pytest.skip("something else profiles these tests")
    profiler = function_profiler()
    assert profiler is not None
    yield profiler
    assert sys.getprofile() is None


def spin(until: Callable[[], bool]) -> None:
    for _ in range(1_000_000):
        if until():
            return
        sum(range(200))
    pytest.fail("nothing was sampled")


def sampled(profiler: FunctionProfiler, name: str) -> Callable[[], bool]:
    """Return whether a function was sampled by now: no time of this machine decides."""
    running = profiler._running()[-1]
    return lambda: name in str([list(node.children) for node in [running.samples.root]])


def test_real_samples(real_profiler: FunctionProfiler) -> None:
    real_profiler.start("detect")
    spin(sampled(real_profiler, "spin"))
    real_profiler.stop()
    flame = real_profiler.flame()
    assert flame is not None
    stage = flame.children[0]
    assert (stage.name, stage.place) == ("detect", "")
    called = {child.name: child for child in stage.children}["spin"]
    assert called.place.endswith(f"test_profiler.py:{spin.__code__.co_firstlineno}")
    assert 0 < called.total_ms <= stage.total_ms


def test_a_profiler_that_the_stage_starts_stays(real_profiler: FunctionProfiler) -> None:
    def hook(*_: object) -> None:
        pass

    real_profiler.start("detect")
    sys.setprofile(hook)
    try:
        real_profiler.stop()
        assert sys.getprofile() is hook
    finally:
        sys.setprofile(None)
    real_profiler.start("again")
    spin(sampled(real_profiler, "spin"))
    real_profiler.stop()
    assert [stage.name for stage in real_profiler.flame().children] == ["detect", "again"]  # type: ignore[union-attr]


def test_pyinstrument_of_the_users_goes_on(real_profiler: FunctionProfiler) -> None:
    pyinstrument = pytest.importorskip("pyinstrument")
    with pyinstrument.Profiler() as theirs:
        with pytest.warns(VizartWarning, match="another profiler"):
            real_profiler.start("detect")
        real_profiler.stop()
        assert theirs.is_running
    assert theirs.last_session is not None


# --- small things


@pytest.mark.parametrize(
    "count, share, expected",
    [
        (0, 0.5, ()),
        (1, 0.01, (0,)),
        (10, 0.0, (5,)),
        (10, 0.01, (5,)),
        (10, 0.2, (2, 7)),
        (4, 1.0, (0, 1, 2, 3)),
        (3, 9.0, (0, 1, 2)),
        (1_000, 0.003, (166, 500, 833)),
    ],
)
def test_which_samples_take_part(count: int, share: float, expected: tuple[int, ...]) -> None:
    assert profiled_share(count, share) == expected


def test_flames_survive_json() -> None:
    flame = FlameNode("run", "", 3.5, (FlameNode("detect", "", 2.0, (FlameNode("f", "a/b.py:3", 1.0),)),))
    data = flame_to_json(flame)
    assert data["children"][0]["children"] == [{"name": "f", "place": "a/b.py:3", "total_ms": 1.0, "children": []}]
    assert flame_from_json(data) == flame
    with pytest.raises(KeyError):
        flame_from_json({"name": "run"})
