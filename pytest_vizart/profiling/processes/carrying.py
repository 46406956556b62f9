"""Run and stage carried along: into threads, thread pools, child processes, process pools and Python programs.

While a run is active a few methods of the standard library are wrapped, and put back afterwards. What a wrapped method
does is unchanged but for the place that goes along; where no place can be taken along it does what it always did.
"""

from __future__ import annotations

import concurrent.futures.process
import concurrent.futures.thread
import functools
import multiprocessing.pool
import multiprocessing.process
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pytest_vizart.profiling.processes.children import TICKET_VARIABLE, CarriedCall, CarriedTicket, ticket_of
from pytest_vizart.profiling.recording.open_spans import disown_open_spans, innermost
from pytest_vizart.profiling.watching.active import active_recorders, belong_to, current_recorder

Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]


_ORIGINAL = "__vizart_original__"


class _Installed:
    users = 0
    fork_hook = False


@contextmanager
def carried() -> Iterator[None]:
    """Carry run and stage along meanwhile. Nested uses count as one; the last one out puts everything back."""
    _install()
    try:
        yield
    finally:
        _uninstall()


def carry_on() -> None:
    """Carry along for the rest of this process, which is a child of a run itself."""
    if not _Installed.users:
        _install()


def _install() -> None:
    _Installed.users += 1
    if _Installed.users > 1:
        return
    for owner, name, wrapper in _WRAPPED:
        if name not in vars(owner):
            continue
        # A test that patches the same method, and puts back what it found after its run, leaves our wrapper there.
        present = vars(owner)[name]
        original = getattr(present, _ORIGINAL, present)
        wrapped = functools.wraps(original)(wrapper(original))
        setattr(wrapped, _ORIGINAL, original)
        setattr(owner, name, wrapped)
    if not _Installed.fork_hook and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forked)  # it cannot be taken back, and does nothing without a run
        _Installed.fork_hook = True


def _uninstall() -> None:
    _Installed.users -= 1
    if not _Installed.users:
        for owner, name, _ in _WRAPPED:
            present = vars(owner).get(name)
            if hasattr(present, _ORIGINAL):  # else somebody has put another one over it, who will put back ours
                setattr(owner, name, getattr(present, _ORIGINAL))


def _forked() -> None:
    for recorder in active_recorders:
        recorder.forked()
    if active_recorders:
        disown_open_spans()


def _start_thread(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(self: threading.Thread) -> None:
        recorder, span = current_recorder(), innermost.get()
        if recorder is None or "run" in vars(self):
            original(self)
            return

        def run() -> None:
            del self.run  # what was put on the instance for this start alone
            belong_to(recorder)
            innermost.set(span)
            self.run()

        try:
            self.run = run  # type: ignore[method-assign]
        except Exception:  # noqa: BLE001 - a class of its own that takes no attributes
            original(self)
            return
        try:
            original(self)
        except BaseException:
            vars(self).pop("run", None)
            raise

    return start


def _submit(original: Callable[..., Any]) -> Callable[..., Any]:
    def submit(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        if not args:
            return original(self, **kwargs)
        return original(self, _with_place(args[0]), *args[1:], **kwargs)

    return submit


def _pool_call(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        if args:
            return original(self, _with_place(args[0]), *args[1:], **kwargs)
        if "func" in kwargs:
            kwargs["func"] = _with_place(kwargs["func"])
        return original(self, **kwargs)

    return call


def _with_place(function: Callable[..., Any]) -> Callable[..., Any]:
    recorder = current_recorder()
    if recorder is None or not callable(function):
        return function
    return CarriedCall(function, recorder, ticket_of(recorder))


def _start_process(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(self: Any) -> None:
        recorder = current_recorder()
        ticket = None if recorder is None else ticket_of(recorder)
        if ticket is None:
            original(self)
            return
        self._vizart_ticket = CarriedTicket(ticket)  # a forked child does without; a spawned one unpickles it
        try:
            original(self)
        finally:
            vars(self).pop("_vizart_ticket", None)

    return start


def _open_program(original: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes a method
        recorder = current_recorder()
        ticket = None if recorder is None else ticket_of(recorder)
        if ticket is not None and len(args) <= _ENV_POSITION:
            given = kwargs.get("env")
            if given is None or isinstance(given, Mapping):
                kwargs["env"] = {**(os.environ if given is None else given), TICKET_VARIABLE: ticket.as_json()}
        original(self, *args, **kwargs)

    return __init__


_ENV_POSITION = 10  # of `env` among Popen's positional arguments, which nobody uses so far back

_WRAPPED: tuple[tuple[Any, str, Wrapper], ...] = (
    (threading.Thread, "start", _start_thread),
    (concurrent.futures.thread.ThreadPoolExecutor, "submit", _submit),
    (concurrent.futures.process.ProcessPoolExecutor, "submit", _submit),
    (multiprocessing.pool.Pool, "apply_async", _pool_call),
    (multiprocessing.pool.Pool, "_map_async", _pool_call),
    (multiprocessing.pool.Pool, "imap", _pool_call),
    (multiprocessing.pool.Pool, "imap_unordered", _pool_call),
    (multiprocessing.process.BaseProcess, "start", _start_process),
    (subprocess.Popen, "__init__", _open_program),
)
