"""COCO's numbers out of columns: the 12 for boxes and masks, the 10 for keypoints, those of each class, curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.accumulate import AreaTable, accumulate
from pytest_vizart.accuracy.coco.columns import BOXES_AND_MASKS, Convention, Detections, Objects, Pairs
from pytest_vizart.accuracy.coco.matching import match_all
from pytest_vizart.accuracy.coco.ranking import Ranking, rank_detections


@dataclass(frozen=True, slots=True)
class CocoNumbers:
    """Results of K classes. metrics: by name, None where nothing is to be found. areas: the tables, by area range."""

    metrics: dict[str, float | None]
    areas: tuple[AreaTable, ...]
    class_order: tuple[int, ...]
    convention: Convention

    def per_class(self, name: str) -> dict[int, float | None]:
        """Return one of the metrics for each class index alone, in the order of the classes."""
        table, picked = _picked(name, self.areas, self.convention)
        rows = dict(zip(table.class_index.tolist(), range(len(table.class_index)), strict=True))
        return {index: _mean(picked[:, rows[index]]) if index in rows else None for index in self.class_order}

    def curve(self, class_index: int, threshold: float = 0.5, area: str = "all") -> NDArray[np.float64] | None:
        """Return (R,) precisions at `RECALL_THRESHOLDS`; None where the class has no object in the area range.

        threshold: one of the convention's.
        """
        table = self.areas[self.convention.area_names.index(area)]
        row = np.flatnonzero(table.class_index == class_index)
        return table.precision[self.convention.thresholds.index(threshold), row[0]] if len(row) else None


def evaluate(
    objects: Objects,
    detections: Detections,
    pairs: Pairs,
    class_order: Sequence[int],
    *,
    convention: Convention = BOXES_AND_MASKS,
    ranking: Ranking | None = None,
) -> CocoNumbers:
    """Match at all thresholds, and return the numbers.

    Args:
        pairs: all pairs with a similarity of at least the lowest threshold.
        class_order: class indices in the order of their IDs, which decides the last bit of a mean; indices are below
            its length.
        ranking: of the detections, where there is one already, for the convention's most detections.
    """
    ranking = ranking or rank_detections(detections, convention.most[-1])
    meetings = match_all(objects, detections, pairs, convention, ranking)
    classes = len(class_order)
    tables = accumulate(objects, detections, ranking, meetings, convention, classes)
    areas = tuple(_in_order(table, class_order) for table in tables)
    metrics = {name: _mean(_picked(name, areas, convention)[1]) for name in metric_names(convention)}
    return CocoNumbers(metrics, areas, tuple(class_order), convention)


def metric_names(convention: Convention) -> tuple[str, ...]:
    """Return the names in COCO's order: map, map_50, map_75, map_small, ..., mar_1, ..., mar_large."""
    sizes = convention.area_names[1:]
    names = ["map", "map_50", "map_75", *(f"map_{size}" for size in sizes)]
    if len(convention.most) > 1:
        names += [f"mar_{most}" for most in convention.most]
    else:
        names += ["mar", "mar_50", "mar_75"]
    return (*names, *(f"mar_{size}" for size in sizes))


def _in_order(table: AreaTable, class_order: Sequence[int]) -> AreaTable:
    """Return the table with its classes in that order."""
    place = np.empty(len(class_order), dtype=np.int64)
    place[list(class_order)] = np.arange(len(class_order))
    order = np.argsort(place[table.class_index])
    if (order[1:] > order[:-1]).all():
        return table
    return AreaTable(
        table.class_index[order], table.objects[order], table.precision[:, order], table.recall[:, :, order]
    )


def _picked(name: str, areas: tuple[AreaTable, ...], convention: Convention) -> tuple[AreaTable, NDArray[np.float64]]:
    """Return the table that a metric is a mean over, and that part of it: (T, K) or (T, K, R), any T."""
    kind, _, detail = name.partition("_")
    table = areas[convention.area_names.index(detail) if detail in convention.area_names else 0]
    values = table.precision if kind == "map" else table.recall[-1]
    if kind == "mar" and len(convention.most) > 1 and detail.isdigit():
        values = table.recall[convention.most.index(int(detail))]
    elif detail in ("50", "75"):
        values = values[[convention.thresholds.index(int(detail) / 100)]]
    return table, values


def _mean(values: NDArray[np.float64]) -> float | None:
    """Return the mean, added up in pycocotools' order: thresholds, recalls, classes; None of nothing."""
    ordered = values.transpose(0, 2, 1) if values.ndim == 3 else values
    return float(np.mean(ordered.ravel())) if values.size else None
