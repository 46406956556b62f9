"""Where spans go: the journal of one run, and the probes that read what is measured of them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_vizart.profiling.clock import Clock
from pytest_vizart.profiling.probes.edge_probes import Begun, EdgeProbes, start, stop
from pytest_vizart.profiling.probes.heap import HeapWatch, heap_reader
from pytest_vizart.profiling.probes.peak_sampler import PeakSampler
from pytest_vizart.profiling.probes.sources import (
    EdgeProbe,
    MemoryProbe,
    exact_peak_probe,
    io_probe,
    memory_probe,
    no_usage,
    silenced,
    usage_reader,
)  # fmt: skip
from pytest_vizart.profiling.recording.late_outputs import LateSpan, by_place, sample_at
from pytest_vizart.profiling.recording.open_spans import OpenSpan
from pytest_vizart.profiling.recording.outputs import Outputs, OutputTaker
from pytest_vizart.profiling.recording.span_file import (
    CLOCKED,
    CPU,
    ENDED,
    ENDED_AT,
    PEAK,
    RSS,
    USAGE,
    set_groups,
)  # fmt: skip
from pytest_vizart.profiling.recording.span_journal import SpanJournal
from pytest_vizart.profiling.recording.span_reading import median_wall_ns
from pytest_vizart.profiling.recording.stage_classes import StageClasses

EVERY_STAGE: frozenset[str | None] = frozenset((None,))


class SpanSink(SpanJournal):
    """Takes the spans of one run; all but the slots of SpanState is off their fast path."""

    def __init__(
        self,
        profile: str,
        *,
        folder: Path | None,
        about: Mapping[str, Any] | None,
        stages_kept: frozenset[str | None],
        peak_stages: frozenset[str | None],
        short_stage_ns: int,
        clock: Clock,
        memory: MemoryProbe | None,
        token: str,
        child_of: str | None,
        taker: OutputTaker | None = None,
    ) -> None:
        super().__init__(folder=folder, about=about, clock=clock, token=token, child_of=child_of)
        self.profile = profile
        self.summaries = Outputs(clock, taker, lambda: self.rss())
        self._detailed = profile != "basic"
        self._peak_stages = EVERY_STAGE if profile == "full" else peak_stages
        self._memory = memory
        self._functions: Any = None
        self._sampler: PeakSampler | None = None
        self._trim: Callable[[], None] | None = None
        self.cpu_ns, self.process_cpu_ns = clock.cpu_ns, clock.process_cpu_ns
        self.short_ns = short_stage_ns
        self.takes_outputs = False
        self.outputs = []
        edges = self._open_probes()
        self._stages = StageClasses(
            self,
            names=self._stage_names,
            detailed=self._detailed,
            edges=edges,
            kept=stages_kept,
            hands_over=taker is not None,
        )
        self.classes = self._stages.plain
        reader = heap_reader() if self._detailed else None
        self.heap = None if reader is None else HeapWatch(reader)
        if child_of is None:  # a child process begins its journal with its first stage
            self.open_file()

    def end_clocked(self, span: Any, wall_ns: int, cpu_ns: int, process_cpu_ns: int) -> None:
        """End a span whose memory cannot be read."""
        if not self._has_record(span.offset):
            return
        if self.rss() is None:
            self.rss = nothing
            self.groups &= ~RSS
        at, groups = span.offset + ENDED_AT, ENDED | CPU
        with suppress(struct.error):
            CLOCKED.pack_into(self.buffer, at, span.start_ns, wall_ns, 0, groups, cpu_ns, process_cpu_ns)

    def short_span(self, number: int) -> None:
        """A span was short: after some of them, a stage that mostly is gets timed only."""
        if (
            not self.closed
            and self._stages.may_be_short(number)
            and median_wall_ns(self.buffer, number) < self.short_ns
        ):
            self._stages.only_time(number)

    def long_span(self, span: OpenSpan) -> None:
        """A span was long enough for its peak to be looked for by a thread, which starts with the first such span."""
        with self._lock:
            if not (self._has_record(span.offset) and self.groups & RSS) or self._stages.has_exact_peak(span.number):
                return
            sampler = self._sampler
            if sampler is None:
                sampler = PeakSampler(self.rss, self.now_ns)
                with suppress(RuntimeError):  # there can be no more threads
                    sampler.start()
                    self._sampler = sampler
                return
        peak = sampler.highest_since(span.start_ns)
        if peak is not None:
            with suppress(struct.error):
                set_groups(self.buffer, span.offset, PEAK, peak)

    def summarise_outputs(self, span: OpenSpan) -> None:
        """Summarise what the stage that ended just now handed over, under the sample on which it began."""
        span.stop_probes()
        handed, self.outputs = self.outputs, []
        if self.closed:
            return
        number, place = self._numbered
        for began_at, each in by_place(handed, self.buffer, number).items():
            if began_at != number:
                sample_id = sample_at(self._file.lines, began_at)
                if sample_id is not None:
                    late = [(LateSpan(behind, began_at), value) for behind, value in each]
                    self.summaries.take_off_the_clock(late, sample_id, span.parent)
            elif not place[1]:
                self.summaries.take_off_the_clock(each, place[0], span.parent)
        self._stages.edges.forget()

    def start_probes(self, number: int) -> Begun:
        if self._trim is not None and self._stages.has_exact_peak(number):
            self._trim()
        return start(self._stages.probes(number))

    def stop_probes(self, offset: int, begun: Begun) -> None:
        if begun and self._has_record(offset):
            with suppress(struct.error):
                bits = stop(begun, self.buffer, offset)
                if bits:
                    set_groups(self.buffer, offset, bits)

    def enter_heap(self) -> list[int] | None:
        return None if self.heap is None else self.heap.enter()

    def leave_heap(self, number: int, begun: list[int] | None) -> None:
        if self.heap is not None:
            self.heap.leave(number, begun)

    def start_functions(self, span: OpenSpan) -> None:
        if self._functions is not None:
            self._functions.start(span.name)

    def stop_functions(self, span: OpenSpan) -> None:
        if self._functions is not None:
            self._functions.stop()

    def _open_probes(self) -> EdgeProbes:
        usage = usage_reader() if self._detailed or self._peak_stages else None
        if (self._detailed or self._peak_stages) and self._memory is None:
            self._memory = memory_probe()
        self.groups = ENDED | CPU | (USAGE if usage else 0) | (RSS if self._memory else 0)
        self.usage = usage or no_usage
        self.rss = nothing if self._memory is None else silenced(self._memory)
        io = io_probe() if self.profile == "full" else None
        everywhere: list[EdgeProbe] = [] if io is None else [io]
        return EdgeProbes(everywhere, exact_peak_probe() if self._peak_stages else None, self._peak_stages)


def nothing() -> int | None:
    """What a probe that is not there reads."""
    return 0
