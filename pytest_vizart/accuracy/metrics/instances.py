"""Instances: COCO's twelve numbers for masks, and precision, recall, F1 and errors by the overlap of the masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.box_numbers import shielded_by
from pytest_vizart.accuracy.detection.scene import Scene
from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.items import Places
from pytest_vizart.accuracy.geometry import masks
from pytest_vizart.accuracy.geometry.outlines import outlines
from pytest_vizart.accuracy.metrics.coco_metric import Areas, CocoMetric
from pytest_vizart.accuracy.predicted import InstancePredictions, no_boxes
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import InstanceLabels, LabelSpec


class InstanceMetric(CocoMetric[InstanceLabels, InstancePredictions]):
    """An image is correct when every object is found and none too many, at the IoU of the masks.

    The size of an object is the label file's `area`, that of a prediction the area of its mask, also where the model
    gives a box beside it (pycocotools takes the box there; detectron2 and mmdetection take the box away first).
    """

    def scene(self, truth: InstanceLabels, prediction: InstancePredictions, spec: LabelSpec) -> Scene:
        """Raises PredictionError where masks of label and prediction differ in size."""
        objects = truth.objects
        if len(truth) and len(prediction) and truth.size != prediction.size:
            raise PredictionError(
                "masks of another size than the label's",
                place="masks",
                expected=f"{tuple(truth.size)}, height and width",
                found=str(tuple(prediction.size)),
                hint="resize the masks to the size of the input image, or undo the padding of the network's input",
            )
        return Scene(
            similarity=masks.mask_iou(prediction.masks, truth.masks, truth.size, objects.crowd),
            scores=prediction.objects.scores,
            predicted_class=prediction.objects.class_index,
            true_class=objects.class_index,
            crowd=objects.crowd,
            ignored=np.zeros(len(truth), dtype=bool) if objects.ignored is None else objects.ignored,
            shielded=None if objects.regions is None else shielded_by(objects.regions, prediction.objects),
        )

    def areas(self, truth: InstanceLabels, prediction: InstancePredictions) -> Areas:
        return truth.objects.area, masks.areas(prediction.masks, prediction.size)

    def places(self, truth: InstanceLabels, prediction: InstancePredictions) -> Places:
        return Places(truth.objects.boxes, prediction.objects.boxes)

    def nothing(self, truth: InstanceLabels) -> InstancePredictions:
        return InstancePredictions(no_boxes(), (), truth.size)

    def drawn(
        self, truth: InstanceLabels, prediction: InstancePredictions, rows: NDArray[np.intp], spec: LabelSpec
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        best = [prediction.masks[row] for row in rows.tolist()]
        return (
            {"boxes": truth.objects.boxes.tolist(), "polygons": outlines(truth.masks, truth.size)},
            {"boxes": prediction.objects.boxes[rows].tolist(), "polygons": outlines(best, prediction.size)},
        )

    def digest(self, prediction: InstancePredictions) -> str:
        objects = prediction.objects
        lengths = np.array([len(counts) for counts in prediction.masks], dtype=np.int64)
        runs = np.frombuffer(b"".join(prediction.masks), dtype=np.uint8)
        return digest_arrays(objects.boxes, objects.scores, objects.class_index, lengths, runs)
