"""One class for each sample: accuracy, precision, recall, F1, top-k, ROC AUC, average precision, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.metrics import Comparison, Summary
from pytest_vizart.accuracy.metrics.class_figures import ClassFigures, ClassTally
from pytest_vizart.accuracy.metrics.confusion import confusion_details, count_pairs
from pytest_vizart.accuracy.metrics.ranking import MOST_CLASSES, ranking
from pytest_vizart.accuracy.metrics.running import over_all
from pytest_vizart.accuracy.predicted import ClassPrediction
from pytest_vizart.records.labels import IGNORE, ClassLabel, LabelSpec
from pytest_vizart.records.outcome import ErrorItem
from pytest_vizart.records.score import MetricInfo


class ClassMetric:
    """A sample is correct when the class is the label's.

    Measures: correct (1 or 0); score, the model's, where it gave one; where it gave the probabilities of all classes,
    rank (of the true class, from 1) and true_probability.
    """

    headline = "accuracy"
    info: Mapping[str, MetricInfo] = {"ece": MetricInfo("lower"), "log_loss": MetricInfo("lower")}

    def tally(self, truth: ClassLabel, prediction: ClassPrediction | None, spec: LabelSpec) -> ClassTally:
        """Return indices, score, and the true class's rank and probability."""
        if prediction is None:
            return ClassTally(truth.class_index, None)
        values = prediction.probabilities
        if values is None:
            return ClassTally(truth.class_index, prediction.class_index, prediction.score)
        own = float(values[truth.class_index])
        better = int(np.count_nonzero(values > own)) + int(np.count_nonzero(values[: truth.class_index] == own))
        return ClassTally(
            truth.class_index,
            prediction.class_index,
            prediction.score,
            better + 1,
            own,
            values if len(values) <= MOST_CLASSES else None,
        )

    def judge(self, tally: ClassTally, spec: LabelSpec) -> Comparison:
        """Return the outcome; severity is the model's confidence in the wrong class, 1 where it gave none."""
        correct = tally.predicted == tally.truth
        given = {"score": tally.score, "rank": tally.rank, "true_probability": tally.probability}
        measures = {"correct": float(correct)} | {
            name: float(value) for name, value in given.items() if value is not None
        }
        if correct:
            return Comparison("correct", score=1.0, measures=measures)
        names = spec.classes.names
        truth = names[tally.truth]
        if tally.predicted is None:
            return Comparison("wrong", "no-prediction", 0.0, f"predicted nothing, is {truth}", measures)
        predicted = names[tally.predicted]
        severity = 1.0 if tally.score is None else min(1.0, max(0.0, tally.score))
        note = None if tally.rank is None else f"the true class is number {tally.rank}"
        error = ErrorItem("confused", severity, truth, predicted, tally.score, note=note)
        return Comparison("wrong", "confused", 0.0, f"predicted {predicted}, is {truth}", measures, (error,))

    def summarise(self, tallies: Sequence[ClassTally], spec: LabelSpec, *, full: bool = True) -> Summary:
        """Return the metrics of `ClassFigures`, and roc_auc and average_precision of `ranking`.

        costs: by how much accuracy would rise without confusions.
        """
        figures = self.running(spec)
        ranked = ranking(tallies, spec, full=full)
        metrics = over_all(figures, tallies) | ranked.metrics
        if not full:
            return Summary(metrics)
        per_class = figures.per_class()
        for name, values in ranked.per_class.items():
            per_class[name].update(values)
        details: dict[str, Any] = {"confusion": _confusion(tallies, spec)}
        if figures.reliability():
            details["reliability"] = figures.reliability()
        confused = sum(tally.predicted not in (None, tally.truth) for tally in tallies)
        return Summary(
            metrics,
            per_class,
            details | ranked.details,
            {"confused": confused / len(tallies)} if confused else {},
            (*figures.notes(), *ranked.notes),
        )

    def running(self, spec: LabelSpec) -> ClassFigures:
        """Return empty running metrics: all but roc_auc and average_precision."""
        return ClassFigures(spec)

    def picture(
        self,
        truth: ClassLabel,
        prediction: ClassPrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case."""
        names = spec.classes.names
        predicted = {} if prediction is None else {"label": names[prediction.class_index], "score": prediction.score}
        return {"label": names[truth.class_index], "score": None}, predicted

    def digest(self, prediction: ClassPrediction) -> str:
        """Of class, score and probabilities."""
        score = np.nan if prediction.score is None else prediction.score
        rest = [] if prediction.probabilities is None else [prediction.probabilities]
        return digest_arrays(np.array([prediction.class_index, score], dtype=np.float64), *rest)


def _confusion(tallies: Sequence[ClassTally], spec: LabelSpec) -> dict[str, Any]:
    truth = np.array([tally.truth for tally in tallies], dtype=np.int64)
    predicted = np.array([IGNORE if tally.predicted is None else tally.predicted for tally in tallies], dtype=np.int64)
    classes = len(spec.classes)
    return confusion_details(count_pairs(truth, predicted, classes, classes), spec.classes.names)
