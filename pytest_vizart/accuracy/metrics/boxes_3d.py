"""Cuboids: nuScenes' average precision by distance, average precision by overlap, and errors of what was found.

    map_distance                 mean of the four below: nuScenes' mAP
    map_distance_0_5m, _1m, _2m, _4m   predictions meet objects whose centre is nearer than that on the ground
    map_3d_50, map_3d_70         predictions meet objects at an intersection over union of their volumes of .5, .7
    map_bev_50, map_bev_70       the same seen from above
    mate, mase, maoe             nuScenes' mean translation error in metres on the ground, scale error (1 - IoU of boxes
                                 with one centre and heading), orientation error in radians, of matches under 2 m

All are means over the classes that have objects; nuScenes also counts classes without, as 0. The nuScenes detection
score (NDS) is not given: it needs velocities and attributes. Average precision by overlap is interpolated at 101
recalls, as COCO's. There is no limit of predictions; of equal scores the earlier prediction goes first. By distance, of
objects equally near the first one is met, as nuScenes has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.averages import mean_of_known
from pytest_vizart.accuracy.detection.curves import average_precision
from pytest_vizart.accuracy.detection.metric import Averages, DetectionMetric
from pytest_vizart.accuracy.detection.scene import Scene, SceneMatch, match_scene
from pytest_vizart.accuracy.detection.tally import DetectionTally, joined
from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.items import Places
from pytest_vizart.accuracy.errors.suspects import label_suspects
from pytest_vizart.accuracy.errors.tide import scene_errors
from pytest_vizart.accuracy.geometry.cuboids import (
    bev_iou,
    ground_distance,
    ground_rectangles,
    iou_3d,
    scale_error,
    yaw_error,
)
from pytest_vizart.accuracy.geometry.rotated_iou import rectangle_corners
from pytest_vizart.accuracy.metrics import Comparison
from pytest_vizart.accuracy.metrics.drawn_points import places_mm, spread
from pytest_vizart.accuracy.metrics.nuscenes import DISTANCES_M, ERROR_DISTANCE_M, nuscenes_ap, nuscenes_errors
from pytest_vizart.accuracy.predicted import Box3DPredictions
from pytest_vizart.records.labels import Box3DLabels, LabelSpec
from pytest_vizart.records.outcome import MAX_ERRORS, ErrorItem
from pytest_vizart.records.score import MetricInfo

Tally = DetectionTally[Box3DLabels, Box3DPredictions]
Floats = NDArray[np.float64]

_Similarity = Callable[[Floats, Floats], Floats]
_OVERLAPS = (0.5, 0.7)
_ERRORS = ("ate", "ase", "aoe")
_DECIMETRES = 10
_UNDER_HALF = float(np.nextafter(0.5, 0.0))


@dataclass(frozen=True, slots=True)
class _Criterion:
    """One way to meet. name: of a class's figure. average: how precision over recall becomes one number."""

    name: str
    similarity: _Similarity
    threshold: float
    average: Callable[[NDArray[np.bool_], int], float]


def _nearness(predicted: Floats, truth: Floats) -> Floats:
    """(N, G): distances turned round, 0 where the centres are one; nothing else keeps every bit of them."""
    return -ground_distance(predicted, truth)


# nuScenes wants distances under the threshold, where everything else here includes it.
_BY_DISTANCE = tuple(
    _Criterion(
        f"ap_distance_{distance:g}m".replace(".", "_"),
        _nearness,
        -float(np.nextafter(distance, 0.0)),
        nuscenes_ap,
    )
    for distance in DISTANCES_M
)
_BY_OVERLAP = tuple(
    _Criterion(f"ap_{name}_{100 * overlap:.0f}", similarity, overlap, average_precision)
    for name, similarity in (("3d", iou_3d), ("bev", bev_iou))
    for overlap in _OVERLAPS
)
_CRITERIA = _BY_DISTANCE + _BY_OVERLAP
_OF_ERRORS = DISTANCES_M.index(ERROR_DISTANCE_M)


@dataclass(frozen=True, slots=True)
class _Met:
    """What the criteria found in one sample. hit, excused: (C, N) bool. errors: (N, 3) float64 of matches under 2 m."""

    hit: NDArray[np.bool_]
    excused: NDArray[np.bool_]
    errors: Floats


class Box3DMetric(DetectionMetric[Box3DLabels, Box3DPredictions]):
    """A cloud is correct when every cuboid is found and none too many, at `distance_threshold_m` on the ground.

    `closeness` is 1 - distance / (2 x threshold): 1 for one centre, .5 at the threshold, 0 at twice that.
    """

    headline = "map_distance"
    info: Mapping[str, MetricInfo] = {
        "mate": MetricInfo("lower", "m"),
        "mase": MetricInfo("lower"),
        "maoe": MetricInfo("lower", "rad"),
    }
    similarity = "closeness"

    def scene(self, truth: Box3DLabels, prediction: Box3DPredictions, spec: LabelSpec) -> Scene:
        distance = ground_distance(prediction.boxes, truth.boxes)
        limit = spec.distance_threshold_m
        closeness = np.maximum(0.0, 1 - distance / (2 * limit))
        # Rounding must not carry a distance over the threshold.
        closeness = np.where(distance <= limit, np.maximum(closeness, 0.5), np.minimum(closeness, _UNDER_HALF))
        return Scene(
            similarity=closeness,
            scores=prediction.scores,
            predicted_class=prediction.class_index,
            true_class=truth.class_index,
            crowd=np.zeros(len(truth), dtype=bool),
            ignored=truth.ignored,
        )

    def threshold(self, spec: LabelSpec) -> float:
        return 0.5

    def places(self, truth: Box3DLabels, prediction: Box3DPredictions) -> Places:
        return Places(_corners(truth.boxes), _corners(prediction.boxes))

    def nothing(self, truth: Box3DLabels) -> Box3DPredictions:
        return Box3DPredictions(np.empty((0, 7)), np.empty(0), np.empty(0, dtype=np.int64))

    def named(self, names: Sequence[str], class_index: NDArray[np.int64], places: Floats) -> tuple[str, ...]:
        """Return "class x y z", the centre in decimetres."""
        centres = np.rint((places[:, :3] + places[:, 3:]) / 2 * _DECIMETRES).astype(np.int64)
        pairs = list(zip(class_index.tolist(), centres.tolist(), strict=True))[:MAX_ERRORS]
        return tuple(f"{names[index]} {x} {y} {z}" for index, (x, y, z) in pairs)

    def tally(self, truth: Box3DLabels, prediction: Box3DPredictions | None, spec: LabelSpec) -> Tally:
        tally = super().tally(truth, prediction, spec)
        return replace(_nearest_first(tally, self.scene(truth, tally.prediction, spec), spec), extra=_met(tally))

    def judge(self, tally: Tally, spec: LabelSpec) -> Comparison:
        """As the base; `mean_distance_m` over the objects found, the threshold where none was; distances in notes."""
        comparison = super().judge(tally, spec)
        met = tally.match.hit & (tally.scores >= spec.score_threshold)
        apart = (1 - tally.near[met]) * 2 * spec.distance_threshold_m
        mean = float(apart.mean()) if len(apart) else spec.distance_threshold_m
        return replace(
            comparison,
            measures={**comparison.measures, "mean_distance_m": mean},
            errors=tuple(_with_distance(error, tally) for error in comparison.errors),
        )

    def averages(self, tallies: Sequence[Tally], spec: LabelSpec, *, full: bool) -> Averages:
        """Return the module's figures; of each class `ap_distance`, `ap_3d_50`, ..., `ate`, `ase`, `aoe`."""
        columns = _Columns(tallies, len(spec.classes))
        per_class = {
            spec.classes.names[index]: columns.figures(index) for index in np.flatnonzero(columns.objects).tolist()
        }
        names = ["ap_distance", *(criterion.name for criterion in _CRITERIA), *_ERRORS]
        metrics = {f"m{name}": mean_of_known([figures[name] for figures in per_class.values()]) for name in names}
        return Averages(metrics, per_class)

    def picture(
        self,
        truth: Box3DLabels,
        prediction: Box3DPredictions | None,
        spec: LabelSpec,
        *,
        xyz: NDArray[np.floating[Any]] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As of Case, with the points of the cloud where they are known."""
        drawn, predicted = super().picture(truth, prediction, spec)
        if xyz is not None and len(xyz):
            drawn["xyz_mm"] = places_mm(xyz[spread(len(xyz))])
        return drawn, predicted

    def drawn(
        self, truth: Box3DLabels, prediction: Box3DPredictions, rows: NDArray[np.intp], spec: LabelSpec
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"boxes": truth.boxes.tolist()}, {"boxes": prediction.boxes[rows].tolist()}

    def digest(self, prediction: Box3DPredictions) -> str:
        return digest_arrays(prediction.boxes, prediction.scores, prediction.class_index)


class _Columns:
    """All samples together."""

    def __init__(self, tallies: Sequence[Tally], classes: int) -> None:
        extras: list[_Met] = [tally.extra for tally in tallies]
        self._scores = joined([tally.scores for tally in tallies], np.float64)
        self._class = joined([tally.predicted_class for tally in tallies], np.int64)
        none = np.empty((len(_CRITERIA), 0), dtype=bool)
        self._hit = np.concatenate([none, *(extra.hit for extra in extras)], axis=1)
        self._excused = np.concatenate([none, *(extra.excused for extra in extras)], axis=1)
        self._errors = np.concatenate([np.empty((0, len(_ERRORS))), *(extra.errors for extra in extras)])
        true_class = joined([tally.true_class for tally in tallies], np.int64)
        counting = joined([tally.counting for tally in tallies], bool)
        self.objects = np.bincount(true_class[counting], minlength=classes)

    def figures(self, index: int) -> dict[str, float | None]:
        """Return the figures of one class that has objects."""
        rows = np.flatnonzero(self._class == index)
        rows = rows[np.argsort(-self._scores[rows], kind="stable")]
        objects = int(self.objects[index])
        found: dict[str, float | None] = {}
        for place, criterion in enumerate(_CRITERIA):
            counted = rows[~self._excused[place, rows]]
            found[criterion.name] = criterion.average(self._hit[place, counted], objects)
        mean = mean_of_known([found[criterion.name] for criterion in _BY_DISTANCE])
        counted = rows[~self._excused[_OF_ERRORS, rows]]
        errors = nuscenes_errors(self._hit[_OF_ERRORS, counted], self._errors[counted], self._scores[counted], objects)
        return {"ap_distance": mean, **found, **dict(zip(_ERRORS, errors.tolist(), strict=True))}


def _met(tally: Tally) -> _Met:
    truth, prediction = tally.truth, tally.prediction
    kinds: tuple[_Similarity, ...] = (_nearness, iou_3d, bev_iou)
    measured = {each: each(prediction.boxes, truth.boxes) for each in kinds}
    matches: list[SceneMatch] = []
    for criterion in _CRITERIA:
        scene = Scene(
            similarity=measured[criterion.similarity],
            scores=prediction.scores,
            predicted_class=prediction.class_index,
            true_class=truth.class_index,
            crowd=np.zeros(len(truth), dtype=bool),
            ignored=truth.ignored,
        )
        matcher = _match_first if criterion.similarity is _nearness else match_scene
        matches.append(matcher(scene, criterion.threshold))
    errors = np.zeros((len(prediction), len(_ERRORS)))
    near = matches[_OF_ERRORS]
    found, theirs = prediction.boxes[near.hit], truth.boxes[near.partner[near.hit]]
    translation = np.hypot(found[:, 0] - theirs[:, 0], found[:, 1] - theirs[:, 1])
    errors[near.hit] = np.stack([translation, scale_error(found, theirs), yaw_error(found, theirs)], axis=1)
    return _Met(np.stack([match.hit for match in matches]), np.stack([match.excused for match in matches]), errors)


def _match_first(scene: Scene, threshold: float) -> SceneMatch:
    """As match_scene, but of objects equally near the first one is met: the objects are given last to first."""
    turned = replace(
        scene,
        similarity=scene.similarity[:, ::-1],
        true_class=scene.true_class[::-1],
        crowd=scene.crowd[::-1],
        ignored=scene.ignored[::-1],
    )
    match = match_scene(turned, threshold)
    partner = np.where(match.hit, len(scene.true_class) - 1 - match.partner, 0)
    return replace(match, partner=partner, found_score=match.found_score[::-1])


def _nearest_first(tally: Tally, scene: Scene, spec: LabelSpec) -> Tally:
    """Return the tally with objects met by their distance itself, of equal ones the first."""
    distances = replace(scene, similarity=_nearness(tally.prediction.boxes, tally.truth.boxes))
    match = _match_first(distances, -spec.distance_threshold_m)
    if all(np.array_equal(getattr(match, name), getattr(tally.match, name)) for name in ("hit", "partner", "excused")):
        return tally
    errors = scene_errors(scene, match, score_threshold=spec.score_threshold, foreground=0.5)
    near = np.zeros(len(scene.scores))
    near[match.hit] = scene.similarity[match.hit, match.partner[match.hit]]
    suspect = label_suspects(errors, scene.scores)
    return replace(tally, match=match, near=near, errors=errors, suspect=suspect)


def _with_distance(error: ErrorItem, tally: Tally) -> ErrorItem:
    if error.note is not None or error.truth_position is None or error.predicted_position is None:
        return error
    ours, theirs = tally.prediction.boxes[error.predicted_position], tally.truth.boxes[error.truth_position]
    apart = ground_distance(ours[None], theirs[None])[0, 0]
    turned = np.degrees(yaw_error(ours[None], theirs[None])[0])
    return replace(error, note=f"{apart:.2f} m off on the ground, turned by {turned:.0f} degrees")


def _corners(boxes: Floats) -> Floats:
    """Return the (N, 6) lower and upper corners around cuboids."""
    ground = rectangle_corners(ground_rectangles(boxes))
    half = boxes[:, 5:6] / 2
    low = np.concatenate([ground.min(axis=1), boxes[:, 2:3] - half], axis=1)
    return np.concatenate([low, ground.max(axis=1), boxes[:, 2:3] + half], axis=1)
