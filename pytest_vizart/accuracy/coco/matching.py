"""COCO's greedy matching at all thresholds and area ranges together.

The T thresholds of A area ranges are one bit each of a 64-bit number (bit a x T + t), so that a detection that takes an
object at some of them is an `and` of numbers. Detections that have but one object in reach, among which no other
detection has another one, are settled by columns; the few others one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import (
    HIGHEST_THRESHOLD,
    Convention,
    Detections,
    MatchTable,
    Objects,
    Pairs,
)
from pytest_vizart.accuracy.coco.ranking import Ranking, rank_detections, stable_order

ANY_AREA = ((-np.inf, np.inf),)


@dataclass(frozen=True, slots=True)
class Meetings:
    """Which detection met which object where; a detection may meet several, each at other thresholds.

    place: (M,) int64, of the detection in `Ranking.order`. object: (M,) int64. similarity: (M,) float64. hits: (M,)
    uint64, thresholds and area ranges at which the object counts; excused: (M,) uint64, those at which it does not.
    """

    place: NDArray[np.int64]
    object: NDArray[np.int64]
    similarity: NDArray[np.float64]
    hits: NDArray[np.uint64]
    excused: NDArray[np.uint64]


def match(
    objects: Objects, detections: Detections, pairs: Pairs, threshold: float, *, most: int | None = None
) -> MatchTable:
    """Return what met what at one threshold, at any area.

    Args:
        pairs: all pairs with a similarity of at least `threshold`, and maybe others.
        most: best detections of each image and class that may meet objects; all without it.
    """
    convention = Convention((threshold,), ("all",), ANY_AREA, (len(detections) + 1 if most is None else most,))
    ranking = rank_detections(detections, convention.most[-1])
    meetings = match_all(objects, detections, pairs, convention, ranking)
    count = len(detections)
    where = ranking.order[meetings.place]
    hit, met, cut = np.zeros((3, count), dtype=bool)
    partner, similarity = np.zeros(count, dtype=np.int64), np.zeros(count)
    met[where] = True
    hit[where] = meetings.hits > 0
    partner[where], similarity[where] = meetings.object, meetings.similarity
    found = np.zeros(len(objects), dtype=bool)
    found[meetings.object[meetings.hits > 0]] = True
    cut[:] = True
    cut[ranking.order] = False
    excused = (met & ~hit) | cut
    if detections.shielded is not None:
        excused |= detections.shielded & ~met
    return MatchTable(hit, excused, met, partner, similarity, found)


def match_all(
    objects: Objects, detections: Detections, pairs: Pairs, convention: Convention, ranking: Ranking
) -> Meetings:
    """Return what met what at all thresholds and area ranges of a convention."""
    place, other, similarity = _sorted(pairs, ranking, len(detections))
    steps = np.searchsorted(np.minimum(convention.thresholds, HIGHEST_THRESHOLD), similarity, side="right")
    counting = counting_bits(objects, convention)
    if not steps.all():
        kept = steps > 0
        place, other, similarity, steps = place[kept], other[kept], similarity[kept], steps[kept]
    alone = _alone(place, other, len(ranking.order), len(objects))
    first, rest = np.flatnonzero(alone), np.flatnonzero(~alone)
    takes = _first_takes(other[first], objects.crowd[other[first]], steps[first], convention)
    easy = Meetings(
        place[first], other[first], similarity[first], takes & counting[other[first]], takes & ~counting[other[first]]
    )
    order = rest[np.lexsort((-other[rest], -similarity[rest], place[rest]))]
    hits, excused = _in_turn(place[order], other[order], steps[order], counting, objects.crowd, convention)
    hard = Meetings(place[order], other[order], similarity[order], hits, excused)
    return _joined(easy, hard)


def counting_bits(objects: Objects, convention: Convention) -> NDArray[np.uint64]:
    """Return (G,): at which thresholds and area ranges each object counts."""
    low, high = np.array(convention.areas_px).T[:, :, None]
    inside = (objects.area >= low) & (objects.area <= high) & objects.counting
    weights = np.array([_span(len(convention.thresholds)) << shift for shift in _shifts(convention)], dtype=np.uint64)
    bits: NDArray[np.uint64] = np.bitwise_or.reduce(np.where(inside, weights[:, None], np.uint64(0)), axis=0)
    return bits


def _sorted(
    pairs: Pairs, ranking: Ranking, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return place, object and similarity by rising place, without the detections that are left out."""
    place = ranking.places(count)[pairs.detection]
    other, similarity = pairs.object, pairs.similarity
    if (place == len(ranking.order)).any():
        kept = np.flatnonzero(place < len(ranking.order))
        place, other, similarity = place[kept], other[kept], similarity[kept]
    if (place[1:] < place[:-1]).any():
        order = stable_order(place)
        place, other, similarity = place[order], other[order], similarity[order]
    return place, other, similarity


def _alone(place: NDArray[np.int64], other: NDArray[np.int64], places: int, objects: int) -> NDArray[np.bool_]:
    """Return which pairs belong to an object all of whose detections have no other object in reach."""
    several = np.bincount(place, minlength=places)[place] > 1
    shared = np.zeros(objects, dtype=bool)
    shared[other[several]] = True
    alone: NDArray[np.bool_] = ~shared[other]
    return alone


def _first_takes(
    other: NDArray[np.int64], crowd: NDArray[np.bool_], steps: NDArray[np.int64], convention: Convention
) -> NDArray[np.uint64]:
    """Return the bits that each detection takes of its only object: those that none before it reached."""
    order = stable_order(other)
    # How many thresholds were reached by the best one before, in the run of the object: a maximum that runs over all
    # and starts anew with each object, since objects rise.
    base = other[order] * (len(convention.thresholds) + 1)
    reached = np.maximum.accumulate(base + steps[order])
    before = np.empty_like(reached)
    before[:1] = 0
    before[1:] = reached[:-1] - base[1:]
    best_before = np.empty_like(before)
    best_before[order] = np.maximum(before, 0)
    best_before[crowd] = 0
    spans = _span_table(convention)
    return spans[steps] & ~spans[best_before]


def _in_turn(
    place: NDArray[np.int64],
    other: NDArray[np.int64],
    steps: NDArray[np.int64],
    counting: NDArray[np.uint64],
    crowd: NDArray[np.bool_],
    convention: Convention,
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the bits that each pair takes of an object that counts, and of one that does not.

    Pairs come best detection first, each with the object it resembles most first.
    """
    reach = _span_table(convention)[steps]
    useful = (reach & counting[other]).tolist()
    spare = (reach & ~counting[other]).tolist()
    again = crowd[other].tolist()
    names = other.tolist()
    hits, excused = [0] * len(names), [0] * len(names)
    taken = dict.fromkeys(names, 0)
    bounds = np.flatnonzero(np.diff(place, prepend=-1, append=-1)).tolist() if len(place) else []
    for start, stop in pairwise(bounds):
        matched = 0
        for at in range(start, stop):
            if takes := useful[at] & ~(matched | taken[names[at]]):
                matched |= takes
                taken[names[at]] |= takes
                hits[at] = takes
        for at in range(start, stop):
            if takes := spare[at] & ~(matched if again[at] else matched | taken[names[at]]):
                matched |= takes
                taken[names[at]] |= takes
                excused[at] = takes
    return np.array(hits, dtype=np.uint64), np.array(excused, dtype=np.uint64)


def _joined(easy: Meetings, hard: Meetings) -> Meetings:
    """Return both, without pairs that took nothing."""
    hits, excused = np.concatenate([easy.hits, hard.hits]), np.concatenate([easy.excused, hard.excused])
    kept = np.flatnonzero(hits | excused)
    return Meetings(
        np.concatenate([easy.place, hard.place])[kept],
        np.concatenate([easy.object, hard.object])[kept],
        np.concatenate([easy.similarity, hard.similarity])[kept],
        hits[kept],
        excused[kept],
    )


def _span(count: int) -> int:
    """Bits of the lowest `count` thresholds of one area range."""
    return (1 << count) - 1


def _shifts(convention: Convention) -> range:
    thresholds = len(convention.thresholds)
    return range(0, thresholds * len(convention.areas_px), thresholds)


def _span_table(convention: Convention) -> NDArray[np.uint64]:
    """Return (T + 1,): the bits of a similarity that reaches the lowest 0, 1, ... T thresholds, in all area ranges."""
    counts = range(len(convention.thresholds) + 1)
    return np.array([sum(_span(count) << shift for shift in _shifts(convention)) for count in counts], dtype=np.uint64)
