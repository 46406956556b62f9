"""Keeping a session: from the journal into the history, and back out for trends and report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from pytest_vizart.errors import VizartError, warn
from pytest_vizart.history.journal import Journal, as_json, from_json
from pytest_vizart.history.kept import kept_run_ids
from pytest_vizart.history.reader import History
from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.schema import TABLES
from pytest_vizart.history.writer import choose_stem, free_stem, write_tables
from pytest_vizart.profiling.functions.profiler import flame_to_json
from pytest_vizart.records.run import RunResult, Session, TrendPoint
from pytest_vizart.records.span import CALIBRATION_STAGE
from pytest_vizart.storage.opening import open_store
from pytest_vizart.storage.store import Store

TREND_RUNS = 60
FLAME_FILE = "flame.json"


def keep(
    journal: Journal, session: Session, runs: Sequence[RunResult], *, place: str | Path | Store | None = None
) -> bool:
    """Write a session's runs into the history at `place`, the output folder unless told.

    May be called again by whoever finds the journal after its process was killed in here: the same files are written,
    and runs that are kept already are left out. A failure is warned of, and False returned.
    """
    try:
        _write_flames(journal.output, runs)
        store = open_store(journal.output if place is None else place)
        stem, left = _still_to_keep(store, journal, session, runs)
        if left:
            tables = _tables(session, left)
            started_us = session.started_us
            write_tables(store, tables, session_id=session.session_id, started_us=started_us, stem=stem, is_free=True)
    except VizartError as error:
        warn(str(error))
        return False
    except OSError as error:
        told = f"{error.filename or journal.folder}: the session's runs cannot be kept ({error.strerror or error})"
        warn(f"{told}; they stay in the journal")
        return False
    return True


def _still_to_keep(
    store: Store, journal: Journal, session: Session, runs: Sequence[RunResult]
) -> tuple[str, list[RunResult]]:
    """Return the name of the session's files, which the journal holds from now on, and the runs to write."""
    chosen = journal.stem()
    kept = {} if chosen is None and not journal.is_taken_over else kept_run_ids(store, session.session_id)
    known = {run_id for run_ids in kept.values() for run_id in run_ids}
    left = [run for run in runs if run.info.run_id not in known]
    if chosen is not None and chosen not in kept:
        free = free_stem(store, chosen, TABLES)
        if free == chosen:
            return chosen, left
        # Somebody on another machine, who cannot see the journal, has compacted what was written so far.
        left = _unknown(store, left)
        if left:
            journal.choose(free)
        return free, left
    stem = choose_stem(session.session_id, session.started_us)
    if left:
        journal.choose(stem)
    return stem, left


def _unknown(store: Store, runs: Sequence[RunResult]) -> list[RunResult]:
    run_ids = [run.info.run_id for run in runs]
    known = set(History(store).runs(run_ids=run_ids, columns=["run_id"])["run_id"].to_pylist())
    return [run for run in runs if run.info.run_id not in known]


def _tables(session: Session, runs: Sequence[RunResult]) -> dict[str, pa.Table]:
    try:
        return session_tables(session, runs)
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError):
        return session_tables(session, list(_sound(session, runs)))


def _sound(session: Session, runs: Iterable[RunResult]) -> Iterable[RunResult]:
    """Yield the runs that make rows; one whose values fit no column must not take the others with it."""
    for run in runs:
        try:
            plain = from_json(as_json(run))  # texts that are no Unicode are escaped, as in the journal
            session_tables(session, [plain])
        except (pa.ArrowException, ArithmeticError, TypeError, ValueError) as error:
            warn(f"{run.info.test_id}: this run cannot be kept ({type(error).__name__}: {str(error)[:200]})")
        else:
            yield plain


def _write_flames(output: Path, runs: Sequence[RunResult]) -> None:
    for run in runs:
        if run.profile.flame is not None:
            path = output / "runs" / run.info.run_id / FLAME_FILE
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(orjson.dumps(flame_to_json(run.profile.flame)))
            except OSError as error:
                warn(f"{path}: the function profile cannot be kept ({error.strerror or error})")


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
