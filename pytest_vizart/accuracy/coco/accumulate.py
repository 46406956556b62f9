"""Precision and recall of every class, threshold and area range, out of what met what.

Only hits raise recall and precision: the tables are computed at the hits, of all classes together, and not at every
detection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import Convention, Detections, Objects
from pytest_vizart.accuracy.coco.matching import Meetings
from pytest_vizart.accuracy.coco.ranking import Ranking

RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, slots=True)
class AreaTable:
    """One area range. K classes with something to find, T thresholds, R recall thresholds, M numbers of best ones.

    class_index: (K,) int64, ascending. objects: (K,) int64, to be found, at least 1. precision: (T, K, R) float64, the
    best precision at that recall or above, 0 where it is not reached; at the most detections. recall: (M, T, K)
    float64.
    """

    class_index: NDArray[np.int64]
    objects: NDArray[np.int64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Met:
    """N detections that met something, by class, best score first.

    turn: (N,) int64, place among all detections in `Ranking.by_class`. rank: (N,), in its image and class. class_index:
    (N,) int64. starts: (K + 1,) int64, where each class begins. hits, met: (N,) uint64.
    """

    turn: NDArray[np.int64]
    rank: NDArray[np.int64]
    class_index: NDArray[np.int64]
    starts: NDArray[np.int64]
    hits: NDArray[np.uint64]
    met: NDArray[np.uint64]


def accumulate(
    objects: Objects, detections: Detections, ranking: Ranking, meetings: Meetings, convention: Convention, classes: int
) -> tuple[AreaTable, ...]:
    """Return the table of each area range; `classes` is one more than the highest class index."""
    by_class = ranking.order[ranking.by_class]
    # Bounds of the classes among all detections: a table of `classes` is looked up, no detection is sorted again.
    class_starts = np.searchsorted(detections.class_index[by_class], np.arange(classes + 1))
    met = _met(ranking, meetings, class_starts)
    hits, meets = _unpacked(met.hits, convention), _unpacked(met.met, convention)
    area_px = detections.area[by_class]
    shielded = None if detections.shielded is None else detections.shielded[by_class]
    counting = np.flatnonzero(objects.counting)
    object_area, object_class = objects.area[counting], objects.class_index[counting]
    tables = []
    for number, (low, high) in enumerate(convention.areas_px):
        inside = (area_px >= low) & (area_px <= high)
        if shielded is not None:
            inside &= ~shielded
        wanted = object_class[(object_area >= low) & (object_area <= high)]
        expected = np.bincount(wanted, minlength=classes)
        spare = _Spare(inside, meets[number], met, class_starts)
        tables.append(_table(hits[number], spare, met, expected, convention.most))
    return tuple(tables)


class _Spare:
    """How many detections without an object come before one, in its class and area range."""

    def __init__(
        self,
        inside: NDArray[np.bool_],
        meets: NDArray[np.bool_],
        met: _Met,
        class_starts: NDArray[np.int64],
    ) -> None:
        # Those in the area range, less those among them that met something.
        before = np.zeros(len(inside) + 1, dtype=np.int64)
        np.cumsum(inside, out=before[1:])
        self._inside = before[met.turn] - before[class_starts[met.class_index]]
        sums = np.zeros((len(meets), len(met.turn) + 1), dtype=np.int32)
        np.cumsum(meets & inside[met.turn], axis=1, out=sums[:, 1:])
        self._sums = sums
        self._starts = met.starts[met.class_index]

    def at(self, line: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the number before each detection `column` at threshold `line`."""
        sums, width = self._sums.reshape(-1), self._sums.shape[1]
        start = line * width
        spare = self._inside[column] - sums[start + column] + sums[start + self._starts[column]]
        return np.asarray(spare, dtype=np.float64)


def _table(
    hits: NDArray[np.bool_], spare: _Spare, met: _Met, expected: NDArray[np.int64], most: tuple[int, ...]
) -> AreaTable:
    """Return the table of one area range. hits: (T, N)."""
    present = np.flatnonzero(expected)
    shape = (len(hits), len(present))
    flat = np.flatnonzero(hits)
    line = np.repeat(np.arange(len(hits)), np.count_nonzero(hits, axis=1))
    column = flat - line * hits.shape[1]
    # Rows of the table, rising: by threshold, then class.
    row = line * len(present) + np.searchsorted(present, met.class_index)[column]
    per_row = np.bincount(row, minlength=shape[0] * shape[1])
    found = np.arange(1, len(row) + 1) - (np.cumsum(per_row) - per_row)[row]
    precision = found / (spare.at(line, column) + found + np.spacing(1))
    rank = met.rank[column]
    recalled = [np.bincount(row[rank < best], minlength=len(per_row)) for best in most[:-1]]
    recall = np.stack([*recalled, per_row]).reshape(len(most), *shape) / expected[present]
    return AreaTable(
        present,
        expected[present],
        _interpolated(precision, per_row.reshape(*shape, 1), _needed(expected[present])),
        recall,
    )


def _met(ranking: Ranking, meetings: Meetings, class_starts: NDArray[np.int64]) -> _Met:
    """Sort the detections that met something, and join what each met at several thresholds."""
    turns = np.empty(len(ranking.order), dtype=np.int64)
    turns[ranking.by_class] = np.arange(len(turns))
    turn = turns[meetings.place]
    order = np.argsort(turn, kind="stable")
    turn, hits, excused = turn[order], meetings.hits[order], meetings.excused[order]
    if len(turn):
        first = np.flatnonzero(np.diff(turn, prepend=-1))
        turn, hits, excused = turn[first], np.bitwise_or.reduceat(hits, first), np.bitwise_or.reduceat(excused, first)
    starts = np.searchsorted(turn, class_starts)
    class_index = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return _Met(turn, ranking.rank[ranking.by_class[turn]], class_index, starts, hits, hits | excused)


def _unpacked(bits: NDArray[np.uint64], convention: Convention) -> NDArray[np.bool_]:
    """Return (A, T, N): each bit of the N numbers."""
    shape = (len(convention.areas_px), len(convention.thresholds), len(bits))
    octets = bits.astype("<u8").view(np.uint8).reshape(len(bits), 8)
    wide = np.unpackbits(octets, axis=1, bitorder="little", count=shape[0] * shape[1])
    return np.ascontiguousarray(wide.T).view(bool).reshape(shape)


def _interpolated(
    precision: NDArray[np.float64], per_row: NDArray[np.int64], needed: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return (T, K, R). precision: at the hits. per_row: (T, K, 1), hits of each row. needed: (K, R), at least 1."""
    ends = np.cumsum(per_row).reshape(per_row.shape)
    first = ends - per_row + needed - 1  # the hit that reaches a recall
    if not len(precision):
        return np.zeros(first.shape)
    best = np.maximum.reduceat(np.append(precision, 0.0), np.minimum(first, ends).reshape(-1)).reshape(first.shape)
    best[first >= ends] = 0.0
    return np.maximum.accumulate(best[..., ::-1], axis=-1)[..., ::-1]


def _needed(objects: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (K, R): how many hits reach each recall threshold, found as pycocotools finds it, by division.

    A recall of 0 is reached by the first detection, where the best of all precisions is read, that of a hit: 1.
    """
    count = objects[:, None]
    needed = np.maximum(np.ceil(RECALL_THRESHOLDS * count).astype(np.int64), 1)
    needed -= (needed > 1) & ((needed - 1) / count >= RECALL_THRESHOLDS)
    needed += needed / count < RECALL_THRESHOLDS
    return needed
