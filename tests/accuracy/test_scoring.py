"""Scoring sample by sample, and samples that change sides."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from pytest_vizart.accuracy.flips import newly_wrong
from pytest_vizart.accuracy.predicted import ClassPrediction, SemanticPrediction
from pytest_vizart.accuracy.scoring import StageScorer
from pytest_vizart.errors import PredictionError, UsageError
from pytest_vizart.records.labels import IGNORE, ClassLabel, SemanticLabels
from pytest_vizart.records.score import Counts
from tests.accuracy.problems import predicted_boxes, spec, truth_boxes

CLASSES = spec("classes")


def test_counts_outcomes_and_cases_grow_with_the_samples() -> None:
    scorer = StageScorer(CLASSES)
    first = scorer.add(
        "a", ClassLabel(0), ClassPrediction(0), input_path="a.png", tags=("dark",), label_digest="l", input_digest="i"
    )
    assert (first.status, first.tags, first.label_digest, first.input_digest) == ("correct", ("dark",), "l", "i")
    assert scorer.counts == Counts(correct=1)
    assert scorer.add("b", ClassLabel(0), ClassPrediction(1), input_path="b.png").error_type == "confused"
    assert scorer.add_invalid("c", "ValueError: no", "raised", truth=ClassLabel(1)).status == "invalid"
    assert scorer.add_unlabeled("d").status == "unlabeled"
    assert scorer.counts == Counts(1, 1, 1, 1)
    assert [outcome.sample_id for outcome in scorer.outcomes] == ["a", "b", "c", "d"]
    (case,) = scorer.cases
    assert (case.sample_id, case.input_path, case.truth["label"], case.predicted["label"]) == (
        "b",
        "b.png",
        "coin",
        "key",
    )


def test_a_stage_does_not_become_more_accurate_by_raising() -> None:
    scorer = StageScorer(CLASSES)
    scorer.add("a", ClassLabel(0), ClassPrediction(0))
    scorer.add_invalid("b", "ValueError", "raised", truth=ClassLabel(0))
    scorer.add_invalid("c", "label does not decode", "unreadable")
    assert scorer.score().metrics["accuracy"] == 0.5


def test_score_names_stage_task_headline_and_notes() -> None:
    scorer = StageScorer(spec("boxes"))
    scorer.add("a", truth_boxes([[0, 0, 9, 9]]), predicted_boxes([[0, 0, 9, 9], [50, 50, 60, 60]], [1, 0.1], [0, 1]))
    score = scorer.score()
    assert (score.stage, score.task, score.headline, score.counts) == ("stage", "boxes", "map", Counts(correct=1))
    assert score.metrics["map"] == pytest.approx(1.0)
    assert "without ground truth" in score.notes[0]


def test_a_prediction_of_another_shape_counts_nothing() -> None:
    scorer = StageScorer(spec("semantic"))
    truth = SemanticLabels(np.zeros((2, 2), np.int32))
    with pytest.raises(PredictionError):
        scorer.add("a", truth, SemanticPrediction(np.zeros((2, 3), np.int32)))
    assert scorer.counts == Counts()
    assert scorer.add("a", truth, SemanticPrediction(np.zeros((2, 2), np.int32))).status == "correct"


def test_a_label_that_leaves_everything_out_makes_the_sample_unlabeled() -> None:
    scorer = StageScorer(spec("semantic"))
    scorer.add("a", SemanticLabels(np.full((2, 2), IGNORE, np.int32)), SemanticPrediction(np.zeros((2, 2), np.int32)))
    assert scorer.counts == Counts(unlabeled=1)


def test_a_sample_is_scored_once() -> None:
    scorer = StageScorer(CLASSES)
    scorer.add_unlabeled("a")
    for add in (
        lambda: scorer.add("a", ClassLabel(0), ClassPrediction(0)),
        lambda: scorer.add_invalid("a", "", "raised"),
        lambda: scorer.add_unlabeled("a"),
    ):
        with pytest.raises(UsageError, match="two predictions"):
            add()


def test_cases_are_bounded_and_outcomes_are_not() -> None:
    scorer = StageScorer(CLASSES, keep_cases=2)
    for number in range(5):
        scorer.add(str(number), ClassLabel(0), ClassPrediction(1))
    assert len(scorer.cases) == 2
    assert scorer.counts.wrong == len(scorer.outcomes) == 5


def test_everything_kept_is_plain_data() -> None:
    scorer = StageScorer(spec("boxes"))
    scorer.add("a", truth_boxes([[0, 0, 9, 9]]), predicted_boxes([[50, 0, 59, 9]]))
    text = json.dumps([asdict(scorer.cases[0]), asdict(scorer.outcomes[0]), asdict(scorer.score())])
    assert "miss" in text


def test_flips_know_both_directions_and_leave_the_rest() -> None:
    baseline = {
        "a": "correct",
        "b": "correct",
        "c": "wrong",
        "d": "invalid",
        "e": "correct",
        "f": "unlabeled",
        "g": "wrong",
    }
    now = {
        "d": "correct",
        "c": "correct",
        "b": "invalid",
        "a": "wrong",
        "e": "unlabeled",
        "f": "wrong",
        "new": "wrong",
        "g": "invalid",
    }
    assert newly_wrong(baseline, now) == (("b", "a"), ("d", "c"))  # type: ignore[arg-type]
