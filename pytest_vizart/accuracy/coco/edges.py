"""Pairs of detections and objects that may meet: those of one image and class that resemble each other enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import Detections, Objects, Pairs
from pytest_vizart.accuracy.coco.ranking import Ranking, rank_detections, stable_order

LOWEST_IOU = 0.5
MOST_DETECTIONS = 100

_PAIRS_AT_ONCE = 1 << 15  # columns of so many numbers stay in the processor's cache
_SLACK = 1 - 1e-9  # rounding must not lose a pair before its IoU is computed exactly


@dataclass(frozen=True, slots=True)
class Boxes:
    """corners: (N, 4) float64, xyxy, pixels, half-open. extent: (N,) float64, width x height as they were given."""

    corners: NDArray[np.float64]
    extent: NDArray[np.float64]

    @classmethod
    def of(cls, corners: NDArray[np.float64], extent: NDArray[np.float64] | None = None) -> Boxes:
        """Return boxes whose extent follows from the corners where it was not given."""
        if extent is None:
            extent = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
        return cls(corners, extent)

    @classmethod
    def of_sides(cls, sides: NDArray[np.float64]) -> Boxes:
        """Return boxes out of (N, 4) x, y, width, height, as COCO's files give them."""
        corners = sides.copy()
        corners[:, 2:] += sides[:, :2]
        return cls(corners, sides[:, 2] * sides[:, 3])


@dataclass(frozen=True, slots=True)
class Groups:
    """Where detections and objects of one image and class stand, N times: both sides are there.

    first_detection, detections: (N,) int64, in `Ranking.order`. first_object, objects: (N,) int64, in `object_order`.
    object_order: (G,) int64, positions of the objects, by image, class, and position.
    """

    first_detection: NDArray[np.int64]
    detections: NDArray[np.int64]
    first_object: NDArray[np.int64]
    objects: NDArray[np.int64]
    object_order: NDArray[np.int64]


def box_pairs(
    objects: Objects,
    detections: Detections,
    object_boxes: Boxes,
    detection_boxes: Boxes,
    *,
    lowest: float = LOWEST_IOU,
    ranking: Ranking | None = None,
) -> Pairs:
    """Return the pairs with an IoU of at least `lowest`, in the order of `Ranking`; of a crowd IoU is the share of the
    detection that lies in it.

    Args:
        lowest: above 0.
        ranking: of the detections; without one the best 100 of each image and class are looked at.
    """
    ranking = ranking or rank_detections(detections, MOST_DETECTIONS)
    groups = groups_of(objects, detections, ranking)
    their = _Side(object_boxes, groups.object_order, np.where(objects.crowd, 0.0, object_boxes.extent), lowest)
    own = _Side(detection_boxes, ranking.order, detection_boxes.extent, lowest)
    crowd = objects.crowd[groups.object_order]
    parts = [_near(own, their, crowd, detection, other, lowest) for detection, other in all_pairs(groups)]
    empty = np.empty(0, dtype=np.int64)
    columns = zip(*parts, strict=True) if parts else ([empty], [empty], [np.empty(0)])
    detection, other, iou = (np.concatenate(column) for column in columns)
    return Pairs(ranking.order[detection], groups.object_order[other], iou)


def groups_of(objects: Objects, detections: Detections, ranking: Ranking) -> Groups:
    """Return the images and classes in which there are both detections and objects."""
    by_class = stable_order(objects.class_index)
    order = by_class[stable_order(objects.image[by_class])]
    heads = ranking.order[ranking.starts[:-1]]
    highest = (objects.class_index, detections.class_index)
    classes = 1 + max(int(column.max(initial=0)) for column in highest)
    wanted = detections.image[heads] * classes + detections.class_index[heads]
    present = objects.image[order] * classes + objects.class_index[order]
    first = np.searchsorted(present, wanted, side="left")
    count = np.searchsorted(present, wanted, side="right") - first
    both = count > 0
    return Groups(ranking.starts[:-1][both], np.diff(ranking.starts)[both], first[both], count[both], order)


class _Side:
    """Columns of one side in the order in which pairs are made. share: what intersections reach, both together."""

    def __init__(self, boxes: Boxes, order: NDArray[np.int64], weight: NDArray[np.float64], lowest: float) -> None:
        self.x1, self.y1, self.x2, self.y2 = (boxes.corners[:, side][order] for side in range(4))
        self.extent = boxes.extent[order]
        # IoU >= t exactly when intersection >= t / (1 + t) x the sum of both extents; less is asked of a crowd.
        self.share = weight[order] * (lowest / (1 + lowest) * _SLACK)


def all_pairs(groups: Groups) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield positions of detections and objects, in the orders of `Groups`, some ten thousand pairs at once."""
    ends = np.cumsum(groups.detections * groups.objects)
    start = 0
    while start < len(ends):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _PAIRS_AT_ONCE, side="right")))
        now = slice(start, stop)
        rows = groups.detections[now]
        objects = np.repeat(groups.objects[now], rows)  # of each detection
        detection = _runs(groups.first_detection[now], rows)
        yield np.repeat(detection, objects), _runs(np.repeat(groups.first_object[now], rows), objects)
        start = stop


def _runs(first: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return first[0], first[0] + 1, ... `lengths[0]` of them, then those of the next."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - ends + lengths, lengths)


def _near(
    own: _Side,
    their: _Side,
    crowd: NDArray[np.bool_],
    detection: NDArray[np.int64],
    other: NDArray[np.int64],
    lowest: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    # Term by term as in pycocotools (common/maskApi.c, bbIou), so that the results are equal to the last bit.
    width = np.minimum(own.x2[detection], their.x2[other]) - np.maximum(own.x1[detection], their.x1[other])
    height = np.minimum(own.y2[detection], their.y2[other]) - np.maximum(own.y1[detection], their.y1[other])
    shared = np.maximum(width, 0.0) * height
    kept = np.flatnonzero((shared >= own.share[detection] + their.share[other]) & (shared > 0))
    detection, other, shared = detection[kept], other[kept], shared[kept]
    extent = own.extent[detection]
    iou = shared / np.where(crowd[other], extent, extent + their.extent[other] - shared)
    kept = np.flatnonzero(iou >= lowest)
    return detection[kept], other[kept], iou[kept]
