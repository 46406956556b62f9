"""From records to the rows of the stored tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import Any

import orjson
import pyarrow as pa

from pytest_vizart.history.schema import TABLES
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.profile import MEASURE_COLUMNS
from pytest_vizart.records.run import RunResult, Session
from pytest_vizart.records.span import SPAN_COLUMNS
from pytest_vizart.records.text import escaped

Columns = dict[str, list[Any]]

_BITS = 10


def session_tables(session: Session, runs: Sequence[RunResult]) -> dict[str, pa.Table]:
    """Return the tables of one session's runs, by name; empty tables are left out."""
    columns: dict[str, Columns] = {
        "runs": _from_rows([_run_row(session, run) for run in runs], "runs"),
        "stages": _from_rows([row for run in runs for row in _stage_rows(run)], "stages"),
        "spans": _without_repetition(_from_columns(runs, "spans", SPAN_COLUMNS, lambda run: run.spans)),
        "accuracy": _from_rows([row for run in runs for row in _accuracy_rows(run)], "accuracy"),
        "subsets": _from_rows([row for run in runs for row in _subset_rows(run)], "subsets"),
        "outcomes": _from_rows([row for run in runs for row in _outcome_rows(run)], "outcomes"),
        "measures": _from_columns(runs, "measures", MEASURE_COLUMNS, lambda run: run.profile.measures),
        "outputs": _from_records(runs, "outputs", lambda run: run.profile.outputs),
        "leaks": _from_records(runs, "leaks", lambda run: run.profile.leaks),
        "gpu": _from_records(runs, "gpu", lambda run: run.profile.gpu),
    }
    return {name: as_table(name, data) for name, data in columns.items() if data["run_id"]}


def as_table(name: str, columns: Columns) -> pa.Table:
    """Return columns as an Arrow table with the stored schema."""
    schema = TABLES[name]
    arrays = [_array(columns[column.name], column.type) for column in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, type=kind)
    except UnicodeEncodeError:  # half a surrogate pair, in the name of a file or a stage
        return pa.array([_escaped(value) for value in values], type=kind)


def _escaped(value: Any) -> Any:
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    return escaped(value) if isinstance(value, str) else value


def _from_rows(rows: list[dict[str, Any]], table: str) -> Columns:
    return {name: [row[name] for row in rows] for name in TABLES[table].names}


def _run_row(session: Session, run: RunResult) -> dict[str, Any]:
    row = asdict(run.info)
    machine = asdict(session.machine)
    row["models"] = _sorted_json(row["models"]) if row["models"] else None
    machine["libraries"] = _sorted_json(machine["libraries"])
    return {
        **row,
        **machine,
        **asdict(session.code),
        "version": session.version,
        "started_at": row["started_us"],
        "finished_at": row["finished_us"],
    }


def _sorted_json(value: dict[str, str]) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _stage_rows(run: RunResult) -> list[dict[str, Any]]:
    return [
        {
            "run_id": run.info.run_id,
            "test_id": run.info.test_id,
            "stage": stage.name,
            "parent": stage.parent,
            "spans": stage.spans,
            "errors": stage.errors,
            "items": stage.items,
            **{
                f"wall_{name}_ns": _rounded(getattr(stage.wall_ms, name, None), 1e6)
                for name in ("median", "p95", "p99", "min", "max")
            },
            "cpu_median_ns": _rounded(getattr(stage.cpu_ms, "median", None), 1e6),
            **{f"rss_{name}": _whole(getattr(stage.memory_mb, name, None)) for name in ("highest", "growth", "peak")},
            "gpu_peak": _whole(stage.gpu_mb),
        }
        for stage in run.stages
    ]


def _rounded(value: float | None, factor: float) -> int | None:
    return None if value is None else rounded_time(value * factor)


def rounded_time(value_ns: float) -> int:
    """Times to 0.1 % take half the room; their noise is far larger. Bits, as decimal digits leave more values."""
    whole = round(value_ns)
    dropped = max(whole.bit_length() - _BITS, 0)
    return (whole + (1 << dropped >> 1)) >> dropped << dropped


def _whole(megabytes: float | None) -> int | None:
    return None if megabytes is None else round(megabytes * 1e6)


def _from_columns(
    runs: Sequence[RunResult], table: str, names: Sequence[str], columns_of: Callable[[RunResult], Any]
) -> Columns:
    """Columns of what is kept as columns already: `columns_of` gives a run's, `names` are theirs."""
    columns: Columns = {name: [] for name in TABLES[table].names}
    for run in runs:
        source = columns_of(run)
        _identify(columns, run, len(source))
        for name in names:
            columns[name].extend(getattr(source, name))
    return columns


def _without_repetition(spans: Columns) -> Columns:
    """Null for a self time that is the wall time, as of every span with none inside, and for no pause at all."""
    times = zip(spans["self_ns"], spans["wall_ns"], strict=True)
    return {
        **spans,
        "self_ns": [None if own == wall else own for own, wall in times],
        "paused_ns": [paused or None for paused in spans["paused_ns"]],
    }


def _from_records(runs: Sequence[RunResult], table: str, records_of: Callable[[RunResult], Sequence[Any]]) -> Columns:
    """Columns of records whose fields are called like the columns."""
    columns: Columns = {name: [] for name in TABLES[table].names}
    for run in runs:
        records = records_of(run)
        _identify(columns, run, len(records))
        for name in columns.keys() - {"run_id", "test_id"}:
            columns[name].extend(getattr(record, name) for record in records)
    return columns


def _identify(columns: Columns, run: RunResult, count: int) -> None:
    columns["run_id"].extend([run.info.run_id] * count)
    columns["test_id"].extend([run.info.test_id] * count)


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


def _subset_rows(run: RunResult) -> list[dict[str, Any]]:
    about = {"run_id": run.info.run_id, "test_id": run.info.test_id}
    return [
        {**about, "stage": score.stage, "kind": kind, "name": name, "metric": metric, "value": value}
        for score in run.scores
        for kind, subsets in (("class", score.per_class), ("tag", score.per_tag))
        for name, metrics in subsets.items()
        for metric, value in metrics.items()
    ]


def _outcome_rows(run: RunResult) -> list[dict[str, Any]]:
    return [{**_identity(run), **_outcome_row(outcome)} for outcome in run.outcomes]


def _outcome_row(outcome: Outcome) -> dict[str, Any]:
    row = {item.name: getattr(outcome, item.name) for item in fields(outcome)}
    lists = {name: list(row[name]) for name in ("tags", "missed", "false_positives", "artifacts")}
    return row | lists | {"measures": _json(outcome.measures), "errors": _json(outcome.errors)}


def _json(value: Any) -> str | None:
    """Null for nothing: most samples are correct, and nulls take no room."""
    return orjson.dumps(value).decode() if value else None
