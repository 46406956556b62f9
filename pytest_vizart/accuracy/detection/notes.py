"""What the figures of a stage do not show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.detection.curves import average_precision
from pytest_vizart.accuracy.detection.tally import DetectionTally, Pool
from pytest_vizart.accuracy.wording import counted
from pytest_vizart.records.labels import LabelSpec

_WORTH_TELLING = 0.0005
"""What the order of equal scores may change in an average precision before it is told: half of the last digit shown."""


def notes_on(
    tallies: Sequence[DetectionTally[Any, Any]], pool: Pool, class_rows: Sequence[NDArray[np.int64]], spec: LabelSpec
) -> tuple[str, ...]:
    """Name predictions that mAP cannot see, those that count for nothing else, and orders that decide."""
    return (*_unseen_classes(tallies, pool, spec), *_under_threshold(tallies, spec), *_ties(pool, class_rows))


def cut_off(tallies: Sequence[DetectionTally[Any, Any]], classes: int, most: int) -> tuple[str, ...]:
    """Tell of predictions beyond the best `most` of an image and class, which COCO's numbers leave out."""
    beyond = 0
    for tally in tallies:
        if len(tally.scores) > most:
            counts = np.bincount(tally.predicted_class, minlength=classes)
            beyond += int(np.maximum(counts - most, 0).sum())
    if not beyond:
        return ()
    return (f"{counted(beyond, 'prediction')} beyond the best {most} of an image and class: not in COCO's numbers",)


def _unseen_classes(tallies: Sequence[DetectionTally[Any, Any]], pool: Pool, spec: LabelSpec) -> tuple[str, ...]:
    predicted = np.zeros(len(spec.classes), dtype=np.int64)
    for tally in tallies:
        predicted += np.bincount(tally.predicted_class, minlength=len(predicted))
    unseen = np.flatnonzero((pool.objects == 0) & (predicted > 0))
    if not len(unseen):
        return ()
    names = ", ".join(spec.classes.names[index] for index in unseen)
    told = counted(int(predicted[unseen].sum()), "prediction")
    enter = "does not enter" if told.startswith("1 ") else "do not enter"
    return (f"{told} of classes without ground truth {enter} mAP: {names}",)


def _under_threshold(tallies: Sequence[DetectionTally[Any, Any]], spec: LabelSpec) -> tuple[str, ...]:
    total = sum(len(tally.scores) for tally in tallies)
    under = sum(int((tally.scores < spec.score_threshold).sum()) for tally in tallies)
    if not total or under < total:
        return ()
    return (
        f"all {total} predictions score under {spec.score_threshold:g}, the score_threshold of the manifest: "
        f"they enter mAP, and count as missing for correct, precision, recall and F1",
    )


def _ties(pool: Pool, class_rows: Sequence[NDArray[np.int64]]) -> tuple[str, ...]:
    """Tell when equal scores decide: with the right ones first, and with the wrong ones first."""
    tied = 0
    bounds: list[tuple[float, float]] = []
    for objects, rows in zip(pool.objects.tolist(), class_rows, strict=True):
        if not objects:
            continue
        scores, hit = pool.scores[rows], pool.hit[rows]
        mixed = _mixed(scores, hit)
        tied += mixed
        orders = (np.lexsort((hit, -scores)), np.lexsort((~hit, -scores))) if mixed else (slice(None),) * 2
        low, high = (average_precision(hit[order], objects) for order in orders)
        bounds.append((low, high))
    if not tied:
        return ()
    low, high = np.mean(bounds, axis=0).tolist()
    if high - low < _WORTH_TELLING:
        return ()
    return (
        f"{tied} right and wrong predictions share their scores: the order in which they come decides; average "
        f"precision at the stage's threshold could be anything from {low:.3f} to {high:.3f}",
    )


def _mixed(scores: NDArray[np.float64], hit: NDArray[np.bool_]) -> int:
    """Return how many predictions, best score first, are in groups of one score that hold both hits and others."""
    if not len(scores):
        return 0
    starts = np.append(0, np.flatnonzero(np.diff(scores)) + 1)
    sizes = np.diff(np.append(starts, len(scores)))
    hits = np.add.reduceat(hit.astype(np.int64), starts)
    return int(sizes[(hits > 0) & (hits < sizes)].sum())
