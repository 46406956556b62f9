"""Which run records what happens now. While none does, asking costs next to nothing.

Production code imports this module: it stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_vizart.profiling.recording.recorder import Recorder


class _ActiveRecorders(list["Recorder"]):
    """Pickles by its name: what is sent to another process, with a decorated function, finds those of that process."""

    def __reduce__(self) -> str:
        return "active_recorders"


active_recorders = _ActiveRecorders()
"""Recorders of the runs under way, innermost last. Empty: no stage measures anything."""

_carried: ContextVar[Recorder | None] = ContextVar("vizart_recorder", default=None)
_at_end: dict[Recorder, list[Callable[[], None]]] = {}


def current_recorder() -> Recorder | None:
    """Return the recorder that stages begun here belong to, None while no run is active.

    A thread or task that carries the context of a run belongs to that run, and to none once that run is over.
    """
    if not active_recorders:
        return None
    recorder = _carried.get()
    if recorder is None:
        return active_recorders[-1]
    return None if recorder.closed or recorder not in active_recorders else recorder


def activate(recorder: Recorder) -> None:
    """Let decorated and watched functions record into this recorder from now on."""
    active_recorders.append(recorder)
    _carried.set(recorder)


def deactivate(recorder: Recorder) -> None:
    """End what `activate` began, and every watch that was to last as long as this run."""
    if recorder in active_recorders:
        active_recorders.remove(recorder)
    if recorder in active_recorders:
        return
    if _carried.get() is recorder:
        _carried.set(active_recorders[-1] if active_recorders else None)
    end_watches(recorder)


def carried_recorder() -> Recorder | None:
    """Return the recorder of the run that this thread or task was made to belong to."""
    return _carried.get()


def belong_to(recorder: Recorder | None) -> None:
    """Let this thread or task belong to a run: one that a stage started says so first."""
    _carried.set(recorder)


@contextmanager
def activated(recorder: Recorder) -> Iterator[None]:
    """Let decorated and watched functions record into this recorder meanwhile."""
    activate(recorder)
    try:
        yield
    finally:
        deactivate(recorder)


def at_end(recorder: Recorder, undo: Callable[[], None]) -> None:
    """Call `undo` when the run of this recorder ends."""
    _at_end.setdefault(recorder, []).append(undo)


def not_at_end(recorder: Recorder, undo: Callable[[], None]) -> None:
    """Forget what `at_end` was told: it was done earlier."""
    if undo in _at_end.get(recorder, ()):
        _at_end[recorder].remove(undo)


def end_watches(recorder: Recorder) -> None:
    """Undo every watch that was to last as long as this run; also for a run that never became active."""
    for undo in reversed(_at_end.pop(recorder, [])):
        undo()
