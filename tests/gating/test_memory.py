from __future__ import annotations

import pytest

from pytest_vizart.gating.limits import MemoryLimit
from pytest_vizart.gating.memory import judge_memory
from pytest_vizart.records.score import MemoryStats, StageStats

DETECT = StageStats("detect", 10, 0, None, memory_mb=MemoryStats(before=120.0, after=100.0, growth=8.0))


@pytest.mark.parametrize(
    "limit, status",
    [
        (MemoryLimit("detect", max_rss_mb=120), "pass"),
        (MemoryLimit("detect", max_rss_mb=119), "fail"),
        (MemoryLimit(None, max_growth_mb=8), "pass"),
        (MemoryLimit(None, max_growth_mb=7.5), "fail"),
    ],
)
def test_limits_hold_the_largest_value(limit, status):
    (verdict,) = judge_memory("t", [DETECT], [limit])
    assert verdict.status == status


def test_the_message_has_value_and_limit():
    (verdict,) = judge_memory("t", [DETECT], [MemoryLimit("detect", max_rss_mb=100)])
    assert verdict.message == "detect resident memory 120.0 MB > 100 MB, 20 MB over"
    assert (verdict.value, verdict.limit, verdict.effect) == (120.0, 100, 20.0)


def test_a_limit_on_what_was_not_measured_fails():
    (verdict,) = judge_memory("t", [StageStats("detect", 10, 0, None)], [MemoryLimit(max_rss_mb=100)])
    assert verdict.status == "fail"
    assert "--vizart-profile=detailed" in verdict.message


def test_a_limit_on_a_stage_that_did_not_run_fails():
    (verdict,) = judge_memory("t", [DETECT], [MemoryLimit("detct", max_rss_mb=100)])
    assert verdict.status == "fail"
    assert "stages that ran: detect" in verdict.message


def test_without_limits_nothing_is_judged():
    assert judge_memory("t", [DETECT]) == []
