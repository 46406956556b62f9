"""Matching in one image, and the IoU under it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pycocotools import mask as codec

from pytest_vizart.accuracy.matching import box_iou, match_boxes
from tests.accuracy.problems import corners_of, predicted_boxes, random_problem, sides_of, truth_boxes

THRESHOLDS = {"iou_threshold": 0.5, "score_threshold": 0.5}


def test_iou_equals_pycocotools_to_the_last_bit() -> None:
    truths, predictions = random_problem(np.random.default_rng(2), 20, 2, 12, 30)
    for truth, prediction in zip(truths, predictions, strict=True):
        if len(prediction) and len(truth.boxes):
            theirs, ours = sides_of(prediction), sides_of(truth)
            expected = codec.iou(theirs, ours, truth.crowd.astype(np.uint8))
            label = replace(truth, boxes=corners_of(ours), extent=ours[:, 2] * ours[:, 3])
            given = replace(prediction, boxes=corners_of(theirs), extent=theirs[:, 2] * theirs[:, 3])
            np.testing.assert_array_equal(box_iou(label, given), expected)


def test_touching_and_empty_boxes_do_not_overlap() -> None:
    boxes = [[0.0, 0, 5, 5], [5, 0, 9, 5], [2, 2, 2, 2]]
    np.testing.assert_array_equal(box_iou(truth_boxes(boxes), predicted_boxes(boxes)), np.diag([1.0, 1.0, 0.0]))


def test_the_best_score_chooses_first_and_an_object_is_met_once() -> None:
    match = match_boxes(
        truth_boxes([[0, 0, 10, 10]]), predicted_boxes([[0, 0, 10, 9], [0, 0, 10, 10]], [0.9, 0.8]), **THRESHOLDS
    )
    assert match.hit.tolist() == [True, False]
    assert match.found.tolist() == [True]
    assert match.counted.tolist() == [True, True]


def test_scores_under_the_threshold_do_not_count() -> None:
    match = match_boxes(truth_boxes([[0, 0, 10, 10]]), predicted_boxes([[0, 0, 10, 10]], [0.49]), **THRESHOLDS)
    assert (match.hit.any(), match.counted.any(), match.found.any()) == (False, False, False)


def test_crowd_regions_take_many_and_are_never_missed() -> None:
    truth = truth_boxes([[0, 0, 100, 100], [0, 0, 10, 10]], crowd=[True, False])
    predicted = predicted_boxes([[0, 0, 10, 10], [50, 50, 60, 60], [70, 70, 80, 80], [200, 0, 210, 10]])
    match = match_boxes(truth, predicted, **THRESHOLDS)
    assert match.found.tolist() == [False, True]
    assert match.hit.tolist() == [True, False, False, False]
    assert match.counted.tolist() == [True, False, False, True]


def test_classes_must_agree_and_confusions_are_paired_best_overlap_first() -> None:
    truth = truth_boxes([[0, 0, 10, 10], [100, 0, 110, 10]], classes=[0, 0])
    predicted = predicted_boxes([[0, 0, 10, 8], [0, 0, 10, 10], [100, 0, 110, 10]], classes=[1, 1, 0])
    match = match_boxes(truth, predicted, **THRESHOLDS)
    assert match.found.tolist() == [False, True]
    assert match.wrong_class == ((0, 1),)


def test_equal_boxes_meet_at_iou_threshold_one() -> None:
    box = [[0.1, 0.2, 10.3, 10.7]]
    match = match_boxes(truth_boxes(box), predicted_boxes(box), iou_threshold=1.0, score_threshold=0.0)
    assert match.hit.tolist() == [True]
