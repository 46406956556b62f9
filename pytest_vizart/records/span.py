"""Spans: one execution of one stage on one sample (or batch) in one pass, kept as columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

CALIBRATION_STAGE = "(calibration)"
"""Name under which the fixed calibration workload is recorded: it tells how fast the machine was at that moment."""

CRASHED = "crashed"
"""`error` of a span whose process ended before the span did."""

UNFINISHED = "unfinished"
"""`error` of a span that had not ended when its run did: a thread or process that went on."""


@dataclass(frozen=True, slots=True)
class SpanTable:
    """Spans as equally long columns, in the order in which they ended, those of other processes after.

    None stands for "not measured" (level `basic`, a stage too short, or a probe this machine lacks).
    """

    span_id: list[int] = field(default_factory=list)  # unique within the run
    parent_id: list[int | None] = field(default_factory=list)  # span that was open, in this context, when it started
    stage: list[str] = field(default_factory=list)
    parent: list[str | None] = field(default_factory=list)  # stage of the parent span
    process: list[int] = field(default_factory=list)  # process ID
    sample_id: list[str | None] = field(default_factory=list)  # None outside of samples(); "a|b" for a batch
    pass_index: list[int] = field(default_factory=list)  # 0-based
    warmup: list[bool] = field(default_factory=list)  # not counted: warm-up, or the pass of the function profile
    items: list[int] = field(default_factory=list)  # samples in the span; more than 1 for a batch
    started_us: list[int] = field(default_factory=list)  # microseconds since the epoch, UTC
    offset_ns: list[int] = field(default_factory=list)  # start, counted from the start of the run
    wall_ns: list[int] = field(default_factory=list)
    self_ns: list[int] = field(default_factory=list)  # wall time during which no child span was open
    # Time between its start and its end during which it did not run, which is no wall time of it: a generator between
    # two items. None: it never paused.
    paused_ns: list[int | None] = field(default_factory=list)
    cpu_ns: list[int | None] = field(default_factory=list)  # CPU time of the thread that ran the stage
    process_cpu_ns: list[int | None] = field(default_factory=list)  # CPU time of the whole process meanwhile
    gpu_ns: list[int | None] = field(default_factory=list)  # between CUDA events at the span's edges
    rss_before: list[int | None] = field(default_factory=list)  # resident bytes of the process
    rss_after: list[int | None] = field(default_factory=list)
    rss_peak: list[int | None] = field(default_factory=list)  # highest meanwhile
    peak_exact: list[bool | None] = field(default_factory=list)  # told by the kernel; False: by a sampler
    minor_faults: list[int | None] = field(default_factory=list)
    voluntary_switches: list[int | None] = field(default_factory=list)  # the thread waited
    involuntary_switches: list[int | None] = field(default_factory=list)  # the thread was preempted
    read_bytes: list[int | None] = field(default_factory=list)  # through read calls of the process, cache included
    written_bytes: list[int | None] = field(default_factory=list)
    gpu_before: list[int | None] = field(default_factory=list)  # bytes that the torch allocator holds in tensors
    gpu_after: list[int | None] = field(default_factory=list)
    gpu_peak: list[int | None] = field(default_factory=list)  # highest meanwhile
    gpu_reserved: list[int | None] = field(default_factory=list)  # highest that the allocator took from the device
    error: list[str | None] = field(default_factory=list)  # type of the exception that left it, CRASHED, UNFINISHED

    def __len__(self) -> int:
        return len(self.stage)

    def stage_names(self) -> tuple[str, ...]:
        """Names of the stages under test, in the order in which they first ended; calibration is none of them."""
        return tuple(name for name in dict.fromkeys(self.stage) if name != CALIBRATION_STAGE)

    def end_ns(self, row: int) -> int:
        """Return when a span ended, in nanoseconds from the start of the run."""
        paused_ns = self.paused_ns[row] if self.paused_ns else None
        return self.offset_ns[row] + self.wall_ns[row] + (paused_ns or 0)

    def measured_rows(self, stage: str) -> Iterator[int]:
        """Row numbers of a stage's spans that count: no warm-up, no error."""
        for row, name in enumerate(self.stage):
            if name == stage and not self.warmup[row] and self.error[row] is None:
                yield row


SPAN_COLUMNS: tuple[str, ...] = tuple(column.name for column in fields(SpanTable))
