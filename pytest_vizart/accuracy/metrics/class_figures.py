"""Figures of classification that add up sample by sample: counted, so that scikit-learn need not be imported for them.

They equal scikit-learn's with `zero_division=0`, which the tests hold them to.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.metrics import Comparison
from pytest_vizart.accuracy.metrics.confusion import ratio
from pytest_vizart.accuracy.wording import without_prediction
from pytest_vizart.records.labels import LabelSpec

CALIBRATION_BINS = 15
"""Bins of equal width of the expected calibration error (Guo et al., 2017)."""

_UPPER_EDGES = tuple(np.linspace(0.0, 1.0, CALIBRATION_BINS + 1)[1:].tolist())
_LEAST = float(np.finfo(np.float64).eps)  # scikit-learn's, where a probability of 0 would be an infinite loss
_TOP = (3, 5)
_AVERAGED = ("precision", "recall", "f1")


@dataclass(frozen=True, slots=True)
class ClassTally:
    """One sample. truth, predicted: class indices, `predicted` None where nothing was.

    score: the model's. rank: 1 for the most probable class; of equal ones the first of the class map. probability: that
    of the true class. Both None without probabilities. probabilities: (K,) float64; None too with more classes than
    `ranking` takes.
    """

    truth: int
    predicted: int | None
    score: float | None = None
    rank: int | None = None
    probability: float | None = None
    probabilities: NDArray[np.float64] | None = None


class ClassFigures:
    """Counts so far, and the metrics out of them.

    accuracy; precision, recall, f1: means over the classes that occur in label or prediction; the same with `_micro`,
    over all samples at once, and `_weighted`, by how often a class is labelled. top_3, top_5: share of samples whose
    true class is among the most probable; None with no more classes than that. ece: expected calibration error of the
    top score. log_loss: mean of -ln(probability of the true class).

    A sample without a prediction is wrong: it lowers accuracy, the recall of its class and top-k, and counts in
    log_loss as a probability of 0; ece, which is about scores that were given, leaves it out. top-k and log_loss
    are None if a prediction came without probabilities, ece if one came without a score from 0 to 1.
    """

    def __init__(self, spec: LabelSpec) -> None:
        self._names = spec.classes.names
        classes = len(spec.classes)
        self._samples = self._correct = self._missing = 0
        self._hits, self._truth, self._predicted = [0] * classes, [0] * classes, [0] * classes
        self._ranked = 0  # samples with a rank
        self._top = dict.fromkeys(_TOP, 0)
        self._loss = 0.0
        self._scored = 0  # samples with a score from 0 to 1
        self._bins = [[0, 0.0, 0] for _ in range(CALIBRATION_BINS)]  # samples, sum of scores, correct ones

    def add(self, tally: ClassTally, comparison: Comparison) -> None:
        """Take one more sample in."""
        self._samples += 1
        self._truth[tally.truth] += 1
        if tally.predicted is None:
            self._missing += 1
            self._loss -= log(_LEAST)
            return
        correct = tally.predicted == tally.truth
        self._correct += correct
        self._predicted[tally.predicted] += 1
        self._hits[tally.truth] += correct
        if tally.score is not None and 0 <= tally.score <= 1:
            self._scored += 1
            found = self._bins[bisect_left(_UPPER_EDGES, tally.score)]
            found[0] += 1
            found[1] += tally.score
            found[2] += correct
        if tally.rank is not None and tally.probability is not None:
            self._ranked += 1
            self._loss -= log(min(max(tally.probability, _LEAST), 1 - _LEAST))
            for top in _TOP:
                self._top[top] += tally.rank <= top

    def values(self) -> dict[str, float | None]:
        """Return the metrics so far."""
        answered = self._samples - self._missing
        ranked = answered > 0 and self._ranked == answered
        metrics: dict[str, float | None] = {"accuracy": self._correct / self._samples if self._samples else None}
        metrics |= self._averages()
        for top in _TOP:
            known = ranked and len(self._names) > top
            metrics[f"top_{top}"] = self._top[top] / self._samples if known else None
        metrics["ece"] = self._calibration_error() if answered and self._scored == answered else None
        metrics["log_loss"] = self._loss / self._samples if ranked else None
        return metrics

    def _averages(self) -> dict[str, float | None]:
        columns, truth, predicted = self._columns()
        if not self._samples:
            return dict.fromkeys(
                [*_AVERAGED, *(f"{name}_{how}" for how in ("micro", "weighted") for name in _AVERAGED)]
            )
        hits, labelled, said = self._correct, int(truth.sum()), int(predicted.sum())
        micro = (hits / said if said else 0.0, hits / labelled, 2 * hits / (labelled + said))
        metrics: dict[str, float | None] = {name: float(np.average(columns[name])) for name in _AVERAGED}
        metrics |= {f"{name}_micro": value for name, value in zip(_AVERAGED, micro, strict=True)}
        metrics |= {f"{name}_weighted": float(np.average(columns[name], weights=truth)) for name in _AVERAGED}
        return metrics

    def _columns(self) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64], NDArray[np.int64]]:
        """Return precision, recall, f1, and the counts in label and prediction, of the classes that occur."""
        hits, truth, predicted = (np.array(one) for one in (self._hits, self._truth, self._predicted))
        occurs = (truth + predicted) > 0
        hits, truth, predicted = hits[occurs], truth[occurs], predicted[occurs]
        ratios = (ratio(hits, predicted), ratio(hits, truth), ratio(2 * hits, truth + predicted))
        return {name: np.nan_to_num(one) for name, one in zip(_AVERAGED, ratios, strict=True)}, truth, predicted

    def _calibration_error(self) -> float:
        return sum(abs(scores - correct) for _, scores, correct in self._bins) / self._scored

    def per_class(self) -> dict[str, dict[str, float | None]]:
        """Return precision, recall, f1 and support (samples labelled so) of the classes that occur."""
        columns, truth, _ = self._columns()
        names = [name for name, *counts in zip(self._names, self._truth, self._predicted, strict=True) if any(counts)]
        return {
            name: {**{metric: float(column[row]) for metric, column in columns.items()}, "support": float(truth[row])}
            for row, name in enumerate(names)
        }

    def reliability(self) -> list[dict[str, float]]:
        """Return, for each bin with samples, its upper edge, samples, mean score and share that is correct."""
        return [
            {"to": edge, "samples": samples, "score": scores / samples, "accuracy": correct / samples}
            for edge, (samples, scores, correct) in zip(_UPPER_EDGES, self._bins, strict=True)
            if samples
        ]

    def notes(self) -> tuple[str, ...]:
        """Tell what the metrics leave out."""
        answered = self._samples - self._missing
        notes = list(without_prediction(self._missing, "wrong, and not at all in ece"))
        if 0 < self._ranked < answered:
            notes.append(
                f"{answered - self._ranked} of {answered} predictions came without the probabilities of all classes: "
                "no top_3, top_5, log_loss, roc_auc, average_precision"
            )
        if 0 < self._scored < answered:
            notes.append(
                f"{answered - self._scored} of {answered} predictions came without a score from 0 to 1: no ece"
            )
        return tuple(notes)
