from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_vizart.gating.limits import MemoryLimit
from pytest_vizart.gating.memory import judge_memory
from pytest_vizart.records.profile import Leak
from pytest_vizart.records.stage import MemoryStats, StageStats

EDGES = MemoryStats(before=120.0, after=100.0, growth=8.0)
DETECT = StageStats("detect", 10, 0, None, memory_mb=EDGES)
PEAKED = replace(DETECT, memory_mb=MemoryStats(120, 130, 8, peak=300, peak_exact=True, highest=425), gpu_mb=2_000.0)
UNMEASURED = StageStats("draw", 10, 0, None)
LEAK = Leak("cpu", 100.0, 90.0, 110.0, 160, found=True)


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


@pytest.mark.parametrize("metric, value", [("max_rss_mb", 425), ("max_peak_mb", 300), ("max_gpu_mb", 2_000)])
@pytest.mark.parametrize("apart, status", [(0.001, "pass"), (0, "pass"), (-0.001, "fail")])
@pytest.mark.parametrize("stage", ["detect", None])
def test_every_limit_at_both_sides(metric, value, apart, status, stage):
    (verdict,) = judge_memory("t", [PEAKED], [MemoryLimit(stage, **{metric: value + apart})])
    assert (verdict.status, verdict.metric, verdict.stage, verdict.value) == (status, metric, "detect", value)


def test_the_message_has_value_and_limit():
    (verdict,) = judge_memory("t", [DETECT], [MemoryLimit("detect", max_rss_mb=100)])
    assert verdict.message == "detect resident memory 120.0 MB > 100 MB, 20 MB over"
    assert (verdict.value, verdict.limit, verdict.effect) == (120.0, 100, 20.0)


@pytest.mark.parametrize(
    "limit, said",
    [
        (MemoryLimit(max_peak_mb=500), "detect memory peak 300.0 MB <= 500 MB"),
        (MemoryLimit(max_peak_mb=200), "detect memory peak 300.0 MB > 200 MB, 100 MB over"),
        (MemoryLimit(max_gpu_mb=1_500), "detect GPU memory 2000.0 MB > 1500 MB, 500 MB over"),
        (MemoryLimit(max_peak_mb=299.99), "detect memory peak 300.0 MB > 299.99 MB, 0.01 MB over"),
    ],
)
def test_messages(limit, said):
    assert [verdict.message for verdict in judge_memory("t", [PEAKED], [limit])] == [said]


def test_a_sampled_peak_fails_over_the_limit_and_says_so_under_it():
    sampled = replace(PEAKED, memory_mb=MemoryStats(120, 130, 8, peak=300, peak_exact=False, highest=420))
    (over,) = judge_memory("t", [sampled], [MemoryLimit(max_peak_mb=299)])
    (under,) = judge_memory("t", [sampled], [MemoryLimit(max_peak_mb=301)])
    assert (over.status, under.status) == ("fail", "pass")
    assert under.message == "detect memory peak 300.0 MB <= 301 MB; sampled: a short peak may be missed"
    assert "sampled" not in over.message


@pytest.mark.parametrize(
    "limit, hint",
    [
        (MemoryLimit(max_rss_mb=100), "--vizart-profile=detailed"),
        (MemoryLimit("draw", max_growth_mb=100), "--vizart-profile=detailed"),
        (MemoryLimit("draw", max_peak_mb=100), "vizart doctor"),
        (MemoryLimit("draw", max_gpu_mb=100), "what torch allocates on a CUDA device"),
    ],
)
def test_a_limit_on_what_was_not_measured_fails(limit, hint):
    (verdict,) = judge_memory("t", [UNMEASURED], [limit])
    assert verdict.status == "fail"
    assert "is not measured, but limited to 100 MB; hint: " in verdict.message
    assert hint in verdict.message


def test_a_peak_is_not_measured_where_only_the_edges_are():
    (verdict,) = judge_memory("t", [DETECT], [MemoryLimit("detect", max_peak_mb=1_000)])
    assert verdict.status == "fail"


def test_a_limit_for_every_stage_is_inconclusive_where_only_others_are_measured():
    held, unheld = judge_memory("t", [PEAKED, UNMEASURED], [MemoryLimit(max_gpu_mb=3_000)])
    assert (held.status, unheld.status, unheld.stage) == ("pass", "inconclusive", "draw")
    assert unheld.message == "draw GPU memory is not measured, but limited to 3000 MB; other stages are held to it"
    limits = [MemoryLimit(max_gpu_mb=3_000), MemoryLimit("draw", max_gpu_mb=100)]
    assert [verdict.status for verdict in judge_memory("t", [PEAKED, UNMEASURED], limits)] == ["pass", "fail"]


def test_a_limit_on_a_stage_that_did_not_run_fails():
    (verdict,) = judge_memory("t", [DETECT], [MemoryLimit("detct", max_rss_mb=100)])
    assert verdict.status == "fail"
    assert "stages that ran: detect" in verdict.message


def test_without_limits_nothing_is_judged():
    assert judge_memory("t", [DETECT], [], [LEAK]) == []


# --- leaks


@pytest.mark.parametrize("limit_mb, status", [(10.001, "pass"), (10, "pass"), (9.999, "fail")])
@pytest.mark.parametrize("stage", ["detect", None])
def test_a_leak_is_limited_per_100_samples(limit_mb, status, stage):
    (verdict,) = judge_memory("t", [DETECT], [MemoryLimit(stage, max_leak_mb=limit_mb)], [LEAK])
    assert (verdict.status, verdict.metric, verdict.value, verdict.limit) == (status, "max_leak_mb", 10.0, limit_mb)
    assert verdict.stage == (stage or "(all)")
    assert verdict.interval == (9.0, 11.0)


@pytest.mark.parametrize(
    "leak, limit, status, said",
    [
        (LEAK, MemoryLimit(max_leak_mb=1), "fail",
         "memory growth per 100 samples: 10 MB [9 .. 11] over 160 samples > 1 MB, 9 MB over"),
        (replace(LEAK, stage="detect"), MemoryLimit(max_leak_mb=1), "fail",
         "memory growth per 100 samples, most in detect: 10 MB [9 .. 11] over 160 samples > 1 MB, 9 MB over"),
        (LEAK, MemoryLimit("detect", max_leak_mb=1), "fail",
         "detect memory growth per 100 samples 10 MB [9 .. 11] over 160 samples > 1 MB, 9 MB over"),
        (replace(LEAK, resource="gpu"), MemoryLimit(max_leak_mb=1), "fail",
         "GPU memory growth per 100 samples: 10 MB [9 .. 11] over 160 samples > 1 MB, 9 MB over"),
        (replace(LEAK, low=-20.0, found=False), MemoryLimit(max_leak_mb=1), "pass",
         "memory growth per 100 samples: 10 MB [-2 .. 11] over 160 samples: not surely more than none"),
        (replace(LEAK, stage="draw"), MemoryLimit("detect", max_leak_mb=1), "pass",
         "detect memory growth per 100 samples 10 MB [9 .. 11] over 160 samples: most in draw"),
        (replace(LEAK, stage="detect"), MemoryLimit("detect", max_leak_mb=20), "pass",
         "detect memory growth per 100 samples 10 MB [9 .. 11] over 160 samples <= 20 MB"),
    ],
    ids=["unknown stage", "known stage", "stage with a limit", "gpu", "not sure", "another stage", "under the limit"],
)  # fmt: skip
def test_what_is_said_of_a_leak(leak, limit, status, said):
    cpu = [] if leak.resource == "cpu" else [replace(LEAK, found=False)]
    found = judge_memory("t", [DETECT, UNMEASURED], [limit], [*cpu, leak])
    assert (found[-1].status, found[-1].message) == (status, said)


def test_a_stage_with_a_limit_of_its_own_goes_by_that_alone():
    limits = [MemoryLimit(max_leak_mb=1), MemoryLimit("detect", max_leak_mb=20)]
    stages = [DETECT, UNMEASURED]
    known = judge_memory("t", stages, limits, [replace(LEAK, stage="detect")])
    assert [(verdict.stage, verdict.status) for verdict in known] == [("detect", "pass"), ("(all)", "pass")]
    unknown = judge_memory("t", stages, limits, [LEAK])
    assert [(verdict.stage, verdict.status) for verdict in unknown] == [("detect", "pass"), ("(all)", "fail")]


def test_the_closest_marker_wins():
    limits = [MemoryLimit(max_leak_mb=20), MemoryLimit(max_leak_mb=1)]
    (verdict,) = judge_memory("t", [DETECT], limits, [LEAK])
    assert (verdict.status, verdict.limit) == ("pass", 20)


@pytest.mark.parametrize("leaks", [[], [replace(LEAK, resource="gpu", found=False)]])
def test_too_few_samples_to_tell_a_leak_fail(leaks):
    *_, verdict = judge_memory("t", [DETECT], [MemoryLimit(max_leak_mb=1)], leaks)
    assert (verdict.status, verdict.stage, verdict.metric) == ("fail", "(all)", "max_leak_mb")
    assert "is not measured, but limited to 1 MB per 100 samples; hint: it takes 30 samples" in verdict.message
    assert "--vizart-passes" in verdict.message


def test_a_leak_limit_of_a_stage_that_did_not_run_fails_once():
    (verdict,) = judge_memory("t", [DETECT], [MemoryLimit("detct", max_leak_mb=1)], [LEAK])
    assert (verdict.status, verdict.metric) == ("fail", "presence")
