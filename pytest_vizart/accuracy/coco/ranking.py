"""Detections in the two orders in which COCO looks at them: best first in each image and class, and in each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import Detections

_FEW = 2000
_MAGNITUDE = np.int64(2**63 - 1)
_DIGIT_BITS = 16  # numpy sorts numbers of 16 bits by counting, longer ones by comparing


@dataclass(frozen=True, slots=True)
class Ranking:
    """The D' detections that count: the best `most` of each image and class.

    order: (D',) int64, positions in the detections, by image, class, falling score, and position. rank: (D',) int64,
    place in its image and class, from 0. starts: (N + 1,) int64, where in `order` each of the N images and classes
    begins that has detections. by_class: (D',) int64, positions in `order`, by class, falling score, image, and
    position.
    """

    order: NDArray[np.int64]
    rank: NDArray[np.int64]
    starts: NDArray[np.int64]
    by_class: NDArray[np.int64]

    def places(self, count: int) -> NDArray[np.int64]:
        """Return, for all `count` detections, where they stand in `order`; D' for those that do not count."""
        places = np.full(count, len(self.order))
        places[self.order] = np.arange(len(self.order))
        return places


def rank_detections(detections: Detections, most: int) -> Ranking:
    """Sort the detections; those beyond the best `most` of their image and class are left out."""
    image, class_index = detections.image, detections.class_index
    if (image[1:] < image[:-1]).any():
        by_image = stable_order(image)  # equal scores go by image first
        by_score = by_image[order_of_scores(detections.scores[by_image])]
    else:
        by_score = order_of_scores(detections.scores)
    by_class = by_score[stable_order(class_index[by_score])]
    order = by_class[stable_order(image[by_class])]
    new = _changes(image[order]) | _changes(class_index[order])
    starts = np.append(np.flatnonzero(new), len(order))
    sizes = np.diff(starts)
    rank = np.arange(len(order)) - np.repeat(starts[:-1], sizes)
    if len(sizes) and sizes.max() > most:
        kept = rank < most
        order, rank = order[kept], rank[kept]
        starts = np.append(0, np.cumsum(np.minimum(sizes, most)))
    places = np.full(len(image), len(order))
    places[order] = np.arange(len(order))
    by_class = places[by_class]
    return Ranking(order, rank, starts, by_class if len(order) == len(image) else by_class[by_class < len(order)])


def order_of_scores(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the positions by falling score, the earlier of equal ones first."""
    if len(scores) < _FEW:
        return np.argsort(-scores, kind="stable")
    # Numbers that sort as the scores fall (0 and -0 alike), the position in place of their last bits: sorting numbers
    # is several times faster than sorting positions by them.
    keys = (0.0 - scores).view(np.int64)
    keys ^= (keys >> 63) & _MAGNITUDE
    bits = len(scores).bit_length()
    keys = np.sort(((keys >> bits) << bits) | np.arange(len(scores)))
    order = keys & ((1 << bits) - 1)
    ordered = scores[order]
    if (ordered[1:] > ordered[:-1]).any():  # scores that differ in those last bits only
        order = order[np.argsort(-ordered, kind="stable")]
    return order


def stable_order(keys: NDArray[Any]) -> NDArray[np.int64]:
    """Return the positions by rising key, the earlier of equal ones first; keys are whole numbers from 0."""
    highest = int(keys.max(initial=0))
    order = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")
    shift = _DIGIT_BITS
    while highest >> shift:
        digits = ((keys[order] >> shift) & 0xFFFF).astype(np.uint16)
        order = order[np.argsort(digits, kind="stable")]
        shift += _DIGIT_BITS
    return order


def _changes(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    changes = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=changes[1:])
    return changes
