"""The twelve COCO numbers, equal to the last bit to pycocotools."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pytest_vizart.accuracy.coco.box_numbers import coco_numbers
from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.records.labels import BoxLabels
from tests.accuracy.problems import (
    COCO_NAMES,
    predicted_boxes,
    pycocotools_numbers,
    random_problem,
    tenths_problem,
    truth_boxes,
)

SHARED = Path(__file__).parents[3].parent / "shared" / "data"


@pytest.mark.parametrize("seed", range(60))
def test_random_problems_equal_pycocotools_to_the_last_bit(seed: int) -> None:
    generator = np.random.default_rng(seed)
    classes = int(generator.integers(1, 5))
    objects, predictions = int(generator.integers(0, 12)), 300 if seed % 10 == 0 else int(generator.integers(0, 25))
    truths, predicted = random_problem(generator, int(generator.integers(1, 9)), classes, objects, predictions)
    assert coco_numbers(truths, predicted, range(classes)).metrics == pycocotools_numbers(truths, predicted, classes)


@pytest.mark.parametrize("seed", range(40))
def test_boxes_of_tenths_of_pixels_equal_pycocotools_to_the_last_bit(seed: int) -> None:
    truths, predicted, sides = tenths_problem(np.random.default_rng(seed), 6)
    assert coco_numbers(truths, predicted, [0]).metrics == pycocotools_numbers(truths, predicted, 1, sides)


def test_more_than_a_hundred_predictions_of_one_class_are_cut_by_score() -> None:
    truth = truth_boxes([[0, 0, 10, 10]])
    far = [[500.0, 500, 510, 510]] * 100
    late = predicted_boxes([*far, [0, 0, 10, 10]], [0.9] * 100 + [0.8])
    assert coco_numbers([truth], [late], [0]).metrics["map"] == 0.0
    early = predicted_boxes([*far, [0, 0, 10, 10]], [0.9] * 100 + [0.95])
    assert coco_numbers([truth], [early], [0]).metrics["map"] == pytest.approx(1.0)


def test_the_later_of_two_equal_objects_is_met_first() -> None:
    twins = truth_boxes([[0, 0, 10, 10], [0, 0, 10, 10]])
    small_first = BoxLabels(twins.boxes, twins.class_index, twins.crowd, np.array([100.0, 5000.0]))
    once = predicted_boxes([[0, 0, 10, 10]])
    assert coco_numbers([small_first], [once], [0]).metrics == pycocotools_numbers([small_first], [once], 1)


def test_an_object_of_1024_square_pixels_is_small_and_medium() -> None:
    metrics = coco_numbers([truth_boxes([[0, 0, 32, 32]])], [predicted_boxes([[0, 0, 32, 32]])], [0]).metrics
    assert (metrics["map_small"], metrics["map_medium"]) == pytest.approx((1.0, 1.0))
    assert metrics["map_large"] is None


def test_names_come_in_the_order_of_the_field() -> None:
    assert tuple(coco_numbers([], [], [0]).metrics) == COCO_NAMES


def test_nothing_labelled_leaves_every_number_undefined() -> None:
    for truths, predicted in (([], []), ([truth_boxes([])], [predicted_boxes([[0, 0, 5, 5]])])):
        assert set(coco_numbers(truths, predicted, [0, 1]).metrics.values()) == {None}


def test_rows_of_a_chunk_border_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    truths, predicted = random_problem(np.random.default_rng(5), 8, 3, 10, 30)
    whole = coco_numbers(truths, predicted, range(3)).metrics
    monkeypatch.setattr("pytest_vizart.accuracy.coco.edges._PAIRS_AT_ONCE", 7)
    assert coco_numbers(truths, predicted, range(3)).metrics == whole


def test_the_order_of_the_classes_does_not_change_the_matching() -> None:
    truths, predicted = random_problem(np.random.default_rng(6), 8, 3, 10, 30)
    forward, backward = (coco_numbers(truths, predicted, order).metrics for order in ([0, 1, 2], [2, 1, 0]))
    assert list(forward.values()) == pytest.approx(list(backward.values()), rel=1e-12)


def _from_files(ground: Path, results: Path) -> tuple[list[BoxLabels], list[BoxPredictions], int]:
    truth, rows = json.loads(ground.read_text()), json.loads(results.read_text())
    index = {number: position for position, number in enumerate(sorted(one["id"] for one in truth["categories"]))}
    truths, predictions = [], []
    for image in sorted(one["id"] for one in truth["images"]):
        own = [row for row in truth["annotations"] if row["image_id"] == image]
        found = [row for row in rows if row["image_id"] == image]
        boxes, predicted = (np.array([row["bbox"] for row in group], float).reshape(-1, 4) for group in (own, found))
        boxes[:, 2:] += boxes[:, :2]
        predicted[:, 2:] += predicted[:, :2]
        labels = truth_boxes(
            boxes.tolist(), [index[row["category_id"]] for row in own], [bool(row["iscrowd"]) for row in own]
        )
        area = np.array([row["area"] for row in own], dtype=np.float64)
        truths.append(BoxLabels(labels.boxes, labels.class_index, labels.crowd, area))
        classes = [index[row["category_id"]] for row in found]
        predictions.append(predicted_boxes(predicted.tolist(), [row["score"] for row in found], classes))
    return truths, predictions, len(index)


@pytest.mark.parametrize(
    "ground, results",
    [
        ("coco_sahi/coco_evaluate/dataset.json", "coco_sahi/coco_evaluate/result.json"),
        ("coco_small_fce/dataset/gt_dataset.json", "coco_small_fce/dataset/dt_dataset.json"),
    ],
)
def test_real_files_equal_pycocotools_to_the_last_bit(ground: str, results: str) -> None:
    if not SHARED.exists():
        pytest.skip("real data is not beside this checkout: shared/data")
    truths, predictions, classes = _from_files(SHARED / ground, SHARED / results)
    metrics = coco_numbers(truths, predictions, range(classes)).metrics
    assert metrics == pycocotools_numbers(truths, predictions, classes)
    if "sahi" in ground:
        assert metrics["map"] == pytest.approx(0.071954, abs=1e-6)
