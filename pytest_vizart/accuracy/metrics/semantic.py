"""One class for each pixel: mean IoU and pixel accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.metrics import Comparison, mean_iou
from pytest_vizart.accuracy.predicted import SemanticPrediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import LabelSpec, SemanticLabels

MAX_PICTURE_PX = 512


class SemanticMetric:
    """A sample is correct when its own mean IoU reaches the threshold."""

    headline = "mean_iou"

    def tally(self, truth: SemanticLabels, prediction: SemanticPrediction | None, spec: LabelSpec) -> mean_iou.IouTally:
        if prediction is not None and prediction.mask.shape != truth.mask.shape:
            raise PredictionError(
                "wrong shape",
                place="shape",
                expected=f"{truth.mask.shape}, height and width of the label",
                found=str(prediction.mask.shape),
                hint="resize the mask to the label's size, with nearest neighbour",
            )
        return mean_iou.count(truth.mask, None if prediction is None else prediction.mask, len(spec.classes))

    def judge(self, tally: mean_iou.IouTally, spec: LabelSpec) -> Comparison:
        return mean_iou.judge(tally, spec, "pixel")

    def summarise(self, tallies: Sequence[mean_iou.IouTally], spec: LabelSpec) -> dict[str, float | None]:
        """Return mean_iou over the summed counts, absent classes left out, and pixel_accuracy."""
        return mean_iou.summarise(tallies, spec, "pixel_accuracy")

    def notes(self, tallies: Sequence[mean_iou.IouTally], spec: LabelSpec) -> tuple[str, ...]:
        return ()

    def picture(
        self,
        truth: SemanticLabels,
        prediction: SemanticPrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        predicted = {} if prediction is None else _drawn(prediction.mask, spec)
        return _drawn(truth.mask, spec), predicted

    def digest(self, prediction: SemanticPrediction) -> str:
        return digest_arrays(prediction.mask)


def _drawn(mask: NDArray[np.int32], spec: LabelSpec) -> dict[str, Any]:
    step = max(1, -(-max(mask.shape) // MAX_PICTURE_PX))
    small = mask[::step, ::step]
    flat = small.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=flat[0] + 1)) if flat.size else np.empty(0, dtype=np.int64)
    lengths = np.diff(starts, append=flat.size)
    return {
        "width": int(small.shape[1]),
        "height": int(small.shape[0]),
        "classes": list(spec.classes.names),
        "rle": [list(run) for run in zip(flat[starts].tolist(), lengths.tolist(), strict=True)],
    }
