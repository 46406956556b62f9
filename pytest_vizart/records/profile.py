"""What profiling tells of a run beyond its spans: gauges, leaks, outputs, functions, the GPU."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

MeasureKind = Literal["gauge", "count", "external"]


@dataclass(frozen=True, slots=True)
class MeasureTable:
    """Gauges, counters and waits on external services, as equally long columns in the order in which they came.

    value: of a gauge, its reading; of a count, what is added; of an external wait, nanoseconds.
    """

    kind: list[str] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    stage: list[str | None] = field(default_factory=list)  # stage that was open
    span_id: list[int | None] = field(default_factory=list)
    sample_id: list[str | None] = field(default_factory=list)
    pass_index: list[int] = field(default_factory=list)
    warmup: list[bool] = field(default_factory=list)
    at_us: list[int] = field(default_factory=list)  # microseconds since the epoch, UTC

    def __len__(self) -> int:
        return len(self.kind)


MEASURE_COLUMNS: tuple[str, ...] = tuple(column.name for column in fields(MeasureTable))


@dataclass(frozen=True, slots=True)
class MemoryPoint:
    """Memory of the process before a sample or batch, bytes; what profiling itself holds is taken off."""

    sample_id: str | None
    pass_index: int
    warmup: bool
    rss: int
    gpu: int | None = None  # bytes that the torch allocator holds in tensors
    device: int | None = None  # bytes that this process holds on the device, as the driver tells
    items: int = 1  # samples that come next; more than 1 for a batch


@dataclass(frozen=True, slots=True)
class Leak:
    """How memory moves from sample to sample, as a robust slope with its 99 % interval, in kB (10^3 bytes)."""

    resource: Literal["cpu", "gpu"]
    kb_per_sample: float
    low: float
    high: float
    points: int  # samples that it rests on
    found: bool  # surely above zero
    stage: str | None = None  # the stage that grows most, if one does


@dataclass(frozen=True, slots=True)
class OutputSummary:
    """One output of one stage on one sample.

    digest: equal for equal values on every machine and in every process; of large arrays, of strided samples and a
    checksum of the whole; None of containers with too many parts to look at.
    """

    stage: str
    sample_id: str | None
    kind: str  # "array", "tensor", "image", "table", "text", "number", "list", "dict", "none", "object", ...
    digest: str | None  # None where the type offers nothing stable
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    size_bytes: int | None = None
    low: float | None = None  # of numbers: smallest and largest finite one
    high: float | None = None
    mean: float | None = None
    invalid: int | None = None  # how many are NaN or infinite
    text: str = ""  # one line for people: "float32 (480, 640, 3), 0 .. 1"


@dataclass(frozen=True, slots=True)
class FlameNode:
    """One function on one call path, with the time of itself and all it calls."""

    name: str
    place: str  # "package/module.py:12"; empty for stages and the root
    total_ms: float
    children: tuple[FlameNode, ...] = ()


@dataclass(frozen=True, slots=True)
class GpuReading:
    """What the driver tells of the device at one moment; None where it does not."""

    at_us: int
    utilisation: float | None = None  # 0 to 1
    memory_used: int | None = None  # bytes, all processes
    process_memory: int | None = None  # bytes of this process
    sm_clock_mhz: int | None = None
    temperature_c: int | None = None
    throttled: tuple[str, ...] = ()  # reasons that make it slower than its clocks would allow


@dataclass(frozen=True, slots=True)
class Profile:
    """All of it, of one run."""

    measures: MeasureTable = field(default_factory=MeasureTable)
    leaks: tuple[Leak, ...] = ()
    outputs: tuple[OutputSummary, ...] = ()
    outputs_ms: float = 0.0  # what summarising the outputs cost, outside of every timed span
    artifacts_ms: float = 0.0  # what saving the outputs by themselves cost, likewise
    flame: FlameNode | None = None
    flame_samples: int = 0  # samples of the function profile, in a pass of their own
    gpu: tuple[GpuReading, ...] = ()
