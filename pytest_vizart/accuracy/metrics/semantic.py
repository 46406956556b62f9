"""One class for each pixel: mean IoU, pixel accuracy, boundary IoU; the confused classes and the worst regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.regions import worst_regions
from pytest_vizart.accuracy.metrics import mean_iou
from pytest_vizart.accuracy.metrics.boundary import count_boundaries
from pytest_vizart.accuracy.metrics.drawn_pixels import runs
from pytest_vizart.accuracy.predicted import SemanticPrediction
from pytest_vizart.accuracy.wording import counted
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import IGNORE, LabelSpec, SemanticLabels
from pytest_vizart.records.outcome import ErrorItem


class SemanticMetric(mean_iou.IouMetric):
    """A sample is correct when its own mean IoU reaches the threshold.

    Measures: mean_iou, min_iou (of the worst class), pixel_accuracy, wrong_pixels, boundary_iou where there is one.
    """

    words = mean_iou.Words("pixel", "pixel_accuracy")

    def tally(self, truth: SemanticLabels, prediction: SemanticPrediction | None, spec: LabelSpec) -> mean_iou.IouTally:
        """Return pair counts; PredictionError where the sizes differ."""
        mask = None if prediction is None else prediction.mask
        if mask is not None and mask.shape != truth.mask.shape:
            raise PredictionError(
                "wrong shape",
                place="shape",
                expected=f"{truth.mask.shape}, height and width of the label",
                found=str(mask.shape),
                hint="resize the mask to the label's size, with nearest neighbour",
            )
        pairs = mean_iou.count(truth.mask, mask, len(spec.classes))
        regions = () if mask is None or not mean_iou.judged_wrong(pairs, spec) else _regions(truth.mask, mask, spec)
        return mean_iou.IouTally(pairs, mask is None, count_boundaries(truth.mask, mask, len(spec.classes)), regions)

    def picture(
        self,
        truth: SemanticLabels,
        prediction: SemanticPrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case."""
        names = list(spec.classes.names)
        return runs(truth.mask, names), {} if prediction is None else runs(prediction.mask, names)

    def digest(self, prediction: SemanticPrediction) -> str:
        """Of the mask."""
        return digest_arrays(prediction.mask)


def _regions(truth: NDArray[np.int32], predicted: NDArray[np.int32], spec: LabelSpec) -> tuple[ErrorItem, ...]:
    labelled = truth != IGNORE
    count = int(np.count_nonzero(labelled))
    labelled &= truth != predicted
    items = []
    for region in worst_regions(labelled):
        inside = (region.rows, region.columns)
        classes = mean_iou.most_confused(truth[inside], predicted[inside], spec)
        share = min(1.0, region.size_px / count)
        items.append(ErrorItem("region", share, *classes, box=region.box, note=counted(region.size_px, "pixel")))
    return tuple(items)
