"""KITTI object labels (Geiger et al., 2012): one text file for each sample, boxes in the image and cuboids."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from pathlib import Path

import numpy as np

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.box_columns import Corners, box_labels, require_corners
from pytest_vizart.golden.formats.per_sample import PerSampleReader
from pytest_vizart.golden.formats.sample_files import read_numbers, sample_rows
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import MAX_EDGE_PX, Box3DLabels, BoxLabels, Label, Task

_COLUMNS = 15
_DONT_CARE = "DontCare"

_Row = tuple[str, str, list[float]]
"""Place, type, the 14 numbers after it."""


class KittiReader(PerSampleReader):
    """Reads `label_2/{id}.txt`; a sample without such a file is unlabeled.

    A line is: type, truncated, occluded, alpha, left, top, right, bottom (pixels from 0), height, width, length, x, y,
    z (metres), rotation_y (radians).

    Boxes: the corners as they are. DontCare gives the regions in which predictions of any class do not count.

    Cuboids: KITTI's own are in the camera's frame (x right, y down, z forward), the location at the bottom's centre.
    They are told in a frame with x forward, y left, z up, the origin still the camera's, the centre half
    a height above the bottom: (z, -x, -y + height / 2). rotation_y turns about the axis that points down, and is 0 for
    a heading to the right; yaw turns about the one that points up, from x towards y: yaw = -rotation_y - pi/2. A model
    whose cuboids are in the laser scanner's frame needs the calibration applied before. DontCare is left out.
    """

    tasks: tuple[Task, ...] = ("boxes", "boxes_3d")

    def read(self, key: SampleKey) -> Label | None:
        path = self._source.path_for(key)
        lines = sample_rows(path)
        if lines is None:
            return None
        rows = [_row(text, path, place) for place, text in lines]
        return _READERS[self._source.entry.task](self, rows, path)

    def _boxes(self, rows: list[_Row], path: Path) -> BoxLabels:
        corners = [(name, place, _corners(numbers, path, place)) for place, name, numbers in rows]
        objects = [one for one in corners if one[0] != _DONT_CARE]
        return box_labels(
            [box for _, _, box in objects],
            [self._lookup.by_name(name, file=path, place=place) for name, place, _ in objects],
            regions=[box for name, _, box in corners if name == _DONT_CARE],
        )

    def _cuboids(self, rows: list[_Row], path: Path) -> Box3DLabels:
        objects = [(place, name, numbers) for place, name, numbers in rows if name != _DONT_CARE]
        boxes = np.array([_cuboid(numbers, path, place) for place, _, numbers in objects], dtype=np.float64)
        return Box3DLabels(
            boxes=boxes.reshape(-1, 7),
            class_index=np.array(
                [self._lookup.by_name(name, file=path, place=place) for place, name, _ in objects], dtype=np.int64
            ),
            ignored=np.zeros(len(objects), dtype=np.bool_),
        )


def _row(text: str, path: Path, place: str) -> _Row:
    cells = text.split()
    if len(cells) != _COLUMNS:
        raise GoldenFormatError(
            "not a line of a KITTI label",
            file=path,
            place=place,
            expected=f"{_COLUMNS} columns: type, truncated, occluded, alpha, 4 of the box, 3 sizes, 3 of the location, "
            "rotation_y",
            found=f"{len(cells)} columns",
            hint="a 16th column is a score: this is a file of predictions"
            if len(cells) == _COLUMNS + 1
            else "is it another format?",
        )
    return place, cells[0], read_numbers(cells[1:], file=path, place=place)


def _corners(numbers: list[float], path: Path, place: str) -> Corners:
    return require_corners(numbers[3:7], file=path, place=place, hint="columns 5 to 8 are left, top, right, bottom")


def _cuboid(numbers: list[float], path: Path, place: str) -> tuple[float, ...]:
    height, width, length, x, y, z, rotation_y = numbers[7:14]
    if min(height, width, length) < 0 or max(map(abs, numbers[7:14])) > MAX_EDGE_PX:
        raise GoldenFormatError(
            "object has no cuboid",
            file=path,
            place=place,
            expected="height, width, length from 0, metres, in columns 9 to 11",
            found=f"{height:g}, {width:g}, {length:g}",
            hint="labelled in the image only? then use `task: boxes`",
        )
    yaw = (-rotation_y - pi / 2 + pi) % (2 * pi) - pi
    return z, -x, -y + height / 2, length, width, height, yaw if yaw < pi else -pi


_READERS: dict[str, Callable[[KittiReader, list[_Row], Path], Label]] = {
    "boxes": KittiReader._boxes,
    "boxes_3d": KittiReader._cuboids,
}
