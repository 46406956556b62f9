from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.gating.accuracy import judge_accuracy
from pytest_vizart.gating.limits import AccuracyLimit
from pytest_vizart.records.baseline import AccuracyBaseline
from pytest_vizart.records.outcome import ErrorItem, Outcome
from pytest_vizart.records.score import Counts, MetricInfo, Score


def chamfer(value):
    return Score("merge", "cloud", "chamfer", {"chamfer": value}, Counts(), info={"chamfer": MetricInfo("lower", "m")})


def of_classes(**per_class):
    return Score("detect", "boxes", "map", {"map": 0.8}, Counts(), per_class=per_class)


def judged(score, *limits, outcomes=(), baseline=None):
    return judge_accuracy("t", [score], list(outcomes), baseline, limits)


def bound(verdicts, metric):
    (verdict,) = [each for each in verdicts if each.metric == metric and each.limit is not None]
    return verdict


@pytest.mark.parametrize("value, status, sign", [(0.05, "pass", "<="), (0.0501, "fail", ">"), (0.0, "pass", "<=")])
def test_where_lower_is_better_the_limit_is_a_ceiling(value, status, sign):
    verdict = bound(judged(chamfer(value), AccuracyLimit("merge", {"chamfer": 0.05})), "chamfer")
    assert (verdict.status, verdict.limit, verdict.value) == (status, 0.05, value)
    assert verdict.message == f"merge chamfer {value:g} {sign} 0.05, its ceiling"


@pytest.mark.parametrize("now, status", [(0.0509, "pass"), (0.0511, "fail"), (0.01, "pass")])
def test_where_lower_is_better_a_rise_is_a_drop(now, status):
    baseline = AccuracyBaseline("0123456789ab", "main", None, {"merge": {"chamfer": 0.05}}, {}, {})
    verdict = bound(judged(chamfer(now), baseline=baseline), "chamfer")
    assert (verdict.status, round(verdict.limit, 6)) == (status, 0.051)
    if status == "fail":
        assert "0.0011 above 0.05 of baseline run 01234567 of main; at most 0.001 higher is allowed" in verdict.message


def test_the_tolerance_of_large_values_is_relative():
    info = {"psnr_db": MetricInfo("higher", "dB")}
    baseline = AccuracyBaseline("0123456789ab", "main", None, {"blur": {"psnr_db": 40.0}}, {}, {})
    statuses = [
        bound(judged(Score("blur", "image", "psnr_db", {"psnr_db": now}, Counts(), info=info), baseline=baseline),
              "psnr_db").status
        for now in (39.961, 39.959)
    ]  # fmt: skip
    assert statuses == ["pass", "fail"]


@pytest.mark.parametrize("value, status", [(0.5, "pass"), (0.4999, "fail")])
def test_a_limit_of_a_class(value, status):
    score = of_classes(coin={"ap_50": 0.9}, key={"ap_50": value})
    verdict = bound(judged(score, AccuracyLimit("detect", per_class={"key": {"ap_50": 0.5}})), "ap_50 of class key")
    assert (verdict.status, verdict.value) == (status, value)
    assert verdict.message.startswith("detect ap_50 of class key 0.")


def test_a_limit_of_every_class_and_one_that_names_it():
    score = of_classes(coin={"ap_50": 0.9}, key={"ap_50": 0.4})
    limit = AccuracyLimit("detect", per_class={"*": {"ap_50": 0.8}, "key": {"ap_50": 0.3}})
    verdicts = judged(score, limit)
    assert bound(verdicts, "ap_50 of class key").status == "pass"
    assert bound(verdicts, "ap_50 of class coin").limit == 0.8


def test_a_limit_of_a_class_that_does_not_occur_fails_and_names_the_near_one():
    verdicts = judged(of_classes(coin={"ap_50": 0.9}), AccuracyLimit("detect", per_class={"coins": {"ap_50": 0.5}}))
    (verdict,) = [each for each in verdicts if each.metric == "class coins"]
    assert verdict.status == "fail"
    assert verdict.message.endswith("which does not occur; there are coin; did you mean coin?")


def test_a_metric_that_is_not_measured_of_a_class_fails():
    verdicts = judged(of_classes(coin={"ap_50": 0.9}), AccuracyLimit("detect", per_class={"coin": {"iou": 0.5}}))
    (verdict,) = [each for each in verdicts if each.metric == "iou of class coin"]
    assert (verdict.status, verdict.message) == ("fail", "detect does not measure iou of class coin; measured: ap_50")


def test_the_samples_of_a_failed_class_are_those_with_an_error_of_it():
    outcomes = [
        Outcome("a", "detect", "boxes", "wrong", score=0.5, errors=(ErrorItem("Miss", 0.5, truth="coin"),)),
        Outcome("b", "detect", "boxes", "wrong", score=0.1, errors=(ErrorItem("Miss", 0.5, truth="key"),)),
    ]
    score = of_classes(coin={"ap_50": 0.4}, key={"ap_50": 0.9})
    verdicts = judged(score, AccuracyLimit("detect", per_class={"coin": {"ap_50": 0.5}}), outcomes=outcomes)
    assert bound(verdicts, "ap_50 of class coin").samples == ("a",)


@pytest.mark.parametrize("value, status", [(0.6, "pass"), (0.59, "fail")])
def test_a_limit_of_a_tag_names_its_samples(value, status):
    score = Score("detect", "boxes", "map", {"map": 0.8}, Counts(), per_tag={"night": {"map": value}})
    outcomes = [
        Outcome("a", "detect", "boxes", "wrong", score=0.5, tags=("night",)),
        Outcome("b", "detect", "boxes", "wrong", score=0.1, tags=("day",)),
    ]
    verdict = bound(
        judged(score, AccuracyLimit("detect", per_tag={"night": {"map": 0.6}}), outcomes=outcomes), "map of tag night"
    )
    assert (verdict.status, verdict.samples) == (status, () if status == "pass" else ("a",))


BEFORE = AccuracyBaseline(
    "0123456789ab", "main", None, {"detect": {"map": 0.8}}, {"detect": {"a": "correct", "b": "wrong"}},
    {"detect": {"a": "d", "b": "d"}}, {"detect": {"b": ["coin 0 0 9 9"]}}, {"detect": {}},
)  # fmt: skip
SCORE = Score("detect", "boxes", "map", {"map": 0.8}, Counts())


def boxes(sample, missed=(), spare=(), digest="d", status="wrong"):
    measures = {"misses": float(len(missed))}
    return Outcome(
        sample, "detect", "boxes", status, label_digest=digest, missed=missed, false_positives=spare, measures=measures
    )


def test_a_stage_without_objects_has_no_limit_of_objects():
    outcomes = [Outcome("a", "detect", "semantic", "correct", label_digest="d", measures={"mean_iou": 1.0})]
    verdicts = judged(SCORE, AccuracyLimit("detect", max_newly_missed=0), outcomes=outcomes, baseline=BEFORE)
    (verdict,) = [each for each in verdicts if each.metric == "newly_missed"]
    assert (verdict.status, verdict.message) == (
        "fail", "detect has no objects to count, but a limit of newly missed objects"
    )  # fmt: skip


@pytest.mark.parametrize("value, status", [(0.4, "pass"), (0.6, "fail")])
def test_a_figure_of_a_class_may_be_one_of_which_less_is_better(value, status):
    score = Score("detect", "boxes_3d", "map_distance", {"map_distance": 0.8}, Counts(),
                  per_class={"car": {"ate": value}}, info={"ate": MetricInfo("lower", "m")})  # fmt: skip
    verdict = bound(judged(score, AccuracyLimit("detect", per_class={"car": {"ate": 0.5}})), "ate of class car")
    assert verdict.status == status


def test_limits_of_classes_without_a_stage_hold_where_they_are_measured():
    scores = [of_classes(coin={"ap_50": 0.4}), Score("segment", "semantic", "mean_iou", {"mean_iou": 1.0}, Counts(),
              per_class={"coin": {"iou": 1.0}})]  # fmt: skip
    verdicts = judge_accuracy("t", scores, [], None, [AccuracyLimit(per_class={"coin": {"ap_50": 0.5}})])
    assert [(each.stage, each.metric) for each in verdicts if each.status == "fail"] == [
        ("detect", "ap_50 of class coin")
    ]
    verdicts = judge_accuracy("t", scores, [], None, [AccuracyLimit(per_class={"coins": {"ap_50": 0.5}})])
    (verdict,) = [each for each in verdicts if each.status == "fail"]
    assert verdict.message == "ap_50 of class coins has a limit, but no stage measures it; there are coin"


@pytest.mark.parametrize("stage", [None, "detect"])
def test_a_limit_of_every_tag_where_there_is_none_fails(stage):
    verdicts = judged(SCORE, AccuracyLimit(stage, per_tag={"*": {"map": 0.5}}))
    assert [each.status for each in verdicts if "tag" in each.metric] == ["fail"]


@pytest.mark.parametrize("allowed, status", [(2, "pass"), (1, "fail")])
def test_objects_newly_missed(allowed, status):
    outcomes = [boxes("a", ("coin 5 5 9 9",)), boxes("b", ("coin 0 0 9 9", "coin 20 0 29 9"))]
    limit = AccuracyLimit("detect", max_newly_missed=allowed)
    verdict = bound(judged(SCORE, limit, outcomes=outcomes, baseline=BEFORE), "newly_missed")
    assert (verdict.status, verdict.value) == (status, 2.0)
    assert verdict.message.startswith("detect 2 newly missed objects on a, b")


@pytest.mark.parametrize("allowed, status", [(1, "pass"), (0, "fail")])
def test_new_false_positives(allowed, status):
    outcomes = [boxes("a", status="correct"), boxes("b", ("coin 0 0 9 9",), ("key 0 0 3 3",))]
    limit = AccuracyLimit("detect", max_new_false_positives=allowed)
    verdict = bound(judged(SCORE, limit, outcomes=outcomes, baseline=BEFORE), "new_false_positives")
    assert (verdict.status, verdict.value) == (status, 1.0)


def test_objects_of_a_sample_with_another_label_are_not_compared():
    outcomes = [boxes("a", ("coin 5 5 9 9",), digest="other")]
    limit = AccuracyLimit("detect", max_newly_missed=0)
    (verdict,) = [
        each for each in judged(SCORE, limit, outcomes=outcomes, baseline=BEFORE) if each.metric == "newly_missed"
    ]
    assert verdict.status == "inconclusive"
    assert "no sample's objects can be compared" in verdict.message


def test_a_baseline_of_an_older_version_tells_nothing_of_objects():
    before = replace(BEFORE, missed={"detect": {"b": None}}, false_positives={"detect": {"b": None}})
    outcomes = [boxes("b", ("coin 0 0 9 9",), ("key 0 0 3 3",))]
    limit = AccuracyLimit("detect", max_newly_missed=0, max_new_false_positives=0)
    verdicts = {each.metric: each.status for each in judged(SCORE, limit, outcomes=outcomes, baseline=before)}
    assert (verdicts["newly_missed"], verdicts["new_false_positives"]) == ("inconclusive", "inconclusive")


def test_newly_wrong_is_also_counted_in_objects():
    outcomes = [boxes("a", ("coin 5 5 9 9",)), boxes("b", (), ("key 0 0 3 3",))]
    (verdict,) = [each for each in judged(SCORE, outcomes=outcomes, baseline=BEFORE) if each.metric == "newly_wrong"]
    assert "in objects: 1 newly missed, 1 newly found, 1 new false positives" in verdict.message


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"per_class": {"coin": {"ap50": 0.5}}}, r"per_class\['coin'\]: unknown argument.*did you mean ap_50"),
        ({"per_class": {"coin": 0.5}}, r"per_class\['coin'\]: not a value it takes.*write per_class="),
        ({"per_class": {"coin": {"ap_50": 50}}}, r"\['ap_50'\]: not a value it takes; expected a number from 0 to 1"),
        ({"per_tag": {}}, "argument per_tag: not a value it takes"),
        ({"correct_when": "recall"}, "argument correct_when: not a rule"),
        ({"max_newly_missed": 1.5}, "argument max_newly_missed: not a value it takes"),
    ],
)
def test_what_a_marker_cannot_mean(arguments, message):
    with pytest.raises(UsageError, match=message):
        AccuracyLimit.from_marker((), arguments)


def test_rounding_is_no_failure():
    value = 0.9999999999999998
    score = Score("detect", "boxes", "map", {"map": value}, Counts())
    verdict = bound(judged(score, AccuracyLimit("detect", {"map": 1.0})), "map")
    assert (verdict.status, verdict.value, verdict.message) == ("pass", value, "detect map 1 >= 1, its floor")
    assert bound(judged(chamfer(0.05 + 1e-14), AccuracyLimit("merge", {"chamfer": 0.05})), "chamfer").status == "pass"
