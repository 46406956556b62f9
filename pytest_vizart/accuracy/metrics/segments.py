"""Which segment of a prediction met which of the label, and why the others met none.

Matching as in Kirillov et al., "Panoptic Segmentation" (CVPR 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.metrics.confusion import Pairs, count_pairs
from pytest_vizart.accuracy.predicted import PanopticPrediction
from pytest_vizart.records.labels import IGNORE, LabelSpec, PanopticLabels
from pytest_vizart.records.outcome import MAX_ERRORS, ErrorItem, ErrorKind

MATCH_ABOVE_IOU = 0.5
LOCATION_FROM_IOU = 0.1
"""A false segment that meets a missed one of its class at this IoU is in the wrong place (TIDE's tb)."""

TP, FP, FN, IOU = range(4)
"""Rows of `PanopticTally.sums`."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PanopticTally:
    """One sample. classes: (K,) class indices that occur. sums: (4, K) float64: found, false, missed segments, IoU.

    errors, missed, false_positives: MAX_ERRORS at most, the segments as `Outcome` writes them. mended: kind of error ->
    what mending all of that kind adds to `sums`. labelled: pixels with a label.
    """

    classes: NDArray[np.int64]
    sums: NDArray[np.float64]
    errors: tuple[ErrorItem, ...]
    mended: Mapping[ErrorKind, NDArray[np.float64]]
    missed: tuple[str, ...]
    false_positives: tuple[str, ...]
    labelled: int
    missing: bool = False


@dataclass(frozen=True, slots=True)
class _Overlaps:
    """Overlapping pairs of segments, each (P,): positions in label and prediction, IoU outside of unlabelled pixels.

    left_out: (predicted segments,) pixels in no label or in a crowd of the class. areas: pixels of each segment.
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    iou: NDArray[np.float64]
    truth_area: NDArray[np.int64]
    predicted_area: NDArray[np.int64]
    left_out: NDArray[np.int64]


def match_segments(
    truth: PanopticLabels, prediction: PanopticPrediction, spec: LabelSpec, *, missing: bool = False
) -> PanopticTally:
    """Match the segments of two masks of equal size; `missing`: nothing was predicted, and that is told elsewhere."""
    overlaps = _overlaps(truth, prediction)
    same = truth.class_index[overlaps.truth] == prediction.class_index[overlaps.predicted]
    matched = same & (overlaps.iou > MATCH_ABOVE_IOU)
    found, taken = overlaps.truth[matched], overlaps.predicted[matched]
    lost = _without(~truth.crowd & (overlaps.truth_area > 0), found)
    false = _without(overlaps.predicted_area > 0, taken) & (2 * overlaps.left_out <= overlaps.predicted_area)
    classes = np.unique(np.concatenate([truth.class_index, prediction.class_index]))
    sums = np.stack(
        [
            _by_class(classes, truth.class_index[found]),
            _by_class(classes, prediction.class_index[false]),
            _by_class(classes, truth.class_index[lost]),
            _by_class(classes, truth.class_index[found], overlaps.iou[matched]),
        ]
    )
    labelled = int(np.count_nonzero(truth.segments != IGNORE))
    explained = _explained(truth, prediction, overlaps, lost, false)
    boxes = (
        _boxes(truth.segments, _largest(lost, overlaps.truth_area)),
        _boxes(prediction.segments, _largest(false, overlaps.predicted_area)),
    )
    return PanopticTally(
        classes,
        sums,
        () if missing else _errors(truth, prediction, overlaps, explained, boxes, labelled, spec),
        {} if missing else _mended(truth, prediction, explained, classes),
        _written(boxes[0], truth.class_index, spec),
        _written(boxes[1], prediction.class_index, spec),
        labelled,
        missing,
    )


def _overlaps(truth: PanopticLabels, prediction: PanopticPrediction) -> _Overlaps:
    truths, predictions = len(truth.class_index), len(prediction.class_index)
    pairs = count_pairs(truth.segments, prediction.segments, truths, predictions)
    truth_area = _areas(pairs.first, pairs.count, truths)
    predicted_area = _areas(pairs.second, pairs.count, predictions)
    unlabelled = _areas(*_chosen(pairs, pairs.first == IGNORE), predictions)
    both = (pairs.first != IGNORE) & (pairs.second != IGNORE)
    first, second, shared = pairs.first[both], pairs.second[both], pairs.count[both]
    crowd = truth.crowd[first]
    in_crowd = crowd & (truth.class_index[first] == prediction.class_index[second])
    left_out = unlabelled + _areas(second[in_crowd], shared[in_crowd], predictions)
    first, second, shared = first[~crowd], second[~crowd], shared[~crowd]
    union = truth_area[first] + predicted_area[second] - shared - unlabelled[second]
    return _Overlaps(first, second, shared / union, truth_area, predicted_area, left_out)


def _chosen(pairs: Pairs, where: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return pairs.second[where], pairs.count[where]


def _areas(positions: NDArray[np.int64], count: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    areas = np.zeros(size + 1, dtype=np.int64)
    np.add.at(areas, positions, count)  # IGNORE, which is -1, is the last one
    return areas[:-1]


def _without(flags: NDArray[np.bool_], positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    flags = flags.copy()
    flags[positions] = False
    return flags


def _by_class(
    classes: NDArray[np.int64], index: NDArray[np.int64], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    summed = np.zeros(len(classes))
    np.add.at(summed, np.searchsorted(classes, index), 1.0 if weights is None else weights)
    return summed


@dataclass(frozen=True, slots=True)
class _Explained:
    """Pairs of a missed and a false segment that explain each other, and the positions of those without.

    truth, predicted, iou: of the pairs, the highest IoU first. missed, false: positions.
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    iou: NDArray[np.float64]
    missed: NDArray[np.int64]
    false: NDArray[np.int64]


def _explained(
    truth: PanopticLabels,
    prediction: PanopticPrediction,
    overlaps: _Overlaps,
    lost: NDArray[np.bool_],
    false: NDArray[np.bool_],
) -> _Explained:
    """Pair false segments with missed ones, each once: in the right place by another name, or of one class and near."""
    same = truth.class_index[overlaps.truth] == prediction.class_index[overlaps.predicted]
    near = np.where(same, overlaps.iou >= LOCATION_FROM_IOU, overlaps.iou > MATCH_ABOVE_IOU)
    rows = np.flatnonzero(near & lost[overlaps.truth] & false[overlaps.predicted])
    rows = rows[np.argsort(-overlaps.iou[rows], kind="stable")]
    open_truth, open_predicted = lost.copy(), false.copy()
    chosen = []
    for row, is_, said in zip(
        rows.tolist(), overlaps.truth[rows].tolist(), overlaps.predicted[rows].tolist(), strict=True
    ):
        if open_truth[is_] and open_predicted[said]:
            open_truth[is_] = open_predicted[said] = False
            chosen.append(row)
    pairs = np.array(chosen, dtype=np.int64)
    return _Explained(
        overlaps.truth[pairs],
        overlaps.predicted[pairs],
        overlaps.iou[pairs],
        np.flatnonzero(open_truth),
        np.flatnonzero(open_predicted),
    )


def _errors(
    truth: PanopticLabels,
    prediction: PanopticPrediction,
    overlaps: _Overlaps,
    explained: _Explained,
    boxes: tuple[dict[int, Box], dict[int, Box]],
    labelled: int,
    spec: LabelSpec,
) -> tuple[ErrorItem, ...]:
    """Return the errors of the largest segments, MAX_ERRORS at most, largest first."""
    names = spec.classes.names
    errors = []
    areas = overlaps.truth_area[explained.truth]
    for row in np.argsort(-areas, kind="stable")[:MAX_ERRORS].tolist():
        is_, said = int(explained.truth[row]), int(explained.predicted[row])
        true_class, said_class = int(truth.class_index[is_]), int(prediction.class_index[said])
        errors.append(
            ErrorItem(
                "Loc" if true_class == said_class else "Cls",
                _share(areas[row], labelled),
                truth=names[true_class],
                predicted=names[said_class],
                overlap=float(explained.iou[row]),
                truth_position=is_,
                predicted_position=said,
                box=boxes[1].get(said),
            )
        )
    for position in _first(explained.missed, overlaps.truth_area):
        share, name = _share(overlaps.truth_area[position], labelled), names[truth.class_index[position]]
        errors.append(ErrorItem("Miss", share, name, truth_position=position, box=boxes[0].get(position)))
    for position in _first(explained.false, overlaps.predicted_area):
        share, name = _share(overlaps.predicted_area[position], labelled), names[prediction.class_index[position]]
        box = boxes[1].get(position)
        errors.append(ErrorItem("Bkg", share, predicted=name, predicted_position=position, box=box))
    return tuple(sorted(errors, key=lambda item: -item.severity)[:MAX_ERRORS])


def _first(positions: NDArray[np.int64], areas: NDArray[np.int64]) -> list[int]:
    """Return the positions of the MAX_ERRORS largest segments, largest first."""
    largest: list[int] = positions[np.argsort(-areas[positions], kind="stable")[:MAX_ERRORS]].tolist()
    return largest


def _largest(flags: NDArray[np.bool_], areas: NDArray[np.int64]) -> list[int]:
    return sorted(_first(np.flatnonzero(flags), areas))


def _share(area: np.int64, labelled: int) -> float:
    return min(1.0, int(area) / labelled) if labelled else 1.0


def _boxes(segments: NDArray[np.int32], wanted: list[int]) -> dict[int, Box]:
    """Return xyxy boxes, half-open pixels, of the wanted segments, all of which have pixels."""
    if not wanted:
        return {}
    from scipy import ndimage  # comes with scikit-learn

    numbers = np.zeros(max(wanted) + 2, dtype=np.uint8)  # the last is that of IGNORE, which is -1
    numbers[wanted] = np.arange(1, len(wanted) + 1)
    numbered = numbers[np.minimum(segments, len(numbers) - 1)]
    return {
        position: (float(at[1].start), float(at[0].start), float(at[1].stop), float(at[0].stop))
        for position, at in zip(wanted, ndimage.find_objects(numbered), strict=True)
    }


def _written(boxes: Mapping[int, Box], class_index: NDArray[np.int64], spec: LabelSpec) -> tuple[str, ...]:
    return tuple(
        f"{spec.classes.names[class_index[position]]} {' '.join(f'{edge:.0f}' for edge in box)}"
        for position, box in boxes.items()
    )


def _mended(
    truth: PanopticLabels, prediction: PanopticPrediction, explained: _Explained, classes: NDArray[np.int64]
) -> dict[ErrorKind, NDArray[np.float64]]:
    true_classes, said_classes = truth.class_index[explained.truth], prediction.class_index[explained.predicted]
    same, nothing = true_classes == said_classes, np.zeros(len(classes))
    changes: dict[ErrorKind, NDArray[np.float64]] = {}
    if len(explained.missed):
        missed = _by_class(classes, truth.class_index[explained.missed])
        changes["Miss"] = np.stack([nothing, nothing, -missed, nothing])
    if len(explained.false):
        false = _by_class(classes, prediction.class_index[explained.false])
        changes["Bkg"] = np.stack([nothing, -false, nothing, nothing])
    kinds: tuple[tuple[ErrorKind, NDArray[np.bool_]], ...] = (("Loc", same), ("Cls", ~same))
    for kind, chosen in kinds:
        if chosen.any():
            found = _by_class(classes, true_classes[chosen])
            overlap = _by_class(classes, true_classes[chosen], explained.iou[chosen])
            changes[kind] = np.stack([found, -_by_class(classes, said_classes[chosen]), -found, overlap])
    return changes
