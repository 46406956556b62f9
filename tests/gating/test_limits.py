from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.gating.limits import (
    ARGUMENTS,
    AccuracyLimit,
    LatencyLimit,
    MemoryLimit,
    did_not_run,
    pick,
    stages_with_peak_limit,
    unknown_stages,
    usage,
)


def test_accuracy_takes_floors_by_metric_name():
    limit = AccuracyLimit.from_marker((), {"stage": "detect", "map_50": 0.8, "max_drop": 0.01, "max_newly_wrong": 0})
    assert limit == AccuracyLimit("detect", {"map_50": 0.8}, 0.01, 0)


def test_latency_and_memory_take_their_limits():
    assert LatencyLimit.from_marker((), {"stage": "detect", "p95_ms": 50, "max_slowdown": 0.05}) == LatencyLimit(
        "detect", None, 50.0, None, 0.05
    )
    assert MemoryLimit.from_marker((), {"max_rss_mb": 500}) == MemoryLimit(None, 500.0, None)
    given = {"stage": "detect", "max_growth_mb": 1, "max_peak_mb": 2, "max_leak_mb": 3, "max_gpu_mb": 4}
    assert MemoryLimit.from_marker((), given) == MemoryLimit("detect", None, 1.0, 2.0, 3.0, 4.0)
    assert LatencyLimit.from_marker((), {"min_per_second": 12}) == LatencyLimit(min_per_second=12.0)


def test_numpy_numbers_become_plain_ones():
    limit = AccuracyLimit.from_marker((), {"map": np.float32(0.5), "max_newly_wrong": np.int64(2)})
    assert type(limit.bounds["map"]) is float
    assert type(limit.max_newly_wrong) is int


@pytest.mark.parametrize(
    "kind, kwargs, place, hint",
    [
        (AccuracyLimit, {"map50": 0.8}, "vizart_accuracy", "map_50"),
        (LatencyLimit, {"p95": 50}, "vizart_latency", "p95_ms"),
        (LatencyLimit, {"max_slowdow": 0.1}, "vizart_latency", "max_slowdown"),
        (MemoryLimit, {"max_rss": 50}, "vizart_memory", "max_rss_mb"),
    ],
)
def test_an_unknown_argument_is_refused_with_the_one_that_was_meant(kind, kwargs, place, hint):
    with pytest.raises(UsageError) as caught:
        kind.from_marker((), kwargs)
    assert place in str(caught.value)
    assert caught.value.hint == f"did you mean {hint}?"


@pytest.mark.parametrize(
    "kind, name, value",
    [
        (AccuracyLimit, "map", 1.2),
        (AccuracyLimit, "map", -0.1),
        (AccuracyLimit, "map", True),
        (AccuracyLimit, "map", 10**400),
        (AccuracyLimit, "max_newly_wrong", 10**400),
        (LatencyLimit, "p95_ms", 10**400),
        (MemoryLimit, "max_rss_mb", -(10**400)),
        pytest.param(MemoryLimit, "max_rss_mb", 10**5_000, id="more digits than Python writes"),
        (AccuracyLimit, "map", "0.8"),
        (AccuracyLimit, "map", float("nan")),
        (AccuracyLimit, "max_newly_wrong", 1.5),
        (AccuracyLimit, "max_newly_wrong", True),
        (AccuracyLimit, "max_newly_wrong", -1),
        (AccuracyLimit, "stage", 3),
        (AccuracyLimit, "stage", ""),
        (LatencyLimit, "p95_ms", 0),
        (LatencyLimit, "p95_ms", -5),
        (LatencyLimit, "p95_ms", True),
        (LatencyLimit, "p95_ms", "50 ms"),
        (LatencyLimit, "p95_ms", float("inf")),
        (LatencyLimit, "max_slowdown", 5),
        (LatencyLimit, "max_slowdown", 0),
        (MemoryLimit, "max_rss_mb", 0),
        (MemoryLimit, "max_growth_mb", []),
        (MemoryLimit, "max_peak_mb", -1),
        (MemoryLimit, "max_leak_mb", 0),
        (MemoryLimit, "max_gpu_mb", True),
        (LatencyLimit, "min_per_second", 0),
        (LatencyLimit, "min_per_second", "12/s"),
        (LatencyLimit, "min_per_second", float("nan")),
    ],
)
def test_a_wrong_value_is_refused_by_its_argument_name(kind, name, value):
    with pytest.raises(UsageError) as caught:
        kind.from_marker((), {name: value})
    assert name in str(caught.value)
    assert caught.value.expected is not None


def test_a_slowdown_in_percent_is_told_to_be_a_fraction():
    with pytest.raises(UsageError, match=r"5 % is 0\.05"):
        LatencyLimit.from_marker((), {"max_slowdown": 5})


@pytest.mark.parametrize("kind", [AccuracyLimit, LatencyLimit, MemoryLimit])
def test_positional_arguments_are_refused(kind):
    with pytest.raises(UsageError, match='stage="detect"'):
        kind.from_marker(("detect",), {})


@pytest.mark.parametrize("kind", [AccuracyLimit, LatencyLimit, MemoryLimit])
def test_a_marker_that_limits_nothing_is_refused(kind):
    with pytest.raises(UsageError, match="limits nothing"):
        kind.from_marker((), {"stage": "detect"})


def test_of_the_whole_pipeline_only_its_slowdown_can_be_limited():
    assert LatencyLimit.from_marker((), {"stage": "(pipeline)", "max_slowdown": 0.1}).max_slowdown == 0.1
    for name in ("median_ms", "p95_ms", "p99_ms", "min_per_second"):
        with pytest.raises(UsageError, match=f"argument {name}: is not judged of the whole pipeline"):
            LatencyLimit.from_marker((), {"stage": "(pipeline)", "max_slowdown": 0.1, name: 5})


@pytest.mark.parametrize(
    "limits, stages",
    [
        ([], set()),
        ([MemoryLimit("detect", max_rss_mb=1), MemoryLimit(None, max_leak_mb=1)], set()),
        ([MemoryLimit("detect", max_peak_mb=1), MemoryLimit("draw", max_rss_mb=1)], {"detect"}),
        ([MemoryLimit("detect", max_peak_mb=1), MemoryLimit(None, max_peak_mb=1)], {"detect", None}),
    ],
)
def test_naming_a_peak_asks_for_the_exact_one(limits, stages):
    assert stages_with_peak_limit(limits) == stages


def test_a_limit_that_names_the_stage_wins_and_then_the_first():
    limits = [LatencyLimit(None, p95_ms=10), LatencyLimit("detect", p95_ms=20), LatencyLimit("detect", p95_ms=30)]
    assert pick(limits, "detect", lambda limit: limit.p95_ms) == 20
    assert pick(limits, "decode", lambda limit: limit.p95_ms) == 10
    assert pick(limits, "decode", lambda limit: limit.p99_ms) is None


def test_limits_of_one_stage_are_merged_by_argument():
    limits = [LatencyLimit("detect", p95_ms=20), LatencyLimit("detect", p99_ms=30)]
    assert pick(limits, "detect", lambda limit: limit.p99_ms) == 30


def test_a_stage_that_did_not_run_is_named_with_the_one_that_was_meant():
    assert unknown_stages([LatencyLimit("detct", p95_ms=1), LatencyLimit(None, p95_ms=1)], ["detect"]) == ["detct"]
    assert did_not_run("detct", ["decode", "detect"]).endswith("stages: decode, detect; did you mean detect?")
    assert did_not_run("detct", []).endswith("there are no stages")


@pytest.mark.parametrize("marker", list(ARGUMENTS))
def test_every_marker_can_be_described(marker):
    line = usage(marker)
    assert line.startswith(f"{marker}(stage=...")
    assert all(f"{argument.name}=..." in line for argument in ARGUMENTS[marker])
