from __future__ import annotations

import re

import pytest

from pytest_vizart.gating.latency import PIPELINE, judge_latency
from pytest_vizart.gating.limits import LatencyLimit
from pytest_vizart.gating.times import RunTimes


def by_stage(verdicts):
    return {verdict.stage: verdict for verdict in verdicts}


def test_an_unchanged_run_passes_at_every_stage_and_as_a_whole(make_run, four, history):
    verdicts = judge_latency("t", make_run("c", four), history, branch="main")
    assert [(each.stage, each.status) for each in verdicts] == [
        *((name, "pass") for name in four),
        (PIPELINE, "pass"),
    ]
    assert {each.metric for each in verdicts} == {"cpu"}


def test_one_slower_stage_is_suspect_and_only_that_one(make_run, four, history):
    verdicts = by_stage(judge_latency("t", make_run("c", {**four, "detect": 1.15}), history, branch="main"))
    assert {name for name, verdict in verdicts.items() if verdict.status != "pass"} == {"detect"}
    detect = verdicts["detect"]
    assert detect.status == "suspect"
    assert detect.effect == pytest.approx(0.15, abs=0.01)
    assert detect.interval is not None
    assert detect.interval[0] < detect.effect < detect.interval[1]
    assert detect.baseline["runs"] == 10
    assert detect.baseline["run_ids"] == [run.run_id for run in history]
    assert detect.value == pytest.approx(detect.baseline["value"] * 1.15, rel=0.02)


def test_the_sentence_says_effect_interval_clock_baseline_and_what_would_be_seen(make_run, four, history):
    message = by_stage(judge_latency("t", make_run("c", {**four, "detect": 1.15}), history, branch="main"))[
        "detect"
    ].message
    assert re.fullmatch(
        r"detect slower by 1[45]\.\d % \[1\d\.\d \.\. 1\d\.\d\], CPU; "
        r"10 baseline runs of main; would see >= \d\.\d % here",
        message,
    )


def test_a_faster_stage_passes_and_says_so(make_run, four, history):
    detect = by_stage(judge_latency("t", make_run("c", {**four, "detect": 0.8}), history))["detect"]
    assert detect.status == "pass"
    assert detect.effect == pytest.approx(-0.2, abs=0.01)
    assert detect.message.startswith("detect faster by ")


@pytest.mark.parametrize(
    "runs, unchanged, slower",
    [
        (0, "no-baseline", "no-baseline"),
        (1, "learning", "learning"),
        (4, "learning", "learning"),
        (5, "pass", "provisional"),
        (9, "pass", "provisional"),
        (10, "pass", "suspect"),
    ],
)
def test_how_much_history_there_is_decides_what_may_be_said(make_run, four, history, runs, unchanged, slower):
    part = history[:runs]
    assert by_stage(judge_latency("t", make_run("c", four), part))["detect"].status == unchanged
    slow = judge_latency("t", make_run("c", {**four, "detect": 1.3}), part)
    assert by_stage(slow)["detect"].status == slower


def test_only_the_last_ten_runs_count(make_run, four, history):
    old = [make_run(f"old-{number}", {**four, "detect": 3.0}) for number in range(10)]
    assert by_stage(judge_latency("t", make_run("c", four), [*old, *history]))["detect"].status == "pass"


def test_a_slowdown_below_the_users_own_limit_passes(make_run, four, history):
    slow = make_run("c", {**four, "detect": 1.08})
    assert by_stage(judge_latency("t", slow, history))["detect"].status == "suspect"
    held = by_stage(judge_latency("t", slow, history, [LatencyLimit("detect", max_slowdown=0.10)]))["detect"]
    assert held.status == "pass"
    assert held.limit == pytest.approx(0.10)


def test_a_slower_machine_is_not_blamed_on_the_code(make_run, four, history):
    assert {each.status for each in judge_latency("t", make_run("c", four, machine=1.4), history)} == {"pass"}


def test_a_slowdown_that_all_stages_share_is_seen_by_the_whole_pipelines_verdict(make_run, four, history):
    verdicts = by_stage(judge_latency("t", make_run("c", dict.fromkeys(four, 1.1)), history))
    assert verdicts[PIPELINE].status == "suspect"
    assert verdicts[PIPELINE].effect == pytest.approx(0.1, abs=0.01)


def test_with_two_stages_there_is_no_pipeline_verdict_and_the_stages_see_it_themselves(make_run):
    two = {"decode": 1.0, "detect": 1.0}
    history = [make_run(f"h{number}", two) for number in range(10)]
    verdicts = by_stage(judge_latency("t", make_run("c", dict.fromkeys(two, 1.1)), history))
    assert {name: each.status for name, each in verdicts.items()} == {"decode": "suspect", "detect": "suspect"}


def test_a_sleep_of_a_third_is_seen_though_cpu_time_is_unchanged(make_run, four, history):
    sleeps = make_run("c", four, stage_options={"detect": {"waits_ms": 0.75}})  # median stage: 2.5 ms
    detect = by_stage(judge_latency("t", sleeps, history))["detect"]
    assert (detect.status, detect.metric) == ("suspect", "wall")
    assert detect.effect == pytest.approx(0.3, abs=0.05)


def test_a_threaded_stage_goes_by_wall_time(make_run, four):
    options = {"detect": {"process_factor": 3.0}}
    history = [make_run(f"h{number}", four, stage_options=options) for number in range(10)]
    slow = make_run("c", {**four, "detect": 1.2}, stage_options=options)
    detect = by_stage(judge_latency("t", slow, history))["detect"]
    assert (detect.status, detect.metric) == ("suspect", "wall")


def test_wall_time_of_a_disturbed_machine_is_inconclusive_with_the_reason(make_run, make_stage, four, history):
    sleeps = make_run("c", four, stage_options={"detect": {"waits_ms": 0.75}})
    assert sleeps.calibration is not None
    cpu = sleeps.calibration.cpu_ns
    disturbed = RunTimes("c", sleeps.samples, 3, sleeps.stages, make_stage(cpu / 1e6, wall_factor=1.3))
    verdicts = by_stage(judge_latency("t", disturbed, history))
    assert verdicts["detect"].status == "inconclusive"
    assert "disturbed" in verdicts["detect"].message
    assert verdicts["decode"].status == "pass"


def test_disturbed_runs_of_the_history_are_no_baseline_for_wall_time(make_run, make_stage, four):
    options = {"detect": {"waits_ms": 1.0}}
    history = []
    for number in range(10):
        run = make_run(f"h{number}", four, stage_options=options)
        factor = 1.3 if number % 2 else 1.0
        calibration = make_stage(run.calibration.cpu_ns / 1e6, wall_factor=factor)
        history.append(RunTimes(run.run_id, run.samples, 3, run.stages, calibration))
    verdicts = by_stage(judge_latency("t", make_run("c", four, stage_options=options), history))
    assert verdicts["detect"].baseline["run_ids"] == ["h0", "h2", "h4", "h6", "h8"]
    assert verdicts["decode"].baseline["runs"] == 10


def test_level_basic_is_inconclusive_and_names_the_level(make_run, four):
    options = {name: {"has_cpu": False} for name in four}

    def basic(run_id, factors):
        run = make_run(run_id, factors, stage_options=options)
        return RunTimes(run_id, run.samples, 3, run.stages, None)

    verdicts = judge_latency("t", basic("c", four), [basic(f"h{number}", four) for number in range(10)])
    assert {each.status for each in verdicts} == {"inconclusive"}


def test_a_contended_run_is_not_judged(make_run, four, history):
    limits = [LatencyLimit("detect", p95_ms=0.001)]
    verdicts = judge_latency("t", make_run("c", {**four, "detect": 2.0}), history, limits, contended=True)
    assert {each.status for each in verdicts} == {"inconclusive"}


def test_a_new_stage_has_no_baseline_and_a_missing_one_is_said_to_be_gone(make_run, four, history):
    changed = {"decode": 1.0, "preprocess": 1.0, "detect": 1.0, "track": 1.0}
    verdicts = by_stage(judge_latency("t", make_run("c", changed), history))
    assert verdicts["track"].status == "no-baseline"
    assert "is new" in verdicts["track"].message
    assert (verdicts["postprocess"].status, verdicts["postprocess"].metric) == ("inconclusive", "presence")


def test_a_limit_on_a_stage_that_did_not_run_fails(make_run, four, history):
    verdicts = judge_latency("t", make_run("c", four), history, [LatencyLimit("detct", p95_ms=50)])
    assert [(each.stage, each.status) for each in verdicts if each.status != "pass"] == [("detct", "fail")]
    assert "did you mean detect?" in verdicts[0].message


def test_too_few_samples_are_inconclusive(make_run, four):
    history = [make_run(f"h{number}", four, samples=2) for number in range(10)]
    verdicts = judge_latency("t", make_run("c", four, samples=2), history)
    assert {each.status for each in verdicts} == {"inconclusive"}
    assert "2 samples, 3 are needed" in verdicts[0].message


def test_three_samples_are_enough(make_run, four):
    history = [make_run(f"h{number}", four, samples=3) for number in range(10)]
    slow = by_stage(judge_latency("t", make_run("c", {**four, "detect": 1.5}, samples=3), history))
    assert slow["detect"].status == "suspect"


def test_runs_with_other_samples_are_no_baseline(make_run, four, history):
    run = make_run("c", four)
    renamed = RunTimes("c", tuple(f"other_{name}" for name in run.samples), 3, run.stages, run.calibration)
    assert {each.status for each in judge_latency("t", renamed, history)} == {"inconclusive"}


def test_one_broken_run_of_the_history_does_not_shrink_the_pairing(make_run, four, history):
    broken = make_run("broken", four, samples=4)
    detect = by_stage(judge_latency("t", make_run("c", four), [*history[:9], broken]))["detect"]
    assert detect.baseline["runs"] == 9


def test_a_stage_of_fifty_microseconds_is_judged_and_one_of_two_is_not(make_run, four):
    for base_ms, status in ((0.02, "suspect"), (0.0005, "inconclusive")):
        history = [make_run(f"h{number}", four, base_ms=base_ms) for number in range(10)]
        verdicts = by_stage(judge_latency("t", make_run("c", {**four, "detect": 1.3}, base_ms=base_ms), history))
        assert verdicts["detect"].status == status


def test_constant_times_are_judged_by_the_floors(make_run, four):
    history = [make_run(f"h{number}", four, noise=0.0) for number in range(10)]
    for factor, status in ((1.0, "pass"), (1.015, "pass"), (1.03, "suspect")):
        run = make_run("c", {**four, "detect": factor}, noise=0.0)
        assert by_stage(judge_latency("t", run, history))["detect"].status == status


def test_without_calibration_the_other_stages_are_the_common_mode(make_run, four):
    history = [make_run(f"h{number}", four, calibrated=False) for number in range(10)]
    verdicts = by_stage(
        judge_latency("t", make_run("c", {**four, "detect": 1.2}, calibrated=False, machine=1.3), history)
    )
    assert verdicts["detect"].status == "suspect"
    assert verdicts["decode"].status == "pass"
    assert PIPELINE not in verdicts


def test_a_stage_outside_of_the_samples_is_recorded_not_compared(make_stage, make_run, four, history):
    run = make_run("c", four)
    loaded = RunTimes.from_columns("l", {"stage": ["load"], "sample_id": [None], "pass_index": [0], "wall_ns": [10**9]})
    both = RunTimes("c", loaded.samples, 1, loaded.stages, None)
    (verdict,) = judge_latency("t", both, [both] * 10)
    assert verdict.status == "no-baseline"
    assert "outside of the samples" in verdict.message
    assert run.samples


def test_a_run_without_spans_has_nothing_to_judge():
    assert judge_latency("t", RunTimes.from_columns("r", {"stage": []}), []) == []
