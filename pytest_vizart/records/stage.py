"""What one run tells of one stage: its times, its memory, its slowest samples."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Distribution:
    """Order statistics of one quantity over the counted spans of one stage."""

    median: float
    p95: float
    p99: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """Resident memory of the process around a stage, in MB (10^6 bytes)."""

    before: float  # at the first span's start
    after: float  # the highest at either edge of a span
    growth: float  # the largest over one span
    peak: float | None = None  # the highest above a span's own start; None until it is measured
    peak_exact: bool | None = None  # told by the kernel for every span; False: by a sampler, which can miss short ones
    highest: float | None = None  # the highest resident memory seen at an edge or by the peak


@dataclass(frozen=True, slots=True)
class GpuStats:
    """What the torch allocator tells of a stage on the GPU, in MB (10^6 bytes), and its time between CUDA events."""

    before_mb: float
    after_mb: float
    peak_mb: float  # the highest allocated during a span
    reserved_mb: float  # the highest taken from the device
    gpu_ms: Distribution | None = None


@dataclass(frozen=True, slots=True)
class SlowSample:
    """A sample on which a stage took long: median over passes, in milliseconds."""

    sample_id: str
    wall_ms: float


@dataclass(frozen=True, slots=True)
class StageStats:
    """One stage of one run: times in milliseconds."""

    name: str
    spans: int  # spans counted: warm-up excluded, errors included
    errors: int
    wall_ms: Distribution | None
    cpu_ms: Distribution | None = None
    memory_mb: MemoryStats | None = None
    gpu_mb: float | None = None  # highest GPU memory of the stage, `gpu.peak_mb`
    share: float = 0.0  # of the run's measured time; stages at the same time share it, nested ones count once
    notes: tuple[str, ...] = field(default_factory=tuple)
    parent: str | None = None  # stage inside of which it ran first
    items: int = 0  # samples in the counted spans without an error, each once in a pass; a batch's are all of it
    total_ms: float = 0.0  # sum over the counted spans without an error
    self_ms: float = 0.0  # the same less the time of nested stages
    concurrent: bool = False  # spans of it ran at the same time as others that are not nested: wall times do not add up
    per_second: float | None = None  # items per second of the time during which the stage ran
    cold_ms: float | None = None  # the very first span, warm-up included
    external_ms: float | None = None  # mean wait on external services per span
    read_mb: float | None = None  # mean per span
    written_mb: float | None = None
    gpu: GpuStats | None = None
    slowest: tuple[SlowSample, ...] = ()  # slowest first
    slow_because: str | None = None  # what they have in common, if anything
