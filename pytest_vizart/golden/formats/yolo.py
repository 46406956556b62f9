"""YOLO text files: one for each sample, its boxes, segments, poses or oriented boxes, in shares of the image's size."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import is_folder
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.box_columns import box_labels
from pytest_vizart.golden.formats.class_lookup import ClassLookup
from pytest_vizart.golden.formats.parsed_once import parsed_once
from pytest_vizart.golden.formats.polygons import MaskEncoder, instance_labels
from pytest_vizart.golden.formats.rectangles import oriented_labels, smallest_rectangles
from pytest_vizart.golden.formats.sample_files import sample_rows
from pytest_vizart.golden.formats.yolo_names import YoloNames, contradiction, find_names
from pytest_vizart.golden.formats.yolo_rows import Row, read_rows
from pytest_vizart.golden.image_size import Size, image_size
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import (
    BoxLabels,
    ClassMap,
    InstanceLabels,
    KeypointLabels,
    Label,
    OrientedBoxLabels,
    Task,
)

_KINDS: dict[str, tuple[str, ...]] = {
    "boxes": ("boxes", "segments", "poses"),
    "instances": ("segments",),
    "keypoints": ("poses",),
    "oriented_boxes": ("oriented",),
}
"""Task -> what the lines may hold; the first where the manifest does not say."""


class YoloReader:
    """Reads `labels/{id}.txt`; a sample without such a file has no objects, if the folder is there.

    What a line holds is declared, never guessed: the manifest's `kind`, or that of the task. Classes are the IDs of the
    manifest's class map; without one, the names beside the labels are taken. Coordinates are multiplied by the size of
    the image as it is stored, its orientation tag left out. Poses of two values for each keypoint are visible; the area
    of a pose is that of its box, since the file has no masks.
    """

    tasks: tuple[Task, ...] = ("boxes", "instances", "keypoints", "oriented_boxes")
    per_sample = True

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        kinds = _KINDS[source.entry.task]
        self._kind: str = source.entry.kind or kinds[0]
        if self._kind not in kinds:
            raise GoldenFormatError(
                f"lines of this kind give no labels for task {source.entry.task}",
                file=source.manifest,
                place=f"{source.place}.kind",
                expected=" or ".join(kinds),
                found=self._kind,
                hint="correct the kind or the task",
            )

    def classes(self) -> ClassMap:
        names = self._names
        if self._source.classes is None:
            return names.classes if names and names.classes else self._source.required_classes()
        problem = contradiction(names, self._source.classes) if names else None
        if problem is not None:
            raise problem
        return self._source.classes

    def read(self, key: SampleKey) -> Label | None:
        path = self._source.path_for(key)
        lines = sample_rows(path)
        if lines is None and not is_folder(path.parent):
            return None
        rows = read_rows(lines or (), self._kind, path=path, keypoints=self._keypoint_shapes)
        size = image_size(key.path, self._source.shared)
        return _READERS[self._source.entry.task, self._kind](self, rows, size, path)

    def _boxes(self, rows: list[Row], size: Size, path: Path) -> BoxLabels:
        height, width = size
        shares = np.array([numbers[1:5] for _, numbers in rows], dtype=np.float64).reshape(-1, 4)
        x, y, w, h = (shares * [width, height, width, height]).T
        corners = np.column_stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        return box_labels(corners, self._class_index(rows, path), area=w * h, extent=w * h)

    def _boxes_of_segments(self, rows: list[Row], size: Size, path: Path) -> BoxLabels:
        return self._segments(rows, size, path).objects

    def _segments(self, rows: list[Row], size: Size, path: Path) -> InstanceLabels:
        height, width = size
        encoder = MaskEncoder(size, file=path)
        masks = []
        for place, numbers in rows:
            points = np.array(numbers[1:]).reshape(-1, 2) * [width, height]
            masks.append(encoder.polygons([points.ravel().tolist()], place=place))
        return instance_labels(masks, self._class_index(rows, path), size)

    def _poses(self, rows: list[Row], size: Size, path: Path) -> KeypointLabels:
        height, width = size
        shapes = self._keypoint_shapes
        count, values = next((one for one in shapes if rows and 5 + one[0] * one[1] == len(rows[0][1])), shapes[0])
        keypoints = np.full((len(rows), count, 3), 2.0)
        given = np.array([numbers[5:] for _, numbers in rows], dtype=np.float64)
        keypoints[:, :, :values] = given.reshape(len(rows), count, values)
        keypoints[:, :, :2] *= [width, height]
        return KeypointLabels(objects=self._boxes(rows, size, path), keypoints=keypoints)

    def _oriented(self, rows: list[Row], size: Size, path: Path) -> OrientedBoxLabels:
        height, width = size
        corners = np.array([numbers[1:] for _, numbers in rows], dtype=np.float64).reshape(-1, 4, 2) * [width, height]
        return oriented_labels(smallest_rectangles(corners), self._class_index(rows, path))

    def _class_index(self, rows: list[Row], path: Path) -> list[int]:
        return [self._lookup.by_id(numbers[0], file=path, place=place) for place, numbers in rows]

    @cached_property
    def _lookup(self) -> ClassLookup:
        return ClassLookup(self.classes())

    @property
    def _names(self) -> YoloNames | None:
        root = self._source.root
        fixed = PurePosixPath(self._source.entry.path.partition("{id}")[0] + "x").parent
        return parsed_once(
            self._source.shared,
            ("yolo names", root / fixed),
            lambda: find_names(root, root / fixed, manifest=self._source.manifest, place=f"{self._source.place}.path"),
        )

    @cached_property
    def _keypoint_shapes(self) -> tuple[tuple[int, int], ...]:
        """Number of keypoints and of values for each: what data.yaml says, or both numbers of values."""
        if self._kind != "poses":
            return ()
        named = len(self._source.entry.keypoints)
        names = self._names
        shape = names.keypoints if names else None
        if shape is not None and named in (0, shape[0]):
            return (shape,)
        if shape is None and named:
            return ((named, 3), (named, 2))
        raise GoldenFormatError(
            "number of keypoints is not known" if shape is None else "not as many keypoints as data.yaml has",
            file=self._source.manifest,
            place=f"{self._source.place}.keypoints",
            expected="their names" if shape is None else f"{shape[0]} names",
            found=f"{named} names",
            hint="list them, or write kpt_shape into data.yaml" if shape is None else "complete the list",
        )


_READERS: dict[tuple[str, str], Callable[[YoloReader, list[Row], Size, Path], Label]] = {
    ("boxes", "boxes"): YoloReader._boxes,
    ("boxes", "segments"): YoloReader._boxes_of_segments,
    ("boxes", "poses"): YoloReader._boxes,
    ("instances", "segments"): YoloReader._segments,
    ("keypoints", "poses"): YoloReader._poses,
    ("oriented_boxes", "oriented"): YoloReader._oriented,
}
