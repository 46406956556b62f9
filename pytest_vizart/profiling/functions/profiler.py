"""The function profile: which functions the time of each stage went to, sampled by pyinstrument.

It distorts times, so it runs in a pass of its own that is never judged. pyinstrument comes with the extra `[profile]`
and is imported when the first such pass begins. Samples are added up as they come: what is kept grows with the number
of call paths, not with time.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from pytest_vizart.errors import warn
from pytest_vizart.profiling.functions.call_tree import CallTree, Places, Samples
from pytest_vizart.records.profile import FlameNode

INTERVAL_S = 0.0001
"""A stage of 1 ms is met about ten times. Reading one stack takes about 10 µs."""

_QUIET = "PYINSTRUMENT_IGNORE_OVERHEAD_WARNING"
_HINT = 'pip install "pytest-vizart[profile]"'

Opened = tuple[int, "_Execution | None"]
_opened: ContextVar[Opened] = ContextVar("vizart_profiled", default=(0, None))


def function_profiler() -> FunctionProfiler | None:
    """Return a profiler, or None, with one warning, where pyinstrument is missing or cannot be loaded."""
    before = os.environ.get(_QUIET)
    os.environ[_QUIET] = "1"  # it would print to the test's standard error where the clock is slow
    try:
        from pyinstrument.stack_sampler import get_stack_sampler
    except Exception as error:  # noqa: BLE001 - a broken installation raises anything
        reason = "" if isinstance(error, ModuleNotFoundError) else f" ({type(error).__name__}: {error})"
        warn(f"functions are not profiled: pyinstrument cannot be imported{reason}; hint: {_HINT}")
        return None
    finally:
        if before is None:
            del os.environ[_QUIET]
        else:
            os.environ[_QUIET] = before
    return FunctionProfiler(get_stack_sampler)


def profiled_share(count: int, share: float) -> tuple[int, ...]:
    """Return which of `count` samples take part: evenly spread, at least one of them, ascending.

    Args:
        share: of the samples, 0 to 1.
    """
    if count <= 0:
        return ()
    taken = min(max(round(count * share), 1), count)
    return tuple((2 * number + 1) * count // (2 * taken) for number in range(taken))


class FunctionProfiler:
    """Profiles the outermost stages of every thread and task; a stage inside of another belongs to that one's profile.

    Where something else profiles already, be it a profiler of the user's or a debugger, that one is left alone.

    Args:
        sampler: gives pyinstrument's stack sampler of the calling thread.
    """

    def __init__(self, sampler: Any) -> None:
        self._sampler = sampler
        self._places = Places()
        self._tree = CallTree()
        self._lock = threading.Lock()
        self._here = threading.local()
        self._told = False

    def start(self, stage: str) -> None:
        """A stage begins in this context."""
        depth, execution = _opened.get()
        if execution is not None and execution.ended:  # ended in another context, as async fixtures do
            depth = 0
        if depth == 0:
            execution = self._begin(stage)
        _opened.set((depth + 1, execution))

    def stop(self) -> None:
        """The stage that began last in this context ends."""
        depth, execution = _opened.get()
        if depth > 1:
            _opened.set((depth - 1, execution))
            return
        if depth == 0:  # it began in another context of this thread
            execution = next(reversed(self._running()), None)
        _opened.set((0, None))
        if execution is not None and not execution.ended:
            self._end(execution)

    def flame(self) -> FlameNode | None:
        """Return the call paths of all executions so far: root, stages, functions; None if there was no execution."""
        with self._lock:
            return self._tree.flame()

    def _begin(self, stage: str) -> _Execution | None:
        running = self._running()
        if running:
            # Tasks of one thread are told apart by their contexts. Elsewhere two at once cannot be.
            if not _in_event_loop() or not all(each.in_loop for each in running):
                return None
        elif sys.getprofile() is not None:
            self._tell("another profiler or debugger is running")
            return None
        try:
            execution = _Execution(stage, Samples(sys._getframe(2), self._places), self._sampler())
            execution.begin()
        except Exception as error:  # noqa: BLE001 - the profile is missing then, the stage goes on
            self._tell(f"{type(error).__name__}: {error}")
            return None
        running.append(execution)
        return execution

    def _end(self, execution: _Execution) -> None:
        if execution in self._running():
            self._running().remove(execution)
        try:
            execution.end()
        except Exception as error:  # noqa: BLE001 - ended in another thread than it began in, for one
            self._tell(f"{type(error).__name__}: {error}")
        if execution.samples.failure is not None:
            self._tell(execution.samples.failure)
        with self._lock:
            self._tree.add(execution.stage, execution.samples, execution.wall_ns / 1e6)

    def _running(self) -> list[_Execution]:
        """Executions of this thread; more than one where tasks take turns."""
        if not hasattr(self._here, "running"):
            self._here.running = []
        running: list[_Execution] = self._here.running
        return running

    def _tell(self, reason: str) -> None:
        if not self._told:
            self._told = True
            warn(f"the function profile is incomplete: {reason}")


class _Execution:
    """One execution of an outermost stage."""

    def __init__(self, stage: str, samples: Samples, sampler: Any) -> None:
        self.stage = stage
        self.samples = samples
        self.wall_ns = 0
        self.ended = False
        self._sampler = sampler
        self._take = samples.take  # one object: the sampler finds its subscribers by it
        self.in_loop = _in_event_loop()
        self._hook: Any = None

    def begin(self) -> None:
        self._sampler.subscribe(self._take, desired_interval=INTERVAL_S, use_async_context=self.in_loop)
        self._hook = sys.getprofile()
        self._started_ns = time.perf_counter_ns()

    def end(self) -> None:
        self.wall_ns = time.perf_counter_ns() - self._started_ns
        self.ended = True
        hook = sys.getprofile()
        if hook is None or hook is self._hook:
            self._sampler.unsubscribe(self._take)
            return
        # A profiler that the stage itself started is left running: unsubscribing would end it.
        self._sampler.subscribers[:] = [each for each in self._sampler.subscribers if each.target != self._take]
        self._sampler.current_sampling_interval = None
        self._sampler.last_profile_time = 0.0


def _in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")  # importing it would cost 30 ms
    if asyncio is not None:
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            return True
    return False


def flame_to_json(node: FlameNode) -> dict[str, Any]:
    """Return a flame as plain dicts."""
    return {
        "name": node.name,
        "place": node.place,
        "total_ms": node.total_ms,
        "children": [flame_to_json(child) for child in node.children],
    }


def flame_from_json(data: dict[str, Any]) -> FlameNode:
    """Return the flame that `flame_to_json` gave.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    children = tuple(flame_from_json(child) for child in data["children"])
    return FlameNode(str(data["name"]), str(data["place"]), float(data["total_ms"]), children)
