"""Oriented boxes: average precision against its definition written out, and what is said of one image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_vizart.accuracy.geometry.rotated_iou import rectangle_corners, rotated_iou
from pytest_vizart.accuracy.metrics import task_metric
from pytest_vizart.accuracy.predicted import OrientedBoxPredictions
from pytest_vizart.records.labels import OrientedBoxLabels
from tests.accuracy.problems import pycocotools_numbers, random_problem, spec

Floats = NDArray[np.float64]
SPEC = spec("oriented_boxes", ["ship", "plane"])
SHIP = [50.0, 40.0, 30.0, 8.0, 0.5]


def labels(
    boxes: Any, classes: Sequence[int] | None = None, ignored: Sequence[bool] | None = None
) -> OrientedBoxLabels:
    array = np.array(boxes, dtype=np.float64).reshape(-1, 5)
    return OrientedBoxLabels(
        array,
        np.array([0] * len(array) if classes is None else classes, dtype=np.int64),
        np.array([False] * len(array) if ignored is None else ignored, dtype=bool),
    )


def predicted(
    boxes: Any, scores: Sequence[float] | None = None, classes: Sequence[int] | None = None
) -> OrientedBoxPredictions:
    array = np.array(boxes, dtype=np.float64).reshape(-1, 5)
    return OrientedBoxPredictions(
        array,
        np.array([1.0] * len(array) if scores is None else scores, dtype=np.float64),
        np.array([0] * len(array) if classes is None else classes, dtype=np.int64),
    )


def summary(pairs: Sequence[tuple[OrientedBoxLabels, OrientedBoxPredictions]]) -> Any:
    metric = task_metric("oriented_boxes")
    return metric.summarise([metric.tally(*pair, SPEC) for pair in pairs], SPEC)


def upright(corners: Floats) -> Floats:
    centre, size = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    return np.concatenate([centre, size, np.zeros((len(corners), 1))], axis=1)


@pytest.mark.parametrize("seed", range(8))
def test_upright_boxes_give_what_pycocotools_gives(seed: int) -> None:
    truths, predictions = random_problem(np.random.default_rng(seed), 6, 2, 8, 15)
    truths = [
        type(truth)(truth.boxes, truth.class_index, np.zeros(len(truth), dtype=bool), truth.area) for truth in truths
    ]
    theirs = pycocotools_numbers(truths, predictions, 2)
    pairs = [
        (
            OrientedBoxLabels(upright(truth.boxes), truth.class_index, np.zeros(len(truth), dtype=bool)),
            OrientedBoxPredictions(upright(prediction.boxes), prediction.scores, prediction.class_index),
        )
        for truth, prediction in zip(truths, predictions, strict=True)
    ]
    ours = summary(pairs).metrics
    assert {name: ours[name] for name in ("map", "map_50", "map_75")} == pytest.approx(
        {name: theirs[name] for name in ("map", "map_50", "map_75")}, abs=1e-9
    )


def dota(pairs: Sequence[tuple[OrientedBoxLabels, OrientedBoxPredictions]], index: int) -> float:
    """DOTA's evaluation of one class: VOC's, with 11 points, one prediction after the other."""
    objects = sum(int(((truth.class_index == index) & ~truth.ignored).sum()) for truth, _ in pairs)
    order = sorted(
        (-float(score), image, row)
        for image, (_, prediction) in enumerate(pairs)
        for row, score in enumerate(prediction.scores)
        if prediction.class_index[row] == index
    )
    taken: set[tuple[int, int]] = set()
    hits = []
    for _, image, row in order:
        truth, prediction = pairs[image]
        own = np.flatnonzero(truth.class_index == index)
        iou = rotated_iou(prediction.boxes[row : row + 1], truth.boxes[own])[0]
        best = int(np.argmax(iou)) if len(iou) else -1
        if len(iou) and iou[best] >= 0.5:
            if truth.ignored[own[best]]:
                continue
            hits.append((image, int(own[best])) not in taken)
            taken.add((image, int(own[best])))
        else:
            hits.append(False)
    found = np.cumsum(hits)
    precision, recall = found / np.arange(1, len(hits) + 1), found / objects
    return float(np.mean([precision[recall >= tenth / 10 - 1e-12].max(initial=0) for tenth in range(11)]))


@pytest.mark.parametrize("seed", range(5))
def test_dotas_average_precision(seed: int) -> None:
    generator = np.random.default_rng(seed)
    pairs = []
    for _ in range(5):
        count = 5
        sizes = generator.uniform(5, 40, (count, 2))
        boxes = np.concatenate(
            [generator.uniform(0, 80, (count, 2)), sizes, generator.uniform(-1.5, 1.5, (count, 1))], axis=1
        )
        classes = generator.integers(0, 2, count)
        found = np.repeat(boxes, 2, axis=0) + generator.normal(0, 1, (2 * count, 5)) * [2, 2, 2, 2, 0.15]
        found[:, 2:4] = np.abs(found[:, 2:4])
        scores = generator.random(2 * count)
        ignored = generator.random(count) < 0.2
        pairs.append(
            (
                labels(boxes, classes.tolist(), ignored.tolist()),
                predicted(found, scores.tolist(), np.repeat(classes, 2).tolist()),
            )
        )
    metrics = summary(pairs).metrics
    assert metrics["voc_map_11"] == pytest.approx(np.mean([dota(pairs, index) for index in (0, 1)]), abs=1e-12)
    assert metrics["map"] < metrics["map_50"]


def judged(truth: OrientedBoxLabels, prediction: OrientedBoxPredictions | None) -> Any:
    metric = task_metric("oriented_boxes")
    return metric.judge(metric.tally(truth, prediction, SPEC), SPEC)


def test_an_angle_off_is_a_place_off() -> None:
    turned = [*SHIP[:4], SHIP[4] + np.pi / 2]
    comparison = judged(labels([SHIP]), predicted([turned], [0.8]))
    assert (comparison.status, comparison.error_type) == ("wrong", "Loc")
    assert comparison.errors[0].overlap == pytest.approx(64 / (480 - 64))
    half_turned = [*SHIP[:4], SHIP[4] - np.pi]
    assert judged(labels([SHIP]), predicted([half_turned])).status == "correct"


def test_ignored_objects_count_neither_way() -> None:
    truth = labels([SHIP], ignored=[True])
    assert judged(truth, predicted([SHIP])).status == "correct"
    assert judged(truth, None).status == "correct"
    assert summary([(truth, predicted([SHIP]))]).metrics["map"] is None


def test_more_than_a_hundred_predictions_of_a_class_count() -> None:
    boxes = [[20.0 * number, 5, 10, 6, 0.3] for number in range(300)]
    metrics = summary([(labels(boxes), predicted(boxes))]).metrics
    assert (metrics["map"], metrics["voc_map"], metrics["voc_map_11"]) == (1.0, 1.0, 1.0)
    assert list(metrics)[:5] == ["map", "map_50", "map_75", "voc_map", "voc_map_11"]


def test_the_picture_has_corners() -> None:
    truth, prediction = labels([SHIP]), predicted([[200, 200, 10, 10, 0]], [0.6])
    left, right = task_metric("oriented_boxes").picture(truth, prediction, SPEC)
    assert left["boxes"] == rectangle_corners(truth.boxes).reshape(-1, 8).tolist()
    assert right["boxes"] == [[195, 195, 205, 195, 205, 205, 195, 205]]
    assert (left["errors"], right["errors"]) == (["Miss"], ["Bkg"])
    assert json.loads(json.dumps([left, right])) == [left, right]


def test_missed_objects_are_named_by_the_box_around_them() -> None:
    comparison = judged(labels([[50.0, 40, 30, 10, np.pi / 2]], [1]), None)
    assert comparison.missed == ("plane 45 25 55 55",)
