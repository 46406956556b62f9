"""Oriented boxes: average precision by the overlap of turned rectangles.

map, map_50, map_75   as COCO's, at IoU .5 to .95, without a limit of predictions
voc_map, voc_map_11   VOC's two at IoU .5; the 11-point one is what DOTA's own evaluation gives (Xia et al., 2018)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import BOXES_AND_MASKS, Convention
from pytest_vizart.accuracy.detection.metric import Averages
from pytest_vizart.accuracy.detection.scene import Scene
from pytest_vizart.accuracy.detection.tally import DetectionTally
from pytest_vizart.accuracy.detection.voc import VocMatch, voc_match, voc_metrics
from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.items import Places
from pytest_vizart.accuracy.geometry.rotated_iou import rectangle_corners, rotated_iou
from pytest_vizart.accuracy.metrics.coco_metric import Areas, CocoMetric, Meetings
from pytest_vizart.accuracy.predicted import OrientedBoxPredictions
from pytest_vizart.records.labels import LabelSpec, OrientedBoxLabels

Tally = DetectionTally[OrientedBoxLabels, OrientedBoxPredictions]

_SHOWN = ("map", "map_50", "map_75")


@dataclass(frozen=True, slots=True)
class _Meetings(Meetings):
    """And what is right as VOC has it."""

    voc: VocMatch


class OrientedBoxMetric(CocoMetric[OrientedBoxLabels, OrientedBoxPredictions]):
    """An image is correct when every object is found and none too many, at the IoU of the turned rectangles."""

    convention = Convention(BOXES_AND_MASKS.thresholds, ("all",), ((0.0, np.inf),), (1 << 30,))

    def scene(self, truth: OrientedBoxLabels, prediction: OrientedBoxPredictions, spec: LabelSpec) -> Scene:
        return Scene(
            similarity=rotated_iou(prediction.boxes, truth.boxes),
            scores=prediction.scores,
            predicted_class=prediction.class_index,
            true_class=truth.class_index,
            crowd=np.zeros(len(truth), dtype=bool),
            ignored=truth.ignored,
        )

    def extra(self, scene: Scene, spec: LabelSpec) -> _Meetings:
        kept = super().extra(scene, spec)
        columns = (kept.row, kept.column, kept.similarity, kept.crowd, kept.ignored, kept.shielded, kept.areas)
        return _Meetings(*columns, voc_match(scene))

    def areas(self, truth: OrientedBoxLabels, prediction: OrientedBoxPredictions) -> Areas:
        return truth.boxes[:, 2] * truth.boxes[:, 3], prediction.boxes[:, 2] * prediction.boxes[:, 3]

    def averages(self, tallies: Sequence[Tally], spec: LabelSpec, *, full: bool) -> Averages:
        averages = super().averages(tallies, spec, full=full)
        voc = voc_metrics(tallies, [tally.extra.voc for tally in tallies], len(spec.classes))
        return replace(averages, metrics={name: averages.metrics[name] for name in _SHOWN} | voc)

    def places(self, truth: OrientedBoxLabels, prediction: OrientedBoxPredictions) -> Places:
        """Return the upright boxes around them."""
        return Places(_around(truth.boxes), _around(prediction.boxes))

    def nothing(self, truth: OrientedBoxLabels) -> OrientedBoxPredictions:
        return OrientedBoxPredictions(np.empty((0, 5)), np.empty(0), np.empty(0, dtype=np.int64))

    def drawn(
        self, truth: OrientedBoxLabels, prediction: OrientedBoxPredictions, rows: NDArray[np.intp], spec: LabelSpec
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return (
            {"boxes": rectangle_corners(truth.boxes).reshape(-1, 8).tolist()},
            {"boxes": rectangle_corners(prediction.boxes[rows]).reshape(-1, 8).tolist()},
        )

    def digest(self, prediction: OrientedBoxPredictions) -> str:
        return digest_arrays(prediction.boxes, prediction.scores, prediction.class_index)


def _around(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    corners = rectangle_corners(boxes)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
