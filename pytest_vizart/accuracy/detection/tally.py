"""What is kept of each image, and the columns of all images together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.detection.scene import SceneMatch
from pytest_vizart.accuracy.errors.tide import SceneErrors

Truth = TypeVar("Truth")
Predicted = TypeVar("Predicted")


@dataclass(frozen=True, slots=True)
class DetectionTally(Generic[Truth, Predicted]):
    """One image, N predictions and G objects.

    truth, prediction: as they were read. scores, predicted_class: (N,). true_class: (G,). counting: (G,) bool, objects
    that a model has to find. match: what met what, at any score. near: (N,) float64, similarity with the object met, 0
    where none was. errors, suspect: what is wrong at the score threshold, and (N,) bool, which errors may be the
    label's. extra: whatever else the task's summary needs of the similarities.
    """

    truth: Truth
    prediction: Predicted
    scores: NDArray[np.float64]
    predicted_class: NDArray[np.int64]
    true_class: NDArray[np.int64]
    counting: NDArray[np.bool_]
    match: SceneMatch
    near: NDArray[np.float64]
    errors: SceneErrors
    suspect: NDArray[np.bool_]
    extra: Any = None

    def counted(self, score_threshold: float) -> NDArray[np.bool_]:
        """(N,) bool: predictions that reach the threshold and are not excused."""
        return (self.scores >= score_threshold) & ~self.match.excused

    def found(self, score_threshold: float) -> NDArray[np.bool_]:
        """(G,) bool: objects met by a prediction that reaches the threshold."""
        return self.match.found_score >= score_threshold


@dataclass(frozen=True, slots=True)
class Pool:
    """Predictions of all images that are not excused, M of them in the order of the images, and K classes' objects.

    scores: (M,) float64. class_index: (M,) int64. hit: (M,) bool. kind: (M,) int8, of errors at the score threshold.
    mended: (M,) bool. target_class: (M,) int64, class of the object that a Cls or Loc is about. objects: (K,) int64,
    objects to find. missed: (K,) int64, those that are a Miss.
    """

    scores: NDArray[np.float64]
    class_index: NDArray[np.int64]
    hit: NDArray[np.bool_]
    kind: NDArray[np.int8]
    mended: NDArray[np.bool_]
    target_class: NDArray[np.int64]
    objects: NDArray[np.int64]
    missed: NDArray[np.int64]


def pool(tallies: Sequence[DetectionTally[Any, Any]], classes: int) -> Pool:
    """Return the columns of all images; `classes` is the number of the class map."""
    kept = ~joined([tally.match.excused for tally in tallies], bool)
    target_class = [_target_class(tally) for tally in tallies]
    true_class = joined([tally.true_class for tally in tallies], np.int64)
    counting = joined([tally.counting for tally in tallies], bool)
    missed = joined([tally.errors.missed for tally in tallies], bool)
    return Pool(
        scores=joined([tally.scores for tally in tallies], np.float64)[kept],
        class_index=joined([tally.predicted_class for tally in tallies], np.int64)[kept],
        hit=joined([tally.match.hit for tally in tallies], bool)[kept],
        kind=joined([tally.errors.kind for tally in tallies], np.int8)[kept],
        mended=joined([tally.errors.mended for tally in tallies], bool)[kept],
        target_class=joined(target_class, np.int64)[kept],
        objects=np.bincount(true_class[counting], minlength=classes),
        missed=np.bincount(true_class[missed], minlength=classes),
    )


def joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    """Return one column out of those of all images; an empty one out of none."""
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype=dtype)


def _target_class(tally: DetectionTally[Any, Any]) -> NDArray[np.int64]:
    """(N,) class of the object concerned; the prediction's own where there are no objects."""
    return tally.true_class[tally.errors.target] if len(tally.true_class) else tally.predicted_class
