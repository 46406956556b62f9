"""Where spans go: the journal and the probes of one run, as the spans themselves use them."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from pytest_vizart.profiling.clock import Clock
from pytest_vizart.profiling.probes.edge_probes import Begun, EdgeProbes, start, stop
from pytest_vizart.profiling.probes.heap import HeapWatch, heap_reader
from pytest_vizart.profiling.probes.peak_sampler import PeakSampler
from pytest_vizart.profiling.probes.sources import (
    EdgeProbe,
    MemoryProbe,
    Usage,
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
    NO_PARENT,
    OPENED,
    PEAK,
    RECORD_BYTES,
    RSS,
    USAGE,
    SpanFile,
    new_name,
    set_error,
    set_groups,
)  # fmt: skip
from pytest_vizart.profiling.recording.span_table import median_wall_ns
from pytest_vizart.profiling.recording.stage_classes import CALIBRATION, StageClasses

Place = tuple[str | None, int, bool, int]  # sample, pass, whether it is warm-up, items
EVERY_STAGE: frozenset[str | None] = frozenset((None,))


class _SpanState:
    """What spans read at every stage. Slots, because a class of many attributes gives no fast ones otherwise."""

    __slots__ = (
        "buffer", "classes", "cpu_ns", "groups", "last", "now_ns", "offsets", "outputs", "place", "process_cpu_ns",
        "rss", "short_ns", "takes_outputs", "usage",
    )  # fmt: skip

    buffer: Any
    classes: dict[str, type[OpenSpan]]
    cpu_ns: Callable[[], int]
    groups: int
    last: int  # number of the stage that ended last, 0 for none
    now_ns: Callable[[], int]
    offsets: Iterator[int]
    outputs: list[tuple[Any, Any]]
    place: int
    process_cpu_ns: Callable[[], int]
    rss: Callable[[], int | None]
    short_ns: int
    takes_outputs: bool
    usage: Callable[[], Usage]


class SpanSink(_SpanState):
    """Takes the spans of one run; all but the slots above is off their fast path."""

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
        self.profile, self.folder, self.token, self.parent_journal = profile, folder, token, child_of
        self.clock = clock
        self.closed = False
        self.made_in = os.getpid()
        # Stage, and which exception it was: holding it would keep alive what its frames hold.
        self.failure: tuple[str, int, type[BaseException]] | None = None
        self.place_now: Place = (None, 0, False, 1)
        self._numbered: tuple[int, Place] = (0, self.place_now)  # its number, in one, as other threads need them
        self.summaries = Outputs(clock, taker, lambda: self.rss())
        self._about = dict(about or {})
        self._detailed = profile != "basic"
        self._peak_stages = EVERY_STAGE if profile == "full" else peak_stages
        self._memory = memory
        self._errors: dict[str, int] = {}
        self._functions: Any = None
        self._sampler: PeakSampler | None = None
        self._trim: Callable[[], None] | None = None
        self._places = 0
        self._lock = threading.RLock()
        self.now_ns, self.cpu_ns, self.process_cpu_ns = clock.wall_ns, clock.cpu_ns, clock.process_cpu_ns
        self.offsets = count(0, RECORD_BYTES)
        self.short_ns = short_stage_ns
        self.last = self.place = 0
        self.takes_outputs = False
        self.outputs = []
        self.buffer = bytearray(0)
        edges = self._open_probes()
        self._stages = StageClasses(
            self, detailed=self._detailed, edges=edges, kept=stages_kept, hands_over=taker is not None
        )
        self.classes = self._stages.plain
        reader = heap_reader() if self._detailed else None
        self.heap = None if reader is None else HeapWatch(reader)
        self._file = SpanFile.not_begun()
        if child_of is None:  # a child process begins its journal with its first stage
            self.open_file()

    def enter_place(
        self, sample_id: str | None, pass_index: int, warmup: bool, items: int, input_path: str | None = None
    ) -> None:
        """Say where the following spans stand, and nothing else: what a child process does."""
        self.place_now = place = (sample_id, pass_index, warmup, items)
        self._places += 1
        self._numbered = (self._places, place)
        self.place = self._places
        if len(self.buffer):  # else the journal will begin with it
            self._write_place(input_path)

    def _write_place(self, input_path: str | None = None) -> None:
        self._file.write("place", self.place, *self.place_now, self.now_ns(), input_path)

    def stage_name(self, number: int) -> str:
        return self._stages.names[number]

    def make_room(self, span: OpenSpan) -> None:
        """Enlarge the journal and begin a span again, for which there was no room."""
        with self._lock:
            if self.closed:
                return
            if not len(self.buffer):  # forked off a moment ago: a journal of its own
                self.open_file()
            while span.offset + RECORD_BYTES > len(self.buffer):
                if self._file.full:
                    return
                self._file.grow()
                self.buffer = self._file.buffer
            parent = NO_PARENT if span.parent is None else span.parent.offset
            OPENED.pack_into(self.buffer, span.offset, span.number, self.place, parent)

    def fail(self, span: OpenSpan, error: BaseException | None) -> None:
        """Note which exception left a span."""
        if error is None or not self._has_record(span.offset):
            return
        name = _name_of(type(error))
        number = self._errors.get(name)
        if number is None:
            number = self._errors[name] = len(self._errors) + 1
            self._file.write("error", number, name)
        with suppress(struct.error):  # the run ends at this moment, in another thread
            set_error(self.buffer, span.offset, number)
        if span.number != CALIBRATION and (self.failure is None or self.failure[1] != id(error)):
            # The innermost stage; an outer one that it passes changes nothing.
            self.failure = (span.name, id(error), type(error))

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

    def ensure_file(self) -> None:
        """Begin a journal, where this process was forked off and has none yet."""
        if not len(self.buffer) and not self.closed:
            self.open_file()

    def open_file(self) -> None:
        """Begin a journal, with all that is known so far."""
        header = {
            "pid": os.getpid(),
            "parent": self.parent_journal,
            "clock_ns": self.now_ns(),
            "epoch_us": self.clock.epoch_us(),
            **self._about,
        }
        self._file = SpanFile(self.folder, new_name(self.token), header)
        self.buffer = self._file.buffer
        for number, name in enumerate(self._stages.names[1:], 1):
            self._file.write("stage", number, name)
        for name, number in self._errors.items():
            self._file.write("error", number, name)
        if self._places:
            self._write_place()

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

    def _has_record(self, offset: int) -> bool:
        """False when the run is over, or the span is one of the process that this one was forked off from."""
        return offset + RECORD_BYTES <= len(self.buffer)


def nothing() -> int | None:
    """What a probe that is not there reads."""
    return 0


def _name_of(kind: type) -> str:
    """The class's own name, whatever its metaclass says."""
    return str(type.__dict__["__name__"].__get__(kind))
