"""Detections that make the label suspect."""

from __future__ import annotations

import pytest

from pytest_vizart.accuracy.detection.scene import match_scene
from pytest_vizart.accuracy.errors.suspects import label_suspects
from pytest_vizart.accuracy.errors.tide import scene_errors
from tests.accuracy.detection.scenes import scene


def suspects(similarity: list[list[float]], scores: list[float], **rest: list[bool]) -> list[bool]:
    one = scene(similarity, [0] * len(scores), [0] * len(similarity[0]), scores=scores, **rest)
    errors = scene_errors(one, match_scene(one, 0.5), score_threshold=0.5, foreground=0.5)
    return label_suspects(errors, one.scores).tolist()


@pytest.mark.parametrize(
    "similarity, score, expected",
    [(0.0, 0.95, True), (0.05, 0.9, True), (0.0, 0.89, False), (0.3, 0.95, False), (0.8, 0.95, False)],
)
def test_confident_detections_on_background_only(similarity: float, score: float, expected: bool) -> None:
    assert suspects([[similarity]], [score]) == [expected]


def test_what_lies_on_an_ignored_object_of_another_class_is_explained() -> None:
    one = scene([[0.9]], [1], [0], scores=[0.95], ignored=[True])
    errors = scene_errors(one, match_scene(one, 0.5), score_threshold=0.5, foreground=0.5)
    assert label_suspects(errors, one.scores).tolist() == [False]


def test_without_scores_nobody_is_confident() -> None:
    assert suspects([[0.0], [0.9]], [1.0, 1.0]) == [False, False]
    assert suspects([[0.0], [0.9]], [1.0, 0.9]) == [True, False]
