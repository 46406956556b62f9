"""A COCO ground truth file and a COCO result file, compared by columns: no sample is looked at alone.

The figures are those that `StageScorer` gives sample by sample; a test holds both against each other, bit for bit. One
difference is COCO's own: where the results of masks have a `bbox`, their sizes are those of the boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.columns import BOXES_AND_MASKS, KEYPOINTS, Convention, Detections, Objects, Pairs
from pytest_vizart.accuracy.coco.edges import Boxes, box_pairs
from pytest_vizart.accuracy.coco.matching import match
from pytest_vizart.accuracy.coco.numbers import CocoNumbers, evaluate
from pytest_vizart.accuracy.coco.ranking import Ranking, rank_detections, stable_order
from pytest_vizart.accuracy.coco.similarities import keypoint_pairs, mask_pairs
from pytest_vizart.accuracy.detection.notes import notes_on
from pytest_vizart.accuracy.detection.summary import class_figures, pr_curves, rows_by_class, whole_figures
from pytest_vizart.accuracy.detection.tally import DetectionTally, Pool, pool
from pytest_vizart.accuracy.detection.voc import VOC_THRESHOLD, VocMatch, voc_averages
from pytest_vizart.accuracy.errors.tide import BACKGROUND_THRESHOLD, NAMES, Kind
from pytest_vizart.accuracy.errors.tide_costs import TideCosts, tide_costs
from pytest_vizart.accuracy.geometry.oks import keypoint_sigmas
from pytest_vizart.golden.formats.coco_columns import CocoColumns, read_coco_columns
from pytest_vizart.golden.formats.coco_results import CocoResults, CocoTask, read_coco_results
from pytest_vizart.records.labels import ClassMap, LabelSpec
from pytest_vizart.records.score import Counts, ErrorCount
from pytest_vizart.workflow.evaluation.coco_errors import (
    file_errors,
    scene_match,
    suspects,
    whatever_their_class,
    wrong_detections,
)
from pytest_vizart.workflow.evaluation.coco_files import evaluate_coco_files
from pytest_vizart.workflow.evaluation.notes import beyond_the_best, classes_without_objects, unknown_results

_CLASS_FIGURES = {"ap": "map", "ap_50": "map_50", "ap_75": "map_75"}
_PREFIX = {"keypoints": "oks_"}


@dataclass(frozen=True, slots=True)
class CocoFigures:
    """What `Evaluation` holds of two COCO files."""

    spec: LabelSpec
    metrics: dict[str, float | None]
    per_class: dict[str, dict[str, float | None]]
    errors: tuple[ErrorCount, ...]
    counts: Counts | None
    details: dict[str, Any]
    notes: tuple[str, ...]


def coco_figures(
    labels: Path, predictions: Path, task: CocoTask, *, settings: Mapping[str, float], sigmas: Sequence[float] = ()
) -> CocoFigures:
    """Compare two files.

    Args:
        settings: `score_threshold` and `iou_threshold`, where they are not the usual ones.
        sigmas: of keypoints, over the object's scale; COCO's own without.

    Raises:
        GoldenFormatError: one of the files is not what it should be.
    """
    truth = read_coco_columns(labels, task)
    keypoints = 0 if truth.keypoints is None else truth.keypoints.shape[1]
    found = read_coco_results(
        predictions, truth.images, truth.classes, task, sizes=truth.sizes, keypoint_count=keypoints
    )
    spec = LabelSpec(task, task, class_map(truth), keypoint_sigmas=tuple(sigmas), **settings)  # type: ignore[arg-type]
    return _Comparison(truth, _by_image(found), spec).figures(unknown_results(found, predictions))


def coco_numbers_alone(
    labels: Path, predictions: Path, task: CocoTask, *, settings: Mapping[str, float], sigmas: Sequence[float] = ()
) -> CocoFigures:
    """Return COCO's numbers and no more; see `coco_figures`."""
    found = evaluate_coco_files(labels, predictions, task, sigmas=sigmas)
    names = found.class_names
    spec = LabelSpec(task, task, ClassMap(names, tuple(range(len(names)))), **settings)  # type: ignore[arg-type]
    columns = {figure: found.per_class(name) for figure, name in _CLASS_FIGURES.items()}
    present = [name for name, value in columns["ap"].items() if value is not None]
    prefix = _PREFIX.get(task, "")
    return CocoFigures(
        spec=spec,
        metrics={f"{prefix}{name}": value for name, value in found.metrics.items()},
        per_class={name: {figure: values[name] for figure, values in columns.items()} for name in present},
        errors=(),
        counts=None,
        details={},
        notes=found.notes,
    )


def class_map(truth: CocoColumns) -> ClassMap:
    """Return the file's categories; names that two of them have are told apart by their IDs."""
    names = [
        name if truth.class_names.count(name) == 1 else f"{name} ({one})"
        for name, one in zip(truth.class_names, truth.classes.ids, strict=True)
    ]
    # IDs of text have their place instead of a number: the order is all that is asked of them here.
    numbers = [one if isinstance(one, int) else place for place, one in enumerate(truth.classes.ids)]
    return ClassMap(tuple(names), tuple(numbers))


def _by_image(found: CocoResults) -> CocoResults:
    """Return the rows image by image, as samples pass one by one: of equal scores the first image's go first."""
    if not (found.image[1:] < found.image[:-1]).any():
        return found
    order = stable_order(found.image)
    return replace(
        found,
        image=found.image[order],
        class_index=found.class_index[order],
        scores=found.scores[order],
        area=found.area[order],
        sides=None if found.sides is None else found.sides[order],
        keypoints=None if found.keypoints is None else found.keypoints[order],
        masks=tuple(found.masks[row] for row in order.tolist()) if found.masks else (),
    )


class _Comparison:
    """Both sides as columns."""

    def __init__(self, truth: CocoColumns, found: CocoResults, spec: LabelSpec) -> None:
        self.truth, self.found, self.spec = truth, found, spec
        self.convention: Convention = KEYPOINTS if spec.task == "keypoints" else BOXES_AND_MASKS
        self.objects = Objects(truth.image, truth.class_index, truth.area, truth.crowd, truth.ignored)
        self.detections = Detections(found.image, found.class_index, found.scores, found.area)
        self.ranking = rank_detections(self.detections, self.convention.most[-1])

    def figures(self, unknown: tuple[str, ...]) -> CocoFigures:
        spec = self.spec
        pairs = self._pairs_of_one_class()
        numbers = evaluate(
            self.objects,
            self.detections,
            pairs,
            range(len(spec.classes)),
            convention=self.convention,
            ranking=self.ranking,
        )
        tally = self._tally(pairs)
        columns = pool([tally], len(spec.classes))
        class_rows = rows_by_class(columns)
        tide = tide_costs(columns, spec.score_threshold)
        averages = {f"{_PREFIX.get(spec.task, '')}{name}": value for name, value in numbers.metrics.items()}
        voc = self._voc(pairs, columns.objects) if spec.task == "boxes" else {}
        return CocoFigures(
            spec=spec,
            metrics=averages | voc | whole_figures(columns, spec),
            per_class=self._per_class(numbers, columns, class_rows),
            errors=self._error_counts(tally, tide),
            counts=self._counts(tally),
            details={"pr_curve": pr_curves(columns, class_rows, spec), "tide": self._tide_details(tide)},
            notes=(
                *unknown,
                *beyond_the_best(len(self.detections) - len(self.ranking.order), self.convention.most[-1]),
                *classes_without_objects(columns.objects),
                *notes_on([tally], columns, class_rows, spec),
            ),
        )

    def _pairs_of_one_class(self) -> Pairs:
        """Return the pairs of all detections: those beyond the best 100 have no part in COCO's numbers alone."""
        whole = len(self.ranking.order) == len(self.detections)
        ranking = self.ranking if whole else rank_detections(self.detections, len(self.detections))
        everything = np.arange(len(self.detections))
        lowest = min(self.convention.thresholds[0], self.spec.iou_threshold)
        return _PAIRS[self.spec.task](self, self.objects, self.detections, everything, ranking, lowest)

    def _tally(self, pairs: Pairs) -> DetectionTally[Any, Any]:
        """Return all images as if they were one, whose parts have met already."""
        spec, objects, detections = self.spec, self.objects, self.detections
        table = match(objects, detections, pairs, spec.iou_threshold)
        matches = scene_match(table, objects, detections)
        wrong = wrong_detections(matches, detections.scores, spec.score_threshold)
        alike, chosen = whatever_their_class(objects, detections, wrong)
        ranking = rank_detections(chosen, len(wrong))
        near = _PAIRS[spec.task](self, alike, chosen, wrong, ranking, BACKGROUND_THRESHOLD)
        errors = file_errors(
            objects,
            detections,
            matches,
            wrong,
            near,
            score_threshold=spec.score_threshold,
            foreground=spec.iou_threshold,
        )
        return DetectionTally(
            truth=None,
            prediction=None,
            scores=detections.scores,
            predicted_class=detections.class_index,
            true_class=objects.class_index,
            counting=objects.counting,
            match=matches,
            near=np.where(table.hit, table.similarity, 0.0),
            errors=errors,
            suspect=suspects(errors, detections, len(self.truth.images)),
        )

    def _voc(self, pairs: Pairs, objects: NDArray[np.int64]) -> dict[str, float | None]:
        scores, classes = self.detections.scores, self.detections.class_index
        voc = voc_averages([_voc_match(self.objects, self.detections, pairs)], [scores], [classes], objects)
        return {"voc_map": voc.every_point, "voc_map_11": voc.eleven_point}

    def _per_class(
        self, numbers: CocoNumbers, columns: Pool, class_rows: Sequence[NDArray[np.int64]]
    ) -> dict[str, dict[str, float | None]]:
        averages = {figure: numbers.per_class(name) for figure, name in _CLASS_FIGURES.items()}
        named = {
            name: {figure: values[index] for figure, values in averages.items()}
            for index, name in enumerate(self.spec.classes.names)
        }
        own = class_figures(columns, class_rows, self.spec)
        return {name: {**named.get(name, {}), **figures} for name, figures in own.items()}

    def _error_counts(self, tally: DetectionTally[Any, Any], tide: TideCosts) -> tuple[ErrorCount, ...]:
        """Count as outcomes tell them: a suspect stands for itself, not for the background error that it is too."""
        costs = {} if tide.base_ap is None else dict(tide.costs)
        kinds = np.where(tally.suspect, Kind.NONE, tally.errors.kind)
        image, owner = self.detections.image, self.objects.image
        places = {name: image[kinds == kind] for kind, name in NAMES.items()}
        places |= {"Miss": owner[tally.errors.missed], "label-suspect": image[tally.suspect]}
        return tuple(
            ErrorCount(name, len(images), len(np.unique(images)), costs.get(name))
            for name, images in places.items()
            if len(images)
        )

    def _counts(self, tally: DetectionTally[Any, Any]) -> Counts:
        threshold = self.spec.score_threshold
        wrong = np.zeros(len(self.truth.images), dtype=bool)
        wrong[self.objects.image[tally.counting & ~tally.found(threshold)]] = True
        wrong[self.detections.image[tally.counted(threshold) & ~tally.match.hit]] = True
        return Counts(correct=int(np.count_nonzero(~wrong)), wrong=int(np.count_nonzero(wrong)))

    def _tide_details(self, tide: TideCosts) -> dict[str, Any]:
        return {
            "tf": self.spec.iou_threshold,
            "tb": BACKGROUND_THRESHOLD,
            "score_threshold": self.spec.score_threshold,
            "base_ap": tide.base_ap,
            "kinds": {kind: {"count": tide.counts[kind], "cost": tide.costs[kind]} for kind in tide.costs},
        }

    def box_pairs(
        self, objects: Objects, detections: Detections, rows: NDArray[np.int64], ranking: Ranking, lowest: float
    ) -> Pairs:
        """Return the pairs of these detections, which are `rows` of the file."""
        assert self.truth.sides is not None
        assert self.found.sides is not None
        own, other = Boxes.of_sides(self.found.sides[rows]), Boxes.of_sides(self.truth.sides)
        return box_pairs(objects, detections, other, own, lowest=lowest, ranking=ranking)

    def mask_pairs(
        self, objects: Objects, detections: Detections, rows: NDArray[np.int64], ranking: Ranking, lowest: float
    ) -> Pairs:
        """The same of masks."""
        own = [self.found.masks[row] for row in rows.tolist()]
        masks, sizes = self.truth.masks, self.truth.sizes
        return mask_pairs(objects, detections, masks, own, sizes, ranking=ranking, lowest=lowest)

    def keypoint_pairs(
        self, objects: Objects, detections: Detections, rows: NDArray[np.int64], ranking: Ranking, lowest: float
    ) -> Pairs:
        """The same of keypoints."""
        truth, found = self.truth, self.found
        assert truth.keypoints is not None
        assert truth.sides is not None
        assert found.keypoints is not None
        sigmas = keypoint_sigmas(self.spec.keypoint_sigmas, truth.keypoints.shape[1])
        own = found.keypoints[rows]
        return keypoint_pairs(
            objects, detections, truth.keypoints, own, truth.sides, sigmas, ranking=ranking, lowest=lowest
        )


_FindPairs = Callable[[_Comparison, Objects, Detections, NDArray[np.int64], Ranking, float], Pairs]
_PAIRS: dict[str, _FindPairs] = {
    "boxes": _Comparison.box_pairs,
    "instances": _Comparison.mask_pairs,
    "keypoints": _Comparison.keypoint_pairs,
}


def _voc_match(objects: Objects, detections: Detections, pairs: Pairs) -> VocMatch:
    """Return what `voc_match` says of each image: each detection belongs to the object that it overlaps most."""
    near = pairs.similarity >= VOC_THRESHOLD
    detection, other, similarity = pairs.detection[near], pairs.object[near], pairs.similarity[near]
    order = np.lexsort((other, -similarity, detection))
    rows, first = np.unique(detection[order], return_index=True)
    nearest = other[order][first]
    counting = objects.counting[nearest]
    excused = np.zeros(len(detections), dtype=bool)
    excused[rows[~counting]] = True
    rows, nearest = rows[counting], nearest[counting]
    best = np.argsort(-detections.scores[rows], kind="stable")
    hit = np.zeros(len(detections), dtype=bool)
    hit[rows[best[np.unique(nearest[best], return_index=True)[1]]]] = True
    return VocMatch(hit, excused)
