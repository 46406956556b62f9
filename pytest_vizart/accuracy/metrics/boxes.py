"""Boxes: COCO's twelve numbers, and precision, recall and F1 at the thresholds of the stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.matching import BoxMatch, match_boxes
from pytest_vizart.accuracy.metrics import Comparison
from pytest_vizart.accuracy.metrics.coco import coco_metrics
from pytest_vizart.accuracy.predicted import BoxPredictions, no_boxes
from pytest_vizart.records.labels import BoxLabels, LabelSpec

MAX_PICTURE_BOXES = 500


@dataclass(frozen=True, slots=True)
class BoxTally:
    """One image. expected, found, counted, hit: objects, objects met, predictions that count, those that met one."""

    truth: BoxLabels
    prediction: BoxPredictions
    expected: int
    found: int
    counted: int
    hit: int
    wrong_class: tuple[tuple[str, str], ...]  # names, (object's, prediction's)


class BoxMetric:
    """An image is correct when every object is found and no prediction that counts is without an object."""

    headline = "map"

    def tally(self, truth: BoxLabels, prediction: BoxPredictions | None, spec: LabelSpec) -> BoxTally:
        prediction = no_boxes() if prediction is None else prediction
        match = _match(truth, prediction, spec)
        names = spec.classes.names
        return BoxTally(
            truth=truth,
            prediction=prediction,
            expected=int(np.count_nonzero(~truth.crowd)),
            found=int(np.count_nonzero(match.found)),
            counted=int(np.count_nonzero(match.counted)),
            hit=int(np.count_nonzero(match.hit)),
            wrong_class=tuple(
                (names[truth.class_index[column]], names[prediction.class_index[row]])
                for column, row in match.wrong_class
            ),
        )

    def judge(self, tally: BoxTally, spec: LabelSpec) -> Comparison:
        """score: objects found, as a share of all objects expected or predicted."""
        missed = tally.expected - tally.found
        spare = tally.counted - tally.hit
        everything = tally.expected + spare
        score = tally.found / everything if everything else 1.0
        if not missed and not spare:
            return Comparison("correct", score=score)
        confused = len(tally.wrong_class)
        parts: list[str] = []
        if confused:
            true_name, predicted_name = tally.wrong_class[0]
            names = f"{predicted_name} for {true_name}"
            parts.append(f"{confused} of {_objects(tally.expected)} with the wrong class ({names})")
        if missed > confused:
            parts.append(f"{missed - confused} of {_objects(tally.expected)} missed")
        if spare > confused:
            parts.append(f"{spare - confused} false positive{'s' if spare - confused > 1 else ''}")
        error_type = "wrong-class" if confused else "miss" if missed else "false-positive"
        return Comparison("wrong", error_type, score, ", ".join(parts))

    def summarise(self, tallies: Sequence[BoxTally], spec: LabelSpec) -> dict[str, float | None]:
        """Return the 12 COCO numbers over all predictions, and precision, recall, f1 of those that count."""
        expected = sum(tally.expected for tally in tallies)
        hit = sum(tally.hit for tally in tallies)
        counted = sum(tally.counted for tally in tallies)
        ids = spec.classes.ids
        coco = coco_metrics(
            [tally.truth for tally in tallies],
            [tally.prediction for tally in tallies],
            sorted(range(len(ids)), key=lambda index: ids[index]),
        )
        return coco | {
            "precision": hit / counted if counted else None,
            "recall": hit / expected if expected else None,
            "f1": 2 * hit / (counted + expected) if counted + expected else None,
        }

    def notes(self, tallies: Sequence[BoxTally], spec: LabelSpec) -> tuple[str, ...]:
        """Name predictions that mAP cannot see, and those that count for nothing else."""
        return (*_unseen_classes(tallies, spec), *_under_threshold(tallies, spec))

    def picture(
        self,
        truth: BoxLabels,
        prediction: BoxPredictions | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case; the best MAX_PICTURE_BOXES predictions. A predicted box that a crowd region takes is `crowd`."""
        prediction = no_boxes() if prediction is None else prediction
        match = _match(truth, prediction, spec)
        best = np.argsort(-prediction.scores, kind="stable")[:MAX_PICTURE_BOXES]
        in_crowd = ~match.counted & (prediction.scores >= spec.score_threshold)
        drawn = _drawn(truth.boxes, truth.class_index, match.found, truth.crowd, spec)
        predicted = _drawn(prediction.boxes[best], prediction.class_index[best], match.hit[best], in_crowd[best], spec)
        return (
            drawn | {"scores": [None] * len(truth.boxes)},
            predicted | {"scores": prediction.scores[best].tolist()},
        )

    def digest(self, prediction: BoxPredictions) -> str:
        return digest_arrays(prediction.boxes, prediction.scores, prediction.class_index)


def _unseen_classes(tallies: Sequence[BoxTally], spec: LabelSpec) -> tuple[str, ...]:
    classes = len(spec.classes)
    labelled = np.zeros(classes, dtype=np.int64)
    predicted = np.zeros(classes, dtype=np.int64)
    for tally in tallies:
        labelled += np.bincount(tally.truth.class_index[~tally.truth.crowd], minlength=classes)
        predicted += np.bincount(tally.prediction.class_index, minlength=classes)
    unseen = np.flatnonzero((labelled == 0) & (predicted > 0))
    if not len(unseen):
        return ()
    names = ", ".join(spec.classes.names[index] for index in unseen)
    return (f"{int(predicted[unseen].sum())} predictions of classes without ground truth do not enter mAP: {names}",)


def _under_threshold(tallies: Sequence[BoxTally], spec: LabelSpec) -> tuple[str, ...]:
    scores = [tally.prediction.scores for tally in tallies]
    total = sum(len(each) for each in scores)
    under = sum(int((each < spec.score_threshold).sum()) for each in scores)
    if not total or under < total:
        return ()
    return (
        f"all {total} predictions score under {spec.score_threshold:g}, the score_threshold of the manifest: "
        f"they enter mAP, and count as missing for correct, precision, recall and F1",
    )


def _match(truth: BoxLabels, prediction: BoxPredictions, spec: LabelSpec) -> BoxMatch:
    return match_boxes(truth, prediction, iou_threshold=spec.iou_threshold, score_threshold=spec.score_threshold)


def _objects(count: int) -> str:
    return f"{count} object{'s' if count != 1 else ''}"


def _drawn(
    boxes: NDArray[np.float64],
    class_index: NDArray[np.int64],
    matched: NDArray[np.bool_],
    crowd: NDArray[np.bool_],
    spec: LabelSpec,
) -> dict[str, Any]:
    return {
        "boxes": boxes.tolist(),
        "labels": [spec.classes.names[index] for index in class_index],
        "matched": matched.tolist(),
        "crowd": crowd.tolist(),
    }
