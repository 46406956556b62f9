"""How the figures of a test moved from run to run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pytest_vizart.history.aggregates import places_of_stages
from pytest_vizart.history.reader import History

_OF_STAGES = {
    "wall_ms": ("wall_median_ns", 1e6),
    "p95_ms": ("wall_p95_ns", 1e6),
    "cpu_ms": ("cpu_median_ns", 1e6),
    "rss_mb": ("rss_highest", 1e6),
    "peak_mb": ("rss_peak", 1e6),
    "gpu_mb": ("gpu_peak", 1e6),
}
_UNIT = re.compile("_(ns|us|ms|s|mb|bytes)$")
STAGE_FIGURES = tuple(_OF_STAGES)


@dataclass(frozen=True, slots=True)
class Point:
    """One figure of one run."""

    run_id: str
    started_at: str  # ISO 8601, UTC
    commit: str | None
    branch: str | None
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One figure over runs, oldest first. What depends on the machine is of one machine; `machine` is None otherwise.

    figure: wall_ms (median), p95_ms, cpu_ms, rss_mb, peak_mb, gpu_mb, the name of a metric, or that of a gauge.
    """

    test_id: str
    stage: str
    figure: str
    machine: str | None
    points: tuple[Point, ...]

    @property
    def change(self) -> float | None:
        """How much larger the last value is, as a share of the first one; None where that is zero."""
        first, last = self.points[0].value, self.points[-1].value
        return last / first - 1 if first else None


_Key = tuple[str, str, str, str | None]


def figure_of_column(name: str) -> str | None:
    """Return the figure that a column of the table `stages` holds, in whatever unit: wall_median_ns, wall_median_ms."""
    plain = _UNIT.sub("", name)
    return next((figure for figure, (column, _) in _OF_STAGES.items() if _UNIT.sub("", column) == plain), None)


def series(history: History, runs: pa.Table) -> list[Series]:
    """Return every figure of these runs as a series, figures of one test and stage beside each other.

    Args:
        runs: rows of the table `runs`, oldest first.
    """
    rows = {row["run_id"]: row for row in _run_rows(runs)}
    found: dict[_Key, list[Point]] = {}
    for run_id, of_stage, name, value, on_machine in _values(history, runs):
        row = rows.get(run_id)
        if row is None or value is None or not math.isfinite(value):
            continue
        key = (row["test_id"], of_stage, name, row["fingerprint"] if on_machine else None)
        point = Point(run_id, row["started_at"], row["commit"], row["branch"], value)
        found.setdefault(key, []).append(point)
    place = {run_id: position for position, run_id in enumerate(rows)}
    every = [
        Series(*key, tuple(sorted(points, key=lambda point: place[point.run_id]))) for key, points in found.items()
    ]
    places = places_of_stages((each.test_id, each.stage) for each in every)
    return sorted(every, key=lambda each: places[each.test_id, each.stage])


def _run_rows(runs: pa.Table) -> Sequence[Mapping[str, Any]]:
    rows: list[dict[str, Any]] = runs.select(
        ["run_id", "test_id", "started_at", "commit", "branch", "fingerprint"]
    ).to_pylist()
    for row in rows:
        row["started_at"] = "" if row["started_at"] is None else row["started_at"].isoformat()
    return rows


def _values(history: History, runs: pa.Table) -> Iterator[tuple[str, str, str, float | None, bool]]:
    """Run, stage, figure, value, and whether it depends on the machine."""
    only: dict[str, Any] = {"run_ids": runs["run_id"].cast(pa.string()).to_pylist()}
    columns = ("run_id", "stage", *(column for column, _ in _OF_STAGES.values()))
    for row in history.stages(**only, columns=columns).to_pylist():
        for figure, (column, unit) in _OF_STAGES.items():
            yield row["run_id"], row["stage"], figure, None if row[column] is None else row[column] / unit, True
    for row in history.accuracy(**only, columns=("run_id", "stage", "metric", "value")).to_pylist():
        yield row["run_id"], row["stage"], row["metric"], row["value"], False
    for run_id, gauges in gauge_means(history.measures(**only)).items():
        for (of_stage, name), value in gauges.items():
            yield run_id, of_stage, name, value, True


def gauge_means(measures: pa.Table) -> dict[str, dict[tuple[str, str], float]]:
    """Return the mean of each gauge by run, stage and name; what was read outside of all stages is of stage ""."""
    read: dict[str, dict[tuple[str, str], list[float]]] = {}
    for row in measures.select(["run_id", "stage", "name", "value", "kind", "warmup"]).to_pylist():
        if row["kind"] == "gauge" and not row["warmup"]:
            of_run = read.setdefault(row["run_id"], {})
            of_run.setdefault((row["stage"] or "", row["name"]), []).append(row["value"])
    return {
        run_id: {key: sum(values) / len(values) for key, values in gauges.items()} for run_id, gauges in read.items()
    }
