"""The IoU of every box with every object."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pycocotools import mask as codec

from pytest_vizart.accuracy.detection.box_iou import box_iou
from tests.accuracy.problems import corners_of, predicted_boxes, random_problem, sides_of, truth_boxes


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


def test_of_a_crowd_it_is_the_share_of_the_box_that_lies_in_it() -> None:
    truth = truth_boxes([[0, 0, 100, 100]], crowd=[True])
    assert box_iou(truth, predicted_boxes([[95, 0, 105, 10], [1, 1, 2, 2]])).tolist() == [[0.5], [1.0]]
