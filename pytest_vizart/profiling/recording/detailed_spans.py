"""Executions of a stage at the levels above basic: with what is read at both of their edges besides the wall time.

They are written for speed, and keep to the order that open_spans.py tells of.
"""

from __future__ import annotations

import struct
from types import TracebackType
from typing import Self

from pytest_vizart.profiling.recording import span_file
from pytest_vizart.profiling.recording.open_spans import OpenSpan, close_elsewhere, innermost
from pytest_vizart.profiling.recording.span_file import CPU, ENDED, ENDED_AT, NO_PARENT

LONG_NS = 100_000_000
_no_room = struct.error
_pack_opened = span_file.OPENED.pack_into
_pack_clocked = span_file.CLOCKED.pack_into
_pack_detailed = span_file.DETAILED.pack_into
_CLOCKED = ENDED | CPU
_get_open, _set_open = innermost.get, innermost.set


class ClockedSpan(OpenSpan):
    """A stage too short for probes: wall and CPU time."""

    __slots__ = ("cpu_ns", "process_cpu_ns")

    def __enter__(self) -> Self:
        recorder = self.recorder
        parent = _get_open()
        self.parent = parent = parent if parent is not self else self.parent
        self.offset = offset = next(recorder.offsets)
        try:
            above = NO_PARENT if parent is None else parent.offset
            _pack_opened(recorder.buffer, offset, self.number, recorder.place, above)
        except _no_room:
            recorder.make_room(self)
        try:
            _set_open(self)
            self.process_cpu_ns = recorder.process_cpu_ns()
            self.cpu_ns = recorder.cpu_ns()
            self.start_ns = recorder.now_ns()
        except BaseException:
            _set_open(parent)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        recorder = self.recorder
        try:
            wall_ns = recorder.now_ns() - self.start_ns
            cpu_ns = recorder.cpu_ns() - self.cpu_ns
            process_cpu_ns = recorder.process_cpu_ns() - self.process_cpu_ns
            _pack_clocked(
                recorder.buffer, self.offset + ENDED_AT, self.start_ns, wall_ns, 0, _CLOCKED, cpu_ns, process_cpu_ns
            )
            recorder.last = self.number
            if kind is not None:
                recorder.fail(self, error)
        except _no_room:
            recorder.last = self.number
        finally:
            if _get_open() is self:
                _set_open(self.parent)
            else:
                close_elsewhere(self)
        if recorder.outputs:
            recorder.summarise_outputs(self)


class DetailedSpan(OpenSpan):
    """Level `detailed`: and CPU time, resident memory, page faults, context switches."""

    __slots__ = ("before",)

    def __enter__(self) -> Self:
        recorder = self.recorder
        parent = _get_open()
        self.parent = parent = parent if parent is not self else self.parent
        self.offset = offset = next(recorder.offsets)
        try:
            above = NO_PARENT if parent is None else parent.offset
            _pack_opened(recorder.buffer, offset, self.number, recorder.place, above)
        except _no_room:
            recorder.make_room(self)
        try:
            _set_open(self)
            self.before = (recorder.rss(), recorder.usage(), recorder.process_cpu_ns(), recorder.cpu_ns())
            self.start_ns = recorder.now_ns()
        except BaseException:
            _set_open(parent)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        recorder = self.recorder
        try:
            wall_ns = recorder.now_ns() - self.start_ns
            rss, usage, process_cpu_ns, cpu_ns = self.before
            cpu_ns = recorder.cpu_ns() - cpu_ns
            process_cpu_ns = recorder.process_cpu_ns() - process_cpu_ns
            after = recorder.usage()
            try:
                _pack_detailed(
                    recorder.buffer, self.offset + ENDED_AT, self.start_ns, wall_ns, 0, recorder.groups, cpu_ns,
                    process_cpu_ns, rss, recorder.rss(), after[6] - usage[6], after[14] - usage[14],
                    after[15] - usage[15],
                )  # fmt: skip
            except _no_room:  # the run is over, or memory can no longer be read
                recorder.end_clocked(self, wall_ns, cpu_ns, process_cpu_ns)
            recorder.last = self.number
            if kind is not None:
                recorder.fail(self, error)
        finally:
            if _get_open() is self:
                _set_open(self.parent)
            else:
                close_elsewhere(self)
        if wall_ns < recorder.short_ns:
            recorder.short_span(self.number)
        elif wall_ns > LONG_NS:
            recorder.long_span(self)
        if recorder.outputs:
            recorder.summarise_outputs(self)


class ProbedSpan(DetailedSpan):
    """Level `full`, a stage whose peak is limited, or a GPU: and what further probes read at both edges."""

    __slots__ = ("begun",)

    def __enter__(self) -> Self:
        self.begun = self.recorder.start_probes(self.number)
        DetailedSpan.__enter__(self)
        return self

    def stop_probes(self) -> None:
        self.recorder.stop_probes(self.offset, self.begun)
        self.begun = ()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for probe, _ in self.begun:
                probe.settle()
        finally:  # a timeout may strike while the GPU is waited for
            DetailedSpan.__exit__(self, kind, error, trace)
            if self.begun:
                self.stop_probes()


class HeapSpan(ProbedSpan):
    """One sample in some: and what the stage leaves on the heap."""

    __slots__ = ("heap",)

    def __enter__(self) -> Self:
        self.heap = self.recorder.enter_heap()
        return ProbedSpan.__enter__(self)

    def stop_probes(self) -> None:
        ProbedSpan.stop_probes(self)
        heap, self.heap = self.heap, None
        self.recorder.leave_heap(self.number, heap)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ProbedSpan.__exit__(self, kind, error, trace)
        if self.heap is not None:
            self.stop_probes()


class FunctionSpan(ClockedSpan):
    """The pass of the function profile: the profiler runs inside of the outermost stage."""

    __slots__ = ()

    def __enter__(self) -> Self:
        ClockedSpan.__enter__(self)
        self.recorder.start_functions(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.recorder.stop_functions(self)
        ClockedSpan.__exit__(self, kind, error, trace)
