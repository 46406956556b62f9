"""Mean IoU and its companions, for pixels and for points alike.

IoU of a class: shared / (truth + predicted - shared), in labelled pixels or points. A class in neither has none and
does not enter the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.metrics import Comparison, Summary
from pytest_vizart.accuracy.metrics.boundary import BoundaryCounts
from pytest_vizart.accuracy.metrics.confusion import (
    ClassCounts,
    Pairs,
    class_counts,
    confusion_details,
    count_pairs,
    most_frequent,
    ratio,
    total,
)
from pytest_vizart.accuracy.wording import counted, without_prediction
from pytest_vizart.records.labels import IGNORE, LabelSpec
from pytest_vizart.records.outcome import ErrorItem
from pytest_vizart.records.score import MetricInfo

MOST_CONFUSED_PAIRS = 10


@dataclass(frozen=True, slots=True)
class IouTally:
    """Pair counts of one sample, and the errors found while its mask or cloud was there.

    missing: nothing was predicted. boundary: masks only. regions: the worst places, where they were looked for.
    """

    pairs: Pairs
    missing: bool = False
    boundary: BoundaryCounts | None = None
    regions: tuple[ErrorItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """What the task calls its things. unit: "pixel" or "point". share: metric name of the share that is right."""

    unit: str
    share: str


def count(truth: NDArray[np.int32], prediction: NDArray[np.int32] | None, classes: int) -> Pairs:
    """Count class indices of equal shape; where the truth is IGNORE nothing counts, a predicted IGNORE is wrong."""
    predicted = np.broadcast_to(np.int32(IGNORE), truth.shape) if prediction is None else prediction
    return count_pairs(truth, predicted, classes, classes)


def mean_iou(counts: ClassCounts) -> float | None:
    """Return the mean IoU of the classes that occur; None if nothing is labelled."""
    return _mean(ratio(counts.shared, counts.union))


def judged_wrong(pairs: Pairs, spec: LabelSpec) -> bool:
    """Tell whether a sample's errors are wanted: it is wrong by the task's rule, or may be by the user's."""
    score = mean_iou(class_counts(pairs))
    return score is not None and (score < spec.iou_threshold or spec.correct_when is not None)


def judge(tally: IouTally, spec: LabelSpec, words: Words) -> Comparison:
    """A sample is wrong when its mean IoU is under the threshold; unlabeled when its label leaves everything out.

    Errors are named where the sample is wrong, or where `correct_when` decides. Severity: share of the labelled pixels
    or points that are in the error.
    """
    counts = class_counts(tally.pairs)
    score = mean_iou(counts)
    if score is None:
        return Comparison("unlabeled", reason=f"the label leaves every {words.unit} out")
    measures = _measures(tally, counts, score, words)
    wrong = score < spec.iou_threshold
    confused = _confused(tally, spec, words) if wrong or spec.correct_when is not None else []
    errors = tuple(sorted([*confused, *tally.regions], key=lambda item: -item.severity))
    if not wrong:
        return Comparison("correct", score=score, measures=measures, errors=errors)
    if tally.missing:
        return Comparison("wrong", "no-prediction", score, "nothing was predicted", measures)
    ious = ratio(counts.shared, counts.union)
    worst = int(np.nanargmin(ious))
    name = spec.classes.names[counts.index[worst]]
    reason = f"mean IoU {score:.3f} is under {spec.iou_threshold:g}; worst class {name}: {ious[worst]:.3f}"
    return Comparison("wrong", confused[0].kind, score, reason, measures, errors)


def _measures(tally: IouTally, counts: ClassCounts, score: float, words: Words) -> dict[str, float]:
    labelled, right = int(counts.truth.sum()), int(counts.shared.sum())
    measures = {
        "mean_iou": score,
        "min_iou": float(np.nanmin(ratio(counts.shared, counts.union))),
        words.share: right / labelled,
        f"wrong_{words.unit}s": float(labelled - right),
    }
    boundary = None if tally.boundary is None else _mean(ratio(tally.boundary.shared, tally.boundary.union))
    return measures if boundary is None else measures | {"boundary_iou": boundary}


def _confused(tally: IouTally, spec: LabelSpec, words: Words) -> list[ErrorItem]:
    """Return the pairs of classes that were confused most, worst first."""
    if tally.missing:
        return []
    pairs, names = tally.pairs, spec.classes.names
    labelled = int(pairs.count[pairs.first != IGNORE].sum())
    wrong = np.flatnonzero((pairs.first != IGNORE) & (pairs.first != pairs.second))
    order = wrong[np.argsort(-pairs.count[wrong], kind="stable")][:MOST_CONFUSED_PAIRS]
    items = []
    for truth, predicted, number in zip(
        pairs.first[order].tolist(), pairs.second[order].tolist(), pairs.count[order].tolist(), strict=True
    ):
        nothing = predicted == IGNORE
        items.append(
            ErrorItem(
                "Miss" if nothing else "confused",
                number / labelled,
                truth=names[truth],
                predicted=None if nothing else names[predicted],
                note=counted(number, words.unit),
            )
        )
    return items


def summarise(tallies: Sequence[IouTally], spec: LabelSpec, words: Words, *, full: bool) -> Summary:
    """Return the metrics of the counts over all samples: they are summed before any IoU is taken.

    mean_iou; the share that is right (pixel_accuracy, accuracy); mean_accuracy, the mean over the labelled classes of
    their share that is right; fw_iou, IoU weighted by how often a class is labelled (both Long et al., 2015); for masks
    boundary_iou, the mean over the classes. A sample without a prediction counts as nothing found.
    """
    pairs = total([tally.pairs for tally in tallies])
    counts = class_counts(pairs)
    boundaries = [tally.boundary for tally in tallies if tally.boundary is not None]
    boundary = _summed_boundaries(boundaries)
    metrics = _metrics(counts, words)
    if words.unit == "pixel":
        metrics["boundary_iou"] = _mean(ratio(boundary.shared, boundary.union))
    if not full:
        return Summary(metrics)
    per_class = _per_class(counts, boundary, spec, words)
    notes = without_prediction(sum(tally.missing for tally in tallies), "nothing found")
    return Summary(metrics, per_class, {"confusion": confusion_details(pairs, spec.classes.names)}, notes=notes)


def _metrics(counts: ClassCounts, words: Words) -> dict[str, float | None]:
    labelled = int(counts.truth.sum())
    if not labelled:
        return dict.fromkeys(("mean_iou", words.share, "mean_accuracy", "fw_iou"))
    ious = ratio(counts.shared, counts.union)
    occurring = counts.truth > 0
    return {
        "mean_iou": _mean(ious),
        words.share: int(counts.shared.sum()) / labelled,
        "mean_accuracy": _mean(ratio(counts.shared, counts.truth)),
        "fw_iou": float((ious[occurring] * counts.truth[occurring]).sum() / labelled),
    }


def _per_class(
    counts: ClassCounts, boundary: BoundaryCounts, spec: LabelSpec, words: Words
) -> dict[str, dict[str, float | None]]:
    columns = {
        "iou": ratio(counts.shared, counts.union),
        "precision": ratio(counts.shared, counts.predicted),
        "recall": ratio(counts.shared, counts.truth),
        "f1": ratio(2 * counts.shared, counts.truth + counts.predicted),
        "support": counts.truth.astype(np.float64),
    }
    if words.unit == "pixel":
        edges = np.full(len(counts.index), np.nan)
        edges[np.searchsorted(counts.index, boundary.index)] = ratio(boundary.shared, boundary.union)
        columns["boundary_iou"] = edges
    return {
        spec.classes.names[index]: {name: _known(column[row]) for name, column in columns.items()}
        for row, index in enumerate(counts.index.tolist())
    }


def _summed_boundaries(boundaries: Sequence[BoundaryCounts]) -> BoundaryCounts:
    index = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *(one.index for one in boundaries)]))
    shared, union = np.zeros(len(index), dtype=np.int64), np.zeros(len(index), dtype=np.int64)
    for one in boundaries:
        rows = np.searchsorted(index, one.index)
        shared[rows] += one.shared
        union[rows] += one.union
    return BoundaryCounts(index, shared, union)


class IouMetric:
    """The base of the tasks that give each pixel or point a class."""

    headline = "mean_iou"
    info: Mapping[str, MetricInfo] = {}
    words: ClassVar[Words]

    def judge(self, tally: IouTally, spec: LabelSpec) -> Comparison:
        """Return the outcome with the classes that were confused most, and the regions that the tally has."""
        return judge(tally, spec, self.words)

    def summarise(self, tallies: Sequence[IouTally], spec: LabelSpec, *, full: bool = True) -> Summary:
        """Return mean_iou, the share that is right, mean_accuracy, fw_iou, of masks boundary_iou; see `summarise`."""
        return summarise(tallies, spec, self.words, full=full)

    def running(self, spec: LabelSpec) -> RunningIou:
        """Return empty running metrics: all of them."""
        return RunningIou(spec, self.words)


class RunningIou:
    """The metrics so far, out of sums by class."""

    def __init__(self, spec: LabelSpec, words: Words) -> None:
        self._words = words
        self._sums = np.zeros((3, len(spec.classes)), dtype=np.int64)
        self._boundary = np.zeros((2, len(spec.classes)), dtype=np.int64)

    def add(self, tally: IouTally, comparison: Comparison) -> None:
        """Take one more sample in."""
        counts = class_counts(tally.pairs)
        self._sums[:, counts.index] += (counts.shared, counts.truth, counts.predicted)
        if tally.boundary is not None:
            self._boundary[:, tally.boundary.index] += (tally.boundary.shared, tally.boundary.union)

    def values(self) -> dict[str, float | None]:
        """Return the metrics so far."""
        metrics = _metrics(ClassCounts(np.arange(self._sums.shape[1]), *self._sums), self._words)
        if self._words.unit == "pixel":
            metrics["boundary_iou"] = _mean(ratio(*self._boundary))
        return metrics


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def most_confused(
    truth: NDArray[np.int32], predicted: NDArray[np.int32], spec: LabelSpec
) -> tuple[str | None, str | None]:
    """Return the names of the pair of classes that two (M,) arrays of class indices hold most often, None for IGNORE.

    M is at least 1.
    """
    is_, said = (None if index == IGNORE else spec.classes.names[index] for index in most_frequent(truth, predicted))
    return is_, said
