"""Histories for the commands: sessions of runs whose stages have the times that a test asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result

from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.writer import write_tables
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.run import Code, RunResult
from tests.history.builders import START_US, a_run, a_session, spans_of

DAY_US = 86_400_000_000
HOSTILE = 'a,b"\n\x1b[31m|=1+1'


def run_with(
    run_id: str, stages_ms: Mapping[str, float], *, metrics: Mapping[str, float | None] | None = None,
    statuses: Mapping[str, str] | None = None, **changes: Any,
) -> RunResult:  # fmt: skip
    """A run whose stages took these times on both of its samples; `metrics` are of stage "detect"."""
    spans = spans_of({stage: round(ms * 1e6) for stage, ms in stages_ms.items()})
    run = a_run(run_id, **changes)
    scores = ()
    if metrics is not None:
        scores = (replace(run.scores[0], headline=next(iter(metrics)), metrics=dict(metrics)),)
    outcomes = tuple(
        Outcome(sample, "detect", "classes", status, input_path=f"/x/{sample}.png")  # type: ignore[arg-type]
        for sample, status in (statuses or {}).items()
    )
    return replace(run, spans=spans, stages=stage_stats(spans), scores=scores, outcomes=outcomes)


def keep(
    output: Path, session_id: str, *runs: RunResult, code: Code | None = None, day: int = 0, **session: Any
) -> None:
    """Keep runs as one session, `day` days after START_US."""
    started_us = START_US + day * DAY_US
    moved = [
        replace(run, info=replace(run.info, session_id=session_id, started_us=started_us + position))
        for position, run in enumerate(runs)
    ]
    about = a_session(session_id, started_us=started_us, code=code or Code("c0ffee1234", "main", False), **session)
    write_tables(output, session_tables(about, moved), session_id=session_id, started_us=started_us)


def vizart(command: click.Command, output: Path, *arguments: str) -> Result:
    """Run a command; an exception that it lets through fails the test."""
    result = CliRunner().invoke(command, [*arguments, "--output", str(output)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
