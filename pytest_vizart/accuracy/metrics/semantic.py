"""One class for each pixel: mean IoU, pixel accuracy, boundary IoU; the confused classes and the worst regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.regions import worst_regions
from pytest_vizart.accuracy.metrics import Comparison, Summary, mean_iou
from pytest_vizart.accuracy.metrics.boundary import count_boundaries
from pytest_vizart.accuracy.metrics.confusion import most_frequent
from pytest_vizart.accuracy.predicted import SemanticPrediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import IGNORE, LabelSpec, SemanticLabels
from pytest_vizart.records.outcome import ErrorItem
from pytest_vizart.records.score import MetricInfo

MAX_PICTURE_PX = 512
_WORDS = mean_iou.Words("pixel", "pixel_accuracy")


class SemanticMetric:
    """A sample is correct when its own mean IoU reaches the threshold.

    Measures: mean_iou, min_iou (of the worst class), pixel_accuracy, wrong_pixels, boundary_iou where there is one.
    """

    headline = "mean_iou"
    info: Mapping[str, MetricInfo] = {}

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

    def judge(self, tally: mean_iou.IouTally, spec: LabelSpec) -> Comparison:
        """Return the outcome with the classes that were confused most and the largest wrong regions."""
        return mean_iou.judge(tally, spec, _WORDS)

    def summarise(self, tallies: Sequence[mean_iou.IouTally], spec: LabelSpec, *, full: bool = True) -> Summary:
        """Return mean_iou, pixel_accuracy, mean_accuracy, fw_iou, boundary_iou; see `mean_iou.summarise`."""
        return mean_iou.summarise(tallies, spec, _WORDS, full=full)

    def running(self, spec: LabelSpec) -> mean_iou.RunningIou:
        """Return empty running metrics: all of them."""
        return mean_iou.RunningIou(spec, _WORDS)

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
        return drawn(truth.mask, names), {} if prediction is None else drawn(prediction.mask, names)

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
        is_, said = mean_iou.names_of(most_frequent(truth[inside], predicted[inside]), spec)
        items.append(
            ErrorItem(
                "region",
                min(1.0, region.size_px / count),
                truth=is_,
                predicted=said,
                box=region.box,
                note=mean_iou.counted(region.size_px, "pixel"),
            )
        )
    return tuple(items)


def drawn(mask: NDArray[np.int32], names: list[str]) -> dict[str, Any]:
    """Return an (H, W) array of positions in `names`, or IGNORE, as runs; strided to MAX_PICTURE_PX."""
    step = max(1, -(-max(mask.shape) // MAX_PICTURE_PX))
    small = mask[::step, ::step]
    flat = small.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=flat[0] + 1)) if flat.size else np.empty(0, dtype=np.int64)
    lengths = np.diff(starts, append=flat.size)
    return {
        "width": int(small.shape[1]),
        "height": int(small.shape[0]),
        "classes": names,
        "rle": [list(run) for run in zip(flat[starts].tolist(), lengths.tolist(), strict=True)],
    }
