"""The recorder of one run: names stages and samples, begins spans, and hands out what they measured."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from pytest_vizart.profiling.clock import Clock, SystemClock
from pytest_vizart.profiling.gpu.follow import GpuFollower
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
from pytest_vizart.profiling.recording.open_spans import OpenSpan, innermost
from pytest_vizart.profiling.recording.outputs import Outputs
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
from pytest_vizart.profiling.recording.span_table import Recorded, median_wall_ns, read_spans
from pytest_vizart.profiling.recording.stage_classes import CALIBRATION, StageClasses
from pytest_vizart.records.profile import MemoryPoint
from pytest_vizart.records.span import SpanTable

SHORT_STAGE_NS = 200_000
NO_STAGES: frozenset[str | None] = frozenset()


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


class Recorder(_SpanState):
    """Spans of one run.

    Args:
        profile: basic, detailed or full.
        folder: where the span journal is written; None keeps it in memory, and child processes are not joined.
        about: what the journal's header says of the run, for whoever finds it after a crash.
        peak_stages: stages whose exact peak is read whatever the profile; None in there stands for every stage.
        memory_stages: stages whose memory is read however short they are; None likewise.
        short_stage_ns: stages whose median is below are only timed from then on.
        token: names the journals of the run; those of its child processes bear the same.
        child_of: in a child process, the name of its parent's journal.
    """

    def __init__(
        self,
        profile: str = "detailed",
        *,
        folder: Path | None = None,
        about: Mapping[str, Any] | None = None,
        peak_stages: frozenset[str | None] = NO_STAGES,
        memory_stages: frozenset[str | None] = NO_STAGES,
        short_stage_ns: int = SHORT_STAGE_NS,
        clock: Clock | None = None,
        memory: MemoryProbe | None = None,
        token: str | None = None,
        child_of: str | None = None,
    ) -> None:
        self.profile = profile
        self.clock: Clock = clock or SystemClock()
        self.folder = folder
        self.token = token or uuid.uuid4().hex
        self.closed = False
        self.made_in = os.getpid()
        self.watch_targets: tuple[str, ...] = ()
        self.parent_journal = child_of
        self.failure: tuple[str, BaseException] | None = None
        self.points: list[MemoryPoint] = []
        self.place_now: tuple[str | None, int, bool, int] = (None, 0, False, 1)
        self._about = dict(about or {})
        self._detailed = profile != "basic"
        self._wishes = (peak_stages | memory_stages, peak_stages)
        self._memory: MemoryProbe | None = memory
        self._errors: dict[str, int] = {}
        self._functions: Any = None
        self._sampler: PeakSampler | None = None
        self._places = 0
        self._lock = threading.RLock()
        # What the spans use at every stage:
        self.now_ns, self.cpu_ns, self.process_cpu_ns = self.clock.wall_ns, self.clock.cpu_ns, self.clock.process_cpu_ns
        self.offsets = count(0, RECORD_BYTES)
        self.short_ns = short_stage_ns
        self.last = self.place = 0
        self.takes_outputs = False
        self.outputs: list[tuple[Any, Any]] = []
        self.summaries = Outputs(self.clock)
        self.gpu = GpuFollower(profile)
        self._stages = StageClasses(self, detailed=self._detailed, edges=self._open_probes(), kept=self._wishes[0])
        self.classes = self._stages.plain
        reader = heap_reader() if self._detailed else None
        self.heap = None if reader is None else HeapWatch(reader)
        self._open_file()
        self._calibration = self._stages.calibration()

    # --- what a run calls

    def stage(self, name: str) -> OpenSpan:
        """Return the context manager of one execution of a stage.

        Raises:
            UsageError: the name is not a non-empty string, is reserved, too long, or is the 1,001st distinct one.
        """
        try:
            return self.classes[name]()
        except (KeyError, TypeError):
            return self._new_stage(name)()

    def calibration(self) -> OpenSpan:
        """Return a span under the reserved name of the calibration workload."""
        return self._calibration()

    def begin_sample(
        self,
        sample_id: str | None,
        *,
        pass_index: int = 0,
        warmup: bool = False,
        items: int = 1,
        input_path: str | None = None,
    ) -> None:
        """Name the sample (or batch) that the following spans belong to."""
        self.enter_place(sample_id, pass_index, warmup, items, input_path)
        self.last = 0
        self.failure = None
        self.summaries.begin_sample()
        self.takes_outputs = self._detailed and pass_index == 0 and not warmup
        self.gpu.between_samples(self)
        looks = self.heap is not None and self.heap.looks(first_pass=pass_index == 0, warmup=warmup)
        self.classes = self._stages.with_heap if looks else self._stages.plain
        if self.groups & RSS:
            self._note_memory()

    def enter_place(
        self, sample_id: str | None, pass_index: int, warmup: bool, items: int, input_path: str | None = None
    ) -> None:
        """Say where the following spans stand, and nothing else: what a child process does."""
        self.place_now = (sample_id, pass_index, warmup, items)
        self._places += 1
        self._file.write("place", self._places, sample_id, pass_index, warmup, items, self.now_ns(), input_path)
        self.place = self._places

    def record(self, kind: str, name: str, value: float) -> None:
        """Keep a gauge, a count or an external wait, with the span and the sample at hand."""
        span = innermost.get()
        offset = None if span is None else span.offset
        self._file.write("measure", kind, name, value, offset, self.place, self.clock.epoch_us())

    @property
    def last_stage(self) -> str | None:
        """The stage that ended last on this sample."""
        return self._stages.names[self.last] if self.last > CALIBRATION else None

    def left_on_heap(self) -> dict[str, float]:
        """Return, by stage, the bytes that it leaves on the heap per sample, as far as the C library tells."""
        if self.heap is None:
            return {}
        return {self.stage_name(number): grown for number, grown in self.heap.per_sample().items()}

    @staticmethod
    def open_stage() -> str | None:
        """The innermost stage that has begun and not ended here, None outside of stages."""
        span = innermost.get()
        return None if span is None or not span.number else str(span.name)

    @property
    def sample_id(self) -> str | None:
        return self.place_now[0]

    @property
    def timed_only(self) -> frozenset[str]:
        """Stages that proved so short that probing them would be a good part of what is measured."""
        return frozenset(self._stages.names[number] for number in self._stages.timed_only)

    def recorded(self) -> Recorded:
        """Return what was measured so far, child processes included."""
        return read_spans(self._file, self.folder, self.token)

    def table(self) -> SpanTable:
        """Return all spans so far."""
        return self.recorded().table

    def close(self) -> None:
        """End the run: give descriptors back. What still runs in other threads is let pass, and not recorded."""
        if self.closed:
            return
        self.closed = True
        self.takes_outputs = False
        self.rss, self.usage = _zero, no_usage
        self.buffer = bytearray(0)
        if self._sampler is not None:
            self._sampler.stop()
        if self._memory is not None:
            with suppress(OSError):  # the descriptor is gone already, which the first failed read has said
                self._memory.close()
        self._stages.edges.close()
        self.gpu.close()
        self._file.close()

    def discard(self) -> None:
        """Close, and delete the journal: what it holds is kept elsewhere."""
        self.close()
        self._file.remove()
        if self.folder is not None:
            for path in self.folder.glob(f"{self.token}-*"):
                path.unlink(missing_ok=True)

    # --- the pass of the function profile

    def profile_functions(self, profiler: Any) -> None:
        """From now on stages run under a function profiler, or, with None, no longer."""
        self._functions = profiler
        self._stages.functions = profiler is not None
        self._stages.rebuild()

    def start_functions(self, span: OpenSpan) -> None:
        if self._functions is not None:
            self._functions.start(span.name)

    def stop_functions(self, span: OpenSpan) -> None:
        if self._functions is not None:
            self._functions.stop()

    # --- what spans call, off the fast path

    def stage_name(self, number: int) -> str:
        return self._stages.names[number]

    def make_room(self, span: OpenSpan) -> None:
        """Enlarge the journal and begin a span again, for which there was no room."""
        with self._lock:
            if self.closed:
                return
            if not len(self.buffer):  # forked off a moment ago: a journal of its own
                self._open_file()
            while span.offset + RECORD_BYTES > len(self.buffer):
                self._file.grow()
                self.buffer = self._file.buffer
            parent = NO_PARENT if span.parent is None else span.parent.offset
            OPENED.pack_into(self.buffer, span.offset, span.number, self.place, parent)

    def fail(self, span: OpenSpan, error: BaseException | None) -> None:
        """Note which exception left a span."""
        if error is None or not self._has_record(span.offset):
            return
        name = type(error).__name__
        number = self._errors.get(name)
        if number is None:
            number = self._errors[name] = len(self._errors) + 1
            self._file.write("error", number, name)
        set_error(self.buffer, span.offset, number)
        if span.number != CALIBRATION and (self.failure is None or self.failure[1] is not error):
            self.failure = (span.name, error)  # the innermost stage; an outer one that it passes changes nothing

    def end_clocked(self, span: Any, wall_ns: int, cpu_ns: int, process_cpu_ns: int) -> None:
        """End a span whose memory cannot be read."""
        if not self._has_record(span.offset):
            return
        if self.rss() is None:
            self.rss = _zero
            self.groups &= ~RSS
        CLOCKED.pack_into(
            self.buffer, span.offset + ENDED_AT, span.start_ns, wall_ns, 0, ENDED | CPU, cpu_ns, process_cpu_ns
        )

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
            if self._sampler is None:
                self._sampler = PeakSampler(self.rss, self.now_ns)
                self._sampler.start()
                return
        peak = self._sampler.highest_since(span.start_ns)
        if peak is not None:
            set_groups(self.buffer, span.offset, PEAK, peak)

    def summarise_outputs(self, span: OpenSpan) -> None:
        """Summarise what the stage that ended just now handed over."""
        span.stop_probes()
        handed, self.outputs = self.outputs, []
        if self.closed:
            return
        self.summaries.take_off_the_clock(handed, self.sample_id, span.parent)
        self._stages.edges.forget()

    def start_probes(self, number: int) -> Begun:
        return start(self._stages.probes(number))

    def stop_probes(self, offset: int, begun: Begun) -> None:
        if begun and self._has_record(offset):
            bits = stop(begun, self.buffer, offset)
            if bits:
                set_groups(self.buffer, offset, bits)

    def enter_heap(self) -> list[int] | None:
        return None if self.heap is None else self.heap.enter()

    def leave_heap(self, number: int, begun: list[int] | None) -> None:
        if self.heap is not None:
            self.heap.leave(number, begun)

    def add_probe(self, probe: EdgeProbe) -> None:
        """Read one more probe around every stage from now on: a GPU came into use."""
        self._stages.edges.add(probe)
        self._stages.rebuild()

    # --- processes

    @property
    def journal_name(self) -> str:
        return self._file.name

    @property
    def journal_path(self) -> Path | None:
        """Where the journal is written, None where it is in memory only."""
        return self._file.path

    def forked(self) -> None:
        """In a process that was forked off: leave the parent's journal alone, and begin another one at need."""
        self.parent_journal, self.made_in = self._file.name, os.getpid()
        self._file.abandon()
        self.buffer = bytearray(0)
        self.offsets = count(0, RECORD_BYTES)
        self._lock = threading.RLock()
        self._sampler = None
        self.takes_outputs = False
        self._memory = None if self._memory is None else memory_probe()
        self._stages.edges = self._open_probes()
        self.heap = None
        self.profile_functions(None)
        self.classes = self._stages.plain

    # --- inside

    def _open_file(self) -> None:
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
            self.enter_place(*self.place_now)

    def _open_probes(self) -> EdgeProbes:
        usage = usage_reader() if self._detailed else None
        if self._detailed and self._memory is None:
            self._memory = memory_probe()
        self.groups = ENDED | CPU | (USAGE if usage else 0) | (RSS if self._memory else 0)
        self.usage = usage or no_usage
        self.rss = _zero if self._memory is None else silenced(self._memory)
        full = self.profile == "full"
        peak_stages = frozenset((None,)) if full else self._wishes[1]
        io = io_probe() if full else None
        everywhere: list[EdgeProbe] = [] if io is None else [io]
        return EdgeProbes(everywhere, exact_peak_probe() if peak_stages else None, peak_stages)

    def _new_stage(self, name: Any) -> type[OpenSpan]:
        number, is_new = self._stages.number(name)
        if is_new and len(self.buffer):
            self._file.write("stage", number, name)
        return self._stages.build(name, self.classes)

    def _has_record(self, offset: int) -> bool:
        """False when the run is over, or the span is one of the process that this one was forked off from."""
        return offset + RECORD_BYTES <= len(self.buffer)

    def _note_memory(self) -> None:
        rss = self.rss()
        if rss is not None:
            sample_id, pass_index, warmup, _ = self.place_now
            gpu, device = self.gpu.allocated(), self.gpu.process_memory()
            self.points.append(MemoryPoint(sample_id, pass_index, warmup, rss, gpu, device))


def _zero() -> int | None:
    return 0
