"""What every format gives: runs of other programs, in the history's words, and what had to be left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

IMPORTED = "imported"
"""Level of profiling of a run that another program measured."""

SHORTEST_NS = 50.0
"""Below, whole nanoseconds would be rounded by more than 1 %: such a time is kept as a gauge."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a stage took, in nanoseconds; None where the file does not tell.

    spans: how many rounds the figures are of. raw: each round, where the file has them.
    """

    median_ns: float
    spans: int = 1
    p95_ns: float | None = None
    p99_ns: float | None = None
    min_ns: float | None = None
    max_ns: float | None = None
    raw: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """The machine of a file, as far as it tells; `facts` are all that tells it from others."""

    facts: tuple[str, ...] = ()
    cpu: str | None = None
    cores: int | None = None
    memory_gb: int | None = None
    system: str | None = None
    python: str | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """One test of another program at one moment.

    timings: by stage. gauges: by stage and name, what is no time.
    """

    test_id: str
    started_us: int
    timings: Mapping[str, Timing]
    gauges: Mapping[tuple[str, str], float] = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    version: str | None = None  # of the program


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was left out."""

    file: str
    place: str | None
    reason: str


@dataclass(slots=True)
class Imported:
    """What one file, or one folder of asv, gave."""

    source: str
    format: str
    runs: list[ImportedRun] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, place: str | None, reason: str, file: str | None = None) -> None:
        self.skipped.append(Skipped(file or self.source, place, reason))
