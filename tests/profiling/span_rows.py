"""Span tables with every column filled, from the few values that a test cares for."""

from __future__ import annotations

from typing import Any

from pytest_vizart.records.span import SPAN_COLUMNS, SpanTable

_USUAL: dict[str, Any] = {
    "parent_id": None, "stage": "detect", "parent": None, "process": 4_000, "sample_id": "a", "pass_index": 0,
    "warmup": False, "items": 1, "started_us": 1_700_000_000_000_000, "offset_ns": 0, "wall_ns": 1_000_000,
    "self_ns": 0,
}  # fmt: skip


def span_table(*rows: dict[str, Any]) -> SpanTable:
    """One span for each row; what a row does not give is usual, or not measured. Spans are numbered from 1.

    A row's `parent` follows from its `parent_id`.
    """
    full = [{**_USUAL, "span_id": number, **row} for number, row in enumerate(rows, 1)]
    stages = {row["span_id"]: row["stage"] for row in full}
    for row in full:
        row["parent"] = row["parent"] or stages.get(row["parent_id"])
        row["self_ns"] = row["self_ns"] or row["wall_ns"]
    return SpanTable(**{name: [row.get(name) for row in full] for name in SPAN_COLUMNS})


def one_after_another(*rows: dict[str, Any]) -> SpanTable:
    """The same, each span beginning when the one before it ended."""
    now, placed = 0, []
    for row in rows:
        placed.append({"offset_ns": now, **row})
        now += row.get("wall_ns", _USUAL["wall_ns"])
    return span_table(*placed)
