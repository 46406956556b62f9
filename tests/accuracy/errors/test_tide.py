"""The six kinds of TIDE, image by image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_vizart.accuracy.detection.scene import Scene, match_scene
from pytest_vizart.accuracy.errors.tide import NAMES, Kind, SceneErrors, scene_errors
from tests.accuracy.detection.scenes import scene


def errors_of(one: Scene, score_threshold: float = 0.5, foreground: float = 0.5) -> SceneErrors:
    return scene_errors(one, match_scene(one, foreground), score_threshold=score_threshold, foreground=foreground)


def kinds(errors: SceneErrors) -> list[str | None]:
    return [NAMES.get(Kind(number)) for number in errors.kind.tolist()]


@pytest.mark.parametrize(
    "similarity, predicted, true, expected, missed",
    [
        ([[0.8]], [0], [0], [None], [False]),
        ([[0.8]], [1], [0], ["Cls"], [False]),
        ([[0.3]], [0], [0], ["Loc"], [False]),
        ([[0.3]], [1], [0], ["Both"], [True]),
        ([[0.8], [0.7]], [0, 0], [0], [None, "Dupe"], [False]),
        ([[0.05]], [0], [0], ["Bkg"], [True]),
        ([[0.0]], [1], [0], ["Bkg"], [True]),
        # Loc goes before Cls, and both before Dupe; an object of the class that is too near for Loc does not.
        ([[0.3, 0.8]], [0], [0, 1], ["Loc"], [False, True]),
        ([[0.9, 0.0], [0.8, 0.7]], [0, 0], [0, 1], [None, "Cls"], [False, False]),
        # The border of Loc and Bkg is within Loc, for another class within Bkg; that of Cls is within Cls.
        ([[0.1]], [0], [0], ["Loc"], [False]),
        ([[0.1]], [1], [0], ["Bkg"], [True]),
        ([[0.5]], [1], [0], ["Cls"], [False]),
    ],
)
def test_one_rule_each(
    similarity: Any, predicted: list[int], true: list[int], expected: list[str | None], missed: list[bool]
) -> None:
    errors = errors_of(scene(similarity, predicted, true))
    assert kinds(errors) == expected
    assert errors.missed.tolist() == missed


def test_a_wrong_place_near_a_found_object_leaves_others_missed() -> None:
    errors = errors_of(scene([[0.9, 0.0], [0.3, 0.2]], [0, 0], [0, 0]))
    assert kinds(errors) == [None, "Loc"]
    assert (errors.target[1], errors.overlap[1]) == (0, 0.3)
    assert errors.missed.tolist() == [False, True]
    assert not errors.mended.any()


def test_of_those_about_one_object_the_best_score_is_mended() -> None:
    errors = errors_of(scene([[0.3], [0.9], [0.4]], [0, 1, 0], [0], scores=[0.6, 0.8, 0.7]))
    assert kinds(errors) == ["Loc", "Cls", "Loc"]
    assert errors.mended.tolist() == [False, True, False]
    assert errors.missed.tolist() == [False]


def test_scores_under_the_threshold_neither_err_nor_find() -> None:
    one = scene([[0.9], [0.0]], [0, 0], [0], scores=[0.4, 0.3])
    assert kinds(errors_of(one)) == [None, None]
    assert errors_of(one).missed.tolist() == [True]
    assert kinds(errors_of(one, score_threshold=0.3)) == [None, "Bkg"]


def test_what_does_not_count_is_no_error() -> None:
    several = scene(
        [[0.9, 0.0], [0.0, 0.8], [0.0, 0.0]],
        [0, 0, 0],
        [0, 0],
        crowd=[True, False],
        ignored=[False, True],
        shielded=[False, False, True],
    )
    errors = errors_of(several)
    assert kinds(errors) == [None, None, None]
    assert not errors.missed.any()


def test_an_ignored_object_of_another_class_explains_without_being_the_target() -> None:
    errors = errors_of(scene([[0.9], [0.0]], [1, 1], [0], ignored=[True]))
    assert kinds(errors) == ["Bkg", "Bkg"]
    assert errors.explained.tolist() == [True, False]
    assert errors.overlap.tolist() == [0.0, 0.0]


def test_without_objects_everything_is_background() -> None:
    errors = errors_of(scene([[], []], [0, 1], []))
    assert kinds(errors) == ["Bkg", "Bkg"]


def test_another_threshold_moves_the_borders() -> None:
    one = scene([[0.6]], [0], [0])
    assert kinds(errors_of(one, foreground=0.75)) == ["Loc"]
    assert kinds(errors_of(one, foreground=1.0)) == ["Loc"]
    assert kinds(errors_of(one)) == [None]


def test_every_prediction_that_counts_and_met_nothing_has_one_kind() -> None:
    generator = np.random.default_rng(1)
    for _ in range(50):
        count, objects = generator.integers(0, 12, 2)
        one = scene(
            generator.choice([0.0, 0.05, 0.3, 0.7], (count, objects)).tolist(),
            generator.integers(0, 2, count).tolist(),
            generator.integers(0, 2, objects).tolist(),
            scores=generator.random(count).tolist(),
            crowd=(generator.random(objects) < 0.2).tolist(),
        )
        match, errors = match_scene(one, 0.5), errors_of(one)
        wrong = (one.scores >= 0.5) & ~match.hit & ~match.excused
        np.testing.assert_array_equal(errors.kind > 0, wrong)
        found = match.found_score >= 0.5
        assert not (errors.missed & (found | ~one.counting)).any()
        assert errors.mended.sum() + errors.missed.sum() + (found & one.counting).sum() == one.counting.sum()
