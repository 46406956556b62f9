"""Who meets whom in one image."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_vizart.accuracy.detection.box_iou import box_iou
from pytest_vizart.accuracy.detection.scene import NEVER, match_scene
from tests.accuracy.detection.scenes import scene
from tests.accuracy.problems import predicted_boxes, random_problem, truth_boxes


def test_the_best_score_chooses_first_and_an_object_is_met_once() -> None:
    match = match_scene(scene([[0.7], [0.9], [0.8]], [0, 0, 0], [0], scores=[0.5, 0.8, 0.9]), 0.5)
    assert match.hit.tolist() == [False, False, True]
    assert match.found_score.tolist() == [0.9]
    assert match.partner[2] == 0
    assert not match.excused.any()


def test_of_equal_scores_the_earlier_chooses_first_and_of_equal_objects_the_later_is_chosen() -> None:
    match = match_scene(scene([[0.8, 0.8], [0.8, 0.8], [0.8, 0.8]], [0] * 3, [0, 0], scores=[0.5] * 3), 0.5)
    assert match.hit.tolist() == [True, True, False]
    assert match.partner[:2].tolist() == [1, 0]


def test_each_takes_the_free_object_it_resembles_most() -> None:
    match = match_scene(scene([[0.9, 0.6], [0.8, 0.7]], [0, 0], [0, 0]), 0.5)
    assert match.partner.tolist() == [0, 1]
    assert match.found_score.tolist() == pytest.approx([0.99, 0.98])


def test_classes_must_agree_and_the_threshold_is_enough() -> None:
    match = match_scene(scene([[0.9, 0.4], [0.5, 0.49]], [1, 0], [0, 1]), 0.5)
    assert match.hit.tolist() == [False, True]
    assert match.found_score[1] == NEVER


def test_crowds_and_ignored_objects_excuse_what_meets_nothing_else() -> None:
    several = scene(
        [[0.9, 0.0, 0.6], [0.9, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 0.2]],
        [0, 0, 0, 0],
        [0, 0, 0],
        crowd=[True, False, False],
        ignored=[False, True, False],
    )
    match = match_scene(several, 0.5)
    assert match.hit.tolist() == [True, False, False, False]
    assert match.partner[0] == 2
    assert match.excused.tolist() == [False, True, True, False]
    assert match.found_score.tolist() == [NEVER, NEVER, pytest.approx(0.99)]


def test_a_crowd_of_another_class_excuses_nothing() -> None:
    match = match_scene(scene([[0.9]], [0], [1], crowd=[True]), 0.5)
    assert not match.excused.any()


def test_shielded_predictions_count_where_they_meet_an_object_only() -> None:
    match = match_scene(scene([[0.9], [0.9], [0.0]], [0] * 3, [0], shielded=[True, True, False]), 0.5)
    assert match.hit.tolist() == [True, False, False]
    assert match.excused.tolist() == [False, True, False]


def test_equal_up_to_rounding_meets_at_threshold_one() -> None:
    assert match_scene(scene([[1 - 1e-12]], [0], [0]), 1.0).hit.all()


@pytest.mark.parametrize("sides", [([], [0, 1]), ([0, 1], []), ([], [])])
def test_empty_sides(sides: tuple[list[int], list[int]]) -> None:
    predicted, true = sides
    match = match_scene(scene([[0.0] * len(true)] * len(predicted), predicted, true), 0.5)
    assert (len(match.hit), len(match.found_score)) == (len(predicted), len(true))
    assert not match.hit.any()


def test_lower_scores_take_nothing_from_higher_ones() -> None:
    truths, predictions = random_problem(np.random.default_rng(8), 20, 2, 10, 25)
    for truth, prediction in zip(truths, predictions, strict=True):
        similarity = box_iou(truth, prediction)
        whole = match_scene(
            scene(similarity.tolist(), prediction.class_index.tolist(), truth.class_index.tolist(),
                  scores=prediction.scores.tolist(), crowd=truth.crowd.tolist()), 0.5,
        )  # fmt: skip
        kept = prediction.scores >= 0.5
        part = match_scene(
            scene(similarity[kept].tolist(), prediction.class_index[kept].tolist(), truth.class_index.tolist(),
                  scores=prediction.scores[kept].tolist(), crowd=truth.crowd.tolist()), 0.5,
        )  # fmt: skip
        np.testing.assert_array_equal(whole.hit[kept], part.hit)
        np.testing.assert_array_equal(np.where(whole.found_score >= 0.5, whole.found_score, NEVER), part.found_score)


def test_boxes_without_size_meet_nothing() -> None:
    boxes = [[2.0, 2, 2, 2]]
    assert not box_iou(truth_boxes(boxes), predicted_boxes(boxes)).any()
