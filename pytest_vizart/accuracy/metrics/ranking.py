"""What probabilities of all classes tell beyond the best one: ROC AUC, average precision, and their curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.averages import mean_of_known
from pytest_vizart.accuracy.metrics import Summary
from pytest_vizart.accuracy.metrics.class_figures import ClassTally
from pytest_vizart.records.labels import LabelSpec

MOST_CLASSES = 200
"""With more classes the probabilities are not kept until the end: 50,000 samples of 1,000 classes would take 400 MB."""

MOST_CURVES = 20
"""Curves are shown up to so many classes."""

MOST_POINTS = 101

_NAMES = ("roc_auc", "average_precision")


def ranking(tallies: Sequence[ClassTally], spec: LabelSpec, *, full: bool) -> Summary:
    """Return roc_auc and average_precision: one class against the rest, by scikit-learn, the mean over the classes.

    A class enters roc_auc if it has samples and not all of them, average_precision if it has samples. A sample without
    a prediction has probability 0 of every class. Both are None if a prediction came without probabilities, or with
    more than MOST_CLASSES classes.
    """
    nothing: Summary = Summary(dict.fromkeys(_NAMES))
    answered = [tally for tally in tallies if tally.predicted is not None]
    if not answered:
        return nothing
    if any(tally.probabilities is None for tally in answered):
        ranked = full and all(tally.rank is not None for tally in answered)
        note = f"over {MOST_CLASSES} classes: no roc_auc, average_precision"
        return Summary(nothing.metrics, notes=(note,) if ranked else ())
    blank = np.zeros(len(spec.classes))
    scores = np.stack([blank if tally.probabilities is None else tally.probabilities for tally in tallies])
    truth = np.array([tally.truth for tally in tallies])
    per_class = {spec.classes.names[index]: _of_class(truth == index, scores[:, index]) for index in np.unique(truth)}
    metrics = {name: mean_of_known([one[name] for one in per_class.values()]) for name in _NAMES}
    if not full:
        return Summary(metrics)
    curves = {}
    if len(spec.classes) <= MOST_CURVES:
        curves = {spec.classes.names[index]: _curves(truth == index, scores[:, index]) for index in np.unique(truth)}
    return Summary(metrics, per_class, {"curves": curves} if curves else {})


def _of_class(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> dict[str, float | None]:
    from sklearn.metrics import average_precision_score, roc_auc_score  # a second of imports

    return {
        "roc_auc": None if positive.all() else float(roc_auc_score(positive, scores)),
        "average_precision": float(average_precision_score(positive, scores)),
    }


def _curves(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> dict[str, Any]:
    """Return {"roc": [[false positive rate, true positive rate], ...], "pr": [[recall, precision], ...]}."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    precision, recall, _ = precision_recall_curve(positive, scores, drop_intermediate=True)
    curves = {"pr": _thinned(recall, precision)}
    if not positive.all():
        curves["roc"] = _thinned(*roc_curve(positive, scores)[:2])
    return curves


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[list[float]]:
    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round().astype(np.int64))
    return np.round(np.stack([x[chosen], y[chosen]], axis=1), 6).tolist()  # type: ignore[no-any-return]
