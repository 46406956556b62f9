"""Keypoints: COCO's ten numbers by object keypoint similarity, and how far each keypoint is off.

    oks_map, oks_map_50, oks_map_75, oks_map_medium, oks_map_large   average precision at OKS .5 to .95
    oks_mar, oks_mar_50, oks_mar_75, oks_mar_medium, oks_mar_large   average recall; the best 20 predictions of an image

Sigmas are the manifest's `keypoint_sigmas`, else COCO's where there are 17 keypoints, else 1/K each. Objects none of
whose keypoints is labelled are ignored, as in COCO. PCK (Yang and Ramanan, 2013) is the share of labelled keypoints of
the objects found that are at most .2 of the longer side of the object's box away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.coco.box_numbers import shielded_by
from pytest_vizart.accuracy.coco.columns import KEYPOINTS
from pytest_vizart.accuracy.coco.edges import Boxes
from pytest_vizart.accuracy.detection.scene import Scene
from pytest_vizart.accuracy.detection.tally import DetectionTally
from pytest_vizart.accuracy.digests import digest_arrays
from pytest_vizart.accuracy.errors.items import Places
from pytest_vizart.accuracy.geometry.oks import COCO_SIGMAS, keypoint_distances, keypoint_sigmas, oks
from pytest_vizart.accuracy.metrics import Comparison, Summary
from pytest_vizart.accuracy.metrics.coco_metric import Areas, CocoMetric
from pytest_vizart.accuracy.predicted import KeypointPredictions, no_boxes
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import KeypointLabels, LabelSpec
from pytest_vizart.records.outcome import ErrorItem

PCK_SHARE = 0.2

Tally = DetectionTally[KeypointLabels, KeypointPredictions]

_VISIBLE = 2.0


class KeypointMetric(CocoMetric[KeypointLabels, KeypointPredictions]):
    """An image is correct when every object is found and none too many, at the OKS of `iou_threshold`."""

    headline = "oks_map"
    similarity = "OKS"
    convention = KEYPOINTS
    prefix = "oks_"

    def scene(self, truth: KeypointLabels, prediction: KeypointPredictions, spec: LabelSpec) -> Scene:
        """Raises PredictionError where label and prediction have other numbers of keypoints, or sigmas do not fit."""
        objects = truth.objects
        _require_as_many(truth, prediction)
        unlabelled: NDArray[np.bool_] = ~np.any(truth.keypoints[:, :, 2] > 0, axis=1)
        return Scene(
            similarity=_similarity(truth, prediction, spec),
            scores=prediction.objects.scores,
            predicted_class=prediction.objects.class_index,
            true_class=objects.class_index,
            crowd=objects.crowd,
            ignored=unlabelled if objects.ignored is None else unlabelled | objects.ignored,
            shielded=None if objects.regions is None else shielded_by(objects.regions, prediction.objects),
        )

    def areas(self, truth: KeypointLabels, prediction: KeypointPredictions) -> Areas:
        return truth.objects.area, Boxes.of(prediction.objects.boxes, prediction.objects.extent).extent

    def places(self, truth: KeypointLabels, prediction: KeypointPredictions) -> Places:
        return Places(truth.objects.boxes, prediction.objects.boxes)

    def nothing(self, truth: KeypointLabels) -> KeypointPredictions:
        return KeypointPredictions(no_boxes(), np.empty((0, *truth.keypoints.shape[1:])))

    def judge(self, tally: Tally, spec: LabelSpec) -> Comparison:
        """As the base, with the measure `pck` (1 where no keypoint is labelled, 0 where no object was found); errors
        of an object name the keypoint that is farthest off."""
        comparison = super().judge(tally, spec)
        labelled = tally.truth.keypoints[tally.counting, :, 2] > 0
        shares = _shares(tally, spec)
        known = ~np.isnan(shares)
        pck = float((shares[known] <= PCK_SHARE).mean()) if known.any() else float(not labelled.any())
        return replace(
            comparison,
            measures={**comparison.measures, "pck": pck},
            errors=tuple(_with_worst(error, tally, spec) for error in comparison.errors),
        )

    def summarise(self, tallies: Sequence[Tally], spec: LabelSpec, *, full: bool = True) -> Summary:
        """As the base; details `keypoints`: of each keypoint its name, how many were compared, PCK and mean error.

        The error is the distance as a share of the longer side of the object's box. Objects found at the stage's
        thresholds are compared.
        """
        summary = super().summarise(tallies, spec, full=full)
        if not full:
            return summary
        notes = (*summary.notes, *_lax_sigmas(tallies, spec))
        return replace(summary, details={**summary.details, "keypoints": _details(tallies, spec)}, notes=notes)

    def drawn(
        self, truth: KeypointLabels, prediction: KeypointPredictions, rows: NDArray[np.intp], spec: LabelSpec
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        skeleton = [list(bone) for bone in spec.skeleton]
        points = prediction.keypoints[rows].copy()
        points[:, :, 2] = _VISIBLE  # all of them count
        return (
            {
                "boxes": truth.objects.boxes.tolist(),
                "keypoints": truth.keypoints.tolist(),
                "skeleton": skeleton,
            },
            {
                "boxes": prediction.objects.boxes[rows].tolist(),
                "keypoints": points.tolist(),
                "skeleton": skeleton,
            },
        )

    def digest(self, prediction: KeypointPredictions) -> str:
        objects = prediction.objects
        return digest_arrays(objects.boxes, objects.scores, objects.class_index, prediction.keypoints)


def _require_as_many(truth: KeypointLabels, prediction: KeypointPredictions) -> None:
    if len(truth) and len(prediction) and truth.keypoints.shape[1] != prediction.keypoints.shape[1]:
        raise PredictionError(
            "wrong number of keypoints",
            place="keypoints",
            expected=f"{truth.keypoints.shape[1]}, as the label has",
            found=str(prediction.keypoints.shape[1]),
            hint="another skeleton? choose the keypoints, in the label's order",
        )


def _similarity(truth: KeypointLabels, prediction: KeypointPredictions, spec: LabelSpec) -> NDArray[np.float64]:
    if not len(truth) or not len(prediction):
        return np.zeros((len(prediction), len(truth)))
    count = truth.keypoints.shape[1]
    sigmas = keypoint_sigmas(spec.keypoint_sigmas, count)
    if len(sigmas) != count:
        raise PredictionError(
            "as many sigmas as keypoints are needed",
            place=f"stage {spec.stage}, keypoint_sigmas",
            expected=str(count),
            found=str(len(sigmas)),
            hint="correct keypoint_sigmas in the manifest, or leave them out",
        )
    return oks(prediction.keypoints, truth.keypoints, truth.objects.boxes, truth.objects.area, sigmas)


def _lax_sigmas(tallies: Sequence[Tally], spec: LabelSpec) -> tuple[str, ...]:
    """Tell of sigmas that nobody gave and COCO does not have; 1/K is several times those of COCO for a small K."""
    count = max((tally.truth.keypoints.shape[1] for tally in tallies if len(tally.truth)), default=0)
    if spec.keypoint_sigmas or count in (0, len(COCO_SIGMAS)):
        return ()
    each = f"each of {count} keypoints" if count > 1 else "the keypoint"
    return (
        f"no keypoint_sigmas in the manifest: 1/{count} for {each}, where COCO's are {min(COCO_SIGMAS):g} to "
        f"{max(COCO_SIGMAS):g}; the larger, the farther off a keypoint may be and still count as found",
    )


def _shares(tally: Tally, spec: LabelSpec) -> NDArray[np.float64]:
    """Return the (P, K) distances of the keypoints of P objects found, over the longer side of their boxes."""
    found = tally.match.hit & (tally.scores >= spec.score_threshold)
    objects = tally.match.partner[found]
    apart = keypoint_distances(tally.prediction.keypoints[found], tally.truth.keypoints[objects])
    sides = tally.truth.objects.boxes[objects]
    longer = (sides[:, 2:] - sides[:, :2]).max(axis=1, initial=0.0)
    shares = np.full_like(apart, np.nan)
    scaled = longer > 0  # a box of no size is no scale
    shares[scaled] = apart[scaled] / longer[scaled, None]
    return shares


def _details(tallies: Sequence[Tally], spec: LabelSpec) -> list[dict[str, Any]]:
    shares = [_shares(tally, spec) for tally in tallies]
    columns = np.concatenate([each for each in shares if len(each)] or [np.empty((0, 0))]).T
    rows = []
    for number, column in enumerate(columns):
        known = column[~np.isnan(column)]
        rows.append(
            {
                "name": _keypoint_name(number, spec),
                "compared": len(known),
                "pck": float((known <= PCK_SHARE).mean()) if len(known) else None,
                "error": float(known.mean()) if len(known) else None,
            }
        )
    return rows


def _with_worst(error: ErrorItem, tally: Tally, spec: LabelSpec) -> ErrorItem:
    if error.note is not None or error.truth_position is None or error.predicted_position is None:
        return error
    ours, theirs = tally.prediction.keypoints[error.predicted_position], tally.truth.keypoints[error.truth_position]
    apart = keypoint_distances(ours[None], theirs[None])[0]
    if np.isnan(apart).all():
        return error
    worst = int(np.nanargmax(apart))
    return replace(error, note=f"farthest off is {_keypoint_name(worst, spec)}, by {apart[worst]:.0f} px")


def _keypoint_name(number: int, spec: LabelSpec) -> str:
    return spec.keypoint_names[number] if number < len(spec.keypoint_names) else f"keypoint {number}"
