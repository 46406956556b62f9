"""How a run is recorded: its recorder, and what users add to it by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from pytest_vizart.audit.log import RunLog
from pytest_vizart.errors import UsageError, warn
from pytest_vizart.profiling.processes.carrying import carried
from pytest_vizart.profiling.recording.open_spans import innermost
from pytest_vizart.profiling.recording.outputs import OutputTaker
from pytest_vizart.profiling.recording.recorder import NO_STAGES, Recorder
from pytest_vizart.profiling.watching.active import activated
from pytest_vizart.workflow.log_capture import captured_logs

MAX_MEASURE_NAMES = 1_000
MAX_MEASURES = 100_000


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """How a run is recorded.

    profile_share: share of the samples in the function profile of level `full`. journal: folder of the span journals,
    None to keep them in memory. peak_stages, memory_stages: stages whose peak or memory has a limit; None in there
    stands for every stage.
    """

    profile: str = "detailed"
    profile_share: float = 0.01
    journal: Path | None = None
    peak_stages: frozenset[str | None] = NO_STAGES
    memory_stages: frozenset[str | None] = NO_STAGES


def open_recorder(
    options: RecordingOptions,
    *,
    run_id: str,
    test_id: str,
    dataset: str | None = None,
    taker: OutputTaker | None = None,
) -> Recorder:
    """Return the recorder of a run; its journal says whose it is, for whoever finds it after a crash."""
    return Recorder(
        options.profile,
        folder=options.journal,
        about={"run_id": run_id, "test_id": test_id, "profile": options.profile, "dataset": dataset},
        peak_stages=options.peak_stages,
        memory_stages=options.memory_stages,
        taker=taker,
    )


@contextmanager
def measuring(recorder: Recorder, log: RunLog | None = None) -> Iterator[None]:
    """Let stages that are begun by name, and those in threads and child processes, be this run's meanwhile.

    log: adds lines to the run's trail; what is logged meanwhile is among them.
    """
    around = innermost.get()
    innermost.set(None)  # a run inside of another one's stage is no part of it
    try:
        with carried(), activated(recorder), captured_logs(recorder, log):
            yield
    finally:
        innermost.set(around)


class Measures:
    """Gauges, counters and external waits of one run, as users name them."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._names: set[str] = set()
        self._kept = 0

    def gauge(self, name: str, value: float) -> None:
        self._record("gauge", name, _number("gauge", value))

    def count(self, name: str, amount: float) -> None:
        self._record("count", name, _number("count", amount))

    @contextmanager
    def external(self, name: str) -> Iterator[None]:
        self._check(name, "external")
        start_ns = self._recorder.now_ns()
        try:
            yield
        finally:
            self._record("external", name, self._recorder.now_ns() - start_ns)

    def _record(self, kind: str, name: str, value: float) -> None:
        self._check(name, kind)
        self._kept += 1
        if self._kept > MAX_MEASURES:
            if self._kept == MAX_MEASURES + 1:
                warn(f"more than {MAX_MEASURES:,} gauges, counts and waits in one run: the rest is left out")
            return
        self._recorder.record(kind, name, value)

    def _check(self, name: object, kind: str) -> None:
        if isinstance(name, str) and name in self._names:
            return
        if not isinstance(name, str) or not name.strip() or len(name) > 200:
            raise UsageError(
                f"{kind}() needs a name", expected="a non-empty string of at most 200 characters", found=name,
                hint=f'name what it tells, such as vizart_run.{kind}("queue_depth", ...)',
            )  # fmt: skip
        if len(self._names) >= MAX_MEASURE_NAMES:
            raise UsageError(
                "too many distinct names", place=f"{kind}()", expected=f"at most {MAX_MEASURE_NAMES} in one run",
                found=name, hint="leave sample numbers and the like out of the name; the sample is recorded by itself",
            )  # fmt: skip
        self._names.add(name)


def _number(kind: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise UsageError(
            "not a number", place=f"{kind}()", expected="a finite number", found=value,
            hint=f'vizart_run.{kind}("queue_depth", 12)',
        )  # fmt: skip
    return float(value)
