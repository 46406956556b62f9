"""Clouds: distances against plain loops, tolerances, points without a place."""

from __future__ import annotations

from base64 import b64decode

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_vizart.accuracy.metrics import cloud
from pytest_vizart.accuracy.metrics.cloud import CloudMetric, compare_clouds, nearest_m
from pytest_vizart.accuracy.predicted import CloudPrediction
from pytest_vizart.records.labels import NO_CLASSES, CloudLabel, LabelSpec

SPEC = LabelSpec("stage", "cloud", NO_CLASSES)
SQUARE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], dtype=np.float64)


def loop_distances(points: NDArray[np.float64], others: NDArray[np.float64]) -> list[float]:
    return [min(float(np.sqrt(((one - other) ** 2).sum())) for other in others) for one in points]


@pytest.mark.parametrize("seed", range(5))
def test_distances_are_those_of_a_loop(seed: int) -> None:
    generator = np.random.default_rng(seed)
    expected, found = generator.random((40, 3)), generator.random((55, 3))
    there, back = loop_distances(found, expected), loop_distances(expected, found)
    measures = compare_clouds(expected, found, {"distance_m": 0.15}).measures
    assert measures["chamfer"] == pytest.approx((np.mean(there) + np.mean(back)) / 2, abs=1e-12)
    assert measures["hausdorff"] == pytest.approx(max(there + back), abs=1e-12)
    assert measures["distance_mean"] == pytest.approx(np.mean(there), abs=1e-12)
    assert measures["distance_p95"] == pytest.approx(np.percentile(there, 95), abs=1e-12)
    assert measures["distance_max"] == pytest.approx(max(there), abs=1e-12)
    precision, recall = np.mean([d <= 0.15 for d in there]), np.mean([d <= 0.15 for d in back])
    assert (measures["precision"], measures["recall"]) == (precision, recall)
    assert measures["fscore"] == pytest.approx(2 * precision * recall / (precision + recall))


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_repeated_points_change_no_distance(jitter: float) -> None:
    generator = np.random.default_rng(0)
    few = generator.integers(-2, 3, (30, 3)) + jitter * generator.random((30, 3))
    points, others = few[generator.integers(0, 10, 600)], few[generator.integers(10, 30, 900)]
    points[::2] *= [1, 0.0, -0.0]  # 0 and -0 are one place
    assert nearest_m(points, others).tolist() == pytest.approx(loop_distances(points, others), abs=1e-12)


def test_points_with_one_digest_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud, "_digests", lambda points: np.zeros(len(points), dtype=np.uint64))
    points, others = np.random.default_rng(0).random((2, 50, 3))
    assert nearest_m(points, others).tolist() == pytest.approx(loop_distances(points, others), abs=1e-12)


def test_a_million_copies_of_one_point_are_one_leaf_of_one() -> None:
    same = np.full((1_000_000, 3), 0.1)
    found = compare_clouds(same, same + [0, 0, 1], {})
    assert found.measures["chamfer"] == pytest.approx(1.0)
    filled = np.random.default_rng(0).random((60_000, 3))
    filled[::3] = 0
    assert compare_clouds(filled, filled, {}).measures["hausdorff"] == 0


def test_the_chamfer_distance_decides_at_its_tolerance() -> None:
    moved = SQUARE + [0, 0, 0.125]
    assert compare_clouds(SQUARE, moved, {"distance_m": 0.125}).status == "correct"
    assert compare_clouds(SQUARE, moved, {"distance_m": 0.124}).status == "wrong"
    assert compare_clouds(SQUARE, SQUARE + [0, 0, 0.1], {}).status == "correct"
    found = compare_clouds(SQUARE, moved, {})
    assert (found.error_type, found.score) == ("difference", 0.0)
    assert found.reason is not None
    assert found.reason.startswith("chamfer distance 0.125 m, above 0.1 m; 100.0% of the predicted, 100.0% of the true")


def test_the_worst_places_are_named_for_both_directions() -> None:
    found = compare_clouds(SQUARE, np.concatenate([SQUARE[:3], [[4, 4, 4]] * 3]), {})
    places = [one for one in found.errors if one.kind == "region"]
    assert places[0].box == (4, 4, 4, 4, 4, 4)
    assert places[0].severity == 0.5
    assert places[0].note == "3 predicted points are up to 5.831 m from any true one"
    assert places[1].box == (1, 1, 0, 1, 1, 0)
    assert places[1].note == "1 true points are up to 1 m from any predicted one"
    assert found.errors[0].kind == "difference"


def test_points_without_a_place_are_left_out_and_counted() -> None:
    holes = np.concatenate([SQUARE, [[np.nan, 0, 0], [0, np.inf, 0], [0, 0, 1e300]]])
    found = compare_clouds(SQUARE, holes, {})
    assert (found.status, found.measures["points"], found.measures["left_out"]) == ("correct", 4, 3)
    assert compare_clouds(holes, SQUARE, {}).status == "correct"


def test_empty_clouds() -> None:
    nothing = np.empty((0, 3))
    assert compare_clouds(nothing, nothing, {}).status == "correct"
    for expected, found, reason in (
        (SQUARE, nothing, "0 points predicted, 4 expected"),
        (nothing, SQUARE, "4 points predicted, 0 expected"),
        (SQUARE, np.full((9, 3), np.nan), "0 points predicted, 4 expected"),
    ):
        wrong = compare_clouds(expected, found, {})
        assert (wrong.status, wrong.error_type, wrong.reason) == ("wrong", "shape", reason)
        assert wrong.measures["chamfer"] == float("inf")


def test_metrics_are_means_and_leave_out_what_has_no_distance() -> None:
    metric = CloudMetric()
    predictions = [SQUARE, SQUARE + [0, 0, 0.2], np.empty((0, 3))]
    tallies = [metric.tally(CloudLabel(SQUARE), CloudPrediction(one), SPEC) for one in predictions]
    tallies.append(metric.tally(CloudLabel(SQUARE), None, SPEC))
    running = metric.running(SPEC)
    for tally in tallies:
        running.add(tally, metric.judge(tally, SPEC))
    summary = metric.summarise(tallies, SPEC)
    assert summary.metrics["chamfer"] == pytest.approx(0.1)
    assert summary.metrics["hausdorff"] == summary.metrics["distance_max"] == pytest.approx(0.2)
    assert (summary.metrics["fscore"], summary.metrics["precision"], summary.metrics["recall"]) == (0.25, 0.25, 0.25)
    assert summary.notes == (
        "2 samples have no distance (no prediction, or an empty cloud): 0 in fscore, else left out",
    )
    assert running.values() == {name: summary.metrics[name] for name in running.values()}
    assert set(metric.summarise([], SPEC).metrics) == set(summary.metrics)
    assert metric.judge(tallies[3], SPEC).error_type == "no-prediction"
    assert (metric.info["chamfer"].direction, metric.info["chamfer"].unit) == ("lower", "m")


def test_pictures_hold_places_and_distances() -> None:
    metric = CloudMetric()
    many = np.random.default_rng(0).random((30_000, 3))
    left, right = metric.picture(CloudLabel(SQUARE), CloudPrediction(many), SPEC)
    assert (left["count"], right["count"]) == (4, 20_000)
    places = np.frombuffer(b64decode(right["xyz_mm"]), "<i4").reshape(-1, 3) / 1000
    distances = np.frombuffer(b64decode(right["distance_mm"]), "<u2") / 1000
    assert distances[:50] == pytest.approx(loop_distances(places[:50], SQUARE), abs=0.002)
    far = metric.picture(CloudLabel(SQUARE), CloudPrediction(SQUARE + 1000), SPEC)[1]
    assert set(np.frombuffer(b64decode(far["distance_mm"]), "<u2")) == {65_535}
    assert "distance_mm" not in metric.picture(CloudLabel(np.empty((0, 3))), CloudPrediction(SQUARE), SPEC)[1]
    assert metric.picture(CloudLabel(SQUARE), None, SPEC)[1] == {}
