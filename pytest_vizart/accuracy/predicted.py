"""Predictions as plain arrays: the form in which every accepted form of a model's output meets the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
LabelKind = Literal["id", "index", "name"]


@dataclass(frozen=True, slots=True)
class ClassPrediction:
    """One class for the whole sample; the score is the model's own, None if it gave none.

    probabilities: (K,) float64, one for each class of the class map, where the model gave them all; None otherwise.
    """

    class_index: int
    score: float | None = None
    probabilities: NDArray[np.float64] | None = None


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


@dataclass(frozen=True, slots=True)
class OrientedBoxPredictions:
    """boxes: (N, 5) float64 as in OrientedBoxLabels. scores: (N,) float64, finite. class_index: (N,) int64."""

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    class_index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class InstancePredictions:
    """objects: boxes (of the masks, where the model gave none), scores, classes. masks, size: as in InstanceLabels."""

    objects: BoxPredictions
    masks: tuple[bytes, ...]
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.masks)


@dataclass(frozen=True, slots=True)
class KeypointPredictions:
    """objects: boxes (around the keypoints, where the model gave none), scores, classes. keypoints: (N, K, 3) float64:
    x, y in pixels, and the model's confidence, which nothing depends on."""

    objects: BoxPredictions
    keypoints: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.keypoints)


@dataclass(frozen=True, slots=True)
class PanopticPrediction:
    """segments: (H, W) int32, position of the pixel's segment, IGNORE for none. class_index: (S,) int64."""

    segments: NDArray[np.int32]
    class_index: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Box3DPredictions:
    """boxes: (N, 7) float64 as in Box3DLabels. scores: (N,) float64, finite. class_index: (N,) int64."""

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    class_index: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class CloudPrediction:
    """xyz: (N, 3) float64, metres."""

    xyz: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ImagePrediction:
    """image: (H, W) or (H, W, C), as in ImageLabel."""

    image: NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class TextPrediction:
    """The text that was read."""

    text: str


@dataclass(frozen=True, slots=True)
class ArrayPrediction:
    """Numbers by name; a single unnamed array has the name ""."""

    arrays: Mapping[str, NDArray[np.generic]]


Prediction = (
    ClassPrediction
    | BoxPredictions
    | OrientedBoxPredictions
    | InstancePredictions
    | KeypointPredictions
    | SemanticPrediction
    | PanopticPrediction
    | PointPrediction
    | Box3DPredictions
    | CloudPrediction
    | ImagePrediction
    | TextPrediction
    | ArrayPrediction
)


def no_boxes() -> BoxPredictions:
    """Return a prediction of no object at all."""
    return BoxPredictions(np.empty((0, 4)), np.empty(0), np.empty(0, dtype=np.int64))
