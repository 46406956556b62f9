"""Counts behind mean IoU, for pixels and for points alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.metrics import Comparison
from pytest_vizart.records.labels import IGNORE, LabelSpec


@dataclass(frozen=True, slots=True)
class IouTally:
    """Labelled pixels or points of one sample by class index, each (C,) int64.

    shared: predicted as what they are. truth: labelled so. predicted: predicted so, where there is a label.
    """

    shared: NDArray[np.int64]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]

    @property
    def labelled(self) -> int:
        return int(self.truth.sum())


def count(truth: NDArray[np.int32], prediction: NDArray[np.int32] | None, classes: int) -> IouTally:
    """Count class indices of equal shape; where the truth is IGNORE nothing counts, a predicted IGNORE is wrong."""
    truth = truth.ravel()
    predicted = np.full(len(truth), IGNORE, dtype=np.int32) if prediction is None else prediction.ravel()
    labelled = truth != IGNORE
    if not labelled.all():
        truth, predicted = truth[labelled], predicted[labelled]
    return IouTally(
        shared=np.bincount(truth[truth == predicted], minlength=classes),
        truth=np.bincount(truth, minlength=classes),
        predicted=np.bincount(predicted[predicted != IGNORE], minlength=classes),
    )


def mean_iou(tally: IouTally) -> float | None:
    """Return the mean IoU of the classes that occur in truth or prediction; None if nothing is labelled."""
    union = tally.truth + tally.predicted - tally.shared
    present = union > 0
    return float(np.mean(tally.shared[present] / union[present])) if present.any() else None


def total(tallies: Sequence[IouTally], classes: int) -> IouTally:
    """Return the sum of tallies."""
    zero = np.zeros(classes, dtype=np.int64)
    columns = zip(*((tally.shared, tally.truth, tally.predicted) for tally in tallies), strict=True)
    return IouTally(*(np.sum(column, axis=0) for column in columns)) if tallies else IouTally(zero, zero, zero)


def summarise(tallies: Sequence[IouTally], spec: LabelSpec, share_name: str) -> dict[str, float | None]:
    """Return mean_iou of the counts over all samples, and the share of labelled pixels or points that are right."""
    everything = total(tallies, len(spec.classes))
    labelled = everything.labelled
    share = int(everything.shared.sum()) / labelled if labelled else None
    return {"mean_iou": mean_iou(everything), share_name: share}


def judge(tally: IouTally, spec: LabelSpec, what: str) -> Comparison:
    """A sample is wrong when its mean IoU is under the threshold; unlabeled when its label leaves everything out."""
    score = mean_iou(tally)
    if score is None:
        return Comparison("unlabeled", reason=f"the label leaves every {what} out")
    if score >= spec.iou_threshold:
        return Comparison("correct", score=score)
    union = tally.truth + tally.predicted - tally.shared
    ious = np.divide(tally.shared, union, out=np.full(len(union), np.inf), where=union > 0)
    worst = int(np.argmin(ious))
    name = spec.classes.names[worst]
    reason = f"mean IoU {score:.3f} is under {spec.iou_threshold:g}; worst class {name}: {ious[worst]:.3f}"
    return Comparison("wrong", "low-iou", score, reason)
