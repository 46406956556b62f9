"""The figures of all samples together that do not depend on what a task compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.detection.curves import RECALL_POINTS, interpolated_precision
from pytest_vizart.accuracy.detection.operating_points import best_f1, operating_points, overall
from pytest_vizart.accuracy.detection.tally import Pool
from pytest_vizart.records.labels import LabelSpec

_CURVE_DECIMALS = 4


def whole_figures(pool: Pool, spec: LabelSpec) -> dict[str, float | None]:
    """Return precision, recall, f1 at the stage's score threshold, and the best F1 at any: all classes together."""
    best, threshold = best_f1(pool.scores, pool.hit, int(pool.objects.sum()))
    figures = overall(operating_points(pool, spec.score_threshold)).figures()
    return {**figures, "best_f1": best, "best_f1_threshold": threshold}


def class_figures(
    pool: Pool, class_rows: Sequence[NDArray[np.int64]], spec: LabelSpec
) -> dict[str, dict[str, float | None]]:
    """Return the same of each class that occurs, with its objects and the predictions that count at the threshold."""
    points = operating_points(pool, spec.score_threshold)
    figures: dict[str, dict[str, float | None]] = {}
    for index, (point, rows) in enumerate(zip(points, class_rows, strict=True)):
        if not point.objects and not len(rows):
            continue
        best, threshold = best_f1(pool.scores[rows], pool.hit[rows], point.objects)
        figures[spec.classes.names[index]] = {
            **point.figures(),
            "objects": float(point.objects),
            "predictions": float(point.predictions),
            "best_f1": best,
            "best_f1_threshold": threshold,
        }
    return figures


def pr_curves(
    pool: Pool, class_rows: Sequence[NDArray[np.int64]], spec: LabelSpec
) -> dict[str, dict[str, list[float]]]:
    """Return recall and interpolated precision, 101 of each, for each class that has objects, and their mean as "all".

    A class that is called "all" itself keeps its curve, and the mean is left out.
    """
    curves = {
        spec.classes.names[index]: interpolated_precision(pool.hit[rows], int(pool.objects[index]))
        for index, rows in enumerate(class_rows)
        if pool.objects[index]
    }
    if curves:
        curves = {"all": np.mean(list(curves.values()), axis=0)} | curves
    recall = np.round(RECALL_POINTS, 2).tolist()
    return {name: {"recall": recall, "precision": _rounded(curve)} for name, curve in curves.items()}


def rows_by_class(pool: Pool) -> list[NDArray[np.int64]]:
    """Return the predictions of each class of the class map, best score first, equal ones in the order given."""
    order = np.lexsort((-pool.scores, pool.class_index))
    classes = np.arange(len(pool.objects))
    ordered = pool.class_index[order]
    starts = np.searchsorted(ordered, classes, side="left").tolist()
    ends = np.searchsorted(ordered, classes, side="right").tolist()
    return [order[start:end] for start, end in zip(starts, ends, strict=True)]


def _rounded(curve: NDArray[np.float64]) -> Any:
    return np.round(curve, _CURVE_DECIMALS).tolist()
