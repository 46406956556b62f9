"""Median, p95 and p99 of stages across runs, against numpy's."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.history.aggregates import (
    SPAN_COLUMNS,
    Percentiles,
    across_runs,
    across_spans,
    stages_of_spans,
)
from pytest_vizart.history.schema import TABLES
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.records.span import CALIBRATION_STAGE
from tests.history.builders import spans_of

NS = st.integers(min_value=0, max_value=10**13)


def stage_table(rows: list[dict[str, Any]]) -> pa.Table:
    filled = [{"spans": 1, "errors": 0, **row} for row in rows]
    schema = TABLES["stages"]
    return pa.table([pa.array([row.get(field.name) for row in filled], field.type) for field in schema], schema=schema)


def span_rows(rows: list[dict[str, Any]]) -> pa.Table:
    filled = [{"run_id": "r", "test_id": "t", "stage": "s", "warmup": False, "items": 1, **row} for row in rows]
    schema = pa.schema([TABLES["spans"].field(name) for name in SPAN_COLUMNS])
    return pa.table([pa.array([row.get(field.name) for row in filled], field.type) for field in schema], schema=schema)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(("x", "y", "z\x1b")), st.none() | NS), max_size=40))
def test_fr_007_median_p95_and_p99_per_stage_across_runs_are_numpys(rows: list[tuple[str, str, int | None]]) -> None:
    table = stage_table(
        [
            {"run_id": str(number), "test_id": test_id, "stage": stage, "wall_median_ns": value}
            for number, (test_id, stage, value) in enumerate(rows)
        ]
    )
    found = {(each.test_id, each.stage): each for each in across_runs(table)}
    tests = list(dict.fromkeys(test_id for test_id, _, _ in rows))
    pairs = dict.fromkeys((test_id, stage) for test_id, stage, _ in rows)
    assert list(found) == sorted(pairs, key=lambda pair: tests.index(pair[0]))
    for key, each in found.items():
        values = [value for test_id, stage, value in rows if (test_id, stage) == key]
        known = [value for value in values if value is not None]
        assert each.runs == len(values)
        if known:
            assert each.wall_ms is not None
            np.testing.assert_allclose(astuple(each.wall_ms), np.percentile(known, (50, 95, 99)) / 1e6, rtol=1e-12)
        else:
            assert each.wall_ms is None


def test_groups_with_too_large_numbers_for_one_key_are_sorted_too() -> None:
    rows = [{"run_id": str(n), "test_id": f"t{n % 5}", "stage": "s", "wall_median_ns": 2**62 - n} for n in range(20)]
    found = across_runs(stage_table(rows))
    assert [each.test_id for each in found] == ["t0", "t1", "t2", "t3", "t4"]
    assert all(each.wall_ms is not None and each.wall_ms.median > 4e12 for each in found)


def test_many_tests_and_runs_whose_names_come_in_any_order() -> None:
    rng = np.random.default_rng(7)
    tests, values = rng.integers(0, 300, 3_000), rng.integers(1, 10**9, 3_000)
    rows = [
        {"run_id": str(n), "test_id": f"t{t}", "stage": f"s{n % 3}", "wall_median_ns": int(v)}
        for n, (t, v) in enumerate(zip(tests, values, strict=True))
    ]
    for each in across_runs(stage_table(rows)):
        mine = [row["wall_median_ns"] for row in rows if row["test_id"] == each.test_id and row["stage"] == each.stage]
        assert each.wall_ms is not None
        np.testing.assert_allclose(astuple(each.wall_ms), np.percentile(mine, (50, 95, 99)) / 1e6)


def test_no_rows_are_no_stages() -> None:
    assert across_runs(stage_table([])) == across_spans(span_rows([])) == []
    assert stages_of_spans(span_rows([])).num_rows == 0


def test_fr_007_warm_up_errors_and_calibration_count_nowhere_in_the_times() -> None:
    table = span_rows(
        [
            {"wall_ns": 10**6, "cpu_ns": 9 * 10**5, "rss_before": 10**6, "rss_after": 3 * 10**6},
            {"wall_ns": 3 * 10**6, "run_id": "r2"},
            {"wall_ns": 10**12, "error": "ValueError"},
            {"wall_ns": 10**12, "warmup": True},
            {"wall_ns": 10**12, "stage": CALIBRATION_STAGE},
        ]
    )
    (only,) = across_spans(table)
    assert (only.stage, only.runs, only.spans, only.errors) == ("s", 2, 3, 1)
    assert only.wall_ms is not None
    assert only.wall_ms.median == 2.0
    assert only.cpu_ms == Percentiles(0.9, 0.9, 0.9)
    assert only.rss_mb == Percentiles(3.0, 3.0, 3.0)
    rows = {row["run_id"]: row for row in stages_of_spans(table).to_pylist()}
    assert (rows["r"]["spans"], rows["r"]["errors"], rows["r"]["wall_median_ns"]) == (2, 1, 10**6)
    assert rows["r2"]["cpu_median_ns"] is None


def test_a_stage_of_which_every_span_raised_has_no_times() -> None:
    (only,) = across_spans(span_rows([{"wall_ns": 5, "error": "X"}]))
    assert (only.spans, only.errors, only.wall_ms) == (1, 1, None)
    (row,) = stages_of_spans(span_rows([{"wall_ns": 5, "error": "X"}])).to_pylist()
    assert row["wall_median_ns"] is None


def test_stages_of_spans_are_those_of_the_statistics_that_new_runs_keep(tmp_path: Path) -> None:
    spans = spans_of({"decode": 1_000_000, "detect": 7_000_000}, tuple("abcdefg"))
    spans.wall_ns[3] = 9_000_000
    spans.rss_peak[3] = 3 * 10**8
    columns = {name: getattr(spans, name) for name in SPAN_COLUMNS if name not in ("run_id", "test_id")}
    table = span_rows([dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)])
    rows = stages_of_spans(table).to_pylist()
    for row, stats in zip(rows, stage_stats(spans), strict=True):
        assert stats.wall_ms is not None
        assert (row["stage"], row["spans"], row["items"]) == (stats.name, stats.spans, stats.items)
        times = [row[f"wall_{name}_ns"] / 1e6 for name in ("median", "p95", "p99", "min", "max")]
        np.testing.assert_allclose(times, astuple(stats.wall_ms), rtol=1e-6)
        assert stats.memory_mb is not None
        assert row["rss_highest"] / 1e6 == stats.memory_mb.highest
