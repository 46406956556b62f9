"""From records to the rows of the stored tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
import pyarrow as pa

from pytest_vizart.history.schema import TABLES
from pytest_vizart.records.run import RunResult, Session
from pytest_vizart.records.span import SPAN_COLUMNS

Columns = dict[str, list[Any]]


def session_tables(session: Session, runs: Sequence[RunResult]) -> dict[str, pa.Table]:
    """Return the tables of one session's runs, by name; empty tables are left out."""
    columns: dict[str, Columns] = {
        "runs": _from_rows([_run_row(session, run) for run in runs], "runs"),
        "spans": _span_columns(runs),
        "accuracy": _from_rows([row for run in runs for row in _accuracy_rows(run)], "accuracy"),
        "outcomes": _from_rows([row for run in runs for row in _outcome_rows(run)], "outcomes"),
    }
    return {name: as_table(name, data) for name, data in columns.items() if data["run_id"]}


def as_table(name: str, columns: Columns) -> pa.Table:
    """Return columns as an Arrow table with the stored schema."""
    schema = TABLES[name]
    arrays = [pa.array(columns[column.name], type=column.type) for column in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _from_rows(rows: list[dict[str, Any]], table: str) -> Columns:
    return {name: [row[name] for row in rows] for name in TABLES[table].names}


def _run_row(session: Session, run: RunResult) -> dict[str, Any]:
    row = asdict(run.info)
    machine = asdict(session.machine)
    machine["libraries"] = orjson.dumps(machine["libraries"], option=orjson.OPT_SORT_KEYS).decode()
    return {
        **row,
        **machine,
        **asdict(session.code),
        "version": session.version,
        "started_at": row["started_us"],
        "finished_at": row["finished_us"],
    }


def _span_columns(runs: Sequence[RunResult]) -> Columns:
    columns: Columns = {name: [] for name in TABLES["spans"].names}
    for run in runs:
        count = len(run.spans)
        columns["run_id"].extend([run.info.run_id] * count)
        columns["test_id"].extend([run.info.test_id] * count)
        for name in SPAN_COLUMNS:
            columns[name].extend(getattr(run.spans, name))
    return columns


def _identity(run: RunResult) -> dict[str, Any]:
    return {"run_id": run.info.run_id, "test_id": run.info.test_id, "dataset": run.info.dataset}


def _accuracy_rows(run: RunResult) -> list[dict[str, Any]]:
    return [
        {
            **_identity(run),
            "stage": score.stage,
            "task": score.task,
            "metric": metric,
            "value": value,
            "headline": metric == score.headline,
        }
        for score in run.scores
        for metric, value in score.metrics.items()
    ]


def _outcome_rows(run: RunResult) -> list[dict[str, Any]]:
    return [{**_identity(run), **asdict(outcome), "tags": list(outcome.tags)} for outcome in run.outcomes]
