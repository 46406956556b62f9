"""Objects of one sample that lie exactly upon each other: labelled twice, or with two classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from pytest_vizart.golden.validation.findings import Finding, finding
from pytest_vizart.golden.validation.objects import Place
from pytest_vizart.records.labels import (
    Box3DLabels,
    BoxLabels,
    ClassMap,
    InstanceLabels,
    KeypointLabels,
    Label,
    OrientedBoxLabels,
)

_OUTLINE_KEYS = ("segmentation", "keypoints")

Row = Mapping[str, Any]


def double_findings(
    shapes: Sequence[object], classes: Sequence[object], file: object, place: Place, **about: Any
) -> Iterator[Finding]:
    """Yield the objects whose shape an earlier one of the sample has too.

    Args:
        shapes: hashable and equal for objects that lie upon each other; None for those that are not compared.
        classes: of each object, for the message.
    """
    seen: dict[object, dict[str, int]] = {}
    for index, (shape, name) in enumerate(zip(shapes, map(str, classes), strict=True)):
        if shape is None:
            continue
        others = seen.setdefault(shape, {})
        if name in others:
            yield finding(
                "duplicate-object", file, f"the same object of class {name[:60]} as {place(others[name])}",
                place=place(index), hint="remove one: a model that finds it once misses the other", **about,
            )  # fmt: skip
        elif others:
            other, first = next(iter(others.items()))
            yield finding(
                "object-with-two-classes", file, f"{name[:60]} here, {other[:60]} in {place(first)}, in the same place",
                place=place(index), hint="remove the wrong one, unless objects may have several classes", **about,
            )  # fmt: skip
        others.setdefault(name, index)


def label_doubles(label: Label, classes: ClassMap, file: object, place: Place, **about: Any) -> Iterator[Finding]:
    """Yield the doubled objects of a label; nothing for labels without objects."""
    if type(label) not in _OBJECTS:
        return
    shapes, indices = _OBJECTS[type(label)](label)
    yield from double_findings(shapes, [classes.names[index] for index in indices], file, place, **about)


def row_shapes(boxes: Sequence[Sequence[float]], rows: Sequence[Row]) -> list[object]:
    """Return what tells whether rows of one image in a COCO file lie upon each other: box, outline and crowd flag.

    None for boxes without an area, which are told of already. Outlines are looked at only where boxes are equal.
    """
    corners = [tuple(box) for box in boxes]
    times = Counter(corners)
    return [
        None if box[2] <= 0 or box[3] <= 0 else (box, _outline(row)) if times[box] > 1 else box
        for box, row in zip(corners, rows, strict=True)
    ]


def _outline(row: Row) -> bytes | None:
    try:
        return orjson.dumps([row.get("iscrowd") == 1, *(row.get(key) for key in _OUTLINE_KEYS)])
    except orjson.JSONEncodeError:  # nested too deeply, or numbers too large: the reader tells
        return None


def _boxes(label: BoxLabels, outlines: Sequence[bytes] | None = None) -> tuple[list[object], list[int]]:
    boxes: list[list[float]] = label.boxes.tolist()
    crowd: list[bool] = label.crowd.tolist()
    own = outlines if outlines is not None else [b""] * len(boxes)
    shapes: list[object] = [
        (*box, flag, outline) if box[2] > box[0] and box[3] > box[1] else None
        for box, flag, outline in zip(boxes, crowd, own, strict=True)
    ]
    return shapes, label.class_index.tolist()


def _turned(label: OrientedBoxLabels | Box3DLabels) -> tuple[list[object], list[int]]:
    return [tuple(box) for box in label.boxes.tolist()], label.class_index.tolist()


_OBJECTS: dict[type, Callable[[Any], tuple[list[object], list[int]]]] = {
    BoxLabels: _boxes,
    OrientedBoxLabels: _turned,
    Box3DLabels: _turned,
    InstanceLabels: lambda label: _boxes(label.objects, label.masks),
    KeypointLabels: lambda label: _boxes(label.objects, [points.tobytes() for points in label.keypoints]),
}
