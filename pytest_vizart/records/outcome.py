"""What became of one sample at one stage, and the picture of it that the report draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

OutcomeStatus = Literal["correct", "wrong", "invalid", "unlabeled"]
OUTCOME_STATUSES: tuple[OutcomeStatus, ...] = ("correct", "wrong", "invalid", "unlabeled")

MAX_ERRORS = 100
"""Errors, missed objects and false positives that one outcome names, each."""


ErrorKind = Literal[
    "Cls", "Loc", "Both", "Dupe", "Bkg", "Miss", "label-suspect", "confused", "region", "difference", "shape"
]
"""What is wrong with one object, region or value.

Of detections, masks and cuboids TIDE's six (Bolya et al., 2020): `Cls` wrong class, `Loc` wrong place, `Both`, `Dupe` a
second detection of an object that is found already, `Bkg` nothing is there, `Miss` an object that no error above
explains. `label-suspect`: a confident detection that no label explains, so that the label may lack it. `confused`: one
class taken for another. `region`: the worst places of masks and clouds. `difference`: values out of tolerance.
"""
ERROR_KINDS: tuple[ErrorKind, ...] = get_args(ErrorKind)


@dataclass(frozen=True, slots=True)
class ErrorItem:
    """One error of one sample, as exact as the task allows.

    severity: 0 harmless to 1 worst. truth, predicted: names of the classes. score: the model's. overlap: the IoU or OKS
    with the object concerned. truth_position, predicted_position: which object of the label, of the prediction.
    box: xyxy in pixels (for clouds x, y, z of the lower and the upper corner, metres). note: what else there is to say.
    """

    kind: ErrorKind
    severity: float
    truth: str | None = None
    predicted: str | None = None
    score: float | None = None
    overlap: float | None = None
    truth_position: int | None = None
    predicted_position: int | None = None
    box: tuple[float, ...] | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectChanges:
    """Objects of one sample that changed since the baseline, as `Outcome.missed` and `false_positives` write them."""

    newly_missed: tuple[str, ...] = ()
    newly_found: tuple[str, ...] = ()
    new_false_positives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One sample at one labelled stage.

    `invalid`: label or input cannot be read, or the stage raised, or no prediction came. `unlabeled`: no label.
    """

    sample_id: str
    stage: str
    task: str
    status: OutcomeStatus
    error_type: str | None = None  # the worst ErrorKind, or "unreadable-label", "raised", "no-prediction", ...
    score: float | None = None  # 1 is best: share of matched objects, mean IoU, or 1/0
    reason: str | None = None  # one sentence: "2 of 5 objects missed, 1 false positive"
    input_path: str | None = None
    label_digest: str | None = None
    input_digest: str | None = None
    tags: tuple[str, ...] = ()
    severity: float | None = None  # 0 to 1, of the worst error
    measures: Mapping[str, float] = field(default_factory=dict)  # figures of this sample: "iou", "misses", "cer"
    errors: tuple[ErrorItem, ...] = ()  # worst first, MAX_ERRORS at most
    missed: tuple[str, ...] = ()  # objects not found: "class x1 y1 x2 y2", whole pixels
    false_positives: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()  # saved outputs, paths in the output folder


@dataclass(frozen=True, slots=True)
class Case:
    """A sample worth looking at: what was expected and what was predicted, as plain data to draw.

    `truth` and `predicted` hold, by task:
    classes: {"label": str, "score": float | None};
    boxes: {"boxes": [[x1, y1, x2, y2], ...], "labels": [str, ...], "scores": [float | None, ...],
    "matched": [bool, ...], "crowd": [bool, ...]} in pixels of the input image;
    semantic: {"width": int, "height": int, "step": int, "classes": [str, ...], "rle": [[class_index, run_length], ...]}
    row by row, class index -1 where ignored; at most 512 px on the longer side, every `step`-th pixel;
    points: {"xyz_mm": base64 of little-endian int32 (M, 3), "class_index": base64 of int16 (M,), "classes": [str, ...],
    "count": M}, at most 20,000 points, the same ones in `truth` and `predicted`; `predicted` has no "xyz_mm";
    instances: as boxes, and "polygons": for each object a list of rings [x1, y1, x2, y2, ...], whole pixels;
    keypoints: as boxes, and "keypoints": for each object [[x, y, visibility], ...], "skeleton": [[from, to], ...];
    oriented_boxes: as boxes, but "boxes" are [[x1, y1, x2, y2, x3, y3, x4, y4], ...], the corners in turn;
    panoptic: as semantic, "classes" being the segments' classes with their number ("car 3") and rle their positions;
    boxes_3d: "boxes": [[x, y, z, length, width, height, yaw], ...] and labels, scores, matched as in boxes, and in
    `truth` "xyz_mm" as in points;
    cloud: "xyz_mm" as in points, at most 20,000 each, and in `predicted` "distance_mm": base64 of uint16 (M,);
    image: {"width", "height", "preview": base64 of a JPEG or PNG of at most 512 px}, and in `predicted` "difference":
    base64 of uint8 (difference_height, difference_width), the largest channel's, where the sizes are equal;
    text: {"text": str, "offset": int, "spans": [[operation, text], ...]}, operations equal, insert, delete, replace;
    array: `predicted` {"rows": [[name, index, expected, found], ...]}, the 50 worst values, `truth` {"arrays":
    [[name, type, shape], ...]}. Detections have "errors": [ErrorKind or None, ...] for each object drawn.
    """

    sample_id: str
    stage: str
    task: str
    error_type: str | None
    reason: str | None
    input_path: str | None
    truth: dict[str, Any] = field(default_factory=dict)
    predicted: dict[str, Any] = field(default_factory=dict)
