"""From the rows of the stored tables back to records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pytest_vizart.records.profile import MEASURE_COLUMNS, GpuReading, Leak, MeasureTable, OutputSummary
from pytest_vizart.records.span import SPAN_COLUMNS, SpanTable

_NOT_IN_RECORDS = ("run_id", "test_id")


def span_table(table: pa.Table) -> SpanTable:
    """Return the spans of one run. What files of version 1 lack is made up from what they have, and a self time that
    is not kept is the wall time.

    Args:
        table: rows of one run, as `History.spans` gives them.
    """
    columns = _columns(table, SPAN_COLUMNS)
    if columns["span_id"] and columns["span_id"][0] is None:
        _complete(columns)
    else:
        own = zip(columns["self_ns"], columns["wall_ns"], strict=True)
        columns["self_ns"] = [wall if value is None else value for value, wall in own]
    return SpanTable(**columns)


def measure_table(table: pa.Table) -> MeasureTable:
    """Return gauges, counters and waits, as `History.measures` gives them."""
    return MeasureTable(**_columns(table, MEASURE_COLUMNS))


def leaks_of(table: pa.Table) -> tuple[Leak, ...]:
    """Return the leaks of `History.leaks`."""
    return tuple(Leak(**row) for row in _rows(table))


def outputs_of(table: pa.Table) -> tuple[OutputSummary, ...]:
    """Return the summaries of `History.outputs`."""
    return tuple(
        OutputSummary(**{**row, "shape": None if row["shape"] is None else tuple(row["shape"])}) for row in _rows(table)
    )


def gpu_readings(table: pa.Table) -> tuple[GpuReading, ...]:
    """Return the readings of `History.gpu`."""
    return tuple(GpuReading(**{**row, "throttled": tuple(row["throttled"] or ())}) for row in _rows(table))


def _columns(table: pa.Table, names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: _plain(table[name]).to_pylist() for name in names}


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    wanted = [name for name in table.column_names if name not in _NOT_IN_RECORDS]
    columns = _columns(table, wanted)
    return [dict(zip(wanted, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # A timestamp would become a datetime, which the records have none of.
    return column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column


def _complete(columns: dict[str, list[Any]]) -> None:
    """Number the spans of version 1, nest them, and give each its offset and its self time.

    One process wrote them in the order in which they ended, with the name of the stage around each: the first span of
    that name that ends later and began before is the parent.
    """
    count = len(columns["stage"])
    started, wall = columns["started_us"], columns["wall_ns"]
    begin = min(started, default=0)
    offset = [(value - begin) * 1_000 for value in started]
    parent_of = _nested(columns["stage"], columns["parent"], offset, wall)
    own = list(wall)
    for row in reversed(range(count)):  # parents end after their children, so they come first here
        parent = parent_of[row]
        if parent is None:
            continue
        own[parent] = max(own[parent] - wall[row], 0)
        # Starts were kept in microseconds: what that moved across the parent's edges goes back inside.
        latest = max(offset[parent] + wall[parent] - wall[row], offset[parent])
        offset[row] = min(max(offset[row], offset[parent]), latest)
    columns["span_id"] = list(range(count))
    columns["parent_id"] = list(parent_of)
    columns["process"] = [0] * count
    columns["offset_ns"] = offset
    columns["self_ns"] = own


def _nested(
    stage: Sequence[str], parent: Sequence[str | None], offset: Sequence[int], wall: Sequence[int]
) -> list[int | None]:
    found: list[int | None] = [None] * len(stage)
    waiting: dict[str, list[int]] = {}
    for row, name in enumerate(stage):
        mine = [child for child in waiting.get(name, ()) if offset[child] + wall[child] // 2 >= offset[row]]
        for child in mine:
            found[child] = row
        if mine:
            waiting[name] = [child for child in waiting[name] if found[child] is None]
        around = parent[row]
        if around is not None:
            waiting.setdefault(around, []).append(row)
    return found
