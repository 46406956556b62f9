"""COCO's average precision of tasks whose similarities are computed sample by sample: masks, keypoints, turned boxes.

Of each sample only the pairs are kept that could meet; `coco.evaluate` makes the numbers out of all of them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import BOXES_AND_MASKS, Convention, Detections, Objects, Pairs
from pytest_vizart.accuracy.coco.numbers import CocoNumbers, evaluate
from pytest_vizart.accuracy.detection.metric import Averages, DetectionMetric
from pytest_vizart.accuracy.detection.notes import cut_off
from pytest_vizart.accuracy.detection.scene import Scene
from pytest_vizart.accuracy.detection.tally import DetectionTally, Predicted, Truth, joined
from pytest_vizart.records.labels import LabelSpec

Areas = tuple[NDArray[np.float64], NDArray[np.float64]]
"""(G,) of the objects and (N,) of the predictions, square pixels."""

_CLASS_FIGURES = {"ap": "map", "ap_50": "map_50", "ap_75": "map_75"}


@dataclass(frozen=True, slots=True)
class Meetings:
    """What average precision needs of one sample of N predictions and G objects.

    row, column: (P,) int64, predictions and objects of one class that are similar enough to meet at the lowest
    threshold. similarity: (P,) float64. crowd, ignored: (G,) bool. shielded: (N,) bool. areas: see `Areas`.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    similarity: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    shielded: NDArray[np.bool_]
    areas: Areas


class CocoMetric(DetectionMetric[Truth, Predicted]):
    """The base of tasks that are evaluated as COCO does it, with a similarity of their own."""

    convention: ClassVar[Convention] = BOXES_AND_MASKS
    prefix: ClassVar[str] = ""  # of the metrics' names

    @abstractmethod
    def areas(self, truth: Truth, prediction: Predicted) -> Areas:
        """Return what decides whether an object or a prediction is small, medium or large."""

    def tally(self, truth: Truth, prediction: Predicted | None, spec: LabelSpec) -> DetectionTally[Truth, Predicted]:
        tally = super().tally(truth, prediction, spec)
        return replace(tally, extra=replace(tally.extra, areas=self.areas(truth, tally.prediction)))

    def extra(self, scene: Scene, spec: LabelSpec) -> Meetings:
        near = scene.similarity >= self.convention.thresholds[0]
        row, column = np.nonzero(near & (scene.predicted_class[:, None] == scene.true_class[None, :]))
        none = np.zeros(len(scene.scores), dtype=bool)
        return Meetings(
            row=row,
            column=column,
            similarity=scene.similarity[row, column],
            crowd=scene.crowd,
            ignored=scene.ignored,
            shielded=none if scene.shielded is None else scene.shielded,
            areas=(np.empty(0), np.empty(0)),
        )

    def averages(self, tallies: Sequence[DetectionTally[Truth, Predicted]], spec: LabelSpec, *, full: bool) -> Averages:
        numbers = coco_numbers(tallies, spec, self.convention)
        averages = averages_of(numbers, tallies, spec, full=full)
        return replace(averages, metrics={f"{self.prefix}{name}": one for name, one in averages.metrics.items()})


def coco_numbers(tallies: Sequence[DetectionTally[Any, Any]], spec: LabelSpec, convention: Convention) -> CocoNumbers:
    """Return COCO's numbers out of tallies whose `extra` is `Meetings`."""
    kept: list[Meetings] = [tally.extra for tally in tallies]
    objects = Objects(
        image=_images([len(each.crowd) for each in kept]),
        class_index=joined([tally.true_class for tally in tallies], np.int64),
        area=joined([each.areas[0] for each in kept], np.float64),
        crowd=joined([each.crowd for each in kept], bool),
        ignored=joined([each.ignored for each in kept], bool),
    )
    detections = Detections(
        image=_images([len(each.shielded) for each in kept]),
        class_index=joined([tally.predicted_class for tally in tallies], np.int64),
        scores=joined([tally.scores for tally in tallies], np.float64),
        area=joined([each.areas[1] for each in kept], np.float64),
        shielded=joined([each.shielded for each in kept], bool),
    )
    first_row = _firsts([len(each.shielded) for each in kept])
    first_column = _firsts([len(each.crowd) for each in kept])
    pairs = Pairs(
        joined([each.row + first for each, first in zip(kept, first_row, strict=True)], np.int64),
        joined([each.column + first for each, first in zip(kept, first_column, strict=True)], np.int64),
        joined([each.similarity for each in kept], np.float64),
    )
    return evaluate(objects, detections, pairs, class_order(spec), convention=convention)


def class_order(spec: LabelSpec) -> list[int]:
    """Return the class indices in the order of their IDs, which decides the last bit of a mean."""
    return sorted(range(len(spec.classes)), key=lambda index: spec.classes.ids[index])


def averages_of(
    numbers: CocoNumbers, tallies: Sequence[DetectionTally[Any, Any]], spec: LabelSpec, *, full: bool
) -> Averages:
    """Return COCO's numbers; with `full` ap, ap_50, ap_75 of each class, and what lies beyond the best of an image."""
    if not full:
        return Averages(numbers.metrics)
    columns = {figure: numbers.per_class(name) for figure, name in _CLASS_FIGURES.items()}
    per_class = {
        name: {figure: column[index] for figure, column in columns.items()}
        for index, name in enumerate(spec.classes.names)
    }
    return Averages(numbers.metrics, per_class, cut_off(tallies, len(spec.classes), numbers.convention.most[-1]))


def _images(counts: Sequence[int]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(counts)), counts)


def _firsts(counts: Sequence[int]) -> list[int]:
    ends: list[int] = np.cumsum([0, *counts]).tolist()
    return ends[:-1]
