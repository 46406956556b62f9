"""One class for each point of a cloud: mean IoU and accuracy."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.metrics import Comparison, mean_iou
from pytest_vizart.accuracy.predicted import PointPrediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import LabelSpec, PointLabels

MAX_PICTURE_POINTS = 20_000
_MM_PER_M = 1000.0


class PointMetric:
    """A sample is correct when its own mean IoU reaches the threshold."""

    headline = "mean_iou"

    def tally(self, truth: PointLabels, prediction: PointPrediction | None, spec: LabelSpec) -> mean_iou.IouTally:
        if prediction is not None and len(prediction.labels) != len(truth.labels):
            raise PredictionError(
                "wrong number of points",
                place="shape",
                expected=f"({len(truth.labels)},), one class for each labelled point, in the file's order",
                found=str(prediction.labels.shape),
                hint="does the pipeline drop or sample points? bring the classes back to all of them",
            )
        return mean_iou.count(truth.labels, None if prediction is None else prediction.labels, len(spec.classes))

    def judge(self, tally: mean_iou.IouTally, spec: LabelSpec) -> Comparison:
        return mean_iou.judge(tally, spec, "point")

    def summarise(self, tallies: Sequence[mean_iou.IouTally], spec: LabelSpec) -> dict[str, float | None]:
        """Return mean_iou over the summed counts, absent classes left out, and accuracy over all labelled points."""
        return mean_iou.summarise(tallies, spec, "accuracy")

    def notes(self, tallies: Sequence[mean_iou.IouTally], spec: LabelSpec) -> tuple[str, ...]:
        return ()

    def picture(
        self,
        truth: PointLabels,
        prediction: PointPrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case; without `xyz`, (N, 3) metres, `truth` has no "xyz_mm"."""
        chosen = _spread(len(truth.labels))
        drawn = _drawn(truth.labels[chosen], spec)
        if xyz is not None and len(xyz) == len(truth.labels):
            drawn["xyz_mm"] = _encoded(_millimetres(xyz[chosen]), "<i4")
        return drawn, {} if prediction is None else _drawn(prediction.labels[chosen], spec)

    def digest(self, prediction: PointPrediction) -> str:
        return digest_arrays(prediction.labels)


def _spread(count: int) -> NDArray[np.int64]:
    """Return the positions of at most MAX_PICTURE_POINTS points, evenly spread over the file."""
    if count <= MAX_PICTURE_POINTS:
        return np.arange(count)
    return np.arange(MAX_PICTURE_POINTS, dtype=np.int64) * count // MAX_PICTURE_POINTS


def _drawn(labels: NDArray[np.int32], spec: LabelSpec) -> dict[str, Any]:
    return {"class_index": _encoded(labels, "<i2"), "classes": list(spec.classes.names), "count": len(labels)}


def _millimetres(xyz: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    # A point without a place is drawn at the origin: an invalid return of a sensor is no reason to show no picture.
    finite = np.nan_to_num(xyz.astype(np.float64) * _MM_PER_M, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(np.round(finite), -(2.0**31), 2.0**31 - 1)


def _encoded(values: NDArray[Any], kind: str) -> str:
    return b64encode(np.ascontiguousarray(values.astype(kind)).tobytes()).decode("ascii")
