"""What somebody decided of runs, by hand, and working it into their rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa

ACCEPTED_COLUMNS = ("accepted", "accepted_latency")


class Decision(NamedTuple):
    """Whether a run is a baseline from then on, and whether clean-ups leave it alone, as somebody decided by hand."""

    accepted: bool | None  # None: nothing was decided of that
    decided_us: int  # when, of the decision that holds
    pinned: bool = False


def latest_decisions(table: pa.Table) -> dict[str, Decision]:
    """Return by run ID what holds: the latest word on each question.

    Args:
        table: rows of `decisions`.
    """
    ordered = table.sort_by([("decided_at", "ascending")])
    columns = (
        ordered["run_id"].to_pylist(),
        ordered["accepted"].to_pylist(),
        ordered["decided_at"].cast("int64").to_pylist(),
        ordered["pinned"].to_pylist(),
    )
    found: dict[str, Decision] = {}
    for run_id, accepted, decided_us, pinned in zip(*columns, strict=True):
        earlier = found.get(run_id, Decision(None, decided_us))
        found[run_id] = Decision(
            accepted=earlier.accepted if accepted is None else accepted,
            # When a run was pinned is nobody's question; when it was accepted is the gate's.
            decided_us=earlier.decided_us if accepted is None else decided_us,
            pinned=earlier.pinned if pinned is None else pinned,
        )
    return found


def with_decisions(runs: pa.Table, decisions: Mapping[str, Decision]) -> pa.Table:
    """Return rows of `runs`, with `run_id` and `contended`, whose accepted columns tell what was decided."""
    accepted = {run_id: each.accepted for run_id, each in decisions.items() if each.accepted is not None}
    if not accepted or not accepted.keys() & (ids := runs["run_id"].to_pylist()):
        return runs
    contended = runs["contended"].to_pylist()
    for column in (name for name in ACCEPTED_COLUMNS if name in runs.column_names):
        values = [
            # Nobody can decide that times measured beside other workers are sound.
            accepted[run_id] and not (column == "accepted_latency" and beside) if run_id in accepted else value
            for run_id, value, beside in zip(ids, runs[column].to_pylist(), contended, strict=True)
        ]
        position = runs.schema.get_field_index(column)
        runs = runs.set_column(position, runs.schema.field(position), pa.array(values, pa.bool_()))
    return runs
