from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.accuracy import custom
from pytest_vizart.accuracy.custom import custom_metrics, register_metric
from pytest_vizart.accuracy.metric_names import METRICS
from pytest_vizart.accuracy.predicted import SemanticPrediction
from pytest_vizart.accuracy.scoring import StageScorer
from pytest_vizart.errors import PredictionError, UsageError
from pytest_vizart.gating.accuracy_limits import ACCURACY_ARGUMENTS
from pytest_vizart.records.labels import ClassMap, LabelSpec, SemanticLabels
from pytest_vizart.records.score import MetricInfo

SPEC = LabelSpec("segment", "semantic", ClassMap(("background", "coin"), (0, 1)))


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    monkeypatch.setattr(custom, "_registered", {})


def mask(*values):
    return np.array([values], dtype=np.int32)


def wrong_pixels(truth, prediction):
    return None if truth.mask[0, 0] == 0 else np.float32(np.count_nonzero(truth.mask != prediction.mask))


@pytest.mark.parametrize(
    "add_up, total", [("mean", 1.5), ("sum", 3.0), ("max", 2.0), ("min", 1.0), ("median", 1.5), (len, 2.0)]
)
def test_it_is_measured_on_each_sample_and_added_up(add_up, total):
    register_metric("wrong_px", task="semantic", direction="lower", unit="px", add_up=add_up)(wrong_pixels)
    scorer = StageScorer(SPEC)
    first = scorer.add("a", SemanticLabels(mask(1, 1, 1)), SemanticPrediction(mask(1, 1, 0)))
    scorer.add("b", SemanticLabels(mask(1, 1, 1)), SemanticPrediction(mask(0, 0, 1)))
    undefined = scorer.add("c", SemanticLabels(mask(0, 1, 1)), SemanticPrediction(mask(0, 0, 1)))
    score = scorer.score()
    assert score.metrics["wrong_px"] == total
    assert score.info["wrong_px"] == MetricInfo("lower", "px")
    assert score.direction("wrong_px") == "lower"
    assert first.measures["wrong_px"] == 1.0
    assert "wrong_px" not in undefined.measures


def test_it_can_decide_what_is_correct():
    register_metric("wrong_px", task="semantic", direction="lower")(wrong_pixels)
    spec = LabelSpec("segment", "semantic", SPEC.classes, correct_when="wrong_px <= 1")
    scorer = StageScorer(spec)
    assert scorer.add("a", SemanticLabels(mask(1, 1, 1)), SemanticPrediction(mask(1, 1, 0))).status == "correct"
    wrong = scorer.add("b", SemanticLabels(mask(1, 1, 1)), SemanticPrediction(mask(1, 0, 0)))
    assert (wrong.status, wrong.reason.split(";")[0]) == ("wrong", "wrong_px 2, not <= 1")


def test_it_holds_for_its_tasks_and_stage_only():
    register_metric("one", task=["semantic", "points"])(wrong_pixels)
    register_metric("two", task="boxes")(wrong_pixels)
    register_metric("three", task="semantic", stage="other")(wrong_pixels)
    assert [metric.name for metric in custom_metrics(SPEC)] == ["one"]


@pytest.mark.parametrize("value", [float("nan"), "much", float("inf"), [1, 2]])
def test_what_is_no_number_names_the_metric(value):
    register_metric("odd", task="semantic")(lambda truth, prediction: value)
    with pytest.raises(PredictionError, match=r"metric odd: a metric gave no finite number.*return None"):
        StageScorer(SPEC).add("a", SemanticLabels(mask(1)), SemanticPrediction(mask(1)))


def test_what_the_users_function_raises_is_its_own():
    register_metric("broken", task="semantic")(lambda truth, prediction: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        StageScorer(SPEC).add("a", SemanticLabels(mask(1)), SemanticPrediction(mask(1)))


@pytest.mark.parametrize(
    "arguments, place",
    [
        ({"name": "Edge Error", "task": "semantic"}, "name"),
        ({"name": "edge", "task": "segmentation"}, "task"),
        ({"name": "edge", "task": []}, "task"),
        ({"name": "edge", "task": "semantic", "direction": "down"}, "direction"),
        ({"name": "edge", "task": "semantic", "add_up": "average"}, "add_up"),
        ({"name": "map_50", "task": "boxes"}, "name"),
        ({"name": "stage", "task": "boxes"}, "name"),
    ],
)
def test_what_cannot_be_meant(arguments, place):
    with pytest.raises(UsageError, match=f"^{place}: not a metric"):
        register_metric(**arguments)


@pytest.mark.parametrize(
    "add_up, problem",
    [
        (lambda values: 1 / 0, "add_up raised ZeroDivisionError"),
        (lambda values: None, "add_up raised TypeError"),
        (lambda values: float("nan"), "add_up gave nan, no finite number"),
    ],
)
def test_what_cannot_be_added_up_is_told_and_is_no_figure(add_up, problem):
    register_metric("wrong_px", task="semantic", add_up=add_up)(wrong_pixels)
    scorer = StageScorer(SPEC)
    scorer.add("a", SemanticLabels(mask(1, 1, 1)), SemanticPrediction(mask(1, 1, 0)))
    score = scorer.score()
    assert score.metrics["wrong_px"] is None
    assert [note for note in score.notes if note.startswith(f"metric wrong_px: {problem}")] != []


def test_reserved_names_are_the_arguments_of_the_marker():
    names = {argument.name for argument in ACCURACY_ARGUMENTS}
    assert set(custom.RESERVED) == names - set(METRICS)
