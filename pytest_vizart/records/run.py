"""Sessions and runs: who measured what, where, on which code and data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pytest_vizart.records.outcome import Case, Outcome
from pytest_vizart.records.profile import Profile
from pytest_vizart.records.score import Score
from pytest_vizart.records.span import SpanTable
from pytest_vizart.records.stage import StageStats
from pytest_vizart.records.verdict import Verdict

RunStatus = Literal["passed", "failed", "error"]


@dataclass(frozen=True, slots=True)
class Machine:
    """What the run was measured on. Runs are compared only when `fingerprint` is equal.

    The fingerprint covers the stable fields alone (CPU model, cores, memory class, operating system, architecture,
    Python's minor version, GPU and driver where there is one), so that a kernel update does not split the history.
    """

    fingerprint: str
    cpu: str
    cores: int
    memory_gb: int
    system: str
    python: str
    gpu: str | None = None
    libraries: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Code:
    """The revision under test; all None outside of git."""

    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One pytest invocation."""

    session_id: str
    started_us: int
    command: str
    machine: Machine
    code: Code
    version: str

    def log_part(self, sent_to: str | None) -> str | None:
        """What names the session's own log where logs of many are sent to one place; None where nothing is sent."""
        return self.session_id[:8] if sent_to else None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One test's pass over its samples."""

    run_id: str
    session_id: str
    test_id: str
    dataset: str | None
    dataset_digest: str | None
    started_us: int
    finished_us: int
    status: RunStatus
    samples: int  # distinct samples processed
    passes: int
    warmup: int
    profile: str
    accepted: bool = False  # may serve as a baseline
    not_accepted_because: str | None = None
    partial: bool = False  # only a part of the data was used
    contended: bool = False  # measured beside other workers: latency is not judged
    error: str | None = None  # "ValueError: ..." of the test itself
    notes: tuple[str, ...] = ()
    accepted_latency: bool = (
        True  # counts only where `accepted` does: a suspect stage bars the run's times, not its accuracy
    )
    models: dict[str, str] = field(default_factory=dict)  # model file -> digest


@dataclass(frozen=True, slots=True)
class RunResult:
    """All that is kept of one run."""

    info: RunInfo
    spans: SpanTable
    stages: tuple[StageStats, ...] = ()
    scores: tuple[Score, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    cases: tuple[Case, ...] = ()
    profile: Profile = field(default_factory=Profile)


@dataclass(frozen=True, slots=True)
class SessionResult:
    """All that is shown of one session."""

    session: Session
    runs: tuple[RunResult, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One earlier or present run of a test, for the trend lines of the report."""

    run_id: str
    test_id: str
    started_us: int
    commit: str | None
    branch: str | None
    status: RunStatus
    accepted: bool
    wall_ms: dict[str, float]  # stage -> median
    cpu_ms: dict[str, float]
    rss_mb: dict[str, float]  # stage -> highest resident memory after it
    metrics: dict[str, dict[str, float | None]]  # stage -> metric -> value
