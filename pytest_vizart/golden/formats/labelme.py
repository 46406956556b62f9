"""LabelMe JSON: one file for each sample, rectangles, polygons, circles, masks and points."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.box_columns import box_labels
from pytest_vizart.golden.formats.labelme_file import (
    LabelMeFile,
    Shape,
    box_of,
    mask_of,
    outline_of,
    read_labelme,
)
from pytest_vizart.golden.formats.per_sample import PerSampleReader
from pytest_vizart.golden.formats.polygons import Mask, MaskEncoder, instance_labels, require_size
from pytest_vizart.golden.image_size import image_size
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import BoxLabels, InstanceLabels, KeypointLabels, Label, Task

_AREAS = ("rectangle", "polygon", "circle", "mask")
_VISIBLE = 2.0


class LabelMeReader(PerSampleReader):
    """Reads `labels/{id}.json`; a sample without such a file is unlabeled.

    Boxes and instances: every rectangle, polygon, circle and mask is an object; instances of one class that share a
    `group_id` are parts of one. Lines and points are left out. Keypoints: an object is a shape with an area, whose box
    it has, and the points, labelled with the names that the manifest gives to keypoints, that share its `group_id`.
    """

    tasks: tuple[Task, ...] = ("boxes", "instances", "keypoints")

    def read(self, key: SampleKey) -> Label | None:
        file = read_labelme(self._source.path_for(key))
        return None if file is None else _READERS[self._source.entry.task](self, file, key)

    def _boxes(self, file: LabelMeFile, _: SampleKey) -> BoxLabels:
        shapes = [shape for shape in file.shapes if shape.kind in _AREAS]
        return box_labels([box_of(shape) for shape in shapes], [self._class_index(shape, file) for shape in shapes])

    def _instances(self, file: LabelMeFile, key: SampleKey) -> InstanceLabels:
        if file.height is None and file.width is None:
            size = image_size(key.path, self._source.shared)
        else:
            size = require_size(file.height, file.width, file=file.path, place="", names=("imageHeight", "imageWidth"))
        encoder = MaskEncoder(size, file=file.path)
        objects: dict[object, list[Shape]] = {}
        for position, shape in enumerate(file.shapes):
            if shape.kind in _AREAS:
                tie = (shape.label, shape.group) if shape.group is not None else position
                objects.setdefault(tie, []).append(shape)
        masks = [_mask(parts, encoder, file) for parts in objects.values()]
        return instance_labels(masks, [self._class_index(parts[0], file) for parts in objects.values()], size)

    def _keypoints(self, file: LabelMeFile, _: SampleKey) -> KeypointLabels:
        names = self._keypoint_names
        shapes = [shape for shape in file.shapes if shape.kind in _AREAS]
        row_of_group = {shape.group: row for row, shape in enumerate(shapes) if shape.group is not None}
        if len(row_of_group) < sum(shape.group is not None for shape in shapes):
            raise self._wrong_group(file, "shapes", "one shape with an area for each group_id", "two of one group")
        keypoints = np.zeros((len(shapes), len(names), 3))
        for shape in file.shapes:
            if shape.kind != "point":
                continue
            row = row_of_group.get(shape.group) if shape.group is not None else None
            if row is None or shape.label not in names:
                raise self._wrong_group(
                    file,
                    shape.place,
                    f"one of {', '.join(names[:30])}, with the group_id of its object",
                    f"{shape.label}, group_id {shape.group}",
                )
            cell = keypoints[row, names.index(shape.label)]
            if cell[2]:
                raise self._wrong_group(file, shape.place, "each keypoint of an object once", f"a second {shape.label}")
            cell[:] = (*shape.points[0], _VISIBLE)
        boxes = [box_of(shape) for shape in shapes]
        objects = box_labels(boxes, [self._class_index(shape, file) for shape in shapes])
        return KeypointLabels(objects=objects, keypoints=keypoints)

    def _wrong_group(self, file: LabelMeFile, place: str, expected: str, found: str) -> GoldenFormatError:
        return GoldenFormatError(
            "point belongs to no object",
            file=file.path,
            place=place,
            expected=expected,
            found=found,
            hint="draw a rectangle around the object, and give the points its group_id",
        )

    def _class_index(self, shape: Shape, file: LabelMeFile) -> int:
        return self._lookup.by_name(shape.label, file=file.path, place=f"{shape.place}.label")

    @cached_property
    def _keypoint_names(self) -> tuple[str, ...]:
        if self._source.entry.keypoints:
            return tuple(self._source.entry.keypoints)
        raise GoldenFormatError(
            "keypoints are not known",
            file=self._source.manifest,
            place=f"{self._source.place}.keypoints",
            expected="their names",
            found="nothing",
            hint="list them, in the order in which models give them",
        )


def _mask(parts: list[Shape], encoder: MaskEncoder, file: LabelMeFile) -> Mask:
    bitmaps = [shape for shape in parts if shape.kind == "mask"]
    if not bitmaps:
        return encoder.polygons([outline_of(shape) for shape in parts], place=parts[0].place)
    if len(parts) > 1:
        raise GoldenFormatError(
            "mask has other shapes in its group",
            file=file.path,
            place=bitmaps[0].place,
            expected="one mask for an object",
            found=f"{len(parts)} shapes of group_id {bitmaps[0].group}",
            hint="give it another group_id, or none",
        )
    return mask_of(bitmaps[0], encoder, file.path)


_READERS: dict[str, Callable[[LabelMeReader, LabelMeFile, SampleKey], Label]] = {
    "boxes": LabelMeReader._boxes,
    "instances": LabelMeReader._instances,
    "keypoints": LabelMeReader._keypoints,
}
