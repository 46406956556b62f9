"""Ground truth as plain arrays: the form in which golden data meets the metrics, whatever file it came from.

Class indices are positions in `ClassMap.names`. Arrays are numpy arrays; numpy is imported for type checking only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Task = Literal["classes", "boxes", "semantic", "points"]
TASKS: tuple[Task, ...] = ("classes", "boxes", "semantic", "points")

MAX_EDGE_PX = 1e9
"""No image is so large; beyond it areas lose their meaning in floating point."""

IGNORE = -1
"""Class index of pixels and points that the label leaves out (255 in most mask files)."""


@dataclass(frozen=True, slots=True)
class ClassMap:
    """Names of the classes, and the IDs that label files and models use for them.

    `names[i]` and `ids[i]` belong to class index i. IDs need not be consecutive (COCO's run from 1 to 90).
    """

    names: tuple[str, ...]
    ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class ClassLabel:
    """One class for the whole sample."""

    class_index: int


@dataclass(frozen=True, slots=True)
class BoxLabels:
    """Objects of one image.

    boxes: (N, 4) float64, xyxy, pixels, half-open. class_index: (N,) int64. crowd: (N,) bool, regions that match many
    predictions and never count as missed. area: (N,) float64, the label file's own area in square pixels (of the mask
    where there is one; not width x height). extent: (N,) float64, width x height as the file gives them, which the
    corners tell up to rounding only; None where the corners are what the file gives.
    """

    boxes: NDArray[np.float64]
    class_index: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    area: NDArray[np.float64]
    extent: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class SemanticLabels:
    """One class for every pixel. mask: (H, W) int32 class indices, IGNORE where there is no label."""

    mask: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class PointLabels:
    """One class for every point. labels: (N,) int32 class indices, IGNORE where there is no label."""

    labels: NDArray[np.int32]


Label = ClassLabel | BoxLabels | SemanticLabels | PointLabels


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """What the manifest says of the labels of one stage."""

    stage: str
    task: Task
    classes: ClassMap
    score_threshold: float = 0.5  # below it a predicted box does not count for correct or wrong, precision, recall, F1
    iou_threshold: float = 0.5  # boxes meet at this IoU; a mask or cloud is wrong when its mean IoU is under it
