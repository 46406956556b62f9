"""Average precision as Pascal VOC has it (Everingham et al., 2010): another matching than COCO's.

Each prediction belongs to the object of its class that it overlaps most, met already or not: a second prediction there
is wrong even if another object is free beside it. An object that is ignored ("difficult") or a crowd takes any number
of predictions, which then count neither way. Predictions meet at an IoU of .5 or more; the widespread Python version
of the benchmark wants more than .5. There is no limit of detections.

VOC writes corners as pixels that still belong to the object, so that its widths are x2 - x1 + 1. Labels and predictions
here are half-open, x2 lying one further: then the IoU without the 1 is VOC's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.detection.curves import eleven_point_ap, every_point_ap
from pytest_vizart.accuracy.detection.scene import Scene
from pytest_vizart.accuracy.detection.tally import DetectionTally, joined

VOC_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class VocMatch:
    """One image. hit, excused: (N,) bool, predictions that are right, and those that count neither way."""

    hit: NDArray[np.bool_]
    excused: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class VocAverages:
    """Means over the classes that have objects, 0 to 1; None without any."""

    every_point: float | None
    eleven_point: float | None


def voc_match(scene: Scene, threshold: float = VOC_THRESHOLD) -> VocMatch:
    """Return what is right in one image."""
    count, objects = scene.similarity.shape
    hit = np.zeros(count, dtype=bool)
    excused = np.zeros(count, dtype=bool) if scene.shielded is None else scene.shielded.copy()
    if count and objects:
        same = np.where(scene.predicted_class[:, None] == scene.true_class[None, :], scene.similarity, 0.0)
        nearest = same.argmax(axis=1)
        near = same[np.arange(count), nearest] >= threshold
        counting = scene.counting[nearest]
        rows = np.flatnonzero(near & counting)
        rows = rows[np.argsort(-scene.scores[rows], kind="stable")]
        hit[rows[np.unique(nearest[rows], return_index=True)[1]]] = True
        excused = (excused & ~hit) | (near & ~counting)
    return VocMatch(hit, excused)


def voc_metrics(
    tallies: Sequence[DetectionTally[Any, Any]], matches: Sequence[VocMatch], classes: int
) -> dict[str, float | None]:
    """Return voc_map and voc_map_11 over the tallies and VOC's own match of each; classes: those of the class map."""
    found = voc_averages(
        matches,
        [tally.scores for tally in tallies],
        [tally.predicted_class for tally in tallies],
        np.bincount(joined([tally.true_class[tally.counting] for tally in tallies], np.int64), minlength=classes),
    )
    return {"voc_map": found.every_point, "voc_map_11": found.eleven_point}


def voc_averages(
    matches: Sequence[VocMatch],
    scores: Sequence[NDArray[np.float64]],
    class_index: Sequence[NDArray[np.int64]],
    objects: NDArray[np.int64],
) -> VocAverages:
    """Return VOC's two average precisions over all images; objects: (K,) int64, how many of each class to find."""
    kept = ~joined([match.excused for match in matches], bool)
    hit = joined([match.hit for match in matches], bool)[kept]
    score = joined(scores, np.float64)[kept]
    classes = joined(class_index, np.int64)[kept]
    order = np.lexsort((-score, classes))
    ordered = classes[order]
    present = np.flatnonzero(objects)
    starts = np.searchsorted(ordered, present, side="left").tolist()
    ends = np.searchsorted(ordered, present, side="right").tolist()
    if not len(present):
        return VocAverages(None, None)
    sorted_hits = [hit[order[start:end]] for start, end in zip(starts, ends, strict=True)]
    counts = objects[present].tolist()
    pairs = list(zip(sorted_hits, counts, strict=True))
    return VocAverages(
        float(np.mean([every_point_ap(*pair) for pair in pairs])),
        float(np.mean([eleven_point_ap(*pair) for pair in pairs])),
    )
