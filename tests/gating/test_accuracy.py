from __future__ import annotations

import pytest
from scipy import stats

from pytest_vizart.gating.accuracy import judge_accuracy
from pytest_vizart.gating.flips import Flips, flips
from pytest_vizart.gating.limits import AccuracyLimit
from pytest_vizart.records.baseline import AccuracyBaseline
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.score import Counts, Score

SAMPLES = tuple(f"tile_{number:02}" for number in range(10))


def score(value=0.8, stage="detect", **metrics):
    return Score(stage, "boxes", "map", {"map": value, **metrics}, Counts())


def outcomes(wrong=(), stage="detect", samples=SAMPLES, invalid=(), digest="d"):
    status = {**dict.fromkeys(samples, "correct"), **dict.fromkeys(wrong, "wrong"), **dict.fromkeys(invalid, "invalid")}
    return [Outcome(sample, stage, "boxes", status[sample], label_digest=digest) for sample in samples]


@pytest.fixture
def baseline():
    return AccuracyBaseline(
        "0123456789ab", "main", "cafe" * 10, {"detect": {"map": 0.8, "map_50": 0.9}},
        {"detect": {**dict.fromkeys(SAMPLES, "correct"), "tile_09": "wrong"}}, {"detect": dict.fromkeys(SAMPLES, "d")},
    )  # fmt: skip


def one(verdicts, metric, *, against_baseline=None):
    found = [
        each
        for each in verdicts
        if each.metric == metric and (against_baseline is None or bool(each.baseline) is against_baseline)
    ]
    assert len(found) == 1, found
    return found[0]


def test_the_same_accuracy_passes(baseline):
    verdicts = judge_accuracy("t", [score()], outcomes(wrong=["tile_09"]), baseline)
    assert [(each.metric, each.status) for each in verdicts] == [("map", "pass"), ("newly_wrong", "pass")]
    assert verdicts[0].message == "detect map 0.8, the same as 0.8 of baseline run 01234567 of main at cafecafeca"


def test_without_a_baseline_nothing_is_compared_but_floors_hold():
    verdicts = judge_accuracy("t", [score(0.7)], outcomes(), None, [AccuracyLimit("detect", {"map": 0.75})])
    assert sorted(each.status for each in verdicts) == ["fail", "no-baseline"]


@pytest.mark.parametrize("value, status", [(0.75, "pass"), (0.7499, "fail"), (0.9, "pass"), (None, "fail")])
def test_a_floor(value, status):
    verdicts = judge_accuracy("t", [score(value)], [], None, [AccuracyLimit("detect", {"map": 0.75})])
    (verdict,) = [each for each in verdicts if each.limit == 0.75 or each.status == "fail"]
    assert (verdict.status, verdict.limit, verdict.value) == (status, 0.75, value)


def test_a_value_just_under_its_floor_does_not_read_as_equal():
    verdicts = judge_accuracy("t", [score(0.7499999)], [], None, [AccuracyLimit("detect", {"map": 0.75})])
    assert "0.7499999 < 0.75" in verdicts[0].message


def test_a_floor_on_what_the_stage_does_not_measure_fails_and_says_what_it_does():
    verdicts = judge_accuracy("t", [score()], [], None, [AccuracyLimit("detect", {"mean_iou": 0.5})])
    verdict = one(verdicts, "mean_iou")
    assert verdict.status == "fail"
    assert "measured: map" in verdict.message


def test_a_floor_without_a_stage_holds_where_its_metric_is_measured():
    scores = [score(0.7), Score("classify", "classes", "accuracy", {"accuracy": 0.9}, Counts())]
    verdicts = judge_accuracy("t", scores, [], None, [AccuracyLimit(None, {"map": 0.75})])
    assert [(each.stage, each.metric) for each in verdicts if each.status == "fail"] == [("detect", "map")]
    nowhere = judge_accuracy("t", scores, [], None, [AccuracyLimit(None, {"mean_iou": 0.75})])
    assert [each.metric for each in nowhere if each.status == "fail"] == ["mean_iou"]


def test_a_limit_on_a_stage_without_ground_truth_fails():
    verdicts = judge_accuracy("t", [score()], [], None, [AccuracyLimit("detct", max_newly_wrong=0)])
    assert one(verdicts, "presence").status == "fail"
    assert "did you mean detect?" in one(verdicts, "presence").message


@pytest.mark.parametrize(
    "value, max_drop, status",
    [
        (0.7995, None, "pass"),
        (0.7985, None, "fail"),
        (0.75, 0.05, "pass"),
        (0.7499, 0.05, "fail"),
        (0.7995, 0.0, "fail"),
    ],
)
def test_a_drop_beyond_the_tolerance_fails(baseline, value, max_drop, status):
    limits = [] if max_drop is None else [AccuracyLimit("detect", max_drop=max_drop)]
    verdict = one(judge_accuracy("t", [score(value)], outcomes(), baseline, limits), "map")
    assert verdict.status == status
    assert verdict.effect == pytest.approx(value - 0.8)
    assert verdict.baseline == {"runs": 1, "branch": "main", "run_ids": ["0123456789ab"], "value": 0.8}


def test_a_metric_with_a_floor_is_compared_with_the_baseline_too(baseline):
    limits = [AccuracyLimit("detect", {"map_50": 0.5})]
    verdicts = judge_accuracy("t", [score(0.8, map_50=0.85)], outcomes(), baseline, limits)
    assert one(verdicts, "map_50", against_baseline=False).status == "pass"
    assert one(verdicts, "map_50", against_baseline=True).status == "fail"


def test_more_newly_wrong_samples_than_allowed_fail_by_name(baseline):
    wrong = SAMPLES[:8]
    limits = [AccuracyLimit("detect", max_newly_wrong=7)]
    verdict = one(judge_accuracy("t", [score()], outcomes(wrong), baseline, limits), "newly_wrong")
    assert verdict.status == "fail"
    assert verdict.samples == wrong
    assert "tile_00, tile_01, tile_02, tile_03, tile_04 and 3 more" in verdict.message
    assert "7 allowed" in verdict.message
    allowed = one(
        judge_accuracy("t", [score()], outcomes(wrong), baseline, [AccuracyLimit(max_newly_wrong=8)]), "newly_wrong"
    )
    assert allowed.status == "pass"


def test_newly_fixed_samples_are_named_and_never_fail(baseline):
    verdict = one(
        judge_accuracy("t", [score()], outcomes(), baseline, [AccuracyLimit(max_newly_wrong=0)]), "newly_wrong"
    )
    assert verdict.status == "pass"
    assert "1 newly fixed: tile_09" in verdict.message


def test_a_changed_label_is_told_beside_the_sample(baseline):
    changed = [*outcomes(wrong=["tile_03"], samples=SAMPLES[:4], digest="other"), *outcomes(samples=SAMPLES[4:])]
    verdict = one(judge_accuracy("t", [score()], changed, baseline), "newly_wrong")
    assert "tile_03 (its label changed since the baseline)" in verdict.message
    same = one(judge_accuracy("t", [score()], outcomes(wrong=["tile_03"]), baseline), "newly_wrong")
    assert "label changed" not in same.message


def test_a_subset_of_the_samples_is_inconclusive_and_added_samples_have_no_baseline(baseline):
    subset = judge_accuracy("t", [score(0.5)], outcomes(samples=SAMPLES[:6]), baseline)
    assert one(subset, "map").status == "inconclusive"
    assert "4 of 10 samples" in one(subset, "map").message
    more = judge_accuracy("t", [score(0.5)], outcomes(samples=(*SAMPLES, "new")), baseline)
    assert one(more, "map").status == "no-baseline"


def test_a_metric_that_is_no_longer_defined_is_inconclusive(baseline):
    assert one(judge_accuracy("t", [score(None)], outcomes(), baseline), "map").status == "inconclusive"


def test_new_and_gone_stages_are_told(baseline):
    verdicts = judge_accuracy("t", [score(stage="segment")], outcomes(stage="segment"), baseline)
    assert [(each.stage, each.metric, each.status) for each in verdicts] == [
        ("segment", "map", "no-baseline"),
        ("detect", "presence", "inconclusive"),
    ]


def test_flips_count_invalid_as_wrong_and_leave_out_what_only_one_side_has(baseline):
    found = flips(outcomes(wrong=["tile_09", "new"], invalid=["tile_01"], samples=(*SAMPLES, "new")), baseline)
    assert found == {"detect": Flips(("tile_01",), (), compared=10, objects_compared=9)}
    assert flips(outcomes(), None) == {"detect": Flips()}


def test_unlabeled_samples_never_flip(baseline):
    assert flips([Outcome("tile_00", "detect", "boxes", "unlabeled")], baseline) == {"detect": Flips()}


@pytest.mark.parametrize("wrong, fixed", [(0, 0), (1, 0), (5, 0), (6, 0), (3, 3), (7, 2), (2, 9), (600, 500)])
def test_mcnemar_matches_the_exact_binomial_test(wrong, fixed):
    expected = stats.binomtest(wrong, wrong + fixed).pvalue if wrong + fixed else 1.0
    flipped = Flips(tuple(map(str, range(wrong))), tuple(map(str, range(fixed))))
    assert flipped.p_value == pytest.approx(expected)


@pytest.mark.parametrize("lost", [["tile_00"], ["tile_09"]])
def test_lost_labels_make_other_samples_and_nothing_is_compared(baseline, lost):
    rest = [sample for sample in SAMPLES if sample not in lost]
    unlabeled = [Outcome(sample, "detect", "boxes", "unlabeled") for sample in lost]
    now = [*outcomes(wrong=["tile_09"] if "tile_09" in rest else [], samples=rest), *unlabeled]
    verdict = one(judge_accuracy("t", [score(0.7)], now, baseline), "map")
    assert (verdict.status, "1 of 10 samples" in verdict.message) == ("inconclusive", True)


def test_a_sample_that_cannot_be_read_is_said_to_be_invalid(baseline):
    limits = [AccuracyLimit("detect", {}, max_newly_wrong=0)]
    verdict = one(
        judge_accuracy("t", [score()], outcomes(wrong=["tile_09"], invalid=["tile_01"]), baseline, limits),
        "newly_wrong",
    )
    assert "tile_01 (invalid:" in verdict.message
