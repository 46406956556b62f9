"""Boxes: COCO's twelve numbers, VOC's two, and precision, recall and F1 at the thresholds of the stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.box_numbers import coco_numbers, shielded_by
from pytest_vizart.accuracy.detection.box_iou import box_iou
from pytest_vizart.accuracy.detection.metric import Averages, DetectionMetric
from pytest_vizart.accuracy.detection.scene import Scene
from pytest_vizart.accuracy.detection.tally import DetectionTally
from pytest_vizart.accuracy.detection.voc import VocMatch, voc_match, voc_metrics
from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.items import Places
from pytest_vizart.accuracy.metrics.coco_metric import averages_of, class_order
from pytest_vizart.accuracy.predicted import BoxPredictions, no_boxes
from pytest_vizart.records.labels import BoxLabels, LabelSpec

Tally = DetectionTally[BoxLabels, BoxPredictions]


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
        numbers = coco_numbers(
            [tally.truth for tally in tallies], [tally.prediction for tally in tallies], class_order(spec)
        )
        voc = voc_metrics(tallies, [tally.extra for tally in tallies], len(spec.classes))
        averages = averages_of(numbers, tallies, spec, full=full)
        return replace(averages, metrics=averages.metrics | voc)

    def drawn(
        self, truth: BoxLabels, prediction: BoxPredictions, rows: NDArray[np.intp], spec: LabelSpec
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"boxes": truth.boxes.tolist()}, {"boxes": prediction.boxes[rows].tolist()}

    def digest(self, prediction: BoxPredictions) -> str:
        return digest_arrays(prediction.boxes, prediction.scores, prediction.class_index)
