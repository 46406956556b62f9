"""What the code under test logs while a run is active, through the standard library or Loguru, goes into its trail.

Nothing of the user's is changed by it: no handler is added to the root logger, which would keep `logging.basicConfig`
from doing anything and what no handler takes from standard error; no level is touched; what handlers and sinks of the
user do, they do.
"""

from __future__ import annotations

import functools
import logging
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from loguru import logger

from pytest_vizart.audit.levels import LEVELS, name_of
from pytest_vizart.audit.lines import failure_fields, shortened
from pytest_vizart.audit.log import RunLog
from pytest_vizart.profiling.recording.open_spans import innermost
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.watching.active import current_recorder

if TYPE_CHECKING:
    import loguru

MAX_LINES = 10_000
"""So many lines of one run, and in each of its child processes, are kept."""

_LONGEST_MESSAGE = 4_000
_ORIGINAL = "__vizart_original__"


class _Target:
    """The trail of one run that is active."""

    def __init__(self, log: RunLog) -> None:
        self.log = log
        self.numbers = count(1)
        self._thread = threading.get_ident()

    def off_the_clock(self, recorder: Recorder) -> AbstractContextManager[object]:
        """What is done inside is no time of the stages around: a pipeline that logs must not look slower.

        In other threads it is: the stages around may be those of a thread that works, or waits, at the same time.
        """
        if threading.get_ident() != self._thread:
            return nullcontext()
        return recorder.summaries.stopped(innermost.get())


class _Installed:
    """What is at work while any run is active."""

    lock = threading.Lock()
    users = 0
    sink: int | None = None


_targets: dict[Recorder | None, _Target] = {}
_here = threading.local()


@contextmanager
def captured_logs(recorder: Recorder, log: RunLog | None) -> Iterator[None]:
    """Write what is logged meanwhile into the trail of this recorder's run, with the stage and the sample at hand.

    Threads that the run started belong to it. Lines that a handler logs while it handles another one are left out.
    """
    if log is None:
        yield
        return
    with _Installed.lock:
        _targets[recorder] = _Target(log)
        _Installed.users += 1
        if _Installed.users == 1:
            _install()
    try:
        yield
    finally:
        with _Installed.lock:
            _targets.pop(recorder, None)
            _Installed.users -= 1
            if not _Installed.users:
                _uninstall()


def _install() -> None:
    _wrap(logging.Logger, "callHandlers", _calling_handlers)
    _wrap(type(logger), "remove", _removing)
    _add_sink()


def _uninstall() -> None:
    _unwrap(logging.Logger, "callHandlers")
    _unwrap(type(logger), "remove")
    sink, _Installed.sink = _Installed.sink, None
    if sink is not None:
        with suppress(ValueError):  # the user removed it
            logger.remove(sink)


def _wrap(owner: type, name: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    present = vars(owner)[name]
    original = getattr(present, _ORIGINAL, present)  # a test that patches it too may have put our wrapper back
    wrapped = functools.wraps(original)(wrapper(original))
    setattr(wrapped, _ORIGINAL, original)
    setattr(owner, name, wrapped)


def _unwrap(owner: type, name: str) -> None:
    present = vars(owner)[name]
    if hasattr(present, _ORIGINAL):  # else somebody has put another one over it, who will put back ours
        setattr(owner, name, getattr(present, _ORIGINAL))


def _calling_handlers(original: Callable[..., Any]) -> Callable[..., Any]:
    """Where a record arrives that is neither below its logger's level nor filtered out by it."""

    def callHandlers(self: logging.Logger, record: logging.LogRecord) -> Any:  # noqa: N802 - the name it has
        if not _Installed.users or getattr(_here, "busy", False):
            return original(self, record)
        error = record.exc_info[1] if record.exc_info else None
        _tell(record.levelno, record.name, lambda: _message(record), error)
        _here.busy = True  # a handler that passes records on to Loguru must not have them told twice
        try:
            return original(self, record)
        finally:
            _here.busy = False

    return callHandlers


def _removing(original: Callable[..., Any]) -> Callable[..., Any]:
    """`logger.remove()` removes all sinks, as code does that sets up its own: ours comes back."""

    def remove(self: Any, handler_id: int | None = None) -> None:
        original(self, handler_id)
        if handler_id is None and _Installed.users and self._core is _core():
            _add_sink()

    return remove


def _add_sink() -> None:
    # The level at which anybody listens: a lower one would make messages be made that nobody asked for.
    core = _core()
    level = int(core.min_level) if math.isfinite(core.min_level) else LEVELS["INFO"]
    made = _sinks.get(level)
    if made is None:
        # Told by the filter, which lets nothing pass: sinks run under a lock, and one lock inside of another one ends
        # in a deadlock when the process forks.
        number = logger.add(_no_sink, level=level, filter=_told_by_loguru, format="", catch=False)
        _sinks[level] = number, core.handlers[number]
    else:
        number, handler = made
        with core.lock:  # as `add` does
            core.handlers = {**core.handlers, number: handler}
            core.min_level = min(core.min_level, level)
    _Installed.sink = number


_sinks: dict[int, tuple[int, Any]] = {}
"""Level -> number and handler of the sink made for it: Loguru takes 4 ms to make one, too much for each run."""


def _core() -> Any:
    return logger._core  # type: ignore[attr-defined]


def _no_sink(message: object) -> None:
    """Never called."""


def _told_by_loguru(record: loguru.Record) -> bool:
    if not getattr(_here, "busy", False):
        exception = record["exception"]
        error = None if exception is None else exception.value
        _tell(record["level"].no, record["name"], lambda: record["message"], error)
    return False


def _tell(level: int, name: str | None, message: Callable[[], str], error: BaseException | None) -> None:
    """Write one line; nothing that goes wrong in here reaches the user's code."""
    recorder = current_recorder()
    target = _targets.get(recorder)
    if target is None or recorder is None:
        return
    number = next(target.numbers)
    if number > MAX_LINES:
        if number == MAX_LINES + 1:
            target.log("log", level="WARNING", message=f"more than {MAX_LINES:,} lines logged: the rest is not kept")
        return
    _here.busy = True  # objects that log when they are asked for their text
    try:
        with target.off_the_clock(recorder):
            _, pass_index, warmup, _ = recorder.place_now
            target.log(
                "log",
                level=name_of(level),
                logger=name,
                message=shortened(message(), _LONGEST_MESSAGE),
                stage=recorder.open_stage(),
                sample=recorder.sample_id,
                **({"warmup": True} if warmup else {"pass": pass_index + 1} if pass_index else {}),
                **({} if error is None else failure_fields(error)),
            )
    except Exception:  # noqa: BLE001 - the test goes on
        pass
    finally:
        _here.busy = False


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - the user's own handlers tell of it in their way
        return f"{record.msg!r} (its arguments do not fit: {type(error).__name__})"
