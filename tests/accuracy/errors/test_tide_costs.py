"""What the kinds of errors cost, against TIDE's own library."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from pytest_vizart.accuracy.detection.tally import Pool, pool
from pytest_vizart.accuracy.errors.tide_costs import tide_costs
from pytest_vizart.accuracy.metrics import task_metric
from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.records.labels import BoxLabels, LabelSpec
from tests.accuracy.errors.oracle import every_kind, tidecv_numbers
from tests.accuracy.problems import corners_of, predicted_boxes, random_problem, spec, truth_boxes
from tests.golden.datasets import shared

TIDECV_POINTS = np.arange(101) / 100
"""TIDE's library writes its recalls so; COCO's linspace differs in the last bit of some."""

NUMBERS = (
    0.2947194719471947,
    {"Cls": 2, "Loc": 2, "Both": 1, "Dupe": 1, "Bkg": 1, "Miss": 3},
    {
        "Cls": 0.17215935879302,
        "Loc": 0.07141089108911,
        "Both": 0.04633427628477,
        "Dupe": 0.00565770862801,
        "Bkg": 0.06435643564356,
        "Miss": 0.11039603960396,
    },
)
"""Of `every_kind` at a score threshold of .5, by tidecv 1.0.1."""


def pooled(truths: list[BoxLabels], predictions: list[BoxPredictions], of: LabelSpec) -> Pool:
    metric = task_metric("boxes")
    pairs = zip(truths, predictions, strict=True)
    return pool([metric.tally(truth, prediction, of) for truth, prediction in pairs], len(of.classes))


def test_counts_and_costs_are_those_of_tides_library() -> None:
    tide = tide_costs(pooled(*every_kind(), spec("boxes")), 0.5)
    assert (tide.base_ap, tide.counts, tide.costs) == (
        pytest.approx(NUMBERS[0]),
        NUMBERS[1],
        pytest.approx(NUMBERS[2], abs=1e-12),
    )


def test_the_library_says_the_same_today() -> None:
    pytest.importorskip("tidecv")
    base, counts, costs = tidecv_numbers(*every_kind(), 0.5)
    assert (base, counts) == (pytest.approx(NUMBERS[0]), NUMBERS[1])
    assert costs == pytest.approx(NUMBERS[2], abs=1e-12)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("score_threshold", [0.0, 0.3])
def test_random_problems_equal_tides_library(seed: int, score_threshold: float) -> None:
    pytest.importorskip("tidecv")
    generator = np.random.default_rng(seed)
    truths, predictions = random_problem(generator, 15, 3, 10, 25)
    truths = [replace(truth, crowd=np.zeros(len(truth), dtype=bool)) for truth in truths]
    # The library has another order for equal scores.
    predictions = [replace(one, scores=generator.random(len(one))) for one in predictions]
    of = spec("boxes", ["a", "b", "c"], score_threshold=score_threshold)
    columns = pooled(truths, predictions, of)
    assert columns.objects.all(), "a class without objects: the library has another base"
    tide = tide_costs(columns, score_threshold, TIDECV_POINTS)
    base, counts, costs = tidecv_numbers(truths, predictions, score_threshold)
    assert (tide.base_ap, tide.counts) == (pytest.approx(base, abs=1e-12), counts)
    assert tide.costs == pytest.approx(costs, abs=1e-12)


def test_detections_of_sahi_have_the_errors_that_tides_library_finds() -> None:
    folder = shared("coco_sahi/coco_evaluate")
    truth = json.loads((folder / "dataset.json").read_text())
    rows = json.loads((folder / "result.json").read_text())
    index = {one["id"]: place for place, one in enumerate(truth["categories"])}
    truths, predictions = [], []
    for image in (one["id"] for one in truth["images"]):
        own = [row for row in truth["annotations"] if row["image_id"] == image]
        found = [row for row in rows if row["image_id"] == image]
        sides = [np.array([row["bbox"] for row in group], dtype=float).reshape(-1, 4) for group in (own, found)]
        boxes, predicted = (corners_of(each).tolist() for each in sides)
        truths.append(truth_boxes(boxes, [index[row["category_id"]] for row in own]))
        classes = [index[row["category_id"]] for row in found]
        predictions.append(predicted_boxes(predicted, [row["score"] for row in found], classes))
    names = [str(number) for number in range(len(index))]
    tide = tide_costs(pooled(truths, predictions, spec("boxes", names, score_threshold=0.3)), 0.3)
    assert tide.counts == {"Cls": 1, "Loc": 4, "Both": 0, "Dupe": 0, "Bkg": 0, "Miss": 186}
    assert tide.base_ap == pytest.approx(0.083176799932)
    assert [tide.costs[kind] for kind in ("Cls", "Loc", "Miss")] == pytest.approx(
        [0.084158, 0.004282, 0.375986], abs=1e-6
    )


NEAR = [0, 0, 10, 10]


def test_classes_without_objects_are_left_out_of_the_base() -> None:
    columns = pooled([truth_boxes([NEAR])], [predicted_boxes([NEAR, [50, 50, 60, 60]], classes=[0, 1])], spec("boxes"))
    tide = tide_costs(columns, 0.5)
    assert tide.base_ap == 1.0
    assert (tide.counts["Bkg"], tide.costs["Bkg"]) == (1, 0.0)


def test_a_model_that_finds_nothing_at_all_owes_everything_to_its_misses() -> None:
    tide = tide_costs(pooled([truth_boxes([NEAR])], [predicted_boxes([])], spec("boxes")), 0.5)
    assert (tide.base_ap, tide.counts["Miss"], tide.costs["Miss"]) == (0.0, 1, 1.0)
    assert tide.costs["Bkg"] == 0.0


def test_a_class_that_is_missed_wholly_leaves_the_mean_when_it_is_mended() -> None:
    truth = truth_boxes([NEAR, [50, 50, 60, 60]], [0, 1])
    tide = tide_costs(pooled([truth], [predicted_boxes([NEAR])], spec("boxes")), 0.5)
    assert (tide.base_ap, tide.costs["Miss"]) == (0.5, 0.5)


def test_a_wrong_class_that_is_mended_counts_for_the_right_one() -> None:
    truth = truth_boxes([NEAR, [50, 50, 60, 60]], [0, 1])
    predicted = predicted_boxes([NEAR, [50, 50, 60, 60]], [0.9, 0.8], [1, 1])
    tide = tide_costs(pooled([truth], [predicted], spec("boxes")), 0.5)
    assert tide.base_ap == pytest.approx(0.25)
    assert tide.costs == pytest.approx({"Cls": 0.75, "Loc": 0, "Both": 0, "Dupe": 0, "Bkg": 0, "Miss": 0})


def test_nothing_labelled_has_no_costs() -> None:
    tide = tide_costs(pooled([truth_boxes([])], [predicted_boxes([NEAR])], spec("boxes")), 0.5)
    assert (tide.base_ap, tide.counts["Bkg"], set(tide.costs.values())) == (None, 1, {0.0})
    assert tide_costs(pooled([], [], spec("boxes")), 0.5).base_ap is None
