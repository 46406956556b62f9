"""Correct or wrong, the metrics over all samples, and the pictures, by task."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from pytest_vizart.accuracy.metrics import compare, summarise, task_metric
from pytest_vizart.accuracy.predicted import ClassPrediction, PointPrediction, SemanticPrediction
from pytest_vizart.errors import PredictionError, UsageError
from pytest_vizart.records.labels import IGNORE, TASKS, ClassLabel, PointLabels, SemanticLabels
from tests.accuracy.problems import predicted_boxes, spec

CLASSES = spec("classes", ["a", "b", "c", "d"])
SEGMENT = spec("semantic", ["background", "coin", "key"])
POINTS = spec("points", ["ground", "tree"])


def mask(rows: Any) -> SemanticLabels:
    return SemanticLabels(np.array(rows, dtype=np.int32))


def drawn(rows: Any) -> SemanticPrediction:
    return SemanticPrediction(np.array(rows, dtype=np.int32))


def holds(result: dict[str, float | None], **expected: object) -> bool:
    return {name: result[name] for name in expected} == expected


def test_every_task_has_a_metric_whose_headline_it_computes() -> None:
    for task in TASKS:
        metric = task_metric(task)
        assert metric.headline in metric.summarise([], spec(task)).metrics
    with pytest.raises(UsageError, match="unknown task"):
        task_metric("poses")


def test_class_metrics_equal_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        truth, predicted = generator.integers(0, 3, 30), generator.integers(0, 4, 30)
        pairs = [(ClassLabel(int(t)), ClassPrediction(int(p))) for t, p in zip(truth, predicted, strict=True)]
        result = summarise(pairs, CLASSES)
        for name in ("precision", "recall", "f1"):
            expected = getattr(oracle, f"{name}_score")(truth, predicted, average="macro", zero_division=0)
            assert result[name] == pytest.approx(expected)
        assert result["accuracy"] == pytest.approx(oracle.accuracy_score(truth, predicted))


def test_a_missing_class_prediction_is_wrong_in_accuracy_and_recall_only() -> None:
    pairs = [(ClassLabel(0), ClassPrediction(0)), (ClassLabel(0), None)]
    assert holds(summarise(pairs, CLASSES), accuracy=0.5, precision=1.0, recall=0.5, f1=pytest.approx(2 / 3))


def test_a_class_is_correct_or_confused() -> None:
    assert compare(ClassLabel(1), ClassPrediction(1), CLASSES).status == "correct"
    wrong = compare(ClassLabel(1), ClassPrediction(2), CLASSES)
    assert (wrong.status, wrong.error_type, wrong.score, wrong.reason) == (
        "wrong",
        "confused",
        0.0,
        "predicted c, is b",
    )


NEAR = [0, 0, 10, 10]


def test_mean_iou_equals_the_jaccard_score_of_scikit_learn() -> None:
    generator = np.random.default_rng(3)
    for _ in range(20):
        truth, predicted = generator.integers(0, 3, (2, 5, 7))
        result = summarise([(mask(truth), drawn(predicted))], SEGMENT)
        assert result["mean_iou"] == pytest.approx(
            oracle.jaccard_score(truth.ravel(), predicted.ravel(), average="macro")
        )
        assert result["pixel_accuracy"] == pytest.approx((truth == predicted).mean())


def test_an_absent_class_is_not_counted() -> None:
    assert compare(mask([[0, 1]]), drawn([[0, 1]]), SEGMENT).score == 1.0
    assert compare(mask([[0, 0]]), drawn([[0, 2]]), SEGMENT).score == 0.25


def test_ignored_truth_does_not_count_and_ignored_predictions_are_wrong() -> None:
    result = summarise([(mask([[IGNORE, 1, 1]]), drawn([[0, 1, IGNORE]]))], SEGMENT)
    assert holds(result, mean_iou=0.5, pixel_accuracy=0.5)


def test_a_mask_is_wrong_under_the_threshold_and_names_its_worst_class() -> None:
    found = compare(mask([[0, 0, 1, 1]]), drawn([[0, 0, 0, 0]]), SEGMENT)
    assert (found.status, found.error_type) == ("wrong", "confused")
    assert found.reason == "mean IoU 0.250 is under 0.5; worst class coin: 0.000"
    assert compare(mask([[0, 1]]), drawn([[0, 1]]), SEGMENT).status == "correct"


def test_a_label_that_leaves_everything_out_is_unlabeled() -> None:
    assert compare(mask([[IGNORE]]), drawn([[0]]), SEGMENT).status == "unlabeled"
    assert holds(summarise([(mask([[IGNORE]]), drawn([[0]]))], SEGMENT), mean_iou=None, pixel_accuracy=None)


def test_counts_are_summed_before_the_mean() -> None:
    pairs = [(mask([[0, 0, 0, 0]]), drawn([[0, 0, 0, 1]])), (mask([[1, 1]]), drawn([[1, 1]]))]
    assert summarise(pairs, SEGMENT)["mean_iou"] == pytest.approx((3 / 4 + 2 / 3) / 2)


def test_missing_masks_count_as_nothing_predicted() -> None:
    pairs = [(mask([[0, 1]]), drawn([[0, 1]])), (mask([[0, 1]]), None)]
    assert holds(summarise(pairs, SEGMENT), mean_iou=0.5, pixel_accuracy=0.5)


def test_many_classes_do_not_overflow() -> None:
    many = spec("semantic", [str(number) for number in range(30_000)])
    result = summarise([(mask([[29_999, 29_998]]), drawn([[29_999, 0]]))], many)
    assert result["mean_iou"] == pytest.approx(1 / 3)


def test_shapes_must_agree() -> None:
    with pytest.raises(PredictionError, match="wrong shape"):
        compare(mask([[0, 1]]), drawn([[0], [1]]), SEGMENT)
    with pytest.raises(PredictionError, match="wrong number of points"):
        compare(PointLabels(np.zeros(3, np.int32)), PointPrediction(np.zeros(2, np.int32)), POINTS)


def test_points_have_accuracy_and_mean_iou() -> None:
    truth, predicted = np.array([0, 0, 1, IGNORE], np.int32), np.array([0, 1, 1, 0], np.int32)
    result = summarise([(PointLabels(truth), PointPrediction(predicted))], POINTS)
    assert holds(result, mean_iou=0.5, accuracy=pytest.approx(2 / 3))


def test_mask_pictures_are_runs_of_a_bounded_image() -> None:
    left, right = task_metric("semantic").picture(
        mask([[0, 0, 1], [1, IGNORE, 2]]), drawn([[0, 0, 0], [0, 0, 0]]), SEGMENT
    )
    assert left["rle"] == [[0, 2], [1, 2], [IGNORE, 1], [2, 1]]
    assert right["rle"] == [[0, 6]]
    assert (left["width"], left["height"], left["classes"]) == (3, 2, ["background", "coin", "key"])
    large, _ = task_metric("semantic").picture(mask(np.zeros((100, 2000))), None, SEGMENT)
    assert (large["width"], large["height"]) == (500, 25)
    assert sum(length for _, length in large["rle"]) == 500 * 25


def test_point_pictures_hold_the_same_points_on_both_sides() -> None:
    count = 50_000
    labels = (np.arange(count) % 2).astype(np.int32)
    xyz = np.stack([np.arange(count), np.full(count, np.nan), np.full(count, 1e12)], axis=1)
    metric = task_metric("points")
    left, right = metric.picture(PointLabels(labels), PointPrediction(labels), POINTS, xyz=xyz)
    assert left["count"] == right["count"] == 20_000
    assert left["class_index"] == right["class_index"]
    places = np.frombuffer(b64decode(left["xyz_mm"]), "<i4").reshape(-1, 3)
    indices = np.frombuffer(b64decode(left["class_index"]), "<i2")
    np.testing.assert_array_equal(places[:, 0] // 1000 % 2, indices)
    assert set(places[:, 1]) == {0}
    assert set(places[:, 2]) == {2**31 - 1}
    assert "xyz_mm" not in right
    assert "xyz_mm" not in metric.picture(PointLabels(labels), None, POINTS)[0]


@pytest.mark.parametrize(
    "task, first, second",
    [
        ("classes", ClassPrediction(1, 0.5), ClassPrediction(1, 0.6)),
        ("boxes", predicted_boxes([NEAR]), predicted_boxes([NEAR], classes=[1])),
        ("semantic", drawn([[0, 1]]), drawn([[0], [1]])),
        ("points", PointPrediction(np.zeros(2, np.int32)), PointPrediction(np.ones(2, np.int32))),
    ],
)
def test_digests_differ_where_predictions_differ(task: str, first: Any, second: Any) -> None:
    digest = task_metric(task).digest
    assert digest(first) == digest(first)
    assert digest(first) != digest(second)
