"""One class for each point of a cloud: mean IoU and accuracy; the confused classes and the worst places."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.regions import worst_places
from pytest_vizart.accuracy.metrics import mean_iou
from pytest_vizart.accuracy.metrics.drawn_points import encoded, places_mm, spread
from pytest_vizart.accuracy.predicted import PointPrediction
from pytest_vizart.accuracy.wording import counted
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import IGNORE, LabelSpec, PointLabels
from pytest_vizart.records.outcome import ErrorItem


class PointMetric(mean_iou.IouMetric):
    """A sample is correct when its own mean IoU reaches the threshold. Instances are not looked at.

    Measures: mean_iou, min_iou (of the worst class), accuracy, wrong_points.
    """

    words = mean_iou.Words("point", "accuracy")

    def tally(self, truth: PointLabels, prediction: PointPrediction | None, spec: LabelSpec) -> mean_iou.IouTally:
        """Return pair counts; PredictionError where the numbers of points differ."""
        if prediction is not None and len(prediction.labels) != len(truth.labels):
            raise PredictionError(
                "wrong number of points",
                place="shape",
                expected=f"({len(truth.labels)},), one class for each labelled point, in the file's order",
                found=str(prediction.labels.shape),
                hint="does the pipeline drop or sample points? bring the classes back to all of them",
            )
        predicted = None if prediction is None else prediction.labels
        return mean_iou.IouTally(mean_iou.count(truth.labels, predicted, len(spec.classes)), predicted is None)

    def regions(
        self,
        truth: PointLabels,
        prediction: PointPrediction,
        spec: LabelSpec,
        xyz: NDArray[np.floating[Any]],
    ) -> tuple[ErrorItem, ...]:
        """Return the places, cells of a grid over the cloud, with the most wrong points; `xyz` is (N, 3), metres.

        Severity: share of the labelled points. Nothing where `xyz` has another number of points.
        """
        if len(xyz) != len(truth.labels):
            return ()
        labelled = truth.labels != IGNORE
        items = []
        for place in worst_places(xyz, labelled & (truth.labels != prediction.labels)):
            classes = mean_iou.most_confused(truth.labels[place.points], prediction.labels[place.points], spec)
            share = len(place.points) / int(np.count_nonzero(labelled))
            items.append(ErrorItem("region", share, *classes, box=place.box, note=counted(len(place.points), "point")))
        return tuple(items)

    def picture(
        self,
        truth: PointLabels,
        prediction: PointPrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case; without `xyz`, (N, 3) metres, `truth` has no "xyz_mm"."""
        chosen = spread(len(truth.labels))
        shown = _drawn(truth.labels[chosen], spec)
        if xyz is not None and len(xyz) == len(truth.labels):
            shown["xyz_mm"] = places_mm(xyz[chosen])
        return shown, {} if prediction is None else _drawn(prediction.labels[chosen], spec)

    def digest(self, prediction: PointPrediction) -> str:
        """Of the labels."""
        return digest_arrays(prediction.labels)


def _drawn(labels: NDArray[np.int32], spec: LabelSpec) -> dict[str, Any]:
    return {"class_index": encoded(labels, "<i2"), "classes": list(spec.classes.names), "count": len(labels)}
