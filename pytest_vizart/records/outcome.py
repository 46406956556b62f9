"""What became of one sample at one stage, and the picture of it that the report draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

OutcomeStatus = Literal["correct", "wrong", "invalid", "unlabeled"]
OUTCOME_STATUSES: tuple[OutcomeStatus, ...] = ("correct", "wrong", "invalid", "unlabeled")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One sample at one labelled stage.

    `invalid`: label or input cannot be read, or the stage raised, or no prediction came. `unlabeled`: no label.
    """

    sample_id: str
    stage: str
    task: str
    status: OutcomeStatus
    error_type: str | None = None  # "misread", "miss", "false-positive", "low-iou", "unreadable", "raised", ...
    score: float | None = None  # 1 is best: share of matched objects, mean IoU, or 1/0
    reason: str | None = None  # one sentence: "2 of 5 objects missed, 1 false positive"
    input_path: str | None = None
    label_digest: str | None = None
    input_digest: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A sample worth looking at: what was expected and what was predicted, as plain data to draw.

    `truth` and `predicted` hold, by task:
    classes: {"label": str, "score": float | None};
    boxes: {"boxes": [[x1, y1, x2, y2], ...], "labels": [str, ...], "scores": [float | None, ...],
    "matched": [bool, ...], "crowd": [bool, ...]} in pixels of the input image;
    semantic: {"width": int, "height": int, "classes": [str, ...], "rle": [[class_index, run_length], ...]} row by row,
    class index -1 where ignored; at most 512 px on the longer side, strided;
    points: {"xyz_mm": base64 of little-endian int32 (M, 3), "class_index": base64 of int16 (M,), "classes": [str, ...],
    "count": M}, at most 20,000 points, the same ones in `truth` and `predicted`; `predicted` has no "xyz_mm".
    """

    sample_id: str
    stage: str
    task: str
    error_type: str | None
    reason: str | None
    input_path: str | None
    truth: dict[str, Any] = field(default_factory=dict)
    predicted: dict[str, Any] = field(default_factory=dict)
