"""COCO's twelve numbers for boxes (Lin et al., 2014), equal to the last bit to pycocotools' COCOeval.

Matching runs over all images at once: in round r every (image, class) handles its r-th best prediction that overlaps
anything, at all thresholds and area ranges together. Only pairs with an IoU of at least the lowest threshold are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.matching import HIGHEST_IOU_THRESHOLD, extent_of, pair_iou
from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.records.labels import BoxLabels

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)
AREA_RANGES_PX = np.array([[0.0, 1e10], [0.0, 32.0**2], [32.0**2, 96.0**2], [96.0**2, 1e10]])
"""All, small, medium, large, in square pixels, both ends included: an area of 1024 is small and medium."""
MAX_DETECTIONS = (1, 10, 100)
"""Best predictions that count, for each image and class."""

_PAIRS_AT_ONCE = 1 << 20
_UNDEFINED = -1.0  # COCO's own sign inside its tables; it leaves this module as None


@dataclass(frozen=True, slots=True)
class _Boxes:
    """Boxes of all images. group: image number x classes + position of the class, ascending."""

    group: NDArray[np.int64]
    boxes: NDArray[np.float64]
    area: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Truth(_Boxes):
    crowd: NDArray[np.bool_]
    extent: NDArray[np.float64]  # width x height


@dataclass(frozen=True, slots=True)
class _Detections(_Boxes):
    """rank: position of a prediction among those of its image and class, best score first."""

    scores: NDArray[np.float64]
    rank: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Edges:
    """Pairs that overlap enough, sorted by detection, then best IoU first, then later ground truth first."""

    detection: NDArray[np.int64]
    truth: NDArray[np.int64]
    iou: NDArray[np.float64]


def coco_metrics(
    truths: Sequence[BoxLabels], predictions: Sequence[BoxPredictions], class_order: Sequence[int]
) -> dict[str, float | None]:
    """Return map, map_50, map_75, map_small, ..., mar_large.

    Args:
        truths: ground truth of each image.
        predictions: predictions of the same images; of equal scores the earlier one goes first.
        class_order: class indices in the order of their IDs, which decides the last bit of a mean.
    """
    classes = len(class_order)
    position = np.empty(classes, dtype=np.int64)
    position[list(class_order)] = np.arange(classes)
    truth = _gather_truth(truths, position)
    detections = _gather_detections(predictions, position)
    ignored = truth.crowd | _outside(truth.area)
    matched, det_ignored = _match(truth, detections, ignored)
    precision, recall = _accumulate(truth, detections, ignored, matched, det_ignored, classes)
    names = ("map", "map_small", "map_medium", "map_large")
    result = {name: _mean(precision[..., area]) for area, name in enumerate(names)}
    result |= {"map_50": _mean(precision[0, ..., 0]), "map_75": _mean(precision[5, ..., 0])}
    best = ("mar_1", "mar_10", "mar_100")
    result |= {name: _mean(recall[..., 0, number]) for number, name in enumerate(best)}
    sizes = ("mar_small", "mar_medium", "mar_large")
    result |= {name: _mean(recall[..., area, -1]) for area, name in enumerate(sizes, start=1)}
    order = ("map", "map_50", "map_75", "map_small", "map_medium", "map_large", *best, *sizes)
    return {name: result[name] for name in order}


def _gather_truth(truths: Sequence[BoxLabels], position: NDArray[np.int64]) -> _Truth:
    group = _groups([truth.class_index for truth in truths], position)
    order = np.argsort(group, kind="stable")
    return _Truth(
        group[order],
        _joined([truth.boxes for truth in truths], (0, 4))[order],
        _joined([truth.area for truth in truths], (0,))[order],
        _joined([truth.crowd for truth in truths], (0,)).astype(bool)[order],
        _joined([extent_of(truth) for truth in truths], (0,))[order],
    )


def _gather_detections(predictions: Sequence[BoxPredictions], position: NDArray[np.int64]) -> _Detections:
    group = _groups([prediction.class_index for prediction in predictions], position)
    scores = _joined([prediction.scores for prediction in predictions], (0,))
    order = np.lexsort((-scores, group))
    group = group[order]
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    kept = rank < MAX_DETECTIONS[-1]
    order = order[kept]
    boxes = _joined([prediction.boxes for prediction in predictions], (0, 4))[order]
    extent = _joined([extent_of(prediction) for prediction in predictions], (0,))[order]
    return _Detections(group[kept], boxes, extent, scores[order], rank[kept])


def _groups(class_index: list[NDArray[np.int64]], position: NDArray[np.int64]) -> NDArray[np.int64]:
    image = np.repeat(np.arange(len(class_index)), [len(one) for one in class_index])
    joined = _joined(class_index, (0,)).astype(np.int64)
    return image * len(position) + position[joined]


def _joined(
    parts: list[NDArray[np.float64]] | list[NDArray[np.int64]] | list[NDArray[np.bool_]], empty: tuple[int, ...]
) -> NDArray[np.float64]:
    return np.concatenate(parts) if parts else np.empty(empty)


def _outside(area: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (A, N): whether each area lies outside of each range."""
    outside: NDArray[np.bool_] = (area < AREA_RANGES_PX[:, :1]) | (area > AREA_RANGES_PX[:, 1:])
    return outside


def _match(
    truth: _Truth, detections: _Detections, ignored: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (A, T, D): which detections met an object, and which do not count.

    ignored: (A, G), objects that do not count in an area range: they serve where no counting object does.
    """
    shape = (len(AREA_RANGES_PX), len(IOU_THRESHOLDS))
    matched = np.zeros((*shape, len(detections.scores)), dtype=bool)
    det_ignored = np.zeros_like(matched)
    taken = np.zeros((*shape, len(truth.area)), dtype=bool)
    thresholds = np.minimum(IOU_THRESHOLDS, HIGHEST_IOU_THRESHOLD)[:, None]
    edges = _edges(truth, detections, float(thresholds[0, 0]))
    overlapping, starts, counts = np.unique(edges.detection, return_index=True, return_counts=True)
    group = detections.group[overlapping]
    turn = np.arange(len(group)) - np.searchsorted(group, group)
    by_turn = np.argsort(turn, kind="stable")
    for chosen in np.split(by_turn, np.flatnonzero(np.diff(turn[by_turn])) + 1):
        for counting in (True, False):
            for slot in range(int(counts[chosen].max(initial=0))):
                now = chosen[counts[chosen] > slot]
                edge, detection = starts[now] + slot, overlapping[now]
                meets = edges.truth[edge]
                # Each detection of a round belongs to a group of its own, so no object is asked for twice.
                free = ~taken[:, :, meets] if counting else ~taken[:, :, meets] | truth.crowd[meets]
                fits = (ignored[:, meets] != counting)[:, None, :] & (edges.iou[edge] >= thresholds)
                takes = free & fits & ~matched[:, :, detection]
                matched[:, :, detection] |= takes
                taken[:, :, meets] |= takes
                if not counting:
                    det_ignored[:, :, detection] |= takes
    det_ignored |= ~matched & _outside(detections.area)[:, None, :]
    return matched, det_ignored


def _edges(truth: _Truth, detections: _Detections, lowest: float) -> _Edges:
    first = np.searchsorted(truth.group, detections.group, side="left")
    count = np.searchsorted(truth.group, detections.group, side="right") - first
    ends = np.cumsum(count)
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    start = 0
    while start < len(count):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _PAIRS_AT_ONCE, side="right")))
        detection = np.repeat(np.arange(start, stop), count[start:stop])
        within = np.arange(len(detection)) - np.repeat(ends[start:stop] - count[start:stop] - done, count[start:stop])
        other = first[detection] + within
        iou = pair_iou(
            detections.boxes[detection],
            truth.boxes[other],
            truth.crowd[other],
            detections.area[detection],
            truth.extent[other],
        )
        kept = iou >= lowest
        parts.append((detection[kept], other[kept], iou[kept]))
        start = stop
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.empty(0, int)] * 3
    order = np.lexsort((-columns[1], -columns[2], columns[0]))
    return _Edges(columns[0][order], columns[1][order], columns[2][order])


def _accumulate(
    truth: _Truth,
    detections: _Detections,
    ignored: NDArray[np.bool_],
    matched: NDArray[np.bool_],
    det_ignored: NDArray[np.bool_],
    classes: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return precision (T, R, K, A) at the most detections, and recall (T, K, A, M), for the K classes with objects."""
    areas, thresholds = matched.shape[:2]
    det_class = detections.group % classes
    truth_class = truth.group % classes
    order = np.lexsort((-detections.scores, det_class))
    bounds = np.searchsorted(det_class[order], np.arange(classes + 1))
    objects = np.stack([np.bincount(truth_class[~row], minlength=classes) for row in ignored])
    present = np.flatnonzero(objects.any(axis=0))
    precision = np.full((thresholds, len(RECALL_THRESHOLDS), len(present), areas), _UNDEFINED)
    recall = np.full((thresholds, len(present), areas, len(MAX_DETECTIONS)), _UNDEFINED)
    for column, number in enumerate(present):
        rows = order[bounds[number] : bounds[number + 1]]
        rank = detections.rank[rows]
        hits = matched[:, :, rows] & ~det_ignored[:, :, rows]
        spares = ~matched[:, :, rows] & ~det_ignored[:, :, rows]
        hit_sum = np.cumsum(hits, axis=2).astype(np.float64)
        spare_sum = np.cumsum(spares, axis=2).astype(np.float64)
        for area in np.flatnonzero(objects[:, number]):
            count = objects[area, number]
            recall[:, column, area, :] = (
                np.stack([hits[area][:, rank < most].sum(axis=1) for most in MAX_DETECTIONS], axis=1) / count
            )
            precision[:, :, column, area] = _interpolated(hit_sum[area], spare_sum[area], int(count))
    return precision, recall


def _interpolated(hits: NDArray[np.float64], spares: NDArray[np.float64], objects: int) -> NDArray[np.float64]:
    """Return (T, R): the best precision at each recall or above, 0 where that recall is not reached."""
    curve = hits / (spares + hits + np.spacing(1))
    curve = np.maximum.accumulate(curve[:, ::-1], axis=1)[:, ::-1]
    reached = hits / objects
    values = np.zeros((len(hits), len(RECALL_THRESHOLDS)))
    for row in range(len(hits)):
        at = np.searchsorted(reached[row], RECALL_THRESHOLDS, side="left")
        inside = at < reached.shape[1]
        values[row, inside] = curve[row, at[inside]]
    return values


def _mean(table: NDArray[np.float64]) -> float | None:
    defined = table[table > _UNDEFINED]
    return float(np.mean(defined)) if len(defined) else None
