"""COCO's ground truth file and result file to COCO's numbers, equal to the last bit to pycocotools.

Departures, on purpose: an annotation with ID 0 counts (pycocotools loses it), IDs that appear twice are refused, and so
are NaN and infinite scores; results of unknown images are left out and told of, where pycocotools stops; a mask must be
as large as its image. Areas are the annotation's own; where it has
none, those of its box or mask, where pycocotools stops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import BOXES_AND_MASKS, KEYPOINTS, Convention, Detections, Objects, Pairs
from pytest_vizart.accuracy.coco.edges import Boxes, box_pairs
from pytest_vizart.accuracy.coco.numbers import CocoNumbers, evaluate
from pytest_vizart.accuracy.coco.ranking import Ranking, rank_detections
from pytest_vizart.accuracy.coco.similarities import keypoint_pairs, mask_pairs
from pytest_vizart.accuracy.geometry.oks import keypoint_sigmas
from pytest_vizart.golden.formats.coco_columns import CocoColumns, read_coco_columns
from pytest_vizart.golden.formats.coco_results import CocoResults, CocoTask, Unknown, read_coco_results


@dataclass(frozen=True, slots=True)
class CocoEvaluation:
    """What two files gave.

    metrics: COCO's 12 numbers (10 for keypoints) by name, None where nothing is to be found. class_names: of the class
    indices, which count the file's categories by ascending ID. numbers: per class, curves. images, objects, detections:
    how many were compared. notes: what the numbers do not show.
    """

    task: CocoTask
    metrics: dict[str, float | None]
    class_names: tuple[str, ...]
    numbers: CocoNumbers
    images: int
    objects: int
    detections: int
    notes: tuple[str, ...]

    def per_class(self, name: str = "map") -> dict[str, float | None]:
        """Return one of the metrics for each class alone."""
        return {self.class_names[index]: value for index, value in self.numbers.per_class(name).items()}


def evaluate_coco_files(
    labels: Path, predictions: Path, task: CocoTask = "boxes", *, sigmas: Sequence[float] = ()
) -> CocoEvaluation:
    """Compare a COCO result file with its ground truth.

    Args:
        sigmas: of the keypoints, over the object's scale; COCO's own without.

    Raises:
        GoldenFormatError: one of the files is not what it should be.
    """
    truth = read_coco_columns(labels, task)
    keypoints = 0 if truth.keypoints is None else truth.keypoints.shape[1]
    found = read_coco_results(
        predictions, truth.images, truth.classes, task, sizes=truth.sizes, keypoint_count=keypoints
    )
    objects = Objects(truth.image, truth.class_index, truth.area, truth.crowd, truth.ignored)
    detections = Detections(found.image, found.class_index, found.scores, found.area)
    convention = KEYPOINTS if task == "keypoints" else BOXES_AND_MASKS
    ranking = rank_detections(detections, convention.most[-1])
    pairs = _PAIRS[task](_Sides(truth, found, objects, detections, ranking, sigmas))
    classes = range(len(truth.classes))
    numbers = evaluate(objects, detections, pairs, classes, convention=convention, ranking=ranking)
    return CocoEvaluation(
        task=task,
        metrics=numbers.metrics,
        class_names=truth.class_names,
        numbers=numbers,
        images=len(truth.images),
        objects=len(objects),
        detections=len(detections),
        notes=_notes(truth, found, detections, ranking, convention),
    )


@dataclass(frozen=True, slots=True)
class _Sides:
    truth: CocoColumns
    found: CocoResults
    objects: Objects
    detections: Detections
    ranking: Ranking
    sigmas: Sequence[float]


def _box_pairs(sides: _Sides) -> Pairs:
    truth, found = sides.truth, sides.found
    assert truth.sides is not None
    assert found.sides is not None
    own, other = Boxes.of_sides(found.sides), Boxes.of_sides(truth.sides)
    return box_pairs(sides.objects, sides.detections, other, own, ranking=sides.ranking)


def _mask_pairs(sides: _Sides) -> Pairs:
    truth, found = sides.truth, sides.found
    return mask_pairs(sides.objects, sides.detections, truth.masks, found.masks, truth.sizes, ranking=sides.ranking)


def _keypoint_pairs(sides: _Sides) -> Pairs:
    truth, found = sides.truth, sides.found
    assert truth.keypoints is not None
    assert truth.sides is not None
    assert found.keypoints is not None
    sigmas = keypoint_sigmas(sides.sigmas, truth.keypoints.shape[1])
    return keypoint_pairs(
        sides.objects, sides.detections, truth.keypoints, found.keypoints, truth.sides, sigmas, ranking=sides.ranking
    )


_PAIRS: dict[CocoTask, Callable[[_Sides], Pairs]] = {
    "boxes": _box_pairs,
    "instances": _mask_pairs,
    "keypoints": _keypoint_pairs,
}


def _notes(
    truth: CocoColumns, found: CocoResults, detections: Detections, ranking: Ranking, convention: Convention
) -> tuple[str, ...]:
    notes = [
        *_unknown("image", found.unknown_images),
        *_unknown("class", found.unknown_classes),
    ]
    if truth.has_id_0:
        notes.append("an annotation has the ID 0: it counts here, pycocotools takes it for one that is never found")
    if not found.rows:
        notes.append("the result file has no detections")
    beyond = len(detections) - len(ranking.order)
    if beyond:
        best = convention.most[-1]
        notes.append(f"not counted, beyond the best {best} of their image and class: {_detections(beyond)}")
    empty = len(truth.classes) - len(np.unique(truth.class_index))
    if empty:
        notes.append(f"without an object, and left out of the means: {empty} of {len(truth.classes)} classes")
    ties = _ties(detections, ranking)
    if ties:
        notes.append(f"with the score of another one of their class, so that their order decides: {_detections(ties)}")
    return tuple(notes)


def _unknown(what: str, unknown: Unknown) -> list[str]:
    if not unknown.count:
        return []
    named = ", ".join(repr(one)[:40] for one in unknown.ids)
    return [f"left out, of an unknown {what}: {_detections(unknown.count)} (ID {named})"]


def _detections(count: int) -> str:
    return f"{count} detection{'s' if count != 1 else ''}"


def _ties(detections: Detections, ranking: Ranking) -> int:
    """How many detections have the score of another one of their class."""
    order = ranking.order[ranking.by_class]
    scores, class_index = detections.scores[order], detections.class_index[order]
    same: NDArray[np.bool_] = (scores[1:] == scores[:-1]) & (class_index[1:] == class_index[:-1])
    tied = np.zeros(len(order), dtype=bool)
    tied[1:] |= same
    tied[:-1] |= same
    return int(np.count_nonzero(tied))
