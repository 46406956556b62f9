from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.gating.budgets import judge_budgets
from pytest_vizart.gating.limits import LatencyLimit
from pytest_vizart.gating.times import RunTimes


@pytest.fixture
def run():
    wall_ms = [10.0] * 18 + [61.2, 70.0]
    return RunTimes.from_columns(
        "r",
        {
            "stage": ["detect"] * 20,
            "sample_id": [f"tile_{number:02}" for number in range(20)],
            "pass_index": [0] * 20,
            "wall_ns": [int(ms * 1e6) for ms in wall_ms],
        },
    )


def test_a_budget_that_is_kept_passes_with_its_value(run):
    (verdict,) = judge_budgets("t", run, [LatencyLimit("detect", median_ms=20)], contended=False)
    assert (verdict.status, verdict.metric, verdict.value, verdict.limit) == ("pass", "median_ms", 10.0, 20)


def test_a_budget_that_is_broken_names_the_samples_slowest_first(run):
    (verdict,) = judge_budgets("t", run, [LatencyLimit("detect", p95_ms=50)], contended=False)
    assert verdict.status == "fail"
    assert verdict.message == "detect p95 61.6 ms > 50 ms on tile_19, tile_18"
    assert verdict.samples == ("tile_19", "tile_18")


def test_percentiles_are_those_of_the_report(run):
    (verdict,) = judge_budgets("t", run, [LatencyLimit(p99_ms=1)], contended=False)
    assert verdict.value == pytest.approx(np.percentile([10.0] * 18 + [61.2, 70.0], 99))


def test_a_value_just_over_the_budget_does_not_read_as_equal(run):
    (verdict,) = judge_budgets("t", run, [LatencyLimit(median_ms=9.9999)], contended=False)
    assert "10 ms > 9.9999 ms" in verdict.message
    close = RunTimes.from_columns("r", {"stage": ["s"], "sample_id": ["a"], "pass_index": [0], "wall_ns": [50_010_000]})
    (verdict,) = judge_budgets("t", close, [LatencyLimit(median_ms=50)], contended=False)
    assert "50.01 ms > 50 ms" in verdict.message


def test_many_samples_are_counted_not_listed(run):
    (verdict,) = judge_budgets("t", run, [LatencyLimit(median_ms=1)], contended=False)
    assert verdict.message.endswith("and 15 more")
    assert len(verdict.samples) == 20


def test_a_stage_whose_every_span_raised_cannot_keep_a_budget():
    columns = {"stage": ["s"], "sample_id": ["a"], "pass_index": [0], "wall_ns": [5], "error": ["ValueError"]}
    (verdict,) = judge_budgets("t", RunTimes.from_columns("r", columns), [LatencyLimit(p95_ms=50)], contended=False)
    assert verdict.status == "fail"
    assert "no span of it ended without an error" in verdict.message
