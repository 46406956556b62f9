"""A span that is left for a while and gone on with, as a generator's is at each `yield`."""

from __future__ import annotations

import struct
from types import TracebackType
from typing import Any, Self

from pytest_vizart.profiling.recording.detailed_spans import ClockedSpan, DetailedSpan
from pytest_vizart.profiling.recording.open_spans import innermost
from pytest_vizart.profiling.recording.span_file import set_pauses


class Pauses:
    """What happens between `begin` and `end` is not the span's time, and the spans that open are not inside of it.

    Wall and CPU time are left out; page faults and memory are read at the span's own edges only, and are not. Entered
    before the span and left after it: then the pauses are written.
    """

    def __init__(self, span: Any) -> None:
        self._span = span
        self._inside: Any = None
        self._since = (0, 0, 0)
        self._paused_ns = 0

    def begin(self) -> None:
        span = self._span
        self._inside = innermost.get()  # the span, or one that is open inside of it still
        innermost.set(span.parent)
        self._since = self._clocks()

    def end(self) -> None:
        span = self._span
        span.parent = innermost.get()  # where it goes on, and what it leaves open there in the end
        innermost.set(self._inside)
        wall_ns, process_cpu_ns, cpu_ns = (now - since for now, since in zip(self._clocks(), self._since, strict=True))
        span.start_ns += wall_ns  # until it ends, so that it ends with the right wall time
        self._paused_ns += wall_ns
        if isinstance(span, ClockedSpan):
            span.process_cpu_ns += process_cpu_ns
            span.cpu_ns += cpu_ns
        elif isinstance(span, DetailedSpan):
            rss, usage, process_start_ns, cpu_start_ns = span.before
            span.before = (rss, usage, process_start_ns + process_cpu_ns, cpu_start_ns + cpu_ns)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        span = self._span
        if not self._paused_ns:
            return
        try:  # noqa: SIM105 - as spans do
            set_pauses(span.recorder.buffer, span.offset, span.start_ns - self._paused_ns, self._paused_ns)
        except struct.error:
            pass  # the run is over, or the span is one of the process that this one was forked off from

    def _clocks(self) -> tuple[int, int, int]:
        recorder = self._span.recorder
        return recorder.now_ns(), recorder.process_cpu_ns(), recorder.cpu_ns()
