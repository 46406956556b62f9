"""One execution of a stage, as a context manager: one class per depth of measuring, chosen when the stage begins.

Here are what all of them share, the spans of level `basic`, and the chain of those that are open; detailed_spans.py
has the deeper ones.

These few lines run at every stage, on every sample: they are written for speed. A span is begun in the journal, then
measured, then ended in the journal. Wall time is read last at the start and first at the end, so that the probes' own
cost stays outside of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from pytest_vizart.profiling.recording import span_file
from pytest_vizart.profiling.recording.span_file import ENDED, ENDED_AT, NO_PARENT

if TYPE_CHECKING:
    from pytest_vizart.profiling.recording.span_sink import SpanSink

T = TypeVar("T")

_NO_RECORD = 1 << 60
_no_room = struct.error
_pack_opened = span_file.OPENED.pack_into
_pack_timed = span_file.TIMED.pack_into

innermost: ContextVar[Any] = ContextVar("vizart_span", default=None)
"""The span that is open in this context (thread or task), None outside of stages."""
_get_open, _set_open = innermost.get, innermost.set


class ForeignSpan:
    """Stands in a child process for the span that was open in the process which started it."""

    __slots__ = ("number", "offset", "parent")

    def __init__(self, offset: int, parent: Any = None) -> None:
        self.offset = span_file.FOREIGN - offset
        self.number = 0
        self.parent = parent


class OpenSpan:
    """One execution of a stage.

    An exception that leaves the stage is recorded by its type and goes on unchanged.
    """

    __slots__ = ("offset", "parent", "start_ns")

    # Of a subclass for each stage: an instance then needs no initialiser, which is a tenth of what a span costs.
    recorder: ClassVar[SpanSink]
    number: ClassVar[int]

    offset: int  # of its record
    parent: Any  # the span that was open in this context when it began
    start_ns: int

    @property
    def name(self) -> str:
        """Name of the stage."""
        return self.recorder.stage_name(self.number)

    def output(self, value: T) -> T:
        """Hand over what the stage made; returns it unchanged. It is summarised once a sample, outside of the times."""
        if self.recorder.takes_outputs:
            self.recorder.outputs.append((self, value))
        return value

    def stop_probes(self) -> None:
        """Read what further probes say at the end; called before anything of ours disturbs it."""

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError


class TimedSpan(OpenSpan):
    """Level `basic`: wall time. `of_stage` gives each stage's class its methods."""

    __slots__ = ()


def _timed_methods(recorder: SpanSink, number: int) -> dict[str, Any]:
    """Return the methods of a stage's timed spans. As closures they look up less: 5 % of what a span costs."""
    offsets, now_ns = recorder.offsets, recorder.now_ns

    def __enter__(self: TimedSpan) -> TimedSpan:  # noqa: N807 - it becomes a method
        parent = _get_open()
        self.parent = parent = parent if parent is not self else self.parent  # entered twice, which cannot be meant
        self.offset = offset = next(offsets)
        try:
            _pack_opened(
                recorder.buffer, offset, number, recorder.place, NO_PARENT if parent is None else parent.offset
            )
        except _no_room:
            recorder.make_room(self)
        try:
            _set_open(self)
            self.start_ns = now_ns()
        except BaseException:  # a signal struck: `with` will not call __exit__
            _set_open(parent)
            raise
        return self

    def __exit__(  # noqa: N807
        self: TimedSpan, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            end_ns = now_ns()
            start_ns = self.start_ns
            _pack_timed(recorder.buffer, self.offset + ENDED_AT, start_ns, end_ns - start_ns, 0, ENDED)
            recorder.last = number
            if kind is not None:
                recorder.fail(self, error)
        except _no_room:
            recorder.last = number  # the run is over
        finally:
            if _get_open() is self:
                _set_open(self.parent)
            else:
                close_elsewhere(self)

    return {"__enter__": __enter__, "__exit__": __exit__}


class HandingSpan(TimedSpan):
    """Level `basic` where outputs are saved: and what was handed over is passed on when the stage has ended."""

    __slots__ = ()


def _handing_methods(recorder: SpanSink, number: int) -> dict[str, Any]:
    methods = _timed_methods(recorder, number)
    leave = methods["__exit__"]

    def __exit__(  # noqa: N807
        self: HandingSpan, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave(self, kind, error, trace)
        if recorder.outputs:
            recorder.summarise_outputs(self)

    return {**methods, "__exit__": __exit__}


def of_stage(kind: type[OpenSpan], recorder: SpanSink, number: int) -> type[OpenSpan]:
    """Return the class of one stage's spans."""
    methods = _METHODS.get(kind)
    own = {} if methods is None else methods(recorder, number)
    return type(kind.__name__, (kind,), {"__slots__": (), "recorder": recorder, "number": number, **own})


_METHODS: dict[type[OpenSpan], Callable[[SpanSink, int], dict[str, Any]]] = {
    TimedSpan: _timed_methods,
    HandingSpan: _handing_methods,
}
"""Classes whose stages have methods of their own."""


def disown_open_spans() -> None:
    """In a process that was forked off: the spans that were open are the parent's, and end in its journal alone."""
    span = innermost.get()
    if span is None or isinstance(span, ForeignSpan):
        return
    innermost.set(ForeignSpan(span.offset, span))
    while span is not None and not isinstance(span, ForeignSpan):
        span.offset = _NO_RECORD
        span = span.parent


def close_elsewhere(span: Any) -> None:
    """End a span that is not the innermost one here: it was left in another context, or around an abandoned generator.

    It is taken out of the chain of open spans, so that what goes on inside keeps a parent that is open.
    """
    inner = _get_open()
    for _ in range(1_000):
        if inner is None or inner.parent is span:
            break
        inner = inner.parent
    if inner is not None:
        inner.parent = span.parent
