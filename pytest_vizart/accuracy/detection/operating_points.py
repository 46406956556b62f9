"""Precision, recall and F1 at the score threshold of a stage, and where F1 would be best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.detection.tally import Pool


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Counts at one score threshold. predictions: those that count. found: objects met, each by one prediction."""

    objects: int
    predictions: int
    found: int

    def figures(self) -> dict[str, float | None]:
        """Return precision, recall and f1, None where nothing was predicted, or nothing was there, or neither."""
        return {
            "precision": self.found / self.predictions if self.predictions else None,
            "recall": self.found / self.objects if self.objects else None,
            "f1": f1_of(self.found, self.predictions, self.objects),
        }


def f1_of(found: int, predictions: int, objects: int) -> float | None:
    """Return the harmonic mean of precision and recall, None where there was neither object nor prediction."""
    return 2 * found / (predictions + objects) if predictions + objects else None


def operating_points(pool: Pool, score_threshold: float) -> list[OperatingPoint]:
    """Return the counts of each class of the class map."""
    counted = pool.scores >= score_threshold
    classes = len(pool.objects)
    predictions = np.bincount(pool.class_index[counted], minlength=classes)
    found = np.bincount(pool.class_index[counted & pool.hit], minlength=classes)
    columns = zip(pool.objects.tolist(), predictions.tolist(), found.tolist(), strict=True)
    return [OperatingPoint(*counts) for counts in columns]


def overall(points: list[OperatingPoint]) -> OperatingPoint:
    """Return the counts of all classes together."""
    return OperatingPoint(
        sum(point.objects for point in points),
        sum(point.predictions for point in points),
        sum(point.found for point in points),
    )


def best_f1(scores: NDArray[np.float64], hit: NDArray[np.bool_], objects: int) -> tuple[float | None, float | None]:
    """Return the highest F1 that any score threshold reaches, and that threshold; None, None where it is not defined.

    scores, hit: (N,), in any order. A threshold is the score of a prediction, all of that score and above count; of
    several thresholds with the same F1 the highest one. Lower scores never take an object from higher ones, so that one
    matching serves all thresholds.
    """
    if not objects or not len(scores):
        return None, None
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)  # of each group of equal scores
    found = np.cumsum(hit[order])[last]
    f1 = 2 * found / (last + 1 + objects)
    best = int(np.argmax(f1))
    return float(f1[best]), float(ordered[last[best]])
