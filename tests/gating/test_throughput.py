from __future__ import annotations

import pytest

from pytest_vizart.gating.limits import LatencyLimit
from pytest_vizart.gating.throughput import judge_throughput
from pytest_vizart.records.stage import StageStats

DETECT = StageStats("detect", 10, 0, None, per_second=12.5)
RAISED = StageStats("draw", 3, 3, None)


@pytest.mark.parametrize(
    "least, status, message",
    [
        (12.4, "pass", "detect throughput 12.5 items/s >= 12.4 items/s"),
        (12.5, "pass", "detect throughput 12.5 items/s >= 12.5 items/s"),
        (12.6, "fail", "detect throughput 12.5 items/s < 12.6 items/s"),
        (12.5001, "fail", "detect throughput 12.5 items/s < 12.5001 items/s"),
    ],
)
@pytest.mark.parametrize("stage", ["detect", None])
def test_both_sides_of_the_limit(least, status, message, stage):
    (verdict,) = judge_throughput("t", [DETECT], [LatencyLimit(stage, min_per_second=least)], contended=False)
    assert (verdict.status, verdict.message) == (status, message)
    assert (verdict.kind, verdict.metric, verdict.value, verdict.limit) == ("latency", "min_per_second", 12.5, least)


@pytest.mark.parametrize("least", [1, 100])
def test_beside_other_workers_it_is_not_judged(least):
    (verdict,) = judge_throughput("t", [DETECT], [LatencyLimit(min_per_second=least)], contended=True)
    assert verdict.status == "inconclusive"
    assert verdict.message == f"detect throughput 12.5 items/s, not held to {least}: measured beside other workers"


@pytest.mark.parametrize("contended", [True, False])
def test_a_stage_that_never_ended_well_cannot_keep_it(contended):
    (verdict,) = judge_throughput("t", [RAISED], [LatencyLimit("draw", min_per_second=1)], contended=contended)
    assert (verdict.status, verdict.value) == ("fail", None)
    assert "no span of it ended without an error" in verdict.message


def test_only_stages_with_a_limit_are_judged():
    assert judge_throughput("t", [DETECT, RAISED], [LatencyLimit("detect", p95_ms=5)], contended=False) == []
