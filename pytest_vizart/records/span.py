"""Spans: one execution of one stage on one sample (or batch) in one pass, kept as columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

CALIBRATION_STAGE = "(calibration)"
"""Name under which the fixed calibration workload is recorded: it tells how fast the machine was at that moment."""


@dataclass(frozen=True, slots=True)
class SpanTable:
    """Spans as equally long columns, in the order in which the spans ended.

    None stands for "not measured" (level `basic`, or a probe this machine lacks).
    """

    stage: list[str] = field(default_factory=list)
    parent: list[str | None] = field(default_factory=list)  # stage that was open when this one started
    sample_id: list[str | None] = field(default_factory=list)  # None outside of samples(); "a|b" for a batch
    pass_index: list[int] = field(default_factory=list)  # 0-based
    warmup: list[bool] = field(default_factory=list)
    items: list[int] = field(default_factory=list)  # samples in the span; more than 1 for a batch
    started_us: list[int] = field(default_factory=list)  # microseconds since the epoch, UTC
    wall_ns: list[int] = field(default_factory=list)
    cpu_ns: list[int | None] = field(default_factory=list)  # CPU time of the thread that ran the stage
    process_cpu_ns: list[int | None] = field(default_factory=list)  # CPU time of the whole process meanwhile
    rss_before: list[int | None] = field(default_factory=list)  # resident bytes of the process
    rss_after: list[int | None] = field(default_factory=list)
    minor_faults: list[int | None] = field(default_factory=list)
    voluntary_switches: list[int | None] = field(default_factory=list)  # the thread waited
    involuntary_switches: list[int | None] = field(default_factory=list)  # the thread was preempted
    error: list[str | None] = field(default_factory=list)  # type of the exception that left the stage

    def __len__(self) -> int:
        return len(self.stage)

    def stage_names(self) -> tuple[str, ...]:
        """Names of the stages under test, in the order in which they first ended; calibration is none of them."""
        return tuple(name for name in dict.fromkeys(self.stage) if name != CALIBRATION_STAGE)

    def measured_rows(self, stage: str) -> Iterator[int]:
        """Row numbers of a stage's spans that count: no warm-up, no error."""
        for row, name in enumerate(self.stage):
            if name == stage and not self.warmup[row] and self.error[row] is None:
                yield row


SPAN_COLUMNS: tuple[str, ...] = tuple(column.name for column in fields(SpanTable))
