"""Ways to measure a stage, ours and those of others, for benchmarks/overhead.py: opened, used, and closed again."""

from __future__ import annotations

import cProfile
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from pytest_vizart import profile
from pytest_vizart.profiling.recording.recorder import Recorder

Stage = Callable[[str], AbstractContextManager[Any]]
SETTLING = 50  # executions before anything is timed: files are open, short stages are known as such


def empty() -> None:
    """A stage's body as a function."""


decorated = profile(empty)


@contextmanager
def recorded(level: str, **options: Any) -> Iterator[Stage]:
    """Stages of a run at one level, journaled to a file."""
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(level, folder=Path(folder), **options)
        try:
            yield recorder.stage
        finally:
            recorder.close()


@contextmanager
def timed_generator(name: str) -> Iterator[None]:
    """The timer that most projects write for themselves."""
    start = time.perf_counter()
    try:
        yield
    finally:
        _times.append((name, time.perf_counter() - start))
        if len(_times) > 10_000:
            _times.clear()


_times: list[tuple[str, float]] = []


@contextmanager
def with_psutil() -> Iterator[Stage]:
    """Memory and CPU through psutil at both edges, the Process object made once."""
    process = psutil.Process()

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        memory, cpu, start = process.memory_info().rss, process.cpu_times(), time.perf_counter()
        try:
            yield
        finally:
            wall = time.perf_counter() - start
            after = process.cpu_times()
            _times.append((name, wall + after.user - cpu.user + process.memory_info().rss - memory))
            if len(_times) > 10_000:
                _times.clear()

    yield stage


@contextmanager
def open_telemetry() -> Iterator[Stage]:
    """Spans of the SDK, recorded and ended, exported nowhere."""
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider()
    try:
        yield provider.get_tracer("benchmark").start_as_current_span
    finally:
        provider.shutdown()


@contextmanager
def under_cprofile() -> Iterator[None]:
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        yield
    finally:
        profiler.disable()


@contextmanager
def under_pyinstrument() -> Iterator[None]:
    from pyinstrument import Profiler

    profiler = Profiler()
    profiler.start()
    try:
        yield
    finally:
        profiler.stop()


@dataclass(frozen=True)
class Arm:
    """One way. `stage` opens what gives its stages, or `around` is on while functions are called without a stage."""

    name: str
    stage: Callable[[], AbstractContextManager[Stage]] | None = None
    around: Callable[[], AbstractContextManager[None]] = nullcontext
    function: Callable[[], None] = empty
    package: str | None = None  # what has to be installed

    @property
    def available(self) -> bool:
        try:
            return self.package is None or importlib.util.find_spec(self.package) is not None
        except ModuleNotFoundError:  # the package around it
            return False

    @contextmanager
    def opened(self, work: Callable[[], None] | None = None) -> Iterator[Callable[[int], int]]:
        """Yield a function that runs so many stages, empty ones or with work, and returns the nanoseconds it took."""
        if self.stage is None:
            with self.around():
                loop = partial(call, work or self.function)
                loop(SETTLING if work is None else 1)
                yield loop
            return
        with self.stage() as stage:
            loop = partial(run_empty, stage) if work is None else partial(run_with, stage, work)
            loop(SETTLING if work is None else 1)
            yield loop


BARE = Arm("bare call")
ARMS = (
    BARE,
    Arm("@profile, no run active", function=decorated),
    Arm("basic", lambda: recorded("basic")),
    Arm("detailed", lambda: recorded("detailed", short_stage_ns=0)),
    Arm("detailed, short stages", lambda: recorded("detailed")),
    Arm("full", lambda: recorded("full", short_stage_ns=0)),
    Arm("full, short stages", lambda: recorded("full")),
    Arm("generator context manager", lambda: nullcontext(timed_generator)),
    Arm("psutil at both edges", with_psutil),
    Arm("OpenTelemetry span", open_telemetry, package="opentelemetry.sdk"),
    Arm("cProfile", around=under_cprofile),
    Arm("pyinstrument", around=under_pyinstrument, package="pyinstrument"),
)


def run_nothing(count: int) -> int:
    start = time.perf_counter_ns()
    for _ in range(count):
        pass
    return time.perf_counter_ns() - start


def run_empty(stage: Stage, count: int) -> int:
    start = time.perf_counter_ns()
    for _ in range(count):
        with stage("detect"):
            pass
    return time.perf_counter_ns() - start


def run_with(stage: Stage, work: Callable[[], None], count: int) -> int:
    start = time.perf_counter_ns()
    for _ in range(count):
        with stage("detect"):
            work()
    return time.perf_counter_ns() - start


def call(function: Callable[[], None], count: int) -> int:
    start = time.perf_counter_ns()
    for _ in range(count):
        function()
    return time.perf_counter_ns() - start
