"""A COCO file of ground truth read into columns over all images, for evaluation.

A file all of whose rows are as they should be is read column by column; for any other the readers of single rows find
out whether it is right after all, and what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from pytest_vizart.golden.collector import paused_collector
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats.coco_file import CocoFile, CocoImage, read_coco
from pytest_vizart.golden.formats.coco_ids import IdTable
from pytest_vizart.golden.formats.coco_keypoints import (
    counts_for_nothing,
    keypoint_count,
    keypoint_names,
    read_keypoints,
)
from pytest_vizart.golden.formats.coco_masks import image_size
from pytest_vizart.golden.formats.coco_results import CocoTask
from pytest_vizart.golden.formats.coco_run_lengths import checked_masks
from pytest_vizart.golden.formats.coco_values import is_crowd, read_area, read_box
from pytest_vizart.golden.formats.mask_areas import mask_areas
from pytest_vizart.golden.formats.number_columns import NOT_PLAIN, column, lists
from pytest_vizart.records.labels import MAX_EDGE_PX


@dataclass(frozen=True, slots=True)
class CocoColumns:
    """G objects of N images.

    images, classes: IDs of the file, ascending. class_names: of each class. image, class_index: (G,) int64, positions
    in those. crowd: (G,) bool. area: (G,) float64, square pixels. sides: (G, 4) float64, x, y, width, height in pixels,
    as the file gives them; None for instances. masks: G run lengths, and sizes: (height, width) of the N images, of
    instances. keypoints: (G, K, 3) float64, x, y, visibility, and ignored: (G,) bool, objects without any, of
    keypoints.
    has_id_0: whether an annotation has the ID 0.
    """

    images: IdTable
    classes: IdTable
    class_names: tuple[str, ...]
    image: NDArray[np.int64]
    class_index: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    area: NDArray[np.float64]
    sides: NDArray[np.float64] | None = None
    masks: tuple[bytes, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    keypoints: NDArray[np.float64] | None = None
    ignored: NDArray[np.bool_] | None = None
    has_id_0: bool = False


def read_coco_columns(path: Path, task: CocoTask = "boxes") -> CocoColumns:
    """Read the ground truth of a task.

    Raises:
        GoldenFormatError: no JSON, not of COCO's form, an ID that appears twice, an annotation of an unknown image or
            class, or without what the task needs.
    """
    content = read_bytes(path)
    with paused_collector():
        try:
            data = orjson.loads(content)
            columns = _quickly(data, task)
        except NOT_PLAIN:  # a JSONDecodeError is a ValueError
            file = read_coco(path)
            places, rows = map(list, zip(*file.annotations(), strict=True)) if any(file.annotations()) else ([], [])
            columns = _one_by_one(file, places, rows, task)
            pictures: Sequence[CocoImage] = file.images
        else:
            rows = data["annotations"]
            places = [f"annotations[{number}]" for number in range(len(rows))] if task == "instances" else []
            pictures = _pictures(data["images"]) if task == "instances" else ()
        return _with_masks(columns, rows, places, pictures, path) if task == "instances" else columns


def _quickly(data: Any, task: CocoTask) -> CocoColumns:
    """Read a file whose rows are as they should be; raises one of NOT_PLAIN otherwise."""
    images, classes = _id_table(data["images"], "file_name"), _id_table(data["categories"], "name")
    rows = data["annotations"]
    if not isinstance(rows, list):
        raise TypeError
    numbers = column("q", list(map(itemgetter("id"), rows)))
    _require(len(np.unique(numbers)) == len(numbers))
    image = images.find(column("q", list(map(itemgetter("image_id"), rows))))
    class_index = classes.find(column("q", list(map(itemgetter("category_id"), rows))))
    crowd = column("q", list(map(itemgetter("iscrowd"), rows)))
    area = column("d", list(map(itemgetter("area"), rows)))
    _require((image < len(images)).all() and (class_index < len(classes)).all())
    _require(((crowd == 0) | (crowd == 1)).all() and (area >= 0).all() and np.isfinite(area).all())
    names = {row["id"]: row["name"] for row in data["categories"]}
    columns = CocoColumns(
        images,
        classes,
        tuple(names[one] for one in classes.ids),
        image,
        class_index,
        crowd == 1,
        area,
        has_id_0=bool((numbers == 0).any()),
    )
    if task != "instances":
        columns = _with_sides(columns, rows)
    return _with_keypoints(columns, rows, data["categories"]) if task == "keypoints" else columns


def _id_table(rows: list[dict[str, Any]], name: str) -> IdTable:
    """Return the IDs of rows each of which has a whole number and a name."""
    ids, names = list(map(itemgetter("id"), rows)), list(map(itemgetter(name), rows))
    _require(set(map(type, ids)) <= {int} and set(map(type, names)) <= {str} and all(map(str.strip, names)))
    _require(len(set(ids)) == len(ids))
    return IdTable(ids)


def _with_sides(columns: CocoColumns, rows: list[dict[str, Any]]) -> CocoColumns:
    sides = lists(list(map(itemgetter("bbox"), rows)), 4)
    _require((sides[:, 2:] >= 0).all() and (np.abs(sides) <= MAX_EDGE_PX).all())
    _require((sides[:, :2] + sides[:, 2:] <= MAX_EDGE_PX).all())
    return replace(columns, sides=sides)


def _with_keypoints(columns: CocoColumns, rows: list[dict[str, Any]], categories: list[dict[str, Any]]) -> CocoColumns:
    values = list(map(itemgetter("keypoints"), rows))
    width = len(values[0]) if values else 0
    _require(width > 0 and all(3 * len(one["keypoints"]) == width for one in categories))
    points = lists(values, width).reshape(len(rows), -1, 3)
    labelled = column("q", list(map(itemgetter("num_keypoints"), rows)))
    _require((labelled >= 0).all() and np.isin(points[..., 2], (0, 1, 2)).all())
    _require((np.abs(points[..., :2]) <= MAX_EDGE_PX).all())
    return replace(columns, keypoints=points, ignored=labelled == 0)


def _require(right: bool | np.bool_) -> None:
    if not right:
        raise ValueError


def _one_by_one(file: CocoFile, places: list[str], rows: list[dict[str, Any]], task: CocoTask) -> CocoColumns:
    """Read a file some of whose rows may be wrong; GoldenFormatError for the first that is."""
    path = file.path
    images, classes = IdTable(image.id for image in file.images), IdTable(file.categories)
    both = list(zip(rows, places, strict=True))
    for row, place in both:
        file.category_name(row, place)
    columns = CocoColumns(
        images,
        classes,
        tuple(file.categories[one] for one in classes.ids),
        image=np.array([images.find_one(row["image_id"]) for row in rows], dtype=np.int64),
        class_index=np.array([classes.find_one(row["category_id"]) for row in rows], dtype=np.int64),
        crowd=np.array([is_crowd(row, place, path) for row, place in both], dtype=bool),
        area=np.empty(0),
        has_id_0=any(row.get("id") == 0 for row in rows),
    )
    if task == "instances":  # the area of the mask stands in where there is none
        area = [read_area(row, np.nan, place, path) for row, place in both]
        return replace(columns, area=np.array(area, dtype=np.float64))
    areas = [read_area(row, read_box(row, place, path)[1], place, path) for row, place in both]
    columns = replace(
        columns,
        area=np.array(areas, dtype=np.float64),
        sides=np.array([row["bbox"] for row in rows], dtype=np.float64).reshape(-1, 4),
    )
    if task == "boxes":
        return columns
    count = keypoint_count(file, keypoint_names(file))
    points = [read_keypoints(row, count, place, path) for row, place in both]
    ignored = [counts_for_nothing(row, one, place, path) for (row, place), one in zip(both, points, strict=True)]
    return replace(columns, keypoints=np.array(points).reshape(-1, count, 3), ignored=np.array(ignored, dtype=bool))


def _pictures(rows: list[dict[str, Any]]) -> list[CocoImage]:
    return [
        CocoImage(row["id"], row["file_name"], row.get("width"), row.get("height"), f"images[{number}]", "", row)
        for number, row in enumerate(rows)
    ]


def _with_masks(
    columns: CocoColumns, rows: list[dict[str, Any]], places: list[str], pictures: Sequence[CocoImage], path: Path
) -> CocoColumns:
    by_id = {picture.id: image_size(picture, path) for picture in pictures}
    sizes = tuple(by_id[one] for one in columns.images.ids)
    own_sizes = [sizes[position] for position in columns.image.tolist()]
    masks = checked_masks([row.get("segmentation") for row in rows], own_sizes, path, places.__getitem__)
    area = columns.area
    if np.isnan(area).any():
        area = np.where(np.isnan(area), mask_areas(masks, own_sizes), area)
    return replace(columns, masks=masks, sizes=sizes, area=area)
