"""Boxes held against their image, and masks against its size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.golden.image_size import Size
from pytest_vizart.golden.validation.findings import Finding, finding
from pytest_vizart.records.labels import (
    BoxLabels,
    InstanceLabels,
    KeypointLabels,
    Label,
    OrientedBoxLabels,
    PanopticLabels,
    SemanticLabels,
)

_EDGE_PX = 1.0
"""Annotation tools round: a box may reach so far over the edge."""

Place = Callable[[int], str]
"""Position of an object among those of its sample -> its place in the file."""


def box_findings(
    boxes: NDArray[np.float64], size: Size | None, file: object, place: Place, **about: Any
) -> Iterator[Finding]:
    """Yield what is wrong with boxes, (N, 4) xyxy in pixels, of an image of this size (unknown: None)."""
    if not len(boxes):
        return
    x1, y1, x2, y2 = boxes.T
    empty = (x2 <= x1) | (y2 <= y1)
    for index in np.flatnonzero(empty):
        yield finding(
            "zero-area", file, f"box {_shown(boxes[index])} has no area", place=place(int(index)),
            hint="remove it, or correct its corners", **about,
        )  # fmt: skip
    if size is None:
        return
    height, width = size
    outside = (x2 <= 0) | (y2 <= 0) | (x1 >= width) | (y1 >= height)
    over = np.maximum.reduce([-x1, -y1, x2 - width, y2 - height])
    for index in np.flatnonzero(~empty & (outside | (over > _EDGE_PX))):
        kind = "outside" if outside[index] else "over-edge"
        what = "lies outside of" if outside[index] else f"reaches {over[index]:.4g} px over the edge of"
        yield finding(
            kind, file, f"box {_shown(boxes[index])} {what} its image of {width} x {height}", place=place(int(index)),
            hint="correct its corners; are they pixels, and of this image?", **about,
        )  # fmt: skip


def size_findings(label: Label, size: Size | None, file: object, **about: Any) -> Iterator[Finding]:
    """Yield a finding where a mask has not its image's size."""
    own = _SIZES[type(label)](label) if type(label) in _SIZES and size is not None else size
    if own is not None and size is not None and tuple(own) != size:
        yield finding(
            "size-mismatch", file, f"label of {own[1]} x {own[0]}, image of {size[1]} x {size[0]}",
            hint="width x height: was the image resized, or turned, after it was labelled?", **about,
        )  # fmt: skip


def boxes_of(label: Label) -> NDArray[np.float64] | None:
    """Return the boxes of a label, (N, 4) xyxy; turned boxes as the box around them; None for other labels."""
    found: NDArray[np.float64] | None = _BOXES[type(label)](label) if type(label) in _BOXES else None
    return found


def _around(label: OrientedBoxLabels) -> NDArray[np.float64]:
    x, y, width, height, angle = label.boxes.T
    half_width = (np.abs(width * np.cos(angle)) + np.abs(height * np.sin(angle))) / 2
    half_height = (np.abs(width * np.sin(angle)) + np.abs(height * np.cos(angle))) / 2
    return np.column_stack([x - half_width, y - half_height, x + half_width, y + half_height])


def _shown(box: NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in box) + ")"


_BOXES: dict[type, Callable[[Any], NDArray[np.float64]]] = {
    BoxLabels: lambda label: label.boxes,
    OrientedBoxLabels: _around,
    InstanceLabels: lambda label: label.objects.boxes,
    KeypointLabels: lambda label: label.objects.boxes,
}
_SIZES: dict[type, Callable[[Any], Size]] = {
    InstanceLabels: lambda label: label.size,
    SemanticLabels: lambda label: label.mask.shape,
    PanopticLabels: lambda label: label.segments.shape,
}
