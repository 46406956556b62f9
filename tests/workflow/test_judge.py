"""Which runs a run is compared with, and what becomes of the verdicts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.gating.limits import AccuracyLimit, LatencyLimit, MemoryLimit
from pytest_vizart.history.reader import History
from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.writer import write_decision, write_tables
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.records.run import Code, RunResult
from pytest_vizart.records.score import Counts
from pytest_vizart.records.span import SpanTable
from pytest_vizart.settings import Settings
from pytest_vizart.workflow.judge import Limits, judge_run
from tests.history.builders import START_US, a_run, a_session, spans_of

SAMPLES = tuple(f"sample_{number}" for number in range(12))


def timed_run(run_id: str, number: int = 0, *, slow: float = 1.0, **changes: Any) -> RunResult:
    """Four stages and the calibration; every run is a little different, as on a real machine."""
    wobble = 1 + 0.002 * ((number * 7) % 5)
    times = {"(calibration)": 150_000, "decode": 400_000, "detect": 1_000_000 * slow, "draw": 700_000, "pack": 500_000}
    spans = spans_of({name: int(time * wobble) for name, time in times.items()}, SAMPLES)
    started_us = START_US + number * 1_000_000
    run = a_run(run_id, f"s-{run_id}", started_us=started_us, **changes)
    return replace(run, spans=spans, stages=stage_stats(spans))


def keep(output: Path, run: RunResult, **session: Any) -> None:
    owner = a_session(run.info.session_id, started_us=run.info.started_us, **session)
    write_tables(output, session_tables(owner, [run]), session_id=owner.session_id, started_us=owner.started_us)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Ten accepted runs of branch main on this machine."""
    for number in range(10):
        keep(tmp_path, timed_run(f"r{number}", number))
    return tmp_path


def judged(
    output: Path, run: RunResult, *, branch: str | None = "main", limits: Limits | None = None, **settings: Any
) -> RunResult:
    return judge_run(
        run,
        settings=Settings(rootdir=output, **settings),
        machine=a_session().machine,
        code=Code("abc", branch, False),
        limits=limits or Limits(),
        history=History(output),
    )


def latency_of(result: RunResult, stage: str = "detect") -> str:
    (verdict,) = [each for each in result.verdicts if each.kind == "latency" and each.stage == stage]
    return verdict.status


def test_an_unchanged_run_passes_and_is_accepted(output: Path) -> None:
    result = judged(output, timed_run("new", 11))
    assert latency_of(result) == "pass"
    assert (result.info.status, result.info.accepted, result.info.accepted_latency) == ("passed", True, True)


def test_a_slower_stage_is_suspect_and_bars_the_times_alone(output: Path) -> None:
    result = judged(output, timed_run("new", 11, slow=1.3))
    assert latency_of(result) == "suspect"
    assert (result.info.status, result.info.accepted, result.info.accepted_latency) == ("passed", True, False)
    assert "detect" in (result.info.not_accepted_because or "")


def test_a_suspect_fails_under_strict_and_is_no_baseline_at_all(output: Path) -> None:
    result = judged(output, timed_run("new", 11, slow=1.3), strict=True)
    assert (result.info.status, result.info.accepted, result.info.accepted_latency) == ("failed", False, False)


def test_runs_on_another_machine_are_no_baseline_of_latency(tmp_path: Path) -> None:
    other = replace(a_session().machine, fingerprint="other")
    for number in range(10):
        keep(tmp_path, timed_run(f"r{number}", number), machine=other)
    result = judged(tmp_path, timed_run("new", 11, slow=1.3))
    assert latency_of(result) == "no-baseline"
    assert any(each.kind == "accuracy" and each.status == "pass" for each in result.verdicts)


def test_runs_at_another_level_are_no_baseline_of_latency(output: Path) -> None:
    assert latency_of(judged(output, timed_run("new", 11, profile="basic"))) == "no-baseline"


def test_the_base_branch_decides_whose_runs_count(output: Path) -> None:
    slow = timed_run("new", 11, slow=1.3)
    assert latency_of(judged(output, slow, branch="feature")) == "suspect"
    assert latency_of(judged(output, slow, branch="feature", base="trunk")) == "no-baseline"


def test_an_accepted_run_starts_a_new_baseline(output: Path) -> None:
    slow = judged(output, timed_run("slow", 11, slow=1.3))
    keep(output, slow)
    write_decision(output, "slow", True, decided_us=START_US + 11_500_000)
    assert latency_of(judged(output, timed_run("new", 12, slow=1.3))) == "learning"


def test_accepting_an_older_run_leaves_out_what_came_between(output: Path) -> None:
    write_decision(output, "r3", True, decided_us=START_US + 50_000_000)
    result = judged(output, timed_run("new", 60))
    baselines = {tuple(each.baseline.get("run_ids", ())) for each in result.verdicts if each.kind == "accuracy"}
    assert baselines == {("r3",)}


def test_accepting_a_run_of_one_branch_leaves_the_others_baseline_alone(output: Path) -> None:
    keep(output, timed_run("f1", 11), code=Code("def", "feature", False))
    write_decision(output, "f1", True, decided_us=START_US + 20_000_000)
    assert latency_of(judged(output, timed_run("new", 30))) == "pass"


def test_nobody_can_accept_times_measured_beside_other_workers(output: Path) -> None:
    keep(output, timed_run("c1", 11, contended=True, accepted_latency=False))
    write_decision(output, "c1", True, decided_us=START_US + 20_000_000)
    row = next(row for row in History(output).runs().to_pylist() if row["run_id"] == "c1")
    assert (row["accepted"], row["accepted_latency"]) == (True, False)


def test_with_the_gate_off_nothing_is_judged_and_nothing_is_a_baseline(output: Path) -> None:
    result = judged(output, timed_run("new", 11, slow=2.0), gate="off")
    assert result.verdicts == ()
    assert (result.info.accepted, result.info.not_accepted_because) == (False, "the gate was off")


def test_limits_for_every_stage_fail_where_there_is_none(output: Path) -> None:
    limits = Limits(
        accuracy=(AccuracyLimit.from_marker((), {"max_newly_wrong": 0}),),
        latency=(LatencyLimit.from_marker((), {"p95_ms": 1}),),
        memory=(MemoryLimit.from_marker((), {"max_rss_mb": 1}),),
    )
    nothing = replace(timed_run("new", 11), spans=SpanTable(), stages=(), scores=(), outcomes=())
    result = judged(output, nothing, limits=limits)
    failed = {each.kind for each in result.verdicts if each.status == "fail" and each.metric == "presence"}
    assert failed == {"accuracy", "latency", "memory"}
    assert result.info.accepted is False


def test_a_floor_fails_a_subset_no_more_than_it_passes_it(output: Path) -> None:
    run = timed_run("new", 11, partial=True)
    worse = replace(run, scores=(replace(run.scores[0], metrics={"accuracy": 0.2}, counts=Counts(wrong=2)),))
    limits = Limits(accuracy=(AccuracyLimit.from_marker((), {"accuracy": 0.9}),))
    result = judged(output, worse, limits=limits)
    assert {each.status for each in result.verdicts if each.kind == "accuracy"} == {"inconclusive"}
    assert result.info.accepted is False
