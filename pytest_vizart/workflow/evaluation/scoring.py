"""Samples compared one by one, with the plugin's own scorer: what any labels and predictions have in common."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_vizart.accuracy.predicted import Prediction
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.accuracy.scoring import StageScorer
from pytest_vizart.errors import GoldenFormatError, PredictionError
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import Label, LabelSpec
from pytest_vizart.workflow.evaluation.notes import counted, named
from pytest_vizart.workflow.evaluation.predictions import Predictions
from pytest_vizart.workflow.evaluation.result import Evaluation, of_score
from pytest_vizart.workflow.evaluation.truths import Truths

_OBJECTS = frozenset({"boxes", "oriented_boxes", "instances", "keypoints", "boxes_3d"})
_WITHOUT = "without a prediction"
_NO_PREDICTION = "no prediction came for this sample"


def scored(truths: Truths, predictions: Predictions) -> Evaluation:
    """Compare every sample.

    A label that cannot be read makes its sample invalid; a prediction that cannot be read ends the evaluation, since
    its file is not what it should be. A sample without a prediction counts as one on which nothing was predicted.

    Raises:
        GoldenFormatError: not one label can be read, or a file of predictions cannot.
        PredictionError: a prediction cannot be compared with its label.
    """
    scorer = StageScorer(truths.spec, keep_cases=0)
    empty = _nothing(truths.spec) if predictions.absent_is_empty else None
    missing: list[str] = []
    first_error: GoldenFormatError | None = None
    for key in truths.keys:
        try:
            label = truths.read(key)
        except GoldenFormatError as error:
            first_error = first_error or error
            scorer.add_invalid(key.id, str(error), "unreadable-label", tags=key.tags, input_path=str(key.path))
            continue
        if label is None:
            scorer.add_unlabeled(key.id, tags=key.tags, input_path=str(key.path))
            continue
        given = predictions.read(key, label)
        prediction = empty if given is None else given  # one without objects is a prediction, and of no length
        if prediction is None:
            missing.append(key.id)
            scorer.add_invalid(
                key.id, _NO_PREDICTION, "no-prediction", truth=label, tags=key.tags, input_path=str(key.path)
            )
            continue
        _add(scorer, key, label, prediction)
    score = scorer.score()
    if first_error is not None and not (score.counts.correct + score.counts.wrong):
        raise first_error
    return of_score(
        score,
        scorer.outcomes,
        truths.spec,
        notes=(*predictions.notes, *(() if _is_told(score.notes) else _missing(missing, len(truths.keys)))),
        labels=truths.told,
        predictions=predictions.told,
    )


def _add(scorer: StageScorer, key: SampleKey, label: Label, prediction: Prediction) -> None:
    try:
        scorer.add(key.id, label, prediction, tags=key.tags, input_path=str(key.path))
    except PredictionError as error:
        place = f"sample {key.id}, {error.place}" if error.place else f"sample {key.id}"
        raise PredictionError(
            error.problem, file=error.file, place=place, expected=error.expected, found=error.found, hint=error.hint
        ) from error


def _nothing(spec: LabelSpec) -> Prediction | None:
    return read_prediction([], spec) if spec.task in _OBJECTS else None


def _is_told(notes: Sequence[str]) -> bool:
    """Whether the metric says itself what samples without a prediction count as."""
    return any(_WITHOUT in note for note in notes)


def _missing(missing: Sequence[str], samples: int) -> tuple[str, ...]:
    if not missing:
        return ()
    return (
        f"{counted(len(missing), 'sample')} of {samples:,} {_WITHOUT}, which count as if nothing was "
        f"predicted: {named(missing)}",
    )
