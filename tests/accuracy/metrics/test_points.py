"""Point labels: figures, errors, places."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.accuracy.metrics import compare, summarise
from pytest_vizart.accuracy.metrics.points import PointMetric
from pytest_vizart.accuracy.predicted import PointPrediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import IGNORE, PointLabels
from tests.accuracy.problems import spec

POINTS = spec("points", ["ground", "tree", "car"])


def labels(*values: int) -> PointLabels:
    return PointLabels(np.array(values, dtype=np.int32))


def said(*values: int) -> PointPrediction:
    return PointPrediction(np.array(values, dtype=np.int32))


def test_points_have_accuracy_and_mean_iou() -> None:
    found = summarise([(labels(0, 0, 1, IGNORE), said(0, 1, 1, 0))], POINTS)
    assert found == {
        "mean_iou": 0.5, "accuracy": pytest.approx(2 / 3), "mean_accuracy": 0.75, "fw_iou": pytest.approx(0.5),
    }  # fmt: skip


def test_a_wrong_cloud_names_the_confused_classes() -> None:
    found = compare(labels(0, 0, 0, 1, 2), said(1, 1, 0, 1, IGNORE), POINTS)
    assert (found.status, found.error_type) == ("wrong", "confused")
    assert [(one.kind, one.truth, one.predicted, one.severity, one.note) for one in found.errors] == [
        ("confused", "ground", "tree", 0.4, "2 points"),
        ("Miss", "car", None, 0.2, "1 point"),
    ]
    assert found.measures == {
        "mean_iou": pytest.approx((1 / 3 + 1 / 3 + 0) / 3), "min_iou": 0.0, "accuracy": 0.4, "wrong_points": 3.0,
    }  # fmt: skip


def test_places_of_errors_need_the_coordinates() -> None:
    truth, prediction = labels(0, 0, 1, 1, IGNORE), said(0, 1, 0, 0, 0)
    xyz = np.array([[0, 0, 0], [5, 5, 5], [9, 9, 9], [9, 9, 9], [1, 1, 1]], dtype=np.float32)
    found = PointMetric().regions(truth, prediction, POINTS, xyz)
    assert [(one.kind, one.truth, one.predicted, one.severity, one.note) for one in found] == [
        ("region", "tree", "ground", 0.5, "2 points"),
        ("region", "ground", "tree", 0.25, "1 point"),
    ]
    assert found[0].box == (9, 9, 9, 9, 9, 9)
    assert PointMetric().regions(truth, prediction, POINTS, xyz[:3]) == ()


def test_numbers_of_points_must_agree() -> None:
    with pytest.raises(PredictionError, match="wrong number of points") as caught:
        compare(labels(0, 1), said(0), POINTS)
    assert caught.value.expected == "(2,), one class for each labelled point, in the file's order"


def test_running_metrics_equal_those_at_the_end() -> None:
    metric = PointMetric()
    running, tallies = metric.running(POINTS), []
    for prediction in (said(0, 1, 2), said(1, 1, 1), None):
        tallies.append(metric.tally(labels(0, 1, IGNORE), prediction, POINTS))
        running.add(tallies[-1], metric.judge(tallies[-1], POINTS))
    assert running.values() == metric.summarise(tallies, POINTS).metrics
