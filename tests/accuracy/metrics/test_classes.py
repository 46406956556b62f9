"""Classification: every figure against scikit-learn, ranks, calibration, what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as oracle

from pytest_vizart.accuracy.metrics import compare, summarise, task_metric
from pytest_vizart.accuracy.metrics.classes import ClassMetric
from pytest_vizart.accuracy.predicted import ClassPrediction
from pytest_vizart.records.labels import ClassLabel
from tests.accuracy.problems import spec

SEVEN = spec("classes", list("abcdefg"))
THREE = spec("classes", ["a", "b", "c"])
Pairs = list[tuple[ClassLabel, ClassPrediction | None]]


def sure(*values: float) -> ClassPrediction:
    probabilities = np.array(values, dtype=np.float64)
    best = int(probabilities.argmax())
    return ClassPrediction(best, float(probabilities[best]), probabilities)


def problem(seed: int, samples: int = 60, classes: int = 7) -> tuple[NDArray[Any], NDArray[Any], Pairs]:
    generator = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(classes), generator.integers(0, classes, samples - classes)])
    scores = generator.random((samples, classes)) + np.eye(classes)[truth] * generator.random((samples, 1))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    return truth, probabilities, [(ClassLabel(int(t)), sure(*p)) for t, p in zip(truth, probabilities, strict=True)]


@pytest.mark.parametrize("seed", range(10))
def test_averages_equal_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth, predicted = generator.integers(0, 5, 40), generator.integers(1, 7, 40)
    found = summarise([(ClassLabel(int(t)), ClassPrediction(int(p))) for t, p in zip(truth, predicted)], SEVEN)  # noqa: B905
    for average, suffix in (("macro", ""), ("micro", "_micro"), ("weighted", "_weighted")):
        expected = oracle.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), expected[:3], strict=True):
            assert found[name + suffix] == pytest.approx(value, abs=1e-12)
    assert found["accuracy"] == oracle.accuracy_score(truth, predicted)


@pytest.mark.parametrize("seed", range(5))
def test_figures_of_probabilities_equal_scikit_learn(seed: int) -> None:
    truth, probabilities, pairs = problem(seed)
    found = summarise(pairs, SEVEN)
    assert found["top_3"] == oracle.top_k_accuracy_score(truth, probabilities, k=3)
    assert found["top_5"] == oracle.top_k_accuracy_score(truth, probabilities, k=5)
    assert found["log_loss"] == pytest.approx(oracle.log_loss(truth, probabilities), abs=1e-12)
    assert found["roc_auc"] == pytest.approx(oracle.roc_auc_score(truth, probabilities, multi_class="ovr"), abs=1e-12)
    one_hot = np.eye(7)[truth]
    assert found["average_precision"] == pytest.approx(
        oracle.average_precision_score(one_hot, probabilities, average="macro"), abs=1e-12
    )


def test_the_calibration_error_is_that_of_the_definition() -> None:
    truth, probabilities, pairs = problem(3)
    score, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    expected = 0.0
    for number in range(15):
        low, high = number / 15, (number + 1) / 15
        inside = [row for row in range(len(truth)) if low < score[row] <= high]
        if inside:
            expected += abs(score[inside].mean() - correct[inside].mean()) * len(inside) / len(truth)
    assert summarise(pairs, SEVEN)["ece"] == pytest.approx(expected, abs=1e-12)


def test_bins_hold_their_upper_edge_and_zero() -> None:
    metric = ClassMetric()
    pairs = [(ClassLabel(0), ClassPrediction(0, score)) for score in (0.0, 1 / 15, 0.07, 1.0)]
    details = metric.summarise([metric.tally(*pair, THREE) for pair in pairs], THREE).details
    assert [one["samples"] for one in details["reliability"]] == [2, 1, 1]
    assert details["reliability"][-1] == {"to": 1.0, "samples": 1, "score": 1.0, "accuracy": 1.0}


def test_per_class_and_confusion_tell_the_same_counts() -> None:
    metric = ClassMetric()
    pairs: Pairs = [
        (ClassLabel(0), ClassPrediction(0)),
        (ClassLabel(0), ClassPrediction(1)),
        (ClassLabel(1), ClassPrediction(1)),
        (ClassLabel(1), None),
    ]
    summary = metric.summarise([metric.tally(*pair, THREE) for pair in pairs], THREE)
    assert summary.per_class == {
        "a": {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2.0},
        "b": {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2.0},
    }
    assert summary.details["confusion"] == {
        "classes": ["a", "b", "c"], "matrix": [[1, 1, 0], [0, 1, 0], [0, 0, 0]], "missing": [0, 1, 0],
    }  # fmt: skip
    assert summary.costs == {"confused": 0.25}
    assert summary.notes == ("1 sample without a prediction counts as wrong, and not at all in ece",)


def test_a_missing_prediction_lowers_everything_that_it_can() -> None:
    pairs: Pairs = [(ClassLabel(0), sure(0.8, 0.1, 0.1)), (ClassLabel(1), sure(0.1, 0.8, 0.1)), (ClassLabel(1), None)]
    found = summarise(pairs, THREE)
    assert (found["accuracy"], found["recall_micro"], found["precision_micro"]) == (2 / 3, 2 / 3, 1.0)
    assert found["recall"] == 0.75
    assert found["ece"] == pytest.approx(0.2)
    assert found["log_loss"] == pytest.approx((-2 * np.log(0.8) - np.log(np.finfo(float).eps)) / 3)
    # Its probability of 0 puts it under one of the two negatives of "b", and beside none of the positives of "a".
    assert found["roc_auc"] == pytest.approx((1 + 0.5) / 2)
    assert summarise([(ClassLabel(0), None)], THREE)["accuracy"] == 0.0


def test_without_all_probabilities_there_is_no_ranking() -> None:
    pairs: Pairs = [(ClassLabel(0), sure(0.5, 0.3, 0.2)), (ClassLabel(0), ClassPrediction(0, 0.9))]
    metric = ClassMetric()
    summary = metric.summarise([metric.tally(*pair, THREE) for pair in pairs], THREE)
    for name in ("top_3", "top_5", "log_loss", "roc_auc", "average_precision"):
        assert summary.metrics[name] is None
    assert summary.metrics["ece"] == pytest.approx(0.3)
    assert "1 of 2 predictions came without the probabilities of all classes" in summary.notes[0]


def test_more_classes_than_are_ranked_keep_top_k_and_say_so() -> None:
    many = spec("classes", [str(number) for number in range(201)])
    metric = ClassMetric()
    scores = np.full(201, 0.001)
    scores[[5, 7]] = 0.5, 0.3
    tally = metric.tally(ClassLabel(7), ClassPrediction(5, 0.5, scores), many)
    assert (tally.rank, tally.probabilities) == (2, None)
    summary = metric.summarise([tally], many)
    assert (summary.metrics["top_3"], summary.metrics["roc_auc"]) == (1.0, None)
    assert summary.notes == ("over 200 classes: no roc_auc, average_precision",)
    assert summary.details["confusion"] == {"pairs": [["7", "5", 1]]}


def test_a_wrong_class_is_a_confused_pair() -> None:
    found = compare(ClassLabel(1), sure(0.2, 0.2, 0.6), THREE)
    assert (found.status, found.error_type, found.score, found.reason) == (
        "wrong",
        "confused",
        0.0,
        "predicted c, is b",
    )
    assert found.measures == {"correct": 0.0, "score": 0.6, "rank": 3.0, "true_probability": 0.2}
    (error,) = found.errors
    assert (error.kind, error.truth, error.predicted, error.severity) == ("confused", "b", "c", 0.6)
    assert compare(ClassLabel(0), ClassPrediction(2), THREE).errors[0].severity == 1.0
    assert compare(ClassLabel(0), ClassPrediction(2, -7.5), THREE).errors[0].severity == 0.0
    right = compare(ClassLabel(1), ClassPrediction(1), THREE)
    assert (right.status, right.measures, right.errors) == ("correct", {"correct": 1.0}, ())
    assert compare(ClassLabel(1), None, THREE).error_type == "no-prediction"


def test_of_equal_probabilities_the_first_class_ranks_first() -> None:
    even = sure(0.25, 0.375, 0.375)
    assert [compare(ClassLabel(index), even, THREE).measures["rank"] for index in range(3)] == [3, 1, 2]


def test_running_metrics_equal_those_at_the_end() -> None:
    _, _, pairs = problem(5)
    metric = ClassMetric()
    running, tallies = metric.running(SEVEN), []
    for pair in [*pairs, (ClassLabel(2), None)]:
        tallies.append(metric.tally(*pair, SEVEN))
        running.add(tallies[-1], metric.judge(tallies[-1], SEVEN))
    whole = metric.summarise(tallies, SEVEN).metrics
    assert running.values() == {name: whole[name] for name in running.values()}
    assert set(whole) - set(running.values()) == {"roc_auc", "average_precision"}


def test_curves_begin_and_end_where_they_must() -> None:
    metric = ClassMetric()
    _, _, pairs = problem(1, samples=500)
    curves = metric.summarise([metric.tally(*pair, SEVEN) for pair in pairs], SEVEN).details["curves"]
    assert list(curves) == list("abcdefg")
    for curve in curves.values():
        assert (curve["roc"][0], curve["roc"][-1]) == ([0, 0], [1, 1])
        assert (curve["pr"][0][0], curve["pr"][-1]) == (1, [0, 1])
        assert max(len(curve["roc"]), len(curve["pr"])) <= 101


def test_nothing_has_no_metrics() -> None:
    summary = ClassMetric().summarise([], THREE)
    assert set(summary.metrics.values()) == {None}
    assert (summary.per_class, summary.costs, summary.notes) == ({}, {}, ())
    assert list(summary.metrics) == list(ClassMetric().summarise([], THREE, full=False).metrics)


def test_the_digest_tells_probabilities_apart() -> None:
    digest = task_metric("classes").digest
    assert digest(sure(0.6, 0.3, 0.1)) != digest(sure(0.6, 0.1, 0.3))
    assert digest(sure(0.6, 0.3, 0.1)) == digest(sure(0.6, 0.3, 0.1))
