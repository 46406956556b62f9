"""Predictions as plain arrays: the form in which every accepted form of a model's output meets the metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
LabelKind = Literal["id", "index", "name"]


@dataclass(frozen=True, slots=True)
class ClassPrediction:
    """One class for the whole sample; the score is the model's own, None if it gave none."""

    class_index: int
    score: float | None = None


@dataclass(frozen=True, slots=True)
class BoxPredictions:
    """Predicted objects of one image, in the order in which the model gave them.

    boxes: (N, 4) float64, xyxy, pixels, half-open. scores: (N,) float64, finite. class_index: (N,) int64. extent: (N,)
    float64, width x height as the model gave them; None where it gave corners.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    class_index: NDArray[np.int64]
    extent: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class SemanticPrediction:
    """One class for every pixel. mask: (H, W) int32 class indices, IGNORE where nothing was predicted."""

    mask: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class PointPrediction:
    """One class for every point. labels: (N,) int32 class indices, IGNORE where nothing was predicted."""

    labels: NDArray[np.int32]


Prediction = ClassPrediction | BoxPredictions | SemanticPrediction | PointPrediction


def no_boxes() -> BoxPredictions:
    """Return a prediction of no object at all."""
    return BoxPredictions(np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.int64))
