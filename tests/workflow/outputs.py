"""Output folders made by hand: history, logs and artifacts of some runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.writer import prepare_output, write_tables
from pytest_vizart.records.run import RunResult
from tests.history.builders import START_US, a_run, a_session

DAY_US = 86_400_000_000
NOW_US = START_US + 400 * DAY_US


def run_of(run_id: str, days_ago: float = 100, **changes: Any) -> RunResult:
    started_us = int(NOW_US - days_ago * DAY_US)
    values = {"accepted": False, "started_us": started_us, "finished_us": started_us + 9} | changes
    return a_run(run_id, f"s-{run_id}", **values)


def keep(output: Path, runs: Sequence[RunResult], session_id: str | None = None) -> None:
    """Keep runs as one session."""
    prepare_output(output)
    session = a_session(session_id or runs[0].info.session_id, started_us=runs[0].info.started_us)
    of_session = [replace(run, info=replace(run.info, session_id=session.session_id)) for run in runs]
    tables = session_tables(session, of_session)
    write_tables(output, tables, session_id=session.session_id, started_us=session.started_us)


def save(output: Path, run_id: str, name: str = "mask.png", payload: bytes = b"mask", days_ago: float = 100) -> Path:
    """An artifact of a run, written so many days ago."""
    path = output / "runs" / run_id / "stages" / "detect" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(payload)
    for each in (path, *path.parents[:3]):
        age(each, days_ago)
    return path


def log(output: Path, name: str, *lines: str) -> Path:
    path = output / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def age(path: Path, days_ago: float) -> None:
    at_ns = int(NOW_US - days_ago * DAY_US) * 1_000
    os.utime(path, ns=(at_ns, at_ns))


def stored_rows(output: Path, table: str) -> int:
    """The rows that lie in a table's files, whatever a reader makes of them."""
    return sum(pq.read_metadata(path).num_rows for path in (output / "metrics" / table).glob("*.parquet"))
