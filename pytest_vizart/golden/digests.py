"""Digests of decoded labels: equal where the label means the same, however its file is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.records.labels import (
    IGNORE,
    ArrayLabel,
    Box3DLabels,
    BoxLabels,
    ClassLabel,
    ClassMap,
    CloudLabel,
    ImageLabel,
    InstanceLabels,
    KeypointLabels,
    Label,
    OrientedBoxLabels,
    PanopticLabels,
    PointLabels,
    SemanticLabels,
    TextLabel,
)

_PART = 1 << 22  # values of a dense label that are turned into canonical ones at a time
_ANGLE_DECIMALS = 9  # of radians: turning an angle into its range costs the last bits
_EXACT = 2**53  # float64 holds every whole number up to it

Part = bytes | tuple[int, Iterator[bytes]]  # the latter: length, and pieces of what would be large in one


def digest_label(label: Label, classes: ClassMap) -> str:
    """Return 32 hex digits over the label's meaning: class names instead of indices, objects in a fixed order.

    Adding a class to the manifest, or writing the file anew, leaves the digests of unchanged labels as they were. So
    does what has no meaning: the order of objects and segments, the numbers of instances and segments, coordinates of
    keypoints that are not labelled, and which side of a turned rectangle is called its width. The points of a cloud,
    the pixels of an image, and numbers are taken in their order; masks as pycocotools encodes them.
    """
    hasher = blake2b(digest_size=16)
    for part in _CANONICAL[type(label)](label, classes):
        length, pieces = part if isinstance(part, tuple) else (len(part), iter((part,)))
        hasher.update(length.to_bytes(8, "little"))
        for piece in pieces:
            hasher.update(piece)
    return hasher.hexdigest()


def _class_label(label: ClassLabel, classes: ClassMap) -> Iterator[Part]:
    yield b"classes"
    yield classes.names[label.class_index].encode()


def _box_labels(label: BoxLabels, classes: ClassMap) -> Iterator[Part]:
    present, rows = _object_rows(label, classes)
    yield b"boxes"
    yield _names(present)
    yield _sorted_rows(rows)
    if label.regions is not None and len(label.regions):
        yield b"regions"
        yield _sorted_rows(label.regions)


def _oriented_box_labels(label: OrientedBoxLabels, classes: ClassMap) -> Iterator[Part]:
    present, codes = _codes_by_name(label.class_index, classes)
    boxes = label.boxes.astype(np.float64).reshape(-1, 5)
    # The same rectangle has its sides exchanged after a quarter turn, so that the longer one is its width here.
    upright = boxes[:, 2] < boxes[:, 3]
    width, height = np.maximum(boxes[:, 2], boxes[:, 3]), np.minimum(boxes[:, 2], boxes[:, 3])
    turn = np.where(width == height, pi / 2, pi)
    angle = _wrapped(np.where(upright, boxes[:, 4] + pi / 2, boxes[:, 4]), turn)
    yield b"oriented boxes"
    yield _names(present)
    yield _sorted_rows(np.column_stack([codes, boxes[:, :2], width, height, angle, label.ignored]))


def _instance_labels(label: InstanceLabels, classes: ClassMap) -> Iterator[Part]:
    present, rows = _object_rows(label.objects, classes)
    yield b"instances"
    yield repr(tuple(label.size)).encode()
    yield _names(present)
    yield from sorted(_bytes(row) + mask for row, mask in zip(rows, label.masks, strict=True))


def _keypoint_labels(label: KeypointLabels, classes: ClassMap) -> Iterator[Part]:
    present, rows = _object_rows(label.objects, classes)
    points = label.keypoints * (label.keypoints[:, :, 2:] > 0)
    count = label.keypoints.shape[1] if len(label.keypoints) else 0
    yield b"keypoints"
    yield repr(count).encode()
    yield _names(present)
    yield _sorted_rows(np.concatenate([rows, points.reshape(len(rows), 3 * count)], axis=1))


def _semantic_labels(label: SemanticLabels, classes: ClassMap) -> Iterator[Part]:
    yield from _dense(b"semantic", label.mask, classes)


def _point_labels(label: PointLabels, classes: ClassMap) -> Iterator[Part]:
    yield from _dense(b"points", label.labels, classes)
    if label.instance is not None and label.instance.any():
        yield b"instances"
        yield _by_appearance(label.instance, _first_seen(label.instance, nothing=0))


def _panoptic_labels(label: PanopticLabels, classes: ClassMap) -> Iterator[Part]:
    present, codes = _codes_by_name(label.class_index, classes)
    order = _first_seen(label.segments, nothing=IGNORE)
    columns = np.column_stack([codes, label.crowd.astype(np.int64)]).reshape(-1, 2)
    unseen = np.setdiff1d(np.arange(len(columns)), order)
    yield b"panoptic"
    yield repr(label.segments.shape).encode()
    yield _names(present)
    yield _by_appearance(label.segments, order)
    yield columns[order].astype("<i8").tobytes()
    yield _sorted_rows(columns[unseen])


def _box_3d_labels(label: Box3DLabels, classes: ClassMap) -> Iterator[Part]:
    present, codes = _codes_by_name(label.class_index, classes)
    boxes = label.boxes.astype(np.float64).reshape(-1, 7)
    yaw = _wrapped(boxes[:, 6], np.full(len(boxes), 2 * pi))
    yield b"boxes 3d"
    yield _names(present)
    yield _sorted_rows(np.column_stack([codes, boxes[:, :6], yaw, label.ignored]))


def _cloud_label(label: CloudLabel, classes: ClassMap) -> Iterator[Part]:
    yield b"cloud"
    yield from _numbers(label.xyz)


def _image_label(label: ImageLabel, classes: ClassMap) -> Iterator[Part]:
    # 255 of 8 bits and of 16 bits are different brightnesses, 0.5 is the same in all floating point.
    kind = "float" if label.image.dtype.kind == "f" else label.image.dtype.name
    yield b"image"
    yield kind.encode()
    yield from _numbers(label.image)


def _text_label(label: TextLabel, classes: ClassMap) -> Iterator[Part]:
    yield b"text"
    yield label.text.encode("utf-8", "surrogatepass")


def _array_label(label: ArrayLabel, classes: ClassMap) -> Iterator[Part]:
    yield b"array"
    for name in sorted(label.arrays):
        yield name.encode("utf-8", "surrogatepass")
        yield from _numbers(label.arrays[name])


def _object_rows(label: BoxLabels, classes: ClassMap) -> tuple[list[str], NDArray[np.float64]]:
    """Return the names that occur, and for each object its class, box, crowd, area; ignored where some object is."""
    present, codes = _codes_by_name(label.class_index, classes)
    columns = [codes.astype(np.float64), label.boxes, label.crowd.astype(np.float64), label.area]
    if label.ignored is not None and label.ignored.any():
        columns.append(label.ignored.astype(np.float64))
    return present, np.column_stack(columns)


def _wrapped(angles: NDArray[np.float64], turn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angles in [0, turn), rounded, so that equal directions are equal numbers."""
    rounded = np.round(angles % turn, _ANGLE_DECIMALS)
    return np.where(rounded >= np.round(turn, _ANGLE_DECIMALS), 0.0, rounded)


def _first_seen(values: NDArray[Any], *, nothing: int) -> NDArray[np.int64]:
    """Return the values but `nothing`, in the order in which they first appear."""
    seen: dict[int, None] = {}
    for part in _parts(values):
        distinct, first = np.unique(part, return_index=True)
        seen.update(dict.fromkeys(distinct[np.argsort(first)].tolist()))
    seen.pop(nothing, None)
    return np.array(list(seen), dtype=np.int64)


def _by_appearance(values: NDArray[Any], order: NDArray[np.int64]) -> Part:
    """Return the position of each value in `order`, -1 for the one that is not in it."""
    by_value = np.argsort(order)
    ordered = order[by_value]

    def positions(part: NDArray[Any]) -> NDArray[np.int64]:
        if not len(ordered):
            return np.full(part.shape, -1)
        nearest = np.minimum(np.searchsorted(ordered, part), len(ordered) - 1)
        return np.where(ordered[nearest] == part, by_value[nearest], -1)

    return 4 * values.size, (positions(part).astype("<i4").tobytes() for part in _parts(values))


def _dense(kind: bytes, indices: NDArray[np.int32], classes: ClassMap) -> Iterator[Part]:
    present, table = _code_table(_counts(indices, len(classes)), classes)
    yield kind
    yield repr(indices.shape).encode()
    yield _names(present)
    yield 4 * indices.size, (table[part + 1].astype("<i4").tobytes() for part in _parts(indices))


def _codes_by_name(indices: NDArray[Any], classes: ClassMap) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names that occur, sorted, and each index replaced by the position of its name; IGNORE stays."""
    present, table = _code_table(_counts(indices, len(classes)), classes)
    return present, table[indices + 1]


def _counts(indices: NDArray[Any], classes: int) -> NDArray[np.int64]:
    counts = np.zeros(classes + 1, dtype=np.int64)
    for part in _parts(indices):
        counts += np.bincount(part + 1, minlength=classes + 1)
    return counts[1:]


def _code_table(counts: NDArray[np.int64], classes: ClassMap) -> tuple[list[str], NDArray[np.int64]]:
    present = sorted(classes.names[index] for index in np.flatnonzero(counts))
    position = {name: code for code, name in enumerate(present)}
    return present, np.array([IGNORE, *(position.get(name, IGNORE) for name in classes.names)], dtype=np.int64)


def _parts(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    flat = values.reshape(-1)
    return (flat[start : start + _PART] for start in range(0, flat.size, _PART))


def _numbers(values: NDArray[Any]) -> Iterator[Part]:
    """Shape and numbers: whole numbers and floating point of one value are one, all NaN are one."""
    yield repr(values.shape).encode()
    if values.dtype.kind in "biuf" and values.dtype.itemsize <= 8:
        yield 8 * values.size, (_bytes(part) for part in _parts(values))
    elif values.dtype.kind in "USO":
        yield repr(values.tolist()).encode("utf-8", "surrogatepass")
    else:
        yield values.dtype.str.encode() + values.tobytes()


def _bytes(values: NDArray[Any]) -> bytes:
    """Numbers as float64, with one zero and one NaN; whole ones as they are where float64 does not hold them."""
    numbers = values.astype("<f8")
    if values.dtype.kind in "iu" and values.size and not -_EXACT <= values.min() <= values.max() <= _EXACT:
        return values.astype("<" + values.dtype.str[1:]).tobytes()
    numbers += 0.0  # -0.0 and 0.0 are one number
    numbers[np.isnan(numbers)] = np.nan
    return numbers.tobytes()


def _sorted_rows(rows: NDArray[Any]) -> bytes:
    rows = rows.astype(np.float64)
    order = np.lexsort(rows.T[::-1]) if rows.size else np.arange(len(rows))
    return _bytes(rows[order])


def _names(names: list[str]) -> bytes:
    return b"\0".join(name.encode() for name in names)


_CANONICAL: dict[type[Any], Callable[[Any, ClassMap], Iterator[Part]]] = {
    ClassLabel: _class_label,
    BoxLabels: _box_labels,
    OrientedBoxLabels: _oriented_box_labels,
    InstanceLabels: _instance_labels,
    KeypointLabels: _keypoint_labels,
    SemanticLabels: _semantic_labels,
    PanopticLabels: _panoptic_labels,
    PointLabels: _point_labels,
    Box3DLabels: _box_3d_labels,
    CloudLabel: _cloud_label,
    ImageLabel: _image_label,
    TextLabel: _text_label,
    ArrayLabel: _array_label,
}
