"""Boxes: COCO's twelve numbers, VOC's two, and precision, recall and F1 at the thresholds of the stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.box_numbers import coco_numbers, shielded_by
from pytest_vizart.accuracy.coco.edges import MOST_DETECTIONS
from pytest_vizart.accuracy.detection.box_iou import box_iou
from pytest_vizart.accuracy.detection.metric import Averages, DetectionMetric
from pytest_vizart.accuracy.detection.notes import cut_off
from pytest_vizart.accuracy.detection.scene import Scene
from pytest_vizart.accuracy.detection.tally import DetectionTally
from pytest_vizart.accuracy.detection.voc import VocMatch, voc_averages, voc_match
from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.items import Places
from pytest_vizart.accuracy.predicted import BoxPredictions, no_boxes
from pytest_vizart.records.labels import BoxLabels, LabelSpec

Tally = DetectionTally[BoxLabels, BoxPredictions]

_CLASS_FIGURES = {"ap": "map", "ap_50": "map_50", "ap_75": "map_75"}


class BoxMetric(DetectionMetric[BoxLabels, BoxPredictions]):
    """An image is correct when every object is found and no prediction that counts is without an object."""

    def scene(self, truth: BoxLabels, prediction: BoxPredictions, spec: LabelSpec) -> Scene:
        return Scene(
            similarity=box_iou(truth, prediction),
            scores=prediction.scores,
            predicted_class=prediction.class_index,
            true_class=truth.class_index,
            crowd=truth.crowd,
            ignored=np.zeros(len(truth), dtype=bool) if truth.ignored is None else truth.ignored,
            shielded=None if truth.regions is None else shielded_by(truth.regions, prediction),
        )

    def places(self, truth: BoxLabels, prediction: BoxPredictions) -> Places:
        return Places(truth.boxes, prediction.boxes)

    def nothing(self, truth: BoxLabels) -> BoxPredictions:
        return no_boxes()

    def extra(self, scene: Scene, spec: LabelSpec) -> VocMatch:
        return voc_match(scene)

    def averages(self, tallies: Sequence[Tally], spec: LabelSpec, *, full: bool) -> Averages:
        ids, names = spec.classes.ids, spec.classes.names
        coco = coco_numbers(
            [tally.truth for tally in tallies],
            [tally.prediction for tally in tallies],
            sorted(range(len(ids)), key=lambda index: ids[index]),
        )
        voc = voc_averages(
            [tally.extra for tally in tallies],
            [tally.scores for tally in tallies],
            [tally.predicted_class for tally in tallies],
            _objects(tallies, len(ids)),
        )
        metrics = coco.metrics | {"voc_map": voc.every_point, "voc_map_11": voc.eleven_point}
        if not full:
            return Averages(metrics)
        columns = {figure: coco.per_class(name) for figure, name in _CLASS_FIGURES.items()}
        per_class = {
            name: {figure: values[index] for figure, values in columns.items()} for index, name in enumerate(names)
        }
        return Averages(metrics, per_class, cut_off(tallies, len(ids), MOST_DETECTIONS))

    def drawn(
        self, truth: BoxLabels, prediction: BoxPredictions, rows: NDArray[np.intp], spec: LabelSpec
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"boxes": truth.boxes.tolist()}, {"boxes": prediction.boxes[rows].tolist()}

    def digest(self, prediction: BoxPredictions) -> str:
        return digest_arrays(prediction.boxes, prediction.scores, prediction.class_index)


def _objects(tallies: Sequence[Tally], classes: int) -> NDArray[np.int64]:
    total = np.zeros(classes, dtype=np.int64)
    for tally in tallies:
        total += np.bincount(tally.true_class[tally.counting], minlength=classes)
    return total
