"""The recorder of one run: names stages and samples, begins spans, and hands out what they measured."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from pytest_vizart.profiling.clock import Clock, SystemClock
from pytest_vizart.profiling.gpu.follow import GpuFollower
from pytest_vizart.profiling.probes.heap import heap_trimmer
from pytest_vizart.profiling.probes.sources import EdgeProbe, MemoryProbe, memory_probe, no_usage
from pytest_vizart.profiling.recording.open_spans import OpenSpan, innermost
from pytest_vizart.profiling.recording.outputs import OutputTaker
from pytest_vizart.profiling.recording.span_file import RECORD_BYTES, RSS
from pytest_vizart.profiling.recording.span_sink import SpanSink, nothing
from pytest_vizart.profiling.recording.span_table import Recorded, read_spans
from pytest_vizart.profiling.recording.stage_names import CALIBRATION
from pytest_vizart.records.profile import MemoryPoint
from pytest_vizart.records.span import SpanTable

SHORT_STAGE_NS = 200_000
NO_STAGES: frozenset[str | None] = frozenset()


class Recorder(SpanSink):
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
        taker: gets what stages hand over, once a sample and stage, in warm-up too; not in child processes.
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
        taker: OutputTaker | None = None,
    ) -> None:
        super().__init__(
            profile,
            folder=folder,
            about=about,
            stages_kept=peak_stages | memory_stages,
            peak_stages=peak_stages,
            short_stage_ns=short_stage_ns,
            clock=clock or SystemClock(),
            memory=memory,
            token=token or uuid.uuid4().hex,
            child_of=child_of,
            taker=taker,
        )
        self.watch_targets: tuple[str, ...] = ()
        self._owner = os.getpid()  # also in processes that are forked off
        self.peak_stages, self.memory_stages = peak_stages, memory_stages
        self.points: list[MemoryPoint] = []
        self.gpu = GpuFollower(profile)
        self._calibration = self._stages.calibration()

    def stage(self, name: str) -> OpenSpan:
        """Return the context manager of one execution of a stage.

        Raises:
            UsageError: the name is not a non-empty string, is reserved, too long, or is the 1,001st distinct one.
        """
        try:
            return self.classes[name]()
        except (KeyError, TypeError):
            pass  # and out of here, so that a refused name is told without this error before it
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
        _, pass_before, warmup_before, _ = self.place_now
        may_be_behind = self.takes_outputs and not pass_before and not warmup_before  # threads, of the sample before
        self.enter_place(sample_id, pass_index, warmup, items, input_path)
        self.last = 0
        self.failure = None
        summarised = self._detailed and not warmup
        self.summaries.begin_sample(counted=summarised)
        self.takes_outputs = (not pass_index or may_be_behind) and (summarised or self.summaries.taker is not None)
        self.gpu.between_samples(self)
        looks = self.heap is not None and self.heap.looks(first_pass=pass_index == 0, warmup=warmup, items=items)
        self.classes = self._stages.with_heap if looks else self._stages.plain
        if self._detailed and self.groups & RSS:
            self._note_memory()

    def off_the_clock(self) -> AbstractContextManager[None]:
        """What is done inside is told as the cost of saving, and no span that is open here counts it."""
        return self.summaries.saving(innermost.get())

    def note(self, **about: Any) -> None:
        """Add to what the journal says of the run."""
        self._about.update(about)
        self._file.write("about", about)

    def record(self, kind: str, name: str, value: float) -> None:
        """Keep a gauge, a count or an external wait, with the span and the sample at hand."""
        self.ensure_file()
        span = innermost.get()
        offset = None if span is None else span.offset
        self._file.write("measure", kind, name, value, offset, self.place, self.clock.epoch_us())

    @property
    def last_stage(self) -> str | None:
        """The stage that ended last on this sample."""
        return self._stages.names[self.last] if self.last > CALIBRATION else None

    @property
    def reads_exact_peaks(self) -> bool:
        """Whether the exact peak of some stage is read."""
        return self._stages.edges.has_peak

    def trim_heap(self, on: bool) -> None:
        """From now on memory that the allocator keeps is given back before each stage whose peak is read, or not.

        What a stage frees stays resident as a rule, and the next execution's peak would hide in it.
        """
        self._trim = heap_trimmer() if on else None

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
        with self._lock:
            if self.closed:
                return
            self.closed = True
            self.takes_outputs = False
            self.failure = None
            self.rss, self.usage = nothing, no_usage
            self.buffer = bytearray(0)
            sampler, self._sampler = self._sampler, None
        if sampler is not None:
            sampler.stop()
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
        if self.folder is None or os.getpid() != self._owner:
            return
        with suppress(OSError):
            for path in self.folder.glob(f"{self.token}-*"):
                path.unlink(missing_ok=True)

    def profile_functions(self, profiler: Any) -> None:
        """From now on stages run under a function profiler, or, with None, no longer."""
        self._functions = profiler
        self._stages.functions = profiler is not None
        self._stages.rebuild()

    def add_probe(self, probe: EdgeProbe) -> None:
        """Read one more probe around every stage from now on: a GPU came into use."""
        self._stages.edges.add(probe)
        self._stages.rebuild()

    @property
    def journal_name(self) -> str:
        self.ensure_file()
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
        self.summaries.taker = None
        self._memory = None if self._memory is None else memory_probe()
        self._stages.edges = self._open_probes()
        self.heap = None
        self.profile_functions(None)
        self.classes = self._stages.plain

    def _new_stage(self, name: Any) -> type[OpenSpan]:
        number, is_new = self._stages.number(name)
        if is_new and len(self.buffer):
            self._file.write("stage", number, name)
        return self._stages.build(name, self.classes)

    def _note_memory(self) -> None:
        rss = self.rss()
        if rss is not None:
            sample_id, pass_index, warmup, items = self.place_now
            gpu, device = self.gpu.allocated(), self.gpu.process_memory()
            self.points.append(MemoryPoint(sample_id, pass_index, warmup, rss, gpu, device, items))
