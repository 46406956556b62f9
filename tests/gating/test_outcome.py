from __future__ import annotations

import pytest

from pytest_vizart.gating.latency import PIPELINE
from pytest_vizart.gating.outcome import coverage, failing, headline, section
from pytest_vizart.records.verdict import Verdict


def verdict(status, stage="detect", kind="latency", metric="cpu", **rest):
    return Verdict("t", stage, kind, metric, status, f"{stage} is {status}", **rest)


ALL = [verdict(s) for s in ("pass", "fail", "suspect", "inconclusive", "learning", "provisional", "no-baseline")]


@pytest.mark.parametrize(
    "gate, strict, statuses",
    [
        ("fail", False, ["fail"]),
        ("fail", True, ["fail", "suspect"]),
        ("warn", True, []),
        ("off", True, []),
    ],
)
def test_what_fails_the_test(gate, strict, statuses):
    assert [each.status for each in failing(ALL, gate=gate, strict=strict)] == statuses


def test_the_headline_is_the_first_failure_and_the_count_of_the_rest():
    assert headline([verdict("suspect"), verdict("fail", "decode")]) == "decode is fail (1 more check fails)"
    assert headline([verdict("suspect")]) == "detect is suspect (suspect)"
    assert "\n" not in headline(ALL)
    assert headline([]) == "nothing got worse"


def test_the_section_lists_every_verdict_its_samples_and_the_way_out():
    text = section([verdict("fail", samples=("tile_07", "tile_12"), baseline={"runs": 1})], run_id="abc")
    assert text.splitlines() == [
        "latency: detect is fail",
        "    tile_07",
        "    tile_12",
        "if the change is meant: vizart baseline accept abc",
    ]


def test_an_absolute_limit_cannot_be_accepted_away():
    assert "baseline accept" not in section([verdict("fail", metric="p95_ms")])
    assert section([]) == ""


def test_coverage_names_what_was_not_checked():
    verdicts = [
        verdict("pass", "decode"),
        verdict("fail", "decode", metric="p95_ms"),
        verdict("suspect"),
        verdict("no-baseline", "track"),
        verdict("learning", "blur"),
        verdict("inconclusive", "load"),
        verdict("inconclusive", "resize", metric="presence"),
        verdict("pass", PIPELINE),
        verdict("pass", kind="accuracy", metric="map"),
    ]
    assert coverage(verdicts).splitlines() == [
        "accuracy: 1 stage checked",
        "latency: 2 stages checked; 1 learning: blur; 1 without a baseline: track; 1 inconclusive: load; "
        "1 gone or unknown: resize",
    ]
    assert coverage([]) == ""
