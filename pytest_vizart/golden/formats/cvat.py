"""CVAT for images 1.1: one XML file for all samples, boxes, polygons, masks, skeletons and points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from math import radians
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.box_columns import Corners, bounds, box_labels, require_corners
from pytest_vizart.golden.formats.class_lookup import ClassLookup
from pytest_vizart.golden.formats.cvat_file import CvatFile, CvatImage
from pytest_vizart.golden.formats.parsed_once import parsed_once
from pytest_vizart.golden.formats.polygons import MAX_POINTS, Mask, MaskEncoder, instance_labels, require_size
from pytest_vizart.golden.formats.rectangles import oriented_labels
from pytest_vizart.golden.formats.sample_files import read_number, read_numbers
from pytest_vizart.golden.formats.xml_text import Element
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

_SHAPES: dict[str, tuple[str, ...]] = {
    "boxes": ("box",),
    "oriented_boxes": ("box",),
    "instances": ("polygon", "mask"),
    "keypoints": ("skeleton", "points"),
}
"""Task -> its shapes; the others of an image are labels of something else."""

_Shape = tuple[str, Element, int]
"""Place, element, class index."""


class CvatReader:
    """Reads CVAT's own XML; a sample whose image is not in it is unlabeled, one without shapes has no objects.

    Classes are the manifest's, or else the labels of the file, counted from 0. Pixels are plain coordinates from 0.
    Keypoints are the manifest's, or else those of the file's only skeleton; their box is around those labelled, with
    its area, since CVAT has none; occluded ones are hidden, those outside not labelled.
    """

    tasks: tuple[Task, ...] = ("boxes", "instances", "keypoints", "oriented_boxes")
    per_sample = False

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        self._path = source.only_path()

    def classes(self) -> ClassMap:
        if self._source.classes is not None:
            return self._source.classes
        labels = self._file().labels
        return ClassMap(labels, tuple(range(len(labels)))) if labels else self._source.required_classes()

    def read(self, key: SampleKey) -> Label | None:
        file = self._file()
        image = file.image_of(key)
        if image is None:
            return None
        shapes = list(self._shapes(file, image))
        return _READERS[self._source.entry.task](self, shapes, image)

    def _shapes(self, file: CvatFile, image: CvatImage) -> Iterator[_Shape]:
        tags = _SHAPES[self._source.entry.task]
        for position, element in enumerate(file.shapes(image)):
            if element.tag in tags:
                place = f"image {image.name!r}, {element.tag}[{position}]"
                yield place, element, self._lookup.by_name(element.get("label", ""), file=self._path, place=place)

    def _boxes(self, shapes: list[_Shape], image: CvatImage) -> BoxLabels:
        for place, element, _ in shapes:
            if self._rotation(element, place) % 360 != 0:
                raise GoldenFormatError(
                    "box is turned",
                    file=self._path,
                    place=place,
                    expected="upright boxes",
                    found=f"rotation {element.get('rotation')}",
                    hint="use `task: oriented_boxes`",
                )
        return box_labels([self._corners(element, place) for place, element, _ in shapes], _classes_of(shapes))

    def _oriented(self, shapes: list[_Shape], image: CvatImage) -> OrientedBoxLabels:
        boxes = []
        for place, element, _ in shapes:
            x1, y1, x2, y2 = self._corners(element, place)
            angle = radians(self._rotation(element, place) % 360)
            boxes.append(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, angle))
        return oriented_labels(boxes, _classes_of(shapes))

    def _instances(self, shapes: list[_Shape], image: CvatImage) -> InstanceLabels:
        size = require_size(
            _whole(image.height), _whole(image.width), file=self._path, place=f"line {image.line}, image {image.name!r}"
        )
        encoder = MaskEncoder(size, file=self._path)
        masks = [_MASKS[element.tag](self, element, encoder, place) for place, element, _ in shapes]
        return instance_labels(masks, _classes_of(shapes), size)

    def _polygon(self, element: Element, encoder: MaskEncoder, place: str) -> Mask:
        points = self._points(element, place)
        return encoder.polygons([points.ravel().tolist()], place=place)

    def _mask(self, element: Element, encoder: MaskEncoder, place: str) -> Mask:
        names = ("left", "top", "width", "height")
        left, top, width, height = (_whole(element.get(name, "")) for name in names)
        runs = [run for text in element.get("rle", "").split(",") if (run := _whole(text)) is not None]
        if (
            left is None
            or top is None
            or width is None
            or height is None
            or len(runs) <= element.get("rle", "").count(",")
        ):
            raise GoldenFormatError(
                "not a mask",
                file=self._path,
                place=place,
                expected="whole numbers from 0: rle, left, top, width, height",
                found=", ".join(f"{name}={element.get(name, '')[:40]!r}" for name in (*names, "rle")),
                hint="export the masks again",
            )
        return encoder.row_runs(runs, (left, top, width, height), place=place)

    def _keypoints(self, shapes: list[_Shape], image: CvatImage) -> KeypointLabels:
        names = self._keypoint_names
        keypoints = np.zeros((len(shapes), len(names), 3))
        boxes: list[Corners] = []
        for row, (place, element, _) in enumerate(shapes):
            _KEYPOINTS[element.tag](self, element, keypoints[row], place)
            labelled = keypoints[row][keypoints[row][:, 2] > 0]
            boxes.append(bounds(labelled[:, :2]) if len(labelled) else (0.0, 0.0, 0.0, 0.0))
        return KeypointLabels(objects=box_labels(boxes, _classes_of(shapes)), keypoints=keypoints)

    def _skeleton(self, element: Element, keypoints: NDArray[np.float64], place: str) -> None:
        seen: set[str] = set()
        for child in element.findall("points"):
            name = child.get("label", "")
            if name not in self._keypoint_names or name in seen:
                raise GoldenFormatError(
                    "keypoint appears twice" if name in seen else "unknown keypoint",
                    file=self._path,
                    place=place,
                    expected=f"each of {', '.join(self._keypoint_names[:30])} once",
                    found=name,
                    hint="correct it, or `keypoints` in the manifest",
                )
            seen.add(name)
            points = self._points(child, place)
            if len(points) != 1:
                raise self._wrong_count(place, 1, len(points))
            if child.get("outside", "0") != "1":
                visibility = 1.0 if child.get("occluded", "0") == "1" else 2.0
                keypoints[self._keypoint_names.index(name)] = (*points[0], visibility)

    def _unnamed_points(self, element: Element, keypoints: NDArray[np.float64], place: str) -> None:
        points = self._points(element, place)
        if len(points) != len(keypoints):
            raise self._wrong_count(place, len(keypoints), len(points))
        keypoints[:, :2] = points
        keypoints[:, 2] = 1.0 if element.get("occluded", "0") == "1" else 2.0

    def _wrong_count(self, place: str, expected: int, found: int) -> GoldenFormatError:
        return GoldenFormatError(
            "another number of points than of keypoints",
            file=self._path,
            place=place,
            expected=str(expected),
            found=str(found),
            hint="correct it, or `keypoints` in the manifest",
        )

    @cached_property
    def _keypoint_names(self) -> tuple[str, ...]:
        names = tuple(self._source.entry.keypoints)
        skeletons = list(self._file().skeletons.values())
        if names or len(skeletons) == 1:
            return names or skeletons[0]
        raise GoldenFormatError(
            "keypoints are not known",
            file=self._source.manifest,
            place=f"{self._source.place}.keypoints",
            expected="their names",
            found=f"{len(skeletons)} skeletons in the file",
            hint="list them, in the order in which models give them",
        )

    def _corners(self, element: Element, place: str) -> Corners:
        corners = [
            read_number(element.get(name), file=self._path, place=f"{place}.{name}")
            for name in ("xtl", "ytl", "xbr", "ybr")
        ]
        return require_corners(corners, file=self._path, place=place, hint="is it another shape?")

    def _rotation(self, element: Element, place: str) -> float:
        return read_number(element.get("rotation", "0"), file=self._path, place=f"{place}.rotation")

    def _points(self, element: Element, place: str) -> NDArray[np.float64]:
        """Return the points of "x,y;x,y", (N, 2), pixels."""
        text = element.get("points", "")
        place = f"{place}.points"
        pairs = [pair.split(",") for pair in text.split(";")] if text.count(";") < MAX_POINTS else []
        if not pairs or any(len(pair) != 2 for pair in pairs):
            raise GoldenFormatError(
                "not points",
                file=self._path,
                place=place,
                expected=f"x,y;x,y;..., at most {MAX_POINTS:,}",
                found=text,
                hint="correct it, or remove the object",
            )
        numbers = read_numbers([cell.strip() for pair in pairs for cell in pair], file=self._path, place=place)
        return np.array(numbers).reshape(-1, 2)

    @cached_property
    def _lookup(self) -> ClassLookup:
        return ClassLookup(self.classes())

    def _file(self) -> CvatFile:
        source = self._source
        return parsed_once(source.shared, ("cvat", self._path), lambda: CvatFile(self._path, source.samples))


def _classes_of(shapes: list[_Shape]) -> list[int]:
    return [index for _, _, index in shapes]


def _whole(text: str) -> int | None:
    """Return a whole number from 0, None for any other text."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


_READERS: dict[str, Callable[[CvatReader, list[_Shape], CvatImage], Label]] = {
    "boxes": CvatReader._boxes,
    "oriented_boxes": CvatReader._oriented,
    "instances": CvatReader._instances,
    "keypoints": CvatReader._keypoints,
}
_MASKS: dict[str, Callable[[CvatReader, Element, MaskEncoder, str], Mask]] = {
    "polygon": CvatReader._polygon,
    "mask": CvatReader._mask,
}
_KEYPOINTS: dict[str, Callable[[CvatReader, Element, NDArray[Any], str], None]] = {
    "skeleton": CvatReader._skeleton,
    "points": CvatReader._unnamed_points,
}
