"""What the caller of an evaluation says beside the two sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_vizart.errors import UsageError
from pytest_vizart.records.labels import TASKS, LabelSpec, Task

BOX_FORMATS = ("xyxy", "xywh", "cxcywh")
CLASS_NUMBERS = ("id", "index", "name")

ClassNames = Sequence[str] | Mapping[int, str]
"""Names with the IDs 0, 1, ..., or a mapping from ID to name."""


@dataclass(frozen=True, slots=True)
class Options:
    """See `evaluate`."""

    task: Task | None = None
    format: str | None = None
    predictions_format: str | None = None
    stage: str | None = None
    classes: ClassNames | None = None
    prediction_classes: ClassNames | None = None
    class_numbers: Any = None
    box_format: Any = None
    score_threshold: float | None = None
    iou_threshold: float | None = None
    ignore: int | None = None
    images: Path | None = None

    def __post_init__(self) -> None:
        _require_word("task", self.task, TASKS)
        _require_word("class_numbers", self.class_numbers, CLASS_NUMBERS)
        _require_word("box_format", self.box_format, BOX_FORMATS)
        iou, score = self.iou_threshold, self.score_threshold
        if iou is not None and not (_is_number(iou) and 0 < iou <= 1):
            raise _unmeant("iou_threshold", "a number above 0, at most 1", iou)
        if score is not None and not (_is_number(score) and score - score == 0):
            raise _unmeant("score_threshold", "a finite number", score)

    @property
    def thresholds(self) -> dict[str, float]:
        """Those that were given."""
        given = {"score_threshold": self.score_threshold, "iou_threshold": self.iou_threshold}
        return {name: float(value) for name, value in given.items() if value is not None}

    def applied_to(self, spec: LabelSpec) -> LabelSpec:
        """Return the spec with the thresholds that were given."""
        return replace(spec, **self.thresholds) if self.thresholds else spec  # type: ignore[arg-type]


def _require_word(place: str, word: object, known: Sequence[str]) -> None:
    if word is not None and word not in known:
        raise _unmeant(place, ", ".join(known), word)


def _unmeant(place: str, expected: str, found: object) -> UsageError:
    return UsageError("unknown value", place=place, expected=expected, found=found, hint="choose one of these")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
