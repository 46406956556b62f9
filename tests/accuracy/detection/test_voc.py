"""VOC's average precisions against the classic definition, written out as loops."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pytest_vizart.accuracy.detection.scene import Scene
from pytest_vizart.accuracy.detection.voc import VocAverages, voc_averages, voc_match
from pytest_vizart.accuracy.metrics import task_metric
from pytest_vizart.accuracy.metrics.boxes import BoxMetric
from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.records.labels import BoxLabels
from tests.accuracy.problems import predicted_boxes, random_problem, spec, truth_boxes


def classic_ap(truths: list[BoxLabels], predictions: list[BoxPredictions], wanted: int) -> tuple[float, float] | None:
    """Every-point and 11-point average precision of one class, inclusive pixels with their 1, one box after another."""
    objects: dict[int, list[tuple[list[float], bool]]] = {}
    count = 0
    for image, truth in enumerate(truths):
        difficult = truth.ignored if truth.ignored is not None else np.zeros(len(truth), bool)
        objects[image] = [
            ([box[0], box[1], box[2] - 1, box[3] - 1], bool(skip))
            for box, index, skip in zip(truth.boxes.tolist(), truth.class_index, difficult, strict=True)
            if index == wanted
        ]
        count += sum(not skip for _, skip in objects[image])
    if not count:
        return None
    rows = [
        (-score, position, image, [box[0], box[1], box[2] - 1, box[3] - 1])
        for image, prediction in enumerate(predictions)
        for position, (score, box, index) in enumerate(
            zip(prediction.scores.tolist(), prediction.boxes.tolist(), prediction.class_index, strict=True)
        )
        if index == wanted
    ]
    rows.sort(key=lambda row: (row[0], row[2], row[1]))
    used: set[tuple[int, int]] = set()
    found = spare = 0
    curve: list[tuple[Fraction, Fraction]] = []
    for _, _, image, box in rows:
        best, at = -1.0, 0
        for position, (other, _) in enumerate(objects[image]):
            overlap = inclusive_iou(box, other)
            if overlap > best:
                best, at = overlap, position
        if best >= 0.5 and objects[image][at][1]:
            continue
        if best >= 0.5 and (image, at) not in used:
            used.add((image, at))
            found += 1
        else:
            spare += 1
        curve.append((Fraction(found, count), Fraction(found, found + spare)))
    eleven = sum(max((p for r, p in curve if r >= Fraction(t, 10)), default=Fraction(0)) for t in range(11)) / 11
    area, last = Fraction(0), Fraction(0)
    for place, (recall, _) in enumerate(curve):
        area += (recall - last) * max(p for _, p in curve[place:])
        last = recall
    return float(area), float(eleven)


def inclusive_iou(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0]) + 1
    height = min(one[3], other[3]) - max(one[1], other[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize("seed", range(20))
def test_random_problems_equal_the_classic_definition(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truths, predictions = random_problem(generator, 8, 3, 8, 20)
    truths = [
        replace(
            truth,
            boxes=np.round(truth.boxes),
            crowd=np.zeros(len(truth), bool),
            ignored=generator.random(len(truth)) < 0.2,
        )
        for truth in truths
    ]
    predictions = [replace(one, boxes=np.round(one.boxes)) for one in predictions]
    of = spec("boxes", ["a", "b", "c"])
    metric = task_metric("boxes")
    tallies = [metric.tally(truth, one, of) for truth, one in zip(truths, predictions, strict=True)]
    figures = metric.summarise(tallies, of).metrics
    classic = [pair for index in range(3) if (pair := classic_ap(truths, predictions, index)) is not None]
    assert figures["voc_map"] == pytest.approx(np.mean([pair[0] for pair in classic]))
    assert figures["voc_map_11"] == pytest.approx(np.mean([pair[1] for pair in classic]))


def test_a_second_detection_of_an_object_is_wrong_even_beside_a_free_one() -> None:
    truth = truth_boxes([[0, 0, 100, 100], [0, 0, 100, 80]])
    match = voc_match(_scene(truth, predicted_boxes([[0, 0, 100, 100], [0, 0, 100, 99]], [0.9, 0.8])))
    assert match.hit.tolist() == [True, False]
    assert not match.excused.any()


def test_difficult_objects_take_any_number_of_predictions() -> None:
    truth = replace(truth_boxes([[0, 0, 100, 100]]), ignored=np.array([True]))
    match = voc_match(_scene(truth, predicted_boxes([[0, 0, 100, 100], [0, 0, 100, 99]], [0.9, 0.8])))
    assert match.excused.tolist() == [True, True]


def test_no_objects_have_no_average() -> None:
    assert voc_averages([], [], [], np.zeros(2, np.int64)) == VocAverages(None, None)


def test_seven_of_ten_reach_a_recall_of_seven_tenths() -> None:
    hits = np.ones(7, dtype=bool)
    match = voc_match(_scene(truth_boxes([]), predicted_boxes([])))
    averages = voc_averages([replace(match, hit=hits, excused=~hits)], [np.linspace(1, 0.5, 7)],
                            [np.zeros(7, np.int64)], np.array([10]))  # fmt: skip
    assert averages == VocAverages(pytest.approx(0.7), pytest.approx(8 / 11))


def _scene(truth: BoxLabels, prediction: BoxPredictions) -> Scene:
    return BoxMetric().scene(truth, prediction, spec("boxes"))
