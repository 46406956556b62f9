"""One class for each sample: accuracy, and precision, recall and F1 averaged over the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.metrics import Comparison
from pytest_vizart.accuracy.predicted import ClassPrediction
from pytest_vizart.records.labels import ClassLabel, LabelSpec


@dataclass(frozen=True, slots=True)
class ClassTally:
    """Class indices of one sample; predicted is None where nothing was."""

    truth: int
    predicted: int | None


class ClassMetric:
    """A sample is correct when the class is the label's."""

    headline = "accuracy"

    def tally(self, truth: ClassLabel, prediction: ClassPrediction | None, spec: LabelSpec) -> ClassTally:
        return ClassTally(truth.class_index, None if prediction is None else prediction.class_index)

    def judge(self, tally: ClassTally, spec: LabelSpec) -> Comparison:
        if tally.predicted == tally.truth:
            return Comparison("correct", score=1.0)
        names = spec.classes.names
        predicted = "nothing" if tally.predicted is None else names[tally.predicted]
        return Comparison("wrong", "misread", 0.0, f"predicted {predicted}, is {names[tally.truth]}")

    def summarise(self, tallies: Sequence[ClassTally], spec: LabelSpec) -> dict[str, float | None]:
        """Return accuracy, and precision, recall, f1: means over the classes that occur, 0 where a class has none.

        A sample without a prediction is wrong: it lowers accuracy and the recall of its class.
        """
        if not tallies:
            return dict.fromkeys(("accuracy", "precision", "recall", "f1"))
        from sklearn.metrics import precision_recall_fscore_support

        nothing = len(spec.classes)  # a class of its own, outside of the averaged ones
        truth = [tally.truth for tally in tallies]
        predicted = [nothing if tally.predicted is None else tally.predicted for tally in tallies]
        occurring = sorted((set(truth) | set(predicted)) - {nothing})
        precision, recall, f1, _ = precision_recall_fscore_support(
            truth, predicted, labels=occurring, average="macro", zero_division=0
        )
        correct = sum(tally.truth == tally.predicted for tally in tallies)
        return {
            "accuracy": correct / len(tallies),
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
        }

    def notes(self, tallies: Sequence[ClassTally], spec: LabelSpec) -> tuple[str, ...]:
        return ()

    def picture(
        self,
        truth: ClassLabel,
        prediction: ClassPrediction | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        names = spec.classes.names
        predicted = {} if prediction is None else {"label": names[prediction.class_index], "score": prediction.score}
        return {"label": names[truth.class_index], "score": None}, predicted

    def digest(self, prediction: ClassPrediction) -> str:
        score = np.nan if prediction.score is None else prediction.score
        return digest_arrays(np.array([prediction.class_index, score], dtype=np.float64))
