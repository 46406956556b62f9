"""The base of the metrics of all tasks with objects: one verdict, one set of figures, whatever the similarity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.detection.notes import notes_on
from pytest_vizart.accuracy.detection.running import RunningDetections
from pytest_vizart.accuracy.detection.scene import Scene, match_scene
from pytest_vizart.accuracy.detection.summary import class_figures, pr_curves, rows_by_class, whole_figures
from pytest_vizart.accuracy.detection.tally import DetectionTally, Predicted, Truth, pool
from pytest_vizart.accuracy.detection.wording import named_places, reason
from pytest_vizart.accuracy.errors.items import Places, error_counts, error_items, kind_name
from pytest_vizart.accuracy.errors.suspects import label_suspects
from pytest_vizart.accuracy.errors.tide import BACKGROUND_THRESHOLD, scene_errors
from pytest_vizart.accuracy.errors.tide_costs import TideCosts, tide_costs
from pytest_vizart.accuracy.metrics import Comparison, Summary
from pytest_vizart.records.labels import LabelSpec
from pytest_vizart.records.outcome import MAX_ERRORS
from pytest_vizart.records.score import MetricInfo

MAX_PICTURED = 500

Tally = DetectionTally[Truth, Predicted]


@dataclass(frozen=True, slots=True)
class Averages:
    """A task's own average precisions.

    metrics: by name, in the order in which they are shown. per_class: class name -> metric -> value. notes: what they
    do not show.
    """

    metrics: dict[str, float | None]
    per_class: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class DetectionMetric(ABC, Generic[Truth, Predicted]):
    """A sample is correct when every object is found and no prediction that counts is without an object.

    A task says what is compared (`scene`, `places`, `nothing`), how its average precision is made (`averages`), how its
    sides are drawn (`drawn`) and how two predictions are told apart (`digest`). The score threshold of the stage holds
    for everything but the average precision and the curves.
    """

    headline: str = "map"
    info: Mapping[str, MetricInfo] = {}
    similarity: ClassVar[str] = "IoU"  # in sentences; "mean_iou" in measures

    @abstractmethod
    def scene(self, truth: Truth, prediction: Predicted, spec: LabelSpec) -> Scene:
        """Return the columns of one sample. Raises PredictionError where the two cannot be compared."""

    @abstractmethod
    def places(self, truth: Truth, prediction: Predicted) -> Places:
        """Return where objects and predictions lie: lower and upper corners."""

    @abstractmethod
    def nothing(self, truth: Truth) -> Predicted:
        """Return the prediction of a sample for which none came."""

    @abstractmethod
    def averages(self, tallies: Sequence[Tally[Truth, Predicted]], spec: LabelSpec, *, full: bool) -> Averages:
        """Return the average precisions; without `full` nothing but `metrics` is needed."""

    @abstractmethod
    def drawn(
        self, truth: Truth, prediction: Predicted, rows: NDArray[np.intp], spec: LabelSpec
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return both sides of the picture, of the predictions the given (M,) rows in that order.

        The base adds labels, scores, matched, crowd and errors.
        """

    @abstractmethod
    def digest(self, prediction: Predicted) -> str:
        """Return 32 hex digits that differ where two passes gave different predictions."""

    def threshold(self, spec: LabelSpec) -> float:
        """Return the similarity at which a prediction meets an object."""
        return spec.iou_threshold

    def extra(self, scene: Scene, spec: LabelSpec) -> Any:
        """Return whatever else `averages` needs of the similarities, which are not kept."""
        return None

    def named(
        self, names: Sequence[str], class_index: NDArray[np.int64], places: NDArray[np.float64]
    ) -> tuple[str, ...]:
        """Return objects as `Outcome.missed` writes them."""
        return named_places(names, class_index, places, MAX_ERRORS)

    def tally(self, truth: Truth, prediction: Predicted | None, spec: LabelSpec) -> Tally[Truth, Predicted]:
        given = self.nothing(truth) if prediction is None else prediction
        scene = self.scene(truth, given, spec)
        threshold = self.threshold(spec)
        match = match_scene(scene, threshold)
        errors = scene_errors(scene, match, score_threshold=spec.score_threshold, foreground=threshold)
        near = np.zeros(len(scene.scores))
        near[match.hit] = scene.similarity[match.hit, match.partner[match.hit]]
        return DetectionTally(
            truth=truth,
            prediction=given,
            scores=scene.scores,
            predicted_class=scene.predicted_class,
            true_class=scene.true_class,
            counting=scene.counting,
            match=match,
            near=near,
            errors=errors,
            suspect=label_suspects(errors, scene.scores),
            extra=self.extra(scene, spec),
        )

    def judge(self, tally: Tally[Truth, Predicted], spec: LabelSpec) -> Comparison:
        """score: objects found, as a share of all objects expected or predicted.

        measures: expected, found, misses, false_positives; precision, recall, f1, which are 1 where nothing can be
        wrong (no prediction, no object, neither); mean_iou (of the task's similarity) over the objects found, 0 where
        there were some and none was found, 1 where there were none.
        """
        found = tally.found(spec.score_threshold) & tally.counting
        spare = tally.counted(spec.score_threshold) & ~tally.match.hit
        measures = self._measures(tally, spec, int(np.count_nonzero(found)), int(np.count_nonzero(spare)))
        everything = measures["expected"] + measures["false_positives"]
        score = measures["found"] / everything if everything else 1.0
        if not measures["misses"] and not measures["false_positives"]:
            return Comparison("correct", score=score, measures=measures)
        places = self.places(tally.truth, tally.prediction)
        errors = error_items(tally, places, spec)
        missed = np.flatnonzero(tally.counting & ~found)[:MAX_ERRORS]
        extra = np.flatnonzero(spare)[:MAX_ERRORS]
        names = spec.classes.names
        return Comparison(
            "wrong",
            error_type=errors[0].kind,
            score=score,
            reason=reason(tally, spec, self.similarity),
            measures=measures,
            errors=errors,
            missed=self.named(names, tally.true_class[missed], places.true[missed]),
            false_positives=self.named(names, tally.predicted_class[extra], places.predicted[extra]),
            error_counts=error_counts(tally) if len(errors) >= MAX_ERRORS else None,
        )

    def _measures(self, tally: Tally[Truth, Predicted], spec: LabelSpec, found: int, spare: int) -> dict[str, float]:
        expected = int(np.count_nonzero(tally.counting))
        met = tally.match.hit & (tally.scores >= spec.score_threshold)
        mean = float(tally.near[met].mean()) if found else float(not expected)
        return {
            "expected": float(expected),
            "found": float(found),
            "misses": float(expected - found),
            "false_positives": float(spare),
            "precision": found / (found + spare) if found + spare else 1.0,
            "recall": found / expected if expected else 1.0,
            "f1": 2 * found / (expected + found + spare) if expected + spare else 1.0,
            f"mean_{self.similarity.lower()}": mean,
        }

    def summarise(self, tallies: Sequence[Tally[Truth, Predicted]], spec: LabelSpec, *, full: bool = True) -> Summary:
        """Return the task's average precisions, and precision, recall, f1 and the best F1 over all samples.

        details: `pr_curve`, class name or "all" -> recall and precision at COCO's 101 recalls, at the stage's IoU
        threshold and over all scores, "all" being the mean of the classes that have objects; `tide`, see `tide_costs`.
        """
        averages = self.averages(tallies, spec, full=full)
        columns = pool(tallies, len(spec.classes))
        metrics = averages.metrics | whole_figures(columns, spec)
        if not full:
            return Summary(metrics)
        class_rows = rows_by_class(columns)
        tide = tide_costs(columns, spec.score_threshold)
        own = class_figures(columns, class_rows, spec)
        return Summary(
            metrics=metrics,
            per_class={name: {**averages.per_class.get(name, {}), **figures} for name, figures in own.items()},
            details={"pr_curve": pr_curves(columns, class_rows, spec), "tide": self._tide_details(tide, spec)},
            costs={} if tide.base_ap is None else {str(kind): cost for kind, cost in tide.costs.items()},
            notes=(*averages.notes, *notes_on(tallies, columns, class_rows, spec)),
        )

    def running(self, spec: LabelSpec) -> RunningDetections:
        return RunningDetections()

    def picture(
        self,
        truth: Truth,
        prediction: Predicted | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case, with the best MAX_PICTURED predictions, and the kind of error of each object and prediction.

        What counts neither way is `crowd`: crowds and ignored objects, and predictions that they take.
        """
        tally = self.tally(truth, prediction, spec)
        best = np.argsort(-tally.scores, kind="stable")[:MAX_PICTURED]
        names = spec.classes.names
        excused = tally.match.excused & (tally.scores >= spec.score_threshold)
        met = tally.match.hit & (tally.scores >= spec.score_threshold)
        left, right = self.drawn(truth, tally.prediction, best, spec)
        return (
            left
            | {
                "labels": [names[index] for index in tally.true_class.tolist()],
                "scores": [None] * len(tally.true_class),
                "matched": tally.found(spec.score_threshold).tolist(),
                "crowd": (~tally.counting).tolist(),
                "errors": ["Miss" if missed else None for missed in tally.errors.missed.tolist()],
            },
            right
            | {
                "labels": [names[index] for index in tally.predicted_class[best].tolist()],
                "scores": tally.scores[best].tolist(),
                "matched": met[best].tolist(),
                "crowd": excused[best].tolist(),
                "errors": [kind_name(tally, row) for row in best.tolist()],
                "score_threshold": spec.score_threshold,
            },
        )

    def _tide_details(self, tide: TideCosts, spec: LabelSpec) -> dict[str, Any]:
        return {
            "tf": self.threshold(spec),
            "tb": BACKGROUND_THRESHOLD,
            "score_threshold": spec.score_threshold,
            "base_ap": tide.base_ap,
            "kinds": {kind: {"count": tide.counts[kind], "cost": tide.costs[kind]} for kind in tide.costs},
        }
