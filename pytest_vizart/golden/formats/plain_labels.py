"""Labels as plain values, of JSON or of a user's own code, checked and turned into the label records.

The keys of each task; those in brackets may be absent:

| task | keys |
|---|---|
| classes | label |
| boxes | boxes (N, 4) in the manifest's `box_format`, labels, [crowd, area, ignored, regions] |
| oriented_boxes | boxes (N, 5): centre x, y, width, height, angle in radians; labels, [ignored] |
| instances | masks, N segmentations as COCO has them; size [height, width]; labels, [boxes, crowd, area, ignored] |
| keypoints | keypoints (N, K, 3); boxes, labels, [crowd, area, ignored] |
| semantic | mask (H, W) of class IDs |
| panoptic | segments (H, W), positions in labels, -1 for none; labels, [crowd] |
| points | labels (N,) of class IDs, [instance] |
| boxes_3d | boxes (N, 7): centre x, y, z, length, width, height in metres, yaw in radians; labels, [ignored] |
| cloud | xyz (N, 3) |
| image | image (H, W) or (H, W, C) |
| text | text |
| array | arrays: name to numbers; or array |

Classes are names or IDs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.golden.formats.box_columns import box_labels
from pytest_vizart.golden.formats.coco_masks import encode_mask, mask_shapes
from pytest_vizart.golden.formats.plain_values import PlainValues
from pytest_vizart.golden.formats.polygons import MaskEncoder, require_size
from pytest_vizart.golden.formats.rectangles import half_turn
from pytest_vizart.records.labels import (
    LABEL_OF_TASK,
    ArrayLabel,
    Box3DLabels,
    BoxLabels,
    ClassLabel,
    CloudLabel,
    ImageLabel,
    InstanceLabels,
    KeypointLabels,
    Label,
    OrientedBoxLabels,
    PanopticLabels,
    PointLabels,
    SemanticLabels,
    Task,
    TextLabel,
)

WITHOUT_CLASSES: frozenset[Task] = frozenset({"cloud", "image", "text", "array"})
_MAX_KEYPOINTS = 5_000_000


def plain_label(task: Task, values: PlainValues) -> Label:
    """Return the label of a task.

    Raises:
        GoldenFormatError: a key is missing or unknown, a value of the wrong kind, shape or range.
    """
    build, keys = _TASKS[task]
    values.require_only(keys)
    return build(values)


def checked_record(task: Task, label: object, values: Callable[[Mapping[str, Any]], PlainValues]) -> Label:
    """Return a label record that the user's code made, after the same checks.

    Args:
        values: makes PlainValues, with class indices, of the record's columns.
    """
    expected = LABEL_OF_TASK[task]
    if type(label) is not expected:
        raise values({}).problem("not a label of this task", "", f"{expected.__name__} or a dictionary", label)
    columns = _columns(label)
    if "objects" in columns:
        objects = columns.pop("objects")
        if type(objects) is not BoxLabels:
            raise values({}).problem("not a label of this task", "objects", "BoxLabels", objects)
        columns = {**_columns(objects), **columns}
    renamed = {_KEY_OF_COLUMN.get(name, name): value for name, value in columns.items() if value is not None}
    if task == "classes":
        renamed["label"] = renamed.pop("labels")
    renamed.pop("extent", None)  # width x height of the corners, as good
    return plain_label(task, values(renamed))


_KEY_OF_COLUMN = {"class_index": "labels"}


def _columns(record: Any) -> dict[str, Any]:
    return {column.name: getattr(record, column.name) for column in fields(record)}


def _class_label(values: PlainValues) -> ClassLabel:
    return ClassLabel(values.class_index(values.required("label"), "label"))


def _boxes(values: PlainValues) -> BoxLabels:
    boxes, extent = values.boxes("boxes")
    count = len(boxes)
    return box_labels(
        boxes,
        values.classes("labels", count).tolist(),
        area=_areas(values, count, (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) if extent is None else extent),
        extent=extent,
        crowd=values.flags("crowd", count).tolist(),
        ignored=values.flags("ignored", count).tolist(),
        regions=values.boxes("regions")[0] if values.has("regions") else None,
    )


def _oriented_boxes(values: PlainValues) -> OrientedBoxLabels:
    boxes = values.numbers("boxes", (None, 5)).copy()
    values.require_rows("boxes", (boxes[:, 2:4] >= 0).all(axis=1), "width and height from 0", boxes)
    boxes[:, 4] = half_turn(boxes[:, 4])
    return OrientedBoxLabels(boxes, values.classes("labels", len(boxes)), values.flags("ignored", len(boxes)))


def _instances(values: PlainValues) -> InstanceLabels:
    size = values.required("size")
    if not (isinstance(size, list | tuple) and len(size) == 2):
        raise values.problem("not a size", "size", "[height, width] in pixels", size)
    size = require_size(size[0], size[1], file=values.file, place=values.place_of("size"))
    given = values.required("masks")
    if not isinstance(given, list | tuple):
        raise values.problem("not masks", "masks", "a list of polygons or run lengths {counts, size}", given)
    encoder = MaskEncoder(size, file=values.file)
    masks = tuple(
        encode_mask(
            {"segmentation": _segmentation(one, size)}, size, values.place_of(f"masks[{row}]"), values.file, encoder
        )
        for row, one in enumerate(given)
    )
    shapes = mask_shapes(masks, size)
    if values.has("boxes"):
        boxes, extent = values.boxes("boxes", len(masks))
    else:
        boxes, extent = np.array([shape.box for shape in shapes], dtype=np.float64).reshape(-1, 4), None
    objects = box_labels(
        boxes,
        values.classes("labels", len(masks)).tolist(),
        area=_areas(values, len(masks), np.array([shape.area for shape in shapes], dtype=np.float64)),
        extent=extent,
        crowd=values.flags("crowd", len(masks)).tolist(),
        ignored=values.flags("ignored", len(masks)).tolist(),
    )
    return InstanceLabels(objects, masks, size)


def _segmentation(mask: Any, size: tuple[int, int]) -> Any:
    """A record's masks are compressed counts alone; pycocotools' own have them as bytes."""
    if isinstance(mask, bytes):
        mask = {"counts": mask, "size": list(size)}
    if isinstance(mask, dict) and isinstance(mask.get("counts"), bytes):
        mask = {**mask, "counts": mask["counts"].decode("ascii", "replace")}
    return mask


def _keypoints(values: PlainValues) -> KeypointLabels:
    points = values.numbers("keypoints", (None, None, 3))
    if points.size > 3 * _MAX_KEYPOINTS:
        raise values.problem("too many keypoints", "keypoints", f"at most {_MAX_KEYPOINTS:,}", points.shape)
    values.require_rows(
        "keypoints", np.isin(points[:, :, 2], (0, 1, 2)).all(axis=1), "visibility 0, 1 or 2 in the third place", points
    )
    boxes, extent = values.boxes("boxes", len(points))
    unlabelled = ~(points[:, :, 2] > 0).any(axis=1)
    ignored = values.flags("ignored", len(points)) | unlabelled
    objects = box_labels(
        boxes,
        values.classes("labels", len(points)).tolist(),
        area=_areas(values, len(points), (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)),
        extent=extent,
        crowd=values.flags("crowd", len(points)).tolist(),
        ignored=ignored.tolist(),
    )
    return KeypointLabels(objects, points)


def _areas(values: PlainValues, count: int, otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    if not values.has("area"):
        return otherwise
    areas = values.numbers("area", (count,))
    values.require_rows("area", areas >= 0, "square pixels, from 0", areas)
    return areas


def _semantic(values: PlainValues) -> SemanticLabels:
    return SemanticLabels(values.dense_classes("mask", dimensions=2, what="pixel"))


def _panoptic(values: PlainValues) -> PanopticLabels:
    classes = values.classes("labels", None)
    segments = values.whole_numbers("segments", dimensions=2)
    if segments.size and not -1 <= segments.min() <= segments.max() < len(classes):
        raise values.problem(
            "not positions of segments",
            "segments",
            f"-1 for none, or 0 to {len(classes) - 1}, a place in labels",
            f"{segments.min()} to {segments.max()}",
        )
    return PanopticLabels(segments.astype(np.int32), classes, values.flags("crowd", len(classes)))


def _points(values: PlainValues) -> PointLabels:
    labels = values.dense_classes("labels", dimensions=1, what="point")
    if not values.has("instance"):
        return PointLabels(labels)
    instance = values.whole_numbers("instance", dimensions=1)
    if len(instance) != len(labels) or (instance.size and not 0 <= instance.min() <= instance.max() < 2**31):
        raise values.problem(
            "not instance numbers", "instance", f"{len(labels)} whole numbers from 0, 0 for none", instance.shape
        )
    return PointLabels(labels, instance.astype(np.int32))


def _boxes_3d(values: PlainValues) -> Box3DLabels:
    boxes = values.numbers("boxes", (None, 7)).copy()
    values.require_rows("boxes", (boxes[:, 3:6] >= 0).all(axis=1), "length, width and height from 0", boxes)
    turned = (boxes[:, 6] + pi) % (2 * pi) - pi
    boxes[:, 6] = np.where(turned >= pi, -pi, turned)  # the remainder of a tiny negative number rounds up
    return Box3DLabels(boxes, values.classes("labels", len(boxes)), values.flags("ignored", len(boxes)))


def _cloud(values: PlainValues) -> CloudLabel:
    return CloudLabel(values.numbers("xyz", (None, 3)))


def _image(values: PlainValues) -> ImageLabel:
    image = np.asarray(values.array("image"))
    expected = "(H, W) or (H, W, C), uint8 or uint16, or floating point from 0 to 1"
    shaped = image.ndim in (2, 3) and image.size > 0
    if image.dtype.kind in "iu" and shaped and 0 <= image.min() <= image.max() < 2**16:
        # JSON has no types: numbers up to 255 are an 8-bit image there.
        kept = image.dtype in (np.uint8, np.uint16)
        return ImageLabel(image if kept else image.astype(np.uint8 if image.max() < 2**8 else np.uint16))
    if image.dtype.kind == "f" and shaped and 0 <= image.min() <= image.max() <= 1:
        return ImageLabel(image)
    raise values.problem("not an image", "image", expected, f"{image.dtype} {image.shape}")


def _text(values: PlainValues) -> TextLabel:
    text = values.required("text")
    if not isinstance(text, str):
        raise values.problem("not a text", "text", "text", text)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise values.problem("not Unicode text", "text", "text", repr(text)) from error
    return TextLabel(text)


def _array(values: PlainValues) -> ArrayLabel:
    if values.has("arrays") == values.has("array"):
        raise values.problem("no numbers", "array", "either array or arrays", "both" if values.has("array") else "none")
    if values.has("array"):
        return ArrayLabel({"": values.any_numbers("array")})
    arrays = values.required("arrays")
    if not isinstance(arrays, Mapping) or not arrays or not all(isinstance(name, str) for name in arrays):
        raise values.problem("not arrays by name", "arrays", "an object of names and numbers", arrays)
    inner = values.of(arrays, values.place_of("arrays"))
    return ArrayLabel({name: inner.any_numbers(name) for name in arrays})


_OBJECTS = frozenset({"boxes", "labels", "crowd", "area", "ignored"})
_TASKS: dict[Task, tuple[Callable[[PlainValues], Label], frozenset[str]]] = {
    "classes": (_class_label, frozenset({"label"})),
    "boxes": (_boxes, _OBJECTS | {"regions"}),
    "oriented_boxes": (_oriented_boxes, frozenset({"boxes", "labels", "ignored"})),
    "instances": (_instances, _OBJECTS | {"masks", "size"}),
    "keypoints": (_keypoints, _OBJECTS | {"keypoints"}),
    "semantic": (_semantic, frozenset({"mask"})),
    "panoptic": (_panoptic, frozenset({"segments", "labels", "crowd"})),
    "points": (_points, frozenset({"labels", "instance"})),
    "boxes_3d": (_boxes_3d, frozenset({"boxes", "labels", "ignored"})),
    "cloud": (_cloud, frozenset({"xyz"})),
    "image": (_image, frozenset({"image"})),
    "text": (_text, frozenset({"text"})),
    "array": (_array, frozenset({"array", "arrays"})),
}
