"""From imported runs to the rows of the stored tables."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from pytest_vizart.history.rows import as_table
from pytest_vizart.history.schema import TABLES
from pytest_vizart.workflow.importing.model import IMPORTED, SHORTEST_NS, ImportedRun, Timing

_SPACE = uuid.UUID("5b0f7a52-6d2e-5f0c-9c1e-0d1f6c1b7a3e")
_LONGEST_NS = 2**53
"""What a column of durations takes exactly: a hundred days."""


@dataclass(frozen=True, slots=True)
class Named:
    """A run with the ID that its content gives it: importing it again gives the same."""

    run_id: str
    run: ImportedRun


def named(form: str, runs: Iterable[ImportedRun]) -> dict[str, Named]:
    """Return the runs by ID; equal ones once."""
    found = (Named(str(uuid.uuid5(_SPACE, _content(form, run))), run) for run in runs)
    return {each.run_id: each for each in found}


def tables_of(form: str, runs: Sequence[Named]) -> tuple[str, dict[str, pa.Table]]:
    """Return the ID of the session that these runs make, and its tables; empty ones are left out."""
    session_id = str(uuid.uuid5(_SPACE, "\n".join(sorted(each.run_id for each in runs))))
    rows: dict[str, list[dict[str, Any]]] = {
        "runs": [_run_row(form, session_id, each) for each in runs],
        "stages": [row for each in runs for row in _stage_rows(each)],
        "spans": [row for each in runs for row in _span_rows(each)],
        "measures": [row for each in runs for row in _gauge_rows(each)],
    }
    return session_id, {name: _table(name, found) for name, found in rows.items() if found}


def _content(form: str, run: ImportedRun) -> str:
    timings = {stage: [timing.median_ns, timing.spans] for stage, timing in run.timings.items()}
    gauges = [[*key, value] for key, value in sorted(run.gauges.items())]
    who = [form, run.test_id, run.started_us, run.commit, run.branch, list(run.origin.facts)]
    return json.dumps([who, timings, gauges], sort_keys=True)


def _table(name: str, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as a stored table; what they do not have is null."""
    return as_table(name, {column: [row.get(column) for row in rows] for column in TABLES[name].names})


def _run_row(form: str, session_id: str, each: Named) -> dict[str, Any]:
    run, origin = each.run, each.run.origin
    rounds = max((timing.spans for timing in run.timings.values()), default=1)
    return {
        "run_id": each.run_id, "session_id": session_id, "test_id": run.test_id, "started_at": run.started_us,
        "finished_at": run.started_us, "status": "passed", "accepted": False, "accepted_latency": False,
        "not_accepted_because": f"imported from {form}", "partial": False, "contended": False, "samples": 0,
        "passes": rounds, "warmup": 0, "profile": IMPORTED, "fingerprint": _fingerprint(form, origin.facts),
        "cpu": origin.cpu, "cores": origin.cores, "memory_gb": origin.memory_gb, "system": origin.system,
        "python": origin.python, "libraries": json.dumps(dict(origin.libraries), sort_keys=True),
        "commit": run.commit, "branch": run.branch, "dirty": run.dirty,
        "version": form if run.version is None else f"{form} {run.version}",
    }  # fmt: skip


def _fingerprint(form: str, facts: Sequence[str]) -> str:
    """Never one of ours, which are 16 hexadecimal digits: what another program measured is compared with its own."""
    return f"imported-{blake2b(json.dumps([form, *facts]).encode(), digest_size=8).hexdigest()}"


def _stage_rows(each: Named) -> Iterator[dict[str, Any]]:
    for stage, timing in each.run.timings.items():
        if not _has_row(timing):
            continue
        p95_ns, p99_ns = (timing.p95_ns, timing.p99_ns)
        if timing.raw:
            p95_ns, p99_ns = np.percentile(timing.raw, (95, 99)).tolist()
        yield {
            "run_id": each.run_id, "test_id": each.run.test_id, "stage": stage, "spans": timing.spans, "errors": 0,
            "items": timing.spans, "wall_median_ns": _whole(timing.median_ns), "wall_p95_ns": _whole(p95_ns),
            "wall_p99_ns": _whole(p99_ns), "wall_min_ns": _whole(timing.min_ns), "wall_max_ns": _whole(timing.max_ns),
        }  # fmt: skip


def _span_rows(each: Named) -> Iterator[dict[str, Any]]:
    span_id, offset_ns = 0, 0
    for stage, timing in each.run.timings.items():
        for position, wall_ns in enumerate(_kept_rounds(timing) if offset_ns < _LONGEST_NS else ()):
            yield {
                "run_id": each.run_id, "test_id": each.run.test_id, "span_id": span_id, "stage": stage, "process": 0,
                "pass_index": position, "warmup": False, "items": 1, "wall_ns": wall_ns, "offset_ns": offset_ns,
                "started_us": each.run.started_us + offset_ns // 1_000,
            }  # fmt: skip
            span_id, offset_ns = span_id + 1, offset_ns + wall_ns


def _kept_rounds(timing: Timing) -> list[int]:
    if not _has_row(timing) or sum(timing.raw) >= _LONGEST_NS:
        return []
    return [round(value) for value in timing.raw]


def _gauge_rows(each: Named) -> Iterator[dict[str, Any]]:
    run = each.run
    short = {(stage, "ns"): timing.median_ns for stage, timing in run.timings.items() if not _has_row(timing)}
    for (stage, name), value in {**run.gauges, **short}.items():
        yield {
            "run_id": each.run_id, "test_id": run.test_id, "kind": "gauge", "name": name, "value": value,
            "stage": stage, "pass_index": 0, "warmup": False, "at_us": run.started_us,
        }  # fmt: skip


def _has_row(timing: Timing) -> bool:
    """Whether whole nanoseconds are fit for it."""
    return SHORTEST_NS <= timing.median_ns < _LONGEST_NS


def _whole(value_ns: float | None) -> int | None:
    return None if value_ns is None or not value_ns < _LONGEST_NS else round(value_ns)
