"""Similarities of masks (IoU) and keypoints (OKS) of many images, equal to the last bit to pycocotools'."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import Detections, Objects, Pairs
from pytest_vizart.accuracy.coco.edges import LOWEST_IOU, all_pairs, groups_of
from pytest_vizart.accuracy.coco.ranking import Ranking
from pytest_vizart.accuracy.geometry.oks import oks_of_pairs

Size = tuple[int, int]
"""(height, width) in pixels."""


def mask_pairs(
    objects: Objects,
    detections: Detections,
    object_masks: Sequence[bytes],
    detection_masks: Sequence[bytes],
    sizes: Sequence[Size],
    *,
    ranking: Ranking,
    lowest: float = LOWEST_IOU,
) -> Pairs:
    """Return the pairs whose masks have an IoU of at least `lowest`, of a crowd over the detection's own area.

    Args:
        object_masks, detection_masks: COCO's compressed run lengths, G and D, that were checked: the codec trusts them.
        sizes: of each image.
    """
    from pycocotools import mask as codec

    groups = groups_of(objects, detections, ranking)
    crowd = objects.crowd.astype(int).tolist()
    parts: list[Pairs] = []
    columns = (groups.first_detection, groups.detections, groups.first_object, groups.objects)
    for first, count, other_first, other_count in zip(*(column.tolist() for column in columns), strict=True):
        own = ranking.order[first : first + count].tolist()
        other = groups.object_order[other_first : other_first + other_count].tolist()
        size = list(sizes[int(objects.image[other[0]])])
        iou = codec.iou(
            [{"size": size, "counts": detection_masks[one]} for one in own],
            [{"size": size, "counts": object_masks[one]} for one in other],
            [crowd[one] for one in other],
        )
        rows, places = np.nonzero(iou >= lowest)
        if len(rows):
            parts.append(Pairs(np.take(own, rows), np.take(other, places), iou[rows, places]))
    return joined_pairs(parts)


def keypoint_pairs(
    objects: Objects,
    detections: Detections,
    object_points: NDArray[np.float64],
    detection_points: NDArray[np.float64],
    object_boxes: NDArray[np.float64],
    sigmas: NDArray[np.float64],
    *,
    ranking: Ranking,
    lowest: float = LOWEST_IOU,
) -> Pairs:
    """Return the pairs whose keypoints have an OKS of at least `lowest`.

    Args:
        object_points: (G, K, 3) x, y, visibility; those of visibility 0 do not count.
        detection_points: (D, K, 2 or more).
        object_boxes: (G, 4) x, y, width, height: an object without visible keypoints is compared by how far a detection
            leaves twice its box.
        sigmas: (K,).
    """
    groups = groups_of(objects, detections, ranking)
    parts = []
    for detection, other in all_pairs(groups):
        own, met = ranking.order[detection], groups.object_order[other]
        similarity = oks_of_pairs(
            detection_points[own], object_points[met], object_boxes[met], objects.area[met], sigmas
        )
        near = similarity >= lowest
        parts.append(Pairs(own[near], met[near], similarity[near]))
    return joined_pairs(parts)


def joined_pairs(parts: Sequence[Pairs]) -> Pairs:
    """Return all pairs in one."""
    if not parts:
        return Pairs(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
    return Pairs(
        np.concatenate([part.detection for part in parts]),
        np.concatenate([part.object for part in parts]),
        np.concatenate([part.similarity for part in parts]),
    )
