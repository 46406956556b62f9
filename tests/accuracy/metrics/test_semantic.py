"""Masks: IoU figures against scikit-learn, boundaries against scipy's erosion, confused classes and worst regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from sklearn import metrics as oracle

from pytest_vizart.accuracy.metrics import boundary, compare, summarise
from pytest_vizart.accuracy.metrics.boundary import count_boundaries
from pytest_vizart.accuracy.metrics.semantic import SemanticMetric
from pytest_vizart.accuracy.predicted import SemanticPrediction
from pytest_vizart.records.labels import IGNORE, SemanticLabels
from tests.accuracy.problems import spec

SEGMENT = spec("semantic", ["background", "coin", "key"])


def mask(rows: Any) -> SemanticLabels:
    return SemanticLabels(np.array(rows, dtype=np.int32))


def drawn(rows: Any) -> SemanticPrediction:
    return SemanticPrediction(np.array(rows, dtype=np.int32))


def blobs(seed: int, size: tuple[int, int] = (70, 90), classes: int = 3, ignored: float = 0.0) -> NDArray[np.int32]:
    generator = np.random.default_rng(seed)
    fields = [ndimage.gaussian_filter(generator.normal(size=size), 5) for _ in range(classes)]
    values = np.argmax(fields, axis=0).astype(np.int32)
    values[ndimage.gaussian_filter(generator.random(size), 3) < np.quantile(fields[0], 0) - 1 + 2 * ignored] = IGNORE
    return values


@pytest.mark.parametrize("seed", range(5))
def test_figures_equal_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth, predicted = generator.integers(IGNORE, 3, (2, 20, 30))
    predicted[predicted == IGNORE] = 0
    metric = SemanticMetric()
    summary = metric.summarise([metric.tally(mask(truth), drawn(predicted), SEGMENT)], SEGMENT)
    known = truth != IGNORE
    true, said = truth[known], predicted[known]
    ious = oracle.jaccard_score(true, said, average=None)
    shares = np.bincount(true) / len(true)
    assert summary.metrics["mean_iou"] == pytest.approx(ious.mean(), abs=1e-12)
    assert summary.metrics["pixel_accuracy"] == pytest.approx(oracle.accuracy_score(true, said), abs=1e-12)
    assert summary.metrics["mean_accuracy"] == pytest.approx(oracle.balanced_accuracy_score(true, said), abs=1e-12)
    assert summary.metrics["fw_iou"] == pytest.approx((ious * shares).sum(), abs=1e-12)
    precision, recall, f1, support = oracle.precision_recall_fscore_support(true, said)
    for index, name in enumerate(SEGMENT.classes.names):
        figures = summary.per_class[name]
        assert figures["iou"] == pytest.approx(ious[index], abs=1e-12)
        assert (figures["precision"], figures["recall"]) == pytest.approx((precision[index], recall[index]), abs=1e-12)
        assert (figures["f1"], figures["support"]) == pytest.approx((f1[index], support[index]), abs=1e-12)
    assert summary.details["confusion"]["matrix"] == oracle.confusion_matrix(true, said).tolist()


def eroded_boundary(values: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """As the paper's code: erosion by 3 x 3, repeated, of the mask in a frame of zeros."""
    inner = ndimage.binary_erosion(np.pad(values, 1), np.ones((3, 3)), iterations=reach)[1:-1, 1:-1]
    return values & ~inner


def boundary_ious(truth: NDArray[np.int32], predicted: NDArray[np.int32], classes: int) -> dict[int, tuple[int, int]]:
    reach = max(1, round(0.02 * float(np.hypot(*truth.shape))))
    predicted = np.where(truth == IGNORE, IGNORE, predicted)
    found = {}
    for index in range(classes):
        a, b = eroded_boundary(truth == index, reach), eroded_boundary(predicted == index, reach)
        if (a | b).any():
            found[index] = (int((a & b).sum()), int((a | b).sum()))
    return found


@pytest.mark.parametrize("size", [(70, 90), (200, 40), (3, 100), (1, 1), (5, 2), (130, 130)])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("strip", [1, 1 << 20])
def test_boundaries_are_what_repeated_erosion_leaves(
    size: tuple[int, int], seed: int, strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary, "_STRIP_PX", strip)
    generator = np.random.default_rng(seed)
    truth, predicted = blobs(seed, size), blobs(seed + 1, size)
    truth[generator.random(size) < 0.003] = IGNORE
    predicted[generator.random(size) < 0.003] = IGNORE
    counts = count_boundaries(truth, predicted, 3)
    found = {
        index: (shared, union)
        for index, shared, union in zip(
            counts.index.tolist(), counts.shared.tolist(), counts.union.tolist(), strict=True
        )
    }
    assert found == boundary_ious(truth, predicted, 3)


def test_boundary_iou_is_the_mean_over_classes_of_summed_counts() -> None:
    pairs = [(blobs(seed), blobs(seed + 10)) for seed in range(3)]
    sums = {index: np.zeros(2) for index in range(3)}
    for truth, predicted in pairs:
        for index, counts in boundary_ious(truth, predicted, 3).items():
            sums[index] += counts
    expected = np.mean([shared / union for shared, union in sums.values()])
    found = summarise([(mask(truth), drawn(predicted)) for truth, predicted in pairs], SEGMENT)
    assert found["boundary_iou"] == pytest.approx(expected, abs=1e-12)
    same = summarise([(mask(pairs[0][0]), drawn(pairs[0][0]))], SEGMENT)
    assert set(same.values()) == {1.0}


def test_classes_that_do_not_occur_have_no_figures() -> None:
    metric = SemanticMetric()
    summary = metric.summarise([metric.tally(mask([[0, 0, 0]]), drawn([[0, 0, 2]]), SEGMENT)], SEGMENT)
    assert list(summary.per_class) == ["background", "key"]
    assert summary.per_class["key"]["recall"] is None
    assert summary.per_class["key"]["iou"] == 0.0
    assert summary.metrics["mean_accuracy"] == pytest.approx(2 / 3)


def test_ignored_truth_does_not_count_and_ignored_predictions_are_misses() -> None:
    found = summarise([(mask([[IGNORE, 1, 1]]), drawn([[0, 1, IGNORE]]))], SEGMENT)
    assert (found["mean_iou"], found["pixel_accuracy"]) == (0.5, 0.5)
    wrong = compare(mask([[IGNORE, 1, 1, 1]]), drawn([[0, 1, IGNORE, IGNORE]]), SEGMENT)
    assert wrong.error_type == "Miss"
    assert (wrong.errors[0].truth, wrong.errors[0].predicted, wrong.errors[0].severity) == ("coin", None, 2 / 3)


def test_a_wrong_mask_names_confused_classes_and_regions() -> None:
    truth, predicted = np.zeros((20, 30), np.int32), np.zeros((20, 30), np.int32)
    truth[:, 20:] = IGNORE
    truth[2:6, 3:8] = 1
    truth[10:12, 0:10] = 2
    predicted[10:12, 0:10] = 1
    predicted[:, 20:] = 2
    found = compare(mask(truth), drawn(predicted), SEGMENT)
    assert (found.status, found.error_type) == ("wrong", "confused")
    assert found.reason == "mean IoU 0.316 is under 0.5; worst class coin: 0.000"
    rows = [(one.kind, one.truth, one.predicted, one.box, one.severity, one.note) for one in found.errors]
    assert rows == [
        ("confused", "coin", "background", None, 20 / 400, "20 pixels"),
        ("confused", "key", "coin", None, 20 / 400, "20 pixels"),
        ("region", "coin", "background", (3.0, 2.0, 8.0, 6.0), 20 / 400, "20 pixels"),
        ("region", "key", "coin", (0.0, 10.0, 10.0, 12.0), 20 / 400, "20 pixels"),
    ]
    assert found.measures["wrong_pixels"] == 40
    assert found.measures["min_iou"] == 0.0
    assert found.measures["pixel_accuracy"] == 0.9


def test_a_correct_mask_names_errors_only_for_a_rule_of_the_user() -> None:
    truth, predicted = mask([[0, 0, 0, 1]]), drawn([[0, 0, 1, 1]])
    correct = compare(truth, predicted, SEGMENT)
    assert (correct.status, correct.errors) == ("correct", ())
    ruled = spec("semantic", ["background", "coin"], correct_when="mean_iou >= 0.9")  # type: ignore[arg-type]
    found = compare(truth, predicted, ruled)
    assert (found.status, [one.kind for one in found.errors]) == ("correct", ["confused", "region"])


def test_nothing_predicted_and_nothing_labelled() -> None:
    missing = compare(mask([[0, 1]]), None, SEGMENT)
    assert (missing.status, missing.error_type, missing.score) == ("wrong", "no-prediction", 0.0)
    found = compare(mask([[IGNORE]]), drawn([[0]]), SEGMENT)
    assert (found.status, found.reason) == ("unlabeled", "the label leaves every pixel out")
    assert set(summarise([(mask([[IGNORE]]), drawn([[0]]))], SEGMENT).values()) == {None}
    assert compare(mask(np.empty((0, 4))), drawn(np.empty((0, 4))), SEGMENT).status == "unlabeled"
    metric = SemanticMetric()
    tallies = [metric.tally(mask([[0, 1]]), prediction, SEGMENT) for prediction in (drawn([[0, 1]]), None)]
    summary = metric.summarise(tallies, SEGMENT)
    assert (summary.metrics["mean_iou"], summary.metrics["boundary_iou"]) == (0.5, 0.5)
    assert summary.notes == ("1 sample without a prediction counts as nothing found",)


def test_running_metrics_equal_those_at_the_end() -> None:
    metric = SemanticMetric()
    running, tallies = metric.running(SEGMENT), []
    for seed in range(4):
        prediction = None if seed == 2 else drawn(blobs(seed + 1))
        tallies.append(metric.tally(mask(blobs(seed)), prediction, SEGMENT))
        running.add(tallies[-1], metric.judge(tallies[-1], SEGMENT))
    assert running.values() == pytest.approx(metric.summarise(tallies, SEGMENT, full=False).metrics, abs=1e-15)


def test_tallies_hold_no_masks() -> None:
    metric = SemanticMetric()
    tally = metric.tally(mask(blobs(0, (500, 500))), drawn(blobs(1, (500, 500))), SEGMENT)
    arrays = [tally.pairs.first, tally.pairs.second, tally.pairs.count]
    assert sum(array.size for array in arrays) <= 3 * 16
