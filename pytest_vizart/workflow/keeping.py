"""Keeping a session: from the journal into the history, and back out for trends and report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.errors import HistoryError, warn
from pytest_vizart.history.journal import Journal, dead_journals
from pytest_vizart.history.reader import History
from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.writer import write_tables
from pytest_vizart.profiling.functions.profiler import flame_to_json
from pytest_vizart.records.run import RunResult, Session, TrendPoint
from pytest_vizart.records.span import CALIBRATION_STAGE
from pytest_vizart.workflow.crashes import Crash, crashed_runs
from pytest_vizart.workflow.pieces import by_run, left_behind, with_spans_of

TREND_RUNS = 60
FLAME_FILE = "flame.json"


def keep(output: Path, session: Session, runs: Sequence[RunResult]) -> bool:
    """Write a session's runs into the history; a failure is warned of, and False returned."""
    try:
        _write_flames(output, runs)
        tables = session_tables(session, runs)
        write_tables(output, tables, session_id=session.session_id, started_us=session.started_us)
    except HistoryError as error:
        warn(str(error))
        return False
    return True


def _write_flames(output: Path, runs: Sequence[RunResult]) -> None:
    for run in runs:
        if run.profile.flame is not None:
            path = output / "runs" / run.info.run_id / FLAME_FILE
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(orjson.dumps(flame_to_json(run.profile.flame)))
            except OSError as error:
                warn(f"{path}: the function profile cannot be kept ({error.strerror or error})")


def take_over_dead_sessions(output: Path) -> list[Crash]:
    """Keep what sessions that died left: finished runs, parts of runs, and the runs under which they died.

    Returns where they died.
    """
    told: list[Crash] = []
    for journal in dead_journals(output):
        if not journal.claim():
            continue  # another session is at it
        session = journal.session()
        if session is None:
            journal.remove()
            continue
        finished = list(journal.runs(on_damage=warn))
        crashes = crashed(journal, session, finished)
        known = {run.info.run_id for run in finished}
        unfinished = unfinished_runs(
            journal, session, [each for each in crashes if each.result.info.run_id not in known]
        )
        runs = [*finished, *unfinished]
        tell(output, crashes)
        told += crashes
        if not runs or keep(output, session, runs):
            journal.remove()
    return told


def crashed(journal: Journal, session: Session, finished: Sequence[RunResult]) -> list[Crash]:
    """Return the runs of a session under which a process of it died."""
    known = {run.info.run_id for run in finished}
    return crashed_runs(journal.spans, session_id=session.session_id, finished=known)


def tell(output: Path, crashes: Sequence[Crash]) -> None:
    """Say where processes died: to the user, and in the audit log."""
    if not crashes:
        return
    log = AuditLog(output)
    for crash in crashes:
        warn(f"{crash.told()}; the run is kept as an error")
        info = crash.result.info
        fields = {
            "test": info.test_id,
            "success": False,
            "stage": crash.stage,
            "sample": crash.sample_id,
            "input_path": crash.input_path,
            "error": info.error,
        }
        log.write("stage crashed" if crash.stage else "run crashed", info.run_id, "ERROR", fields)
    log.close()


def unfinished_runs(journal: Journal, session: Session, crashes: Sequence[Crash]) -> list[RunResult]:
    """Return what was under way when a session died: spans, and no accuracy.

    Where the items of a shared run were under way, what is left of them and the item that crashed are one run.
    """
    groups = by_run((str(path), payload) for path, payload in journal.pieces())
    left = [left_behind(pieces, session_id=session.session_id) for pieces in groups.values()]
    runs: dict[str, RunResult] = {}
    for result in (*left, *(crash.result for crash in crashes)):
        earlier = runs.get(result.info.run_id)
        runs[result.info.run_id] = result if earlier is None else with_spans_of(earlier, result)
    return list(runs.values())


def journaled_runs(journal: Journal, on_damage: Callable[[str], None] = warn) -> tuple[RunResult, ...]:
    return tuple(journal.runs(on_damage))


def trends(history: History, test_ids: Sequence[str], *, fingerprint: str) -> list[TrendPoint]:
    """Return the last 60 runs of each test on this machine, oldest first."""
    rows: list[dict[str, Any]] = []
    for test_id in test_ids:
        table = history.runs(test_id=test_id, fingerprint=fingerprint)
        table = table.slice(max(table.num_rows - TREND_RUNS, 0))
        started_us = table["started_at"].cast("int64").to_pylist()
        plain = table.select(["run_id", "session_id", "test_id", "commit", "branch", "status", "accepted"]).to_pylist()
        rows += [{**row, "started_us": started} for started, row in zip(started_us, plain, strict=True)]
    only = {"run_ids": [row["run_id"] for row in rows], "session_ids": [row.pop("session_id") for row in rows]}
    spans, metrics = _span_medians(history, only), _metrics(history, only)
    points = []
    for row in rows:
        wall_ms, cpu_ms, rss_mb = spans.get(row["run_id"], ({}, {}, {}))
        of_run = metrics.get(row["run_id"], {})
        row["accepted"] = bool(row["accepted"])
        points.append(TrendPoint(**row, wall_ms=wall_ms, cpu_ms=cpu_ms, rss_mb=rss_mb, metrics=of_run))
    return points


_Medians = tuple[dict[str, float], dict[str, float], dict[str, float]]


def _span_medians(history: History, only: dict[str, Any]) -> dict[str, _Medians]:
    measured = ("wall_ns", "cpu_ns", "rss_after")
    table = history.spans(**only, columns=("run_id", "stage", "warmup", "error", *measured))
    columns = {name: table[name].to_pylist() for name in ("run_id", "stage", "warmup", "error")}
    groups: dict[tuple[str, str], list[int]] = {}
    for row, (run_id, stage, warmup, error) in enumerate(zip(*columns.values(), strict=True)):
        if not warmup and error is None and stage != CALIBRATION_STAGE:
            groups.setdefault((run_id, stage), []).append(row)
    wall, cpu, rss = (table[name].to_numpy() for name in measured)
    medians: dict[str, _Medians] = {}
    for (run_id, stage), rows in groups.items():
        of_run = medians.setdefault(run_id, ({}, {}, {}))
        of_run[0][stage] = float(np.median(wall[rows])) / 1e6
        for target, values, reduce, unit in ((of_run[1], cpu, np.nanmedian, 1e6), (of_run[2], rss, np.nanmax, 1e6)):
            known = np.asarray(values[rows], dtype=float)
            if not np.isnan(known).all():
                target[stage] = float(reduce(known)) / unit
    return medians


def _metrics(history: History, only: dict[str, Any]) -> dict[str, dict[str, dict[str, float | None]]]:
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for row in history.accuracy(**only).select(["run_id", "stage", "metric", "value"]).to_pylist():
        found.setdefault(row["run_id"], {}).setdefault(row["stage"], {})[row["metric"]] = row["value"]
    return found
