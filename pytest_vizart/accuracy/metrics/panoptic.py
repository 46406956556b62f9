"""Every pixel in one segment: panoptic, segmentation and recognition quality; missed, false and misnamed segments.

Kirillov et al., "Panoptic Segmentation" (CVPR 2019): segments of one class meet at an IoU above .5, which at most one
can reach. Pixels without a label are left out of the IoU; a false segment that lies mostly in such pixels, or in crowds
of its class, is none. PQ = sum of IoU / (TP + FP / 2 + FN / 2), SQ = sum of IoU / TP, RQ = TP / (TP + FP / 2 + FN / 2),
averaged over the classes that occur.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.metrics import Comparison, Summary
from pytest_vizart.accuracy.metrics.confusion import ratio
from pytest_vizart.accuracy.metrics.drawn_pixels import runs
from pytest_vizart.accuracy.metrics.segments import FN, FP, IOU, TP, PanopticTally, match_segments
from pytest_vizart.accuracy.predicted import PanopticPrediction
from pytest_vizart.accuracy.wording import without_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import IGNORE, LabelSpec, PanopticLabels
from pytest_vizart.records.outcome import ErrorKind
from pytest_vizart.records.score import MetricInfo

_GROUPS = ("", "_things", "_stuff")
_MENDED: tuple[ErrorKind, ...] = ("Miss", "Bkg", "Cls", "Loc")


class PanopticMetric:
    """A sample is correct when its own PQ reaches the IoU threshold.

    Measures: pq, sq, rq, misses, false_positives (segments). Severity of an error: share of the labelled pixels that
    its segment covers.
    """

    headline = "pq"
    info: Mapping[str, MetricInfo] = {}

    def tally(self, truth: PanopticLabels, prediction: PanopticPrediction | None, spec: LabelSpec) -> PanopticTally:
        """Match the segments; PredictionError where the sizes differ."""
        if prediction is None:
            nothing = np.full(truth.segments.shape, IGNORE, dtype=np.int32)
            return match_segments(truth, PanopticPrediction(nothing, np.empty(0, dtype=np.int64)), spec, missing=True)
        if prediction.segments.shape != truth.segments.shape:
            raise PredictionError(
                "wrong shape",
                place="shape",
                expected=f"{truth.segments.shape}, height and width of the label",
                found=str(prediction.segments.shape),
                hint="resize the segments to the label's size, with nearest neighbour",
            )
        return match_segments(truth, prediction, spec)

    def judge(self, tally: PanopticTally, spec: LabelSpec) -> Comparison:
        """Return the outcome; its errors are `Cls` (right place, wrong class), `Loc` (IoU .1 to .5), `Bkg`, `Miss`."""
        if not tally.labelled:
            return Comparison("unlabeled", reason="the label leaves every pixel out")
        quality = _qualities(tally.sums)
        misses, false = float(tally.sums[FN].sum()), float(tally.sums[FP].sum())
        measures = {name: value for name, value in quality.items() if value is not None}
        measures |= {"misses": misses, "false_positives": false}
        score = quality["pq"]
        if score is None or score >= spec.iou_threshold:
            # Without a segment on either side nothing can be wrong.
            return Comparison(
                "correct", score=1.0 if score is None else score, measures=measures, errors=tally.errors,
                missed=tally.missed, false_positives=tally.false_positives,
            )  # fmt: skip
        error_type = "no-prediction" if tally.missing else tally.errors[0].kind if tally.errors else "region"
        reason = (
            f"PQ {score:.3f} is under {spec.iou_threshold:g}: {misses:.0f} of "
            f"{misses + float(tally.sums[TP].sum()):.0f} segments missed, {false:.0f} false"
        )
        return Comparison(
            "wrong", error_type, score, reason, measures, tally.errors, tally.missed, tally.false_positives
        )

    def summarise(self, tallies: Sequence[PanopticTally], spec: LabelSpec, *, full: bool = True) -> Summary:
        """Return pq, sq, rq over all classes, and of things and stuff where the class map tells them apart.

        costs: by how much PQ would rise if the errors of one kind were mended: misses and false segments gone, segments
        in the wrong class or place found with the IoU that they have.
        """
        sums = np.zeros((4, len(spec.classes)))
        for tally in tallies:
            sums[:, tally.classes] += tally.sums
        metrics = _metrics(sums, spec)
        if not full:
            return Summary(metrics)
        notes = without_prediction(sum(tally.missing for tally in tallies), "all segments missed")
        occurring = np.flatnonzero(sums[:IOU].sum(axis=0)).tolist()
        per_class = {
            spec.classes.names[index]: {
                **_qualities(sums[:, index : index + 1]), "support": float(sums[TP, index] + sums[FN, index])
            }
            for index in occurring
        }  # fmt: skip
        return Summary(metrics, per_class, costs=_costs(tallies, sums), notes=notes)

    def running(self, spec: LabelSpec) -> _Running:
        """Return empty running metrics: all of them."""
        return _Running(spec)

    def picture(
        self,
        truth: PanopticLabels,
        prediction: PanopticPrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case."""
        predicted = {} if prediction is None else _drawn(prediction.segments, prediction.class_index, spec)
        return _drawn(truth.segments, truth.class_index, spec), predicted

    def digest(self, prediction: PanopticPrediction) -> str:
        """Of segments and classes."""
        return digest_arrays(prediction.segments, prediction.class_index)


class _Running:
    def __init__(self, spec: LabelSpec) -> None:
        self._spec = spec
        self._sums = np.zeros((4, len(spec.classes)))

    def add(self, tally: PanopticTally, comparison: Comparison) -> None:
        self._sums[:, tally.classes] += tally.sums

    def values(self) -> dict[str, float | None]:
        return _metrics(self._sums, self._spec)


def _qualities(sums: NDArray[np.float64]) -> dict[str, float | None]:
    """Return pq, sq, rq, averaged over the columns that occur; None if none does."""
    found = sums[:, sums[:IOU].sum(axis=0) > 0]
    if not found.shape[1]:
        return dict.fromkeys(("pq", "sq", "rq"))
    weight = found[TP] + 0.5 * found[FP] + 0.5 * found[FN]
    segmentation = np.nan_to_num(ratio(found[IOU], found[TP]))  # 0 where nothing was found, as in panopticapi
    return {
        "pq": float((found[IOU] / weight).mean()),
        "sq": float(segmentation.mean()),
        "rq": float((found[TP] / weight).mean()),
    }


def _metrics(sums: NDArray[np.float64], spec: LabelSpec) -> dict[str, float | None]:
    things = np.array(spec.classes.things, dtype=bool)
    groups = (slice(None), things, ~things) if len(things) == sums.shape[1] else (slice(None), None, None)
    metrics: dict[str, float | None] = {}
    for suffix, group in zip(_GROUPS, groups, strict=True):
        values = _qualities(sums[:, group] if group is not None else sums[:, :0])
        metrics |= {f"{name}{suffix}": value for name, value in values.items()}
    return metrics


def _costs(tallies: Sequence[PanopticTally], sums: NDArray[np.float64]) -> dict[str, float]:
    """Return what PQ would gain by mending each kind of error."""
    before = _qualities(sums)["pq"]
    costs: dict[str, float] = {}
    for kind in _MENDED:
        after, concerned = sums.copy(), [tally for tally in tallies if kind in tally.mended]
        for tally in concerned:
            after[:, tally.classes] += tally.mended[kind]
        if concerned and before is not None:
            costs[kind] = (_qualities(after)["pq"] or 0.0) - before
    return costs


def _drawn(segments: NDArray[np.int32], class_index: NDArray[np.int64], spec: LabelSpec) -> dict[str, Any]:
    names = [f"{spec.classes.names[one]} {number}" for number, one in enumerate(class_index.tolist(), start=1)]
    return runs(segments, names)
