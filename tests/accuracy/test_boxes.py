"""Boxes: verdict, errors and figures of images, and their pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.metrics import Summary, compare, task_metric
from pytest_vizart.accuracy.metrics.boxes import BoxMetric
from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.records.labels import BoxLabels, LabelSpec
from pytest_vizart.records.outcome import MAX_ERRORS, ErrorItem
from tests.accuracy.errors.oracle import every_kind
from tests.accuracy.problems import (
    COCO_NAMES,
    predicted_boxes,
    pycocotools_numbers,
    random_problem,
    spec,
    truth_boxes,
)

BOXES = spec("boxes")
NEAR, FAR, THIRD = [0, 0, 10, 10], [100, 0, 110, 10], [200, 0, 210, 10]


def summary_of(pairs: list[tuple[BoxLabels, BoxPredictions | None]], of: LabelSpec = BOXES, **rest: Any) -> Summary:
    metric = BoxMetric()
    return metric.summarise([metric.tally(truth, prediction, of) for truth, prediction in pairs], of, **rest)


@pytest.mark.parametrize(
    "truth, predicted, error_type, score, reason",
    [
        ([NEAR], [NEAR], None, 1.0, None),
        ([], [], None, 1.0, None),
        ([NEAR, FAR], [NEAR], "Miss", 0.5, "1 of 2 objects missed"),
        ([NEAR], [NEAR, FAR], "Bkg", 0.5, "1 false positive where nothing is labelled"),
        ([NEAR, FAR], [NEAR, THIRD], "Miss", 1 / 3,
         "1 of 2 objects missed, 1 false positive where nothing is labelled"),
        ([NEAR], [], "Miss", 0.0, "1 of 1 object missed"),
        ([NEAR], [NEAR, NEAR, NEAR], "Dupe", 1 / 3, "2 duplicates"),
        ([NEAR], [[0, 0, 10, 4]], "Loc", 0.0, "1 in the wrong place (coin, IoU 0.40)"),
    ],
)  # fmt: skip
def test_an_image_is_wrong_with_a_miss_or_a_false_positive(
    truth: Any, predicted: Any, error_type: str | None, score: float, reason: str | None
) -> None:
    found = compare(truth_boxes(truth), predicted_boxes(predicted), BOXES)
    assert found.status == ("wrong" if error_type else "correct")
    assert (found.error_type, found.reason) == (error_type, reason)
    assert found.score == pytest.approx(score)


def test_measures_of_an_image() -> None:
    truth = truth_boxes([NEAR, FAR, THIRD, [300, 0, 310, 10]])
    predicted = predicted_boxes([NEAR, [100, 0, 110, 8], [9, 9, 9, 9]])
    assert compare(truth, predicted, BOXES).measures == pytest.approx(
        {"expected": 4, "found": 2, "misses": 2, "false_positives": 1, "precision": 2 / 3, "recall": 0.5,
         "f1": 4 / 7, "mean_iou": 0.9}
    )  # fmt: skip
    nothing = {"expected": 0.0, "found": 0.0, "misses": 0.0, "false_positives": 0.0}
    perfect = {"precision": 1.0, "recall": 1.0, "f1": 1.0, "mean_iou": 1.0}
    assert compare(truth_boxes([]), predicted_boxes([]), BOXES).measures == nothing | perfect
    missed = compare(truth_boxes([NEAR]), predicted_boxes([]), BOXES).measures
    assert (missed["precision"], missed["recall"], missed["f1"], missed["mean_iou"]) == (1.0, 0.0, 0.0, 0.0)
    spare = compare(truth_boxes([]), predicted_boxes([NEAR]), BOXES).measures
    assert (spare["precision"], spare["recall"], spare["f1"], spare["mean_iou"]) == (0.0, 1.0, 0.0, 1.0)


def test_errors_name_objects_predictions_and_places_worst_first() -> None:
    truths, predictions = every_kind()
    found = compare(truths[0], predictions[0], BOXES)
    assert [error.kind for error in found.errors] == ["Miss", "Both", "Cls", "Bkg", "Dupe"]
    assert found.errors[2] == ErrorItem(
        kind="Cls", severity=0.8244, truth="key", predicted="coin", score=0.9, overlap=0.9, truth_position=2,
        predicted_position=3, box=(40, 0, 50, 9),
    )  # fmt: skip
    assert found.errors[0] == ErrorItem("Miss", 0.9385, truth="key", truth_position=3, box=(60, 0, 70, 10))
    assert found.errors[4].note == "found already, with score 0.95"
    assert found.error_type == "Miss"
    assert found.missed == ("key 40 0 50 10", "key 60 0 70 10")
    assert found.false_positives == ("coin 0 0 10 8", "coin 40 0 50 9", "coin 64 0 76 10", "key 80 80 90 90")
    assert compare(truths[2], predictions[2], BOXES).errors[1].note == (
        "found with score 0.3, under the threshold of 0.5"
    )


def test_errors_are_bounded_and_the_worst_are_kept() -> None:
    truth = truth_boxes([[0, 0, 1 + number, 1 + number] for number in range(150)])
    found = compare(truth, predicted_boxes([[500, 500, 900, 900]] * 120, [0.6] * 120), BOXES)
    assert (len(found.errors), len(found.missed), len(found.false_positives)) == (MAX_ERRORS,) * 3
    severities = [error.severity for error in found.errors]
    assert severities == sorted(severities, reverse=True)
    assert found.measures["misses"] == 150


def test_a_confident_detection_without_a_label_makes_the_label_suspect() -> None:
    found = compare(truth_boxes([NEAR]), predicted_boxes([NEAR, FAR], [0.8, 0.95]), BOXES)
    assert (found.status, found.error_type) == ("wrong", "label-suspect")
    assert found.reason == (
        "1 false positive where nothing is labelled, 1 of them so confident that the label is suspect"
    )
    assert compare(truth_boxes([NEAR]), predicted_boxes([NEAR, FAR]), BOXES).error_type == "Bkg"


def test_low_scores_and_crowds_make_no_image_wrong() -> None:
    truth = truth_boxes([NEAR, FAR], crowd=[False, True])
    predicted = predicted_boxes([NEAR, THIRD, FAR], [0.9, 0.1, 0.9])
    assert compare(truth, predicted, BOXES).status == "correct"
    assert compare(truth, predicted, spec("boxes", score_threshold=0.0)).error_type == "Bkg"


def test_difficult_objects_count_neither_way() -> None:
    truth = replace(truth_boxes([NEAR, FAR]), ignored=np.array([False, True]))
    for predicted in ([NEAR], [NEAR, FAR]):
        found = compare(truth, predicted_boxes(predicted), BOXES)
        assert (found.status, found.measures["expected"]) == ("correct", 1)


def test_predictions_in_regions_that_nobody_labelled_do_not_count() -> None:
    truth = replace(truth_boxes([NEAR]), regions=np.array([[100.0, 0, 200, 100]]))
    inside, half, outside = [110, 0, 120, 10], [95, 0, 105, 10], [94, 0, 104, 10]
    assert compare(truth, predicted_boxes([NEAR, inside], classes=[0, 1]), BOXES).status == "correct"
    for box in (half, outside):
        assert compare(truth, predicted_boxes([NEAR, box]), BOXES).measures["false_positives"] == 1
    over = replace(truth, regions=np.array([[0.0, 0, 50, 50]]))
    assert compare(over, predicted_boxes([NEAR]), BOXES).measures["found"] == 1
    assert summary_of([(truth, predicted_boxes([inside, NEAR], [0.9, 0.8]))]).metrics["map"] == pytest.approx(1.0)


def test_precision_recall_f1_are_counted_over_all_images() -> None:
    pairs: list[tuple[BoxLabels, BoxPredictions | None]] = [
        (truth_boxes([NEAR, FAR]), predicted_boxes([NEAR])),
        (truth_boxes([NEAR]), predicted_boxes([NEAR, THIRD, FAR])),
        (truth_boxes([NEAR]), None),
    ]
    result = summary_of(pairs).metrics
    assert (result["precision"], result["recall"], result["f1"]) == (0.5, 0.5, 0.5)
    assert tuple(result)[:12] == COCO_NAMES
    nothing = summary_of([(truth_boxes([]), None)]).metrics
    assert set(nothing.values()) == {None}


@pytest.mark.parametrize("seed", range(8))
def test_the_twelve_numbers_and_each_class_equal_pycocotools(seed: int) -> None:
    truths, predictions = random_problem(np.random.default_rng(seed), 6, 3, 8, 20)
    of = spec("boxes", ["a", "b", "c"])
    summary = summary_of(list(zip(truths, predictions, strict=True)), of)
    assert {name: summary.metrics[name] for name in COCO_NAMES} == pycocotools_numbers(truths, predictions, 3)
    for index, name in enumerate("abc"):
        alone = [replace_class(one, index) for one in truths], [replace_class(one, index) for one in predictions]
        expected = pycocotools_numbers(*alone, 1)
        if name in summary.per_class:
            figures = summary.per_class[name]
            assert [figures[key] for key in ("ap", "ap_50", "ap_75")] == [
                expected[key] for key in ("map", "map_50", "map_75")
            ]


def replace_class(one: Any, index: int) -> Any:
    rows = one.class_index == index
    columns = {name: getattr(one, name)[rows] for name in ("boxes", "area", "crowd", "scores") if hasattr(one, name)}
    return replace(one, class_index=np.zeros(int(rows.sum()), dtype=np.int64), **columns)


def test_figures_of_a_class_are_those_of_its_own_predictions() -> None:
    truth = truth_boxes([NEAR, FAR, THIRD], [0, 0, 1])
    predicted = predicted_boxes([NEAR, [0, 50, 9, 60], THIRD], [0.6, 0.9, 0.3], [0, 0, 1])
    figures = summary_of([(truth, predicted)]).per_class
    assert list(figures) == ["coin", "key"]
    coin = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "objects": 2, "predictions": 2, "best_f1": 0.5,
            "best_f1_threshold": 0.6}  # fmt: skip
    assert {name: figures["coin"][name] for name in coin} == coin
    assert (figures["key"]["precision"], figures["key"]["recall"], figures["key"]["predictions"]) == (None, 0.0, 0.0)
    assert (figures["key"]["best_f1"], figures["key"]["best_f1_threshold"]) == (1.0, 0.3)
    assert "metal" not in summary_of([(truth, predicted)], spec("boxes", ["coin", "key", "metal"])).per_class


def test_the_mean_of_the_curves_is_the_average_precision() -> None:
    truths, predictions = random_problem(np.random.default_rng(11), 10, 2, 8, 15)
    summary = summary_of(list(zip(truths, predictions, strict=True)))
    curves = summary.details["pr_curve"]
    assert list(curves) == ["all", "coin", "key"]
    assert np.mean(curves["all"]["precision"]) == pytest.approx(summary.metrics["map_50"], abs=1e-4)
    assert np.mean(curves["coin"]["precision"]) == pytest.approx(summary.per_class["coin"]["ap_50"], abs=1e-4)
    for curve in curves.values():
        assert (len(curve["recall"]), curve["recall"][7], len(curve["precision"])) == (101, 0.07, 101)
    assert json.loads(json.dumps(summary.details)) == summary.details


def test_tide_is_told_with_its_thresholds() -> None:
    summary = summary_of(list(zip(*every_kind(), strict=True)))
    tide = summary.details["tide"]
    assert {name: tide[name] for name in ("tf", "tb", "score_threshold")} == {
        "tf": 0.5, "tb": 0.1, "score_threshold": 0.5,
    }  # fmt: skip
    assert tide["base_ap"] == pytest.approx(0.29471947)
    assert tide["kinds"]["Cls"] == {"count": 2, "cost": pytest.approx(0.17215936)}
    assert summary.costs == {kind: figures["cost"] for kind, figures in tide["kinds"].items()}


def test_only_metrics_are_made_where_only_metrics_are_needed() -> None:
    pairs = list(zip(*every_kind(), strict=True))
    short = summary_of(pairs, full=False)
    assert short.metrics == summary_of(pairs).metrics
    assert (short.per_class, short.details, short.costs, short.notes) == ({}, {}, {}, ())


def test_what_the_figures_do_not_show_is_noted() -> None:
    unseen = summary_of([(truth_boxes([NEAR]), predicted_boxes([NEAR, FAR], [0.9, 0.8], [0, 1]))])
    assert unseen.notes == ("1 prediction of classes without ground truth does not enter mAP: key",)
    quiet = summary_of([(truth_boxes([NEAR]), predicted_boxes([NEAR], [0.4]))])
    assert quiet.notes == (
        "all 1 predictions score under 0.5, the score_threshold of the manifest: they enter mAP, and count as missing "
        "for correct, precision, recall and F1",
    )
    ties = summary_of([(truth_boxes([NEAR]), predicted_boxes([NEAR, FAR], [0.7, 0.7]))])
    assert ties.notes == (
        "2 right and wrong predictions share their scores: the order in which they come decides; average precision at "
        "the stage's threshold could be anything from 0.500 to 1.000",
    )
    harmless = summary_of([(truth_boxes([NEAR, FAR]), predicted_boxes([NEAR, FAR], [0.7, 0.7]))])
    assert harmless.notes == ()


def test_more_than_a_hundred_detections_of_a_class_are_told() -> None:
    many = predicted_boxes([NEAR] * 103, np.linspace(1, 0.5, 103).tolist())
    assert summary_of([(truth_boxes([NEAR]), many)]).notes == (
        "3 predictions beyond the best 100 of an image and class: not in COCO's numbers",
    )


def test_running_figures_are_those_of_the_images_so_far() -> None:
    metric = task_metric("boxes")
    running = metric.running(BOXES)
    assert running.values() == {"precision": None, "recall": None, "f1": None, "found": 0.0, "misses": 0.0}
    truths, predictions = random_problem(np.random.default_rng(4), 12, 2, 8, 15)
    tallies = []
    for truth, prediction in zip(truths, predictions, strict=True):
        tallies.append(metric.tally(truth, prediction, BOXES))
        running.add(tallies[-1], metric.judge(tallies[-1], BOXES))
        whole = metric.summarise(tallies, BOXES, full=False).metrics
        assert {name: running.values()[name] for name in ("precision", "recall", "f1")} == {
            name: whole[name] for name in ("precision", "recall", "f1")
        }


def test_pictures_hold_what_met_and_what_is_wrong() -> None:
    truth = truth_boxes([NEAR, FAR, THIRD], crowd=[False, True, False])
    predicted = predicted_boxes([FAR, NEAR, [0, 50, 10, 60]], [0.6, 0.9, 0.55])
    left, right = BoxMetric().picture(truth, predicted, BOXES)
    assert left == {
        "boxes": [NEAR, FAR, THIRD], "labels": ["coin"] * 3, "scores": [None] * 3, "matched": [True, False, False],
        "crowd": [False, True, False], "errors": [None, None, "Miss"],
    }  # fmt: skip
    assert right == {
        "boxes": [NEAR, FAR, [0, 50, 10, 60]], "labels": ["coin"] * 3, "scores": [0.9, 0.6, 0.55],
        "matched": [True, False, False], "crowd": [False, True, False], "errors": [None, None, "Bkg"],
        "score_threshold": 0.5,
    }  # fmt: skip
    assert json.dumps([left, right])
    assert BoxMetric().picture(truth, None, BOXES)[1]["boxes"] == []


def test_pictures_are_bounded_to_the_best_predictions() -> None:
    many = predicted_boxes([NEAR] * 600, np.linspace(0, 1, 600).tolist())
    _, right = BoxMetric().picture(truth_boxes([NEAR]), many, BOXES)
    assert {len(column) for column in right.values() if isinstance(column, list)} == {500}
    assert right["scores"][0] == 1.0


def test_an_object_found_under_the_threshold_is_not_matched_in_the_picture() -> None:
    left, right = BoxMetric().picture(truth_boxes([NEAR]), predicted_boxes([NEAR], [0.3]), BOXES)
    assert (left["matched"], left["errors"], right["matched"], right["errors"]) == ([False], ["Miss"], [False], [None])
