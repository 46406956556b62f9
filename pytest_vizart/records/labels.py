"""Ground truth as plain arrays: the form in which golden data meets the metrics, whatever file it came from.

Class indices are positions in `ClassMap.names`. Arrays are numpy arrays, one column for each property of an object and
not one object for each box; numpy is imported for type checking only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Task = Literal[
    "classes",
    "boxes",
    "oriented_boxes",
    "instances",
    "keypoints",
    "semantic",
    "panoptic",
    "points",
    "boxes_3d",
    "cloud",
    "image",
    "text",
    "array",
]
TASKS: tuple[Task, ...] = get_args(Task)

MAX_EDGE_PX = 1e9
"""No image is so large; beyond it areas lose their meaning in floating point."""

IGNORE = -1
"""Class index of pixels and points that the label leaves out (255 in most mask files)."""


@dataclass(frozen=True, slots=True)
class ClassMap:
    """Names of the classes, and the IDs that label files and models use for them.

    `names[i]` and `ids[i]` belong to class index i. IDs need not be consecutive (COCO's run from 1 to 90). `things[i]`
    tells countable objects from stuff (panoptic); empty where that is not known.
    """

    names: tuple[str, ...]
    ids: tuple[int, ...]
    things: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.names)


NO_CLASSES = ClassMap((), ())
"""For tasks without classes: cloud, image, text, array."""


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
    corners tell up to rounding only; None where the corners are what the file gives. ignored: (N,) bool, single objects
    that count neither as found nor as missed (VOC's "difficult"); None where there are none. regions: (R, 4) float64,
    xyxy, places where predictions of any class do not count (KITTI's DontCare); None where there are none.
    """

    boxes: NDArray[np.float64]
    class_index: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    area: NDArray[np.float64]
    extent: NDArray[np.float64] | None = None
    ignored: NDArray[np.bool_] | None = None
    regions: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.class_index)


@dataclass(frozen=True, slots=True)
class OrientedBoxLabels:
    """Turned rectangles of one image.

    boxes: (N, 5) float64: centre x, centre y, width, height in pixels, angle in radians by which the width's axis is
    turned from x towards y (clockwise on the screen), -pi/2 <= angle < pi/2. class_index: (N,) int64. ignored: (N,)
    bool, "difficult" objects that count neither as found nor as missed.
    """

    boxes: NDArray[np.float64]
    class_index: NDArray[np.int64]
    ignored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.class_index)


@dataclass(frozen=True, slots=True)
class InstanceLabels:
    """Objects of one image with their masks.

    objects: boxes, classes, crowd, area, N of each. masks: N run-length encoded masks, COCO's compressed counts.
    size: (height, width) in pixels, of all masks.
    """

    objects: BoxLabels
    masks: tuple[bytes, ...]
    size: tuple[int, int]

    def __len__(self) -> int:
        return len(self.masks)


@dataclass(frozen=True, slots=True)
class KeypointLabels:
    """Objects of one image with their keypoints.

    objects: boxes, classes, crowd, area, N of each. keypoints: (N, K, 3) float64: x, y in pixels and COCO's visibility,
    0 not labelled, 1 hidden, 2 visible.
    """

    objects: BoxLabels
    keypoints: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.keypoints)


@dataclass(frozen=True, slots=True)
class SemanticLabels:
    """One class for every pixel. mask: (H, W) int32 class indices, IGNORE where there is no label."""

    mask: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class PanopticLabels:
    """Every pixel belongs to one segment.

    segments: (H, W) int32, position of the pixel's segment in the columns, IGNORE where there is none. class_index:
    (S,) int64. crowd: (S,) bool, segments that never count as missed and take predictions that lie mostly in them.
    """

    segments: NDArray[np.int32]
    class_index: NDArray[np.int64]
    crowd: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PointLabels:
    """One class for every point.

    labels: (N,) int32 class indices, IGNORE where there is no label. instance: (N,) int32, 0 for none; None where the
    file has no instances.
    """

    labels: NDArray[np.int32]
    instance: NDArray[np.int32] | None = None


@dataclass(frozen=True, slots=True)
class Box3DLabels:
    """Cuboids of one cloud.

    boxes: (N, 7) float64: centre x, y, z, length (along the heading), width, height in metres, yaw in radians about z,
    from x towards y, -pi <= yaw < pi. class_index: (N,) int64. ignored: (N,) bool, objects that count neither as found
    nor as missed.
    """

    boxes: NDArray[np.float64]
    class_index: NDArray[np.int64]
    ignored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.class_index)


@dataclass(frozen=True, slots=True)
class CloudLabel:
    """A reference cloud. xyz: (N, 3) float64, metres."""

    xyz: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ImageLabel:
    """A reference image. image: (H, W) or (H, W, C), uint8, uint16 or float; float images range from 0 to 1."""

    image: NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class TextLabel:
    """A reference text."""

    text: str


@dataclass(frozen=True, slots=True)
class ArrayLabel:
    """Reference numbers by name; a single unnamed array has the name ""."""

    arrays: Mapping[str, NDArray[np.generic]]


Label = (
    ClassLabel
    | BoxLabels
    | OrientedBoxLabels
    | InstanceLabels
    | KeypointLabels
    | SemanticLabels
    | PanopticLabels
    | PointLabels
    | Box3DLabels
    | CloudLabel
    | ImageLabel
    | TextLabel
    | ArrayLabel
)

LABEL_OF_TASK: dict[Task, type] = {
    "classes": ClassLabel,
    "boxes": BoxLabels,
    "oriented_boxes": OrientedBoxLabels,
    "instances": InstanceLabels,
    "keypoints": KeypointLabels,
    "semantic": SemanticLabels,
    "panoptic": PanopticLabels,
    "points": PointLabels,
    "boxes_3d": Box3DLabels,
    "cloud": CloudLabel,
    "image": ImageLabel,
    "text": TextLabel,
    "array": ArrayLabel,
}


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """What the manifest says of the labels of one stage.

    keypoint_sigmas: COCO's per-keypoint standard deviations, as a share of the object's scale; empty for COCO's own 17
    or, for another number of keypoints, 1/K each. tolerances: by name, in the unit of the task's measures ("rtol",
    "atol", "psnr_db", "distance_m", "cer"): how far a sample may be from its label and still be correct. correct_when:
    a rule over the measures of a sample that replaces the task's own, "recall >= 0.9 and false_positives <= 1".
    """

    stage: str
    task: Task
    classes: ClassMap
    score_threshold: float = 0.5  # below it a predicted box does not count for correct or wrong, precision, recall, F1
    iou_threshold: float = 0.5  # boxes meet at this IoU; a mask or cloud is wrong when its mean IoU is under it
    distance_threshold_m: float = 2.0  # cuboids meet when their centres are at most so far apart, on the ground
    keypoint_names: tuple[str, ...] = ()
    keypoint_sigmas: tuple[float, ...] = ()
    skeleton: tuple[tuple[int, int], ...] = ()  # pairs of keypoint positions, to draw
    tolerances: Mapping[str, float] = field(default_factory=dict)
    correct_when: str | None = None
    recorded: bool = False  # the label is what the stage itself gave when that was accepted, not a human's
