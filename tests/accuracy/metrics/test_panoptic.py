"""Panoptic quality against the paper's procedure in plain loops; errors, and what mending them brings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from pytest_vizart.accuracy.metrics import compare, summarise, task_metric
from pytest_vizart.accuracy.metrics.panoptic import PanopticMetric
from pytest_vizart.accuracy.predicted import PanopticPrediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import IGNORE, ClassMap, LabelSpec, PanopticLabels

NAMES = ("car", "person", "road", "sky")
SPEC = LabelSpec("stage", "panoptic", ClassMap(NAMES, (0, 1, 2, 3), (True, True, False, False)))
NO_KINDS = LabelSpec("stage", "panoptic", ClassMap(NAMES, (0, 1, 2, 3)))


def label(segments: Any, classes: list[int], crowd: tuple[int, ...] = ()) -> PanopticLabels:
    flags = np.isin(np.arange(len(classes)), crowd)
    return PanopticLabels(np.array(segments, dtype=np.int32), np.array(classes, dtype=np.int64), flags)


def said(segments: Any, classes: list[int]) -> PanopticPrediction:
    return PanopticPrediction(np.array(segments, dtype=np.int32), np.array(classes, dtype=np.int64))


def scene(seed: int) -> tuple[PanopticLabels, PanopticPrediction]:
    """A label of blobs, some unlabelled, some crowds, and a prediction that is a shifted, relabelled part of it."""
    generator = np.random.default_rng(seed)
    size, count = (60, 80), 12
    fields = np.stack([ndimage.gaussian_filter(generator.normal(size=size), 4) for _ in range(count)])
    truth = np.argmax(fields, axis=0).astype(np.int32)
    moved = np.argmax(fields + 0.7 * ndimage.gaussian_filter(generator.normal(size=fields.shape), (0, 4, 4)), axis=0)
    moved = moved.astype(np.int32)
    classes = generator.integers(0, 4, count)
    truth[ndimage.gaussian_filter(generator.random(size), 3) > 0.53] = IGNORE
    moved[generator.random(size) < 0.02] = IGNORE
    other = np.where(generator.random(count) < 0.75, classes, generator.integers(0, 4, count))
    crowd = tuple(np.flatnonzero(generator.random(count) < 0.15).tolist())
    return label(truth, classes.tolist(), crowd), said(moved, other.tolist())


def sums_of_the_paper(truth: PanopticLabels, prediction: PanopticPrediction) -> NDArray[np.float64]:
    """TP, FP, FN, sum of IoU by class, segment by segment."""
    sums = np.zeros((4, len(NAMES)))
    found, taken = set(), set()
    void = truth.segments == IGNORE
    for i, truth_class in enumerate(truth.class_index):
        a = truth.segments == i
        for j, predicted_class in enumerate(prediction.class_index):
            b = prediction.segments == j
            if truth.crowd[i] or truth_class != predicted_class or not a.any() or not b.any():
                continue
            shared = int((a & b).sum())
            iou = shared / (int(a.sum()) + int(b.sum()) - shared - int((void & b).sum()))
            if iou > 0.5:
                sums[0, truth_class] += 1
                sums[3, truth_class] += iou
                found.add(i)
                taken.add(j)
    for i, truth_class in enumerate(truth.class_index):
        if i not in found and not truth.crowd[i] and (truth.segments == i).any():
            sums[2, truth_class] += 1
    for j, predicted_class in enumerate(prediction.class_index):
        b = prediction.segments == j
        out = void.copy()
        for i, truth_class in enumerate(truth.class_index):
            if truth.crowd[i] and truth_class == predicted_class:
                out |= truth.segments == i
        if j not in taken and b.any() and (b & out).sum() / b.sum() <= 0.5:
            sums[1, predicted_class] += 1
    return sums


def quality(sums: NDArray[np.float64], classes: list[int]) -> tuple[float, float, float]:
    rows = []
    for index in classes:
        tp, fp, fn, iou = sums[:, index]
        if tp + fp + fn:
            weight = tp + fp / 2 + fn / 2
            rows.append((iou / weight, iou / tp if tp else 0.0, tp / weight))
    pq, sq, rq = np.mean(rows, axis=0)
    return float(pq), float(sq), float(rq)


@pytest.mark.parametrize("seed", range(8))
def test_quality_is_that_of_the_paper(seed: int) -> None:
    pairs = [scene(10 * seed + number) for number in range(3)]
    sums = sum((sums_of_the_paper(*pair) for pair in pairs), start=np.zeros((4, 4)))
    found = summarise(pairs, SPEC)
    for suffix, classes in (("", [0, 1, 2, 3]), ("_things", [0, 1]), ("_stuff", [2, 3])):
        expected = quality(sums, classes)
        assert [found[f"{name}{suffix}"] for name in ("pq", "sq", "rq")] == pytest.approx(expected, abs=1e-12)
    metric = PanopticMetric()
    summary = metric.summarise([metric.tally(*pair, SPEC) for pair in pairs], SPEC)
    for index, name in enumerate(NAMES):
        if sums[:3, index].any():
            expected = quality(sums, [index])
            assert [summary.per_class[name][key] for key in ("pq", "sq", "rq")] == pytest.approx(expected, abs=1e-12)
            assert summary.per_class[name]["support"] == sums[0, index] + sums[2, index]


def test_things_and_stuff_are_told_apart_only_where_known() -> None:
    pair = (label([[0, 1]], [0, 2]), said([[0, 1]], [0, 2]))
    assert summarise([pair], SPEC) == dict.fromkeys(
        ["pq", "sq", "rq", "pq_things", "sq_things", "rq_things", "pq_stuff", "sq_stuff", "rq_stuff"], 1.0
    )
    found = summarise([pair], NO_KINDS)
    assert (found["pq"], found["pq_things"], found["pq_stuff"]) == (1.0, None, None)


def test_errors_are_misnamed_misplaced_false_and_missed_segments() -> None:
    truth, predicted = np.full((10, 20), 0), np.full((10, 20), 0)
    truth[0:2, 0:4] = 1  # found under another name
    predicted[0:2, 0:4] = 1
    truth[4:6, 0:10] = 2  # found in part
    predicted[4:6, 0:3] = 2
    truth[8:9, 0:5] = 3  # not found
    predicted[8:10, 15:20] = 3  # nothing there
    left, right = label(truth, [3, 0, 1, 0]), said(predicted, [3, 1, 1, 0])
    found = compare(left, right, SPEC)
    rows = [(one.kind, one.truth, one.predicted, one.severity, one.box) for one in found.errors]
    assert rows == [
        ("Loc", "person", "person", 20 / 200, (0.0, 4.0, 3.0, 6.0)),
        ("Bkg", None, "car", 10 / 200, (15.0, 8.0, 20.0, 10.0)),
        ("Cls", "car", "person", 8 / 200, (0.0, 0.0, 4.0, 2.0)),
        ("Miss", "car", None, 5 / 200, (0.0, 8.0, 5.0, 9.0)),
    ]
    assert [one.overlap for one in found.errors] == [0.3, None, 1.0, None]
    assert found.missed == ("car 0 0 4 2", "person 0 4 10 6", "car 0 8 5 9")
    assert found.false_positives == ("person 0 0 4 2", "person 0 4 3 6", "car 15 8 20 10")
    assert (found.status, found.error_type) == ("wrong", "Loc")
    assert found.score == pytest.approx(157 / 186 / 3)  # of three classes the sky alone is found
    assert found.reason == "PQ 0.281 is under 0.5: 3 of 4 segments missed, 3 false"
    assert (found.measures["misses"], found.measures["false_positives"]) == (3.0, 3.0)
    metric = PanopticMetric()
    costs = metric.summarise([metric.tally(left, right, SPEC)], SPEC).costs
    assert set(costs) == {"Miss", "Bkg", "Cls", "Loc"}
    # Without the false car no car is found yet: nothing is gained. With its right name one is, of 1 missed and 1 false.
    assert costs["Bkg"] == pytest.approx(0.0)
    assert costs["Cls"] == pytest.approx(0.5 / 3)
    assert costs["Loc"] == pytest.approx(0.3 / 1.5 / 3)


def test_the_quality_reaches_the_threshold_or_there_is_none() -> None:
    lenient = LabelSpec("stage", "panoptic", SPEC.classes, iou_threshold=0.25)
    truth, prediction = label([[0, 0], [0, 0], [1, 1]], [2, 0]), said([[0, 0], [0, 0], [0, 0]], [2])
    correct = compare(truth, prediction, lenient)
    assert (correct.status, correct.score, correct.missed) == ("correct", pytest.approx(1 / 3), ("car 0 2 2 3",))
    assert compare(truth, prediction, SPEC).status == "wrong"
    crowd = compare(label([[0, 0]], [0], crowd=(0,)), said([[0, 0]], [0]), SPEC)
    assert (crowd.status, crowd.score, crowd.errors) == ("correct", 1.0, ())
    assert compare(label([[IGNORE]], []), said([[0]], [0]), SPEC).status == "unlabeled"


def test_nothing_predicted_misses_every_segment() -> None:
    truth = label([[0, 1]], [0, 2])
    found = compare(truth, None, SPEC)
    assert (found.status, found.error_type, found.score) == ("wrong", "no-prediction", 0.0)
    assert found.missed == ("car 0 0 1 1", "road 1 0 2 1")
    assert summarise([(truth, None), (truth, said([[0, 1]], [0, 2]))], SPEC)["pq"] == pytest.approx(1 / 1.5)


def test_many_errors_are_counted_and_the_largest_named() -> None:
    predicted = np.repeat(np.arange(150), np.arange(1, 151))[np.newaxis]
    truth = label(np.zeros_like(predicted), [2])
    found = compare(truth, said(predicted, [0] * 150), SPEC)
    assert found.measures["false_positives"] == 150
    assert (len(found.errors), len(found.false_positives)) == (100, 100)
    assert [one.kind for one in found.errors[:2]] == ["Miss", "Bkg"]
    assert found.errors[1].predicted_position == 149
    assert found.errors[1].box == (11175.0, 0.0, 11325.0, 1.0)
    metric = PanopticMetric()
    assert metric.summarise([metric.tally(truth, said(predicted, [0] * 150), SPEC)], SPEC).costs == {
        "Miss": 0.0, "Bkg": 0.0,
    }  # fmt: skip


def test_segments_without_pixels_are_none() -> None:
    found = compare(label([[0, 0]], [0, 1]), said([[1, 1]], [2, 0]), SPEC)
    assert (found.status, found.missed, found.false_positives) == ("correct", (), ())


def test_running_metrics_equal_those_at_the_end() -> None:
    metric = PanopticMetric()
    running, tallies = metric.running(SPEC), []
    for seed in range(4):
        tallies.append(metric.tally(*scene(seed), SPEC))
        running.add(tallies[-1], metric.judge(tallies[-1], SPEC))
    assert running.values() == metric.summarise(tallies, SPEC, full=False).metrics


def test_sizes_must_agree() -> None:
    with pytest.raises(PredictionError, match="wrong shape"):
        compare(label([[0, 0]], [0]), said([[0], [0]], [0]), SPEC)


def test_the_picture_numbers_the_segments() -> None:
    left, right = task_metric("panoptic").picture(label([[0, 0, 1]], [0, 0]), said([[0, IGNORE, IGNORE]], [3]), SPEC)
    assert (left["classes"], left["rle"]) == (["car 1", "car 2"], [[0, 2], [1, 1]])
    assert (right["classes"], right["rle"]) == (["sky 1"], [[0, 1], [IGNORE, 2]])


def test_the_digest_tells_classes_apart() -> None:
    digest = task_metric("panoptic").digest
    assert digest(said([[0]], [1])) != digest(said([[0]], [2]))
