"""COCO's panoptic format (Kirillov et al., 2019): a PNG whose colours are segment IDs, and a JSON file about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import resolve_inside
from pytest_vizart.golden.formats.coco_file import CocoFile, CocoImage
from pytest_vizart.golden.formats.coco_values import is_crowd, read_flag, shown
from pytest_vizart.golden.inputs import decoded, open_image
from pytest_vizart.records.labels import IGNORE, ClassMap, PanopticLabels

_MAX_SEGMENT_ID = 2**24 - 1
_MAX_PX = 64_000_000  # colours and segments of one image: 450 MB
_PART_PX = 1_000_000


def with_things(classes: ClassMap, file: CocoFile) -> ClassMap:
    """Return the class map with `things`, from the categories' `isthing`; as it is where one of them has none.

    Raises:
        GoldenFormatError: an `isthing` that is neither 0 nor 1.
    """
    known: dict[str, bool] = {}
    for place, row in file.category_rows:
        flag = read_flag(row, "isthing", place, file.path, hint="1 for what can be counted, 0 for stuff")
        if flag is not None:
            known[str(row["name"])] = flag
    if not all(name in known for name in classes.names):
        return classes
    return ClassMap(classes.names, classes.ids, tuple(known[name] for name in classes.names))


def segment_file(root: Path, folder: str, row: Mapping[str, Any], place: str, path: Path) -> Path:
    """Return the PNG of an annotation, in the dataset's folder `folder`; GoldenFormatError if it lies elsewhere."""
    name = row.get("file_name")
    if not isinstance(name, str) or not name:
        raise GoldenFormatError(
            "annotation has no PNG",
            file=path,
            place=f"{place}.file_name",
            expected="the name of a PNG file",
            found="nothing" if "file_name" not in row else shown(name),
            hint="is this a file of panoptic labels?",
        )
    return resolve_inside(root, str(PurePosixPath(folder) / name), file=path, place=f"{place}.file_name")


def read_panoptic(
    png: Path,
    row: Mapping[str, Any],
    image: CocoImage,
    class_index: Callable[[dict[str, Any], str], int],
    place: str,
    path: Path,
) -> PanopticLabels:
    """Return the segments of one annotation: ID = R + 256 G + 65536 B, 0 where there is no label.

    Raises:
        GoldenFormatError: the PNG is not there, no colour PNG or of another size; a segment is in one of the two files
            only; a segment of an unknown category.
    """
    numbers, indices, crowd = _segments(row, class_index, place, path)
    colours = _colours(png, image, path)
    segments = np.empty(colours.shape[:2], dtype=np.int32)
    order = np.argsort(numbers)
    present = np.zeros(len(numbers) + 1, dtype=np.bool_)  # the last for pixels without a label
    for top in range(0, len(colours), rows := max(1, _PART_PX // max(1, colours.shape[1]))):
        part = segments[top : top + rows]
        part[...] = _positions(colours[top : top + rows], numbers, order, place, png)
        present[part] = True  # IGNORE, -1, is the last place
    if not present[:-1].all():
        absent = int(np.flatnonzero(~present)[0])
        raise _one_sided(
            "a segment has no pixel in the PNG", int(numbers[absent]), f"{place}.segments_info[{absent}]", path
        )
    return PanopticLabels(segments=segments, class_index=indices, crowd=crowd)


def _positions(
    colours: NDArray[np.uint8], numbers: NDArray[np.int64], order: NDArray[np.int64], place: str, png: Path
) -> NDArray[np.int64]:
    """Return the position of each pixel's segment in `numbers`, IGNORE for ID 0."""
    ids = colours[..., :3] @ np.array([1, 256, 65536], dtype=np.int64)
    if not len(numbers):
        found, known = np.zeros(ids.shape, dtype=np.int64), np.zeros(ids.shape, dtype=np.bool_)
    else:
        ordered = numbers[order]
        nearest = np.minimum(np.searchsorted(ordered, ids), len(ordered) - 1)
        found, known = order[nearest], ordered[nearest] == ids
    strange = ids[~known & (ids != 0)]
    if strange.size:
        raise _one_sided("a segment of the PNG is not in segments_info", int(strange[0]), place, png)
    return np.where(known, found, IGNORE)


def _segments(
    row: Mapping[str, Any], class_index: Callable[[dict[str, Any], str], int], place: str, path: Path
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return ID, class index and crowd flag of each segment."""
    rows = row.get("segments_info")
    if not isinstance(rows, list):
        raise GoldenFormatError(
            "annotation has no segments",
            file=path,
            place=f"{place}.segments_info",
            expected="a list of objects with id and category_id",
            found="nothing" if "segments_info" not in row else shown(rows),
            hint="is this a file of panoptic labels?",
        )
    numbers: dict[int, None] = {}
    indices, crowd = [], []
    for position, segment in enumerate(rows):
        here = f"{place}.segments_info[{position}]"
        number = segment.get("id") if isinstance(segment, dict) else None
        if type(number) is not int or not 0 < number <= _MAX_SEGMENT_ID or number in numbers:
            raise GoldenFormatError(
                "segment ID appears twice" if type(number) is int and number in numbers else "not a segment",
                file=path,
                place=here,
                expected=f"an object whose id, from 1 to {_MAX_SEGMENT_ID}, no other has",
                found=shown(segment),
                hint="0 is kept for pixels without a label",
            )
        numbers[number] = None
        indices.append(class_index(segment, here))
        crowd.append(is_crowd(segment, here, path))
    return (
        np.array(list(numbers), dtype=np.int64),
        np.array(indices, dtype=np.int64),
        np.array(crowd, dtype=np.bool_),
    )


def _colours(png: Path, image: CocoImage, path: Path) -> NDArray[np.uint8]:
    """Return (H, W, 3 or 4)."""
    with open_image(png, formats=("PNG",)) as stored:
        mode = stored.mode
        width, height = stored.size
        fits = mode in ("RGB", "RGBA") and width * height <= _MAX_PX
        values = decoded(stored) if fits else None
    if values is None:
        raise GoldenFormatError(
            "not a panoptic PNG",
            file=png,
            expected=f"mode RGB, segment ID = R + 256 G + 65536 B, and at most {_MAX_PX:,} pixels",
            found=f"mode {mode}, {width} x {height}",
            hint="save the IDs as colours; tile large images",
        )
    if (image.width, image.height) not in ((width, height), (None, None)):
        raise GoldenFormatError(
            "panoptic PNG has another size than its image",
            file=png,
            expected=f"{shown(image.width)} x {shown(image.height)}, as {path.name} says at {image.place}",
            found=f"{width} x {height}",
            hint="were the labels made for a resized image?",
        )
    return values


def _one_sided(problem: str, number: int, place: str, file: Path) -> GoldenFormatError:
    return GoldenFormatError(
        problem,
        file=file,
        place=place,
        expected="the same segments in both files",
        found=f"segment {number}, colour ({number % 256}, {number // 256 % 256}, {number // 65536})",
        hint="export the labels again; 0 is the ID of pixels without a label",
    )
