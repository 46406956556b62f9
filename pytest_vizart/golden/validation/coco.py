"""COCO files row by row: IDs, boxes and images, each with its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import orjson

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import is_file, read_bytes
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.coco_file import read_coco
from pytest_vizart.golden.formats.parsed_once import parsed_once
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.image_size import Size
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.validation.doubles import double_findings, row_shapes
from pytest_vizart.golden.validation.findings import Finding, finding
from pytest_vizart.golden.validation.objects import box_findings

_FORMATS = ("coco", "lvis")
Row = Mapping[str, Any]
_Placed = tuple[str, Row]
_Boxed = tuple[str, list[float], Row]
_MAX_BROKEN_BYTES = 30_000_000  # parsed, hostile JSON takes thirty times its bytes
SizeOf = Callable[[SampleKey], Size | None]


def is_coco(source: LabelSource) -> bool:
    """Whether a label source is a file of COCO's form, whose rows are checked here."""
    entry = source.entry
    return entry.format in _FORMATS or (entry.format is None and PurePosixPath(entry.path).suffix.lower() == ".json")


def coco_findings(source: LabelSource, size_of: SizeOf) -> Iterator[Finding]:
    """Yield what is wrong with the rows of a COCO file; nothing for one that cannot be read, which the reader tells.

    Args:
        size_of: height and width of a sample's image, None where that is not known.
    """
    path = source.root / source.entry.path
    images, categories, rows = _parsed(source, path)
    yield from _doubles(path, "images", images)
    yield from _doubles(path, "categories", categories)
    if source.entry.task == "panoptic":  # one annotation for each image, and segments instead of boxes
        yield from _missing_images(source, path, images)
        return
    yield from _doubles(path, "annotations", rows)
    yield from _zero_ids(path, rows)
    yield from _unknown(path, rows, "image_id", {_key(row.get("id")) for _, row in images}, "unknown-image")
    yield from _unknown(path, rows, "category_id", {_key(row.get("id")) for _, row in categories}, "unknown-class")
    yield from _missing_images(source, path, images)
    classes = {_key(row.get("id")): row.get("name") for _, row in categories}
    yield from _images_and_boxes(source, path, images, rows, classes, size_of)


def _parsed(source: LabelSource, path: Path) -> tuple[list[_Placed], list[_Placed], list[_Placed]]:
    """Return images, categories and annotations with their places, as the reader has them where it could read them."""
    try:
        file = parsed_once(source.shared, ("coco", path), lambda: read_coco(path))  # the reader's own key
        return [(image.place, image.row) for image in file.images], [*file.category_rows], [*file.annotations()]
    except GoldenFormatError:
        pass
    try:
        data = orjson.loads(read_bytes(path, limit=_MAX_BROKEN_BYTES))
    except (GoldenFormatError, orjson.JSONDecodeError):
        data = None
    if not isinstance(data, dict):
        return [], [], []
    return _rows(data, "images"), _rows(data, "categories"), _rows(data, "annotations")


def _rows(data: Mapping[str, Any], key: str) -> list[_Placed]:
    rows = data.get(key)
    if not isinstance(rows, list):
        return []
    return [(f"{key}[{position}]", row) for position, row in enumerate(rows) if isinstance(row, dict)]


def _key(value: object) -> int | str | None:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _doubles(path: Path, key: str, rows: list[_Placed]) -> Iterator[Finding]:
    first: dict[int | str, str] = {}
    for place, row in rows:
        number = _key(row.get("id"))
        if number is not None and first.setdefault(number, place) != place:
            yield finding(
                "duplicate-id", path, f"ID {number} is that of {first[number]} too", place=f"{place}.id",
                hint="renumber the rows, or remove the double: evaluators disagree on what doubles mean",
            )  # fmt: skip


def _zero_ids(path: Path, rows: list[_Placed]) -> Iterator[Finding]:
    for place, row in rows:
        if _key(row.get("id")) == 0:
            yield finding(
                "id-zero", path, "ID 0: pycocotools loses this object, numbers of other tools will differ",
                place=f"{place}.id", hint="number annotations from 1",
            )  # fmt: skip


def _unknown(path: Path, rows: list[_Placed], key: str, known: set[int | str | None], kind: str) -> Iterator[Finding]:
    for place, row in rows:
        number = _key(row.get(key))
        if number is None or number not in known:
            what = "image" if kind == "unknown-image" else "category"
            yield finding(
                kind, path, f"no {what} has ID {str(row.get(key))[:40]}", place=f"{place}.{key}",
                hint=f"add the {what}, or remove the annotation",
            )  # fmt: skip


def _missing_images(source: LabelSource, path: Path, images: list[_Placed]) -> Iterator[Finding]:
    names = SampleNames(source.samples)
    folders = {key.path.parent for key in source.samples}
    for place, row in images:
        name = row.get("file_name")
        if isinstance(name, str) and name and _sample(names, row) is None and not _is_there(source.root, folders, name):
            yield finding(
                "missing-image", path, f"there is no image {name[:200]!r}", place=f"{place}.file_name",
                hint="was it fetched? otherwise remove it from the label file",
            )  # fmt: skip


def _is_there(root: Path, folders: set[Path], name: str) -> bool:
    bare = PurePosixPath(name.replace("\\", "/")).name
    return any(is_file(folder / bare) for folder in (root, *folders))


def _sample(names: SampleNames, row: Row) -> str | None:
    name = row.get("file_name")
    if not isinstance(name, str) or not name:
        return None
    return names.exact(name) or names.by_file_name(name)


def _images_and_boxes(
    source: LabelSource,
    path: Path,
    images: list[_Placed],
    rows: list[_Placed],
    classes: Mapping[int | str | None, object],
    size_of: SizeOf,
) -> Iterator[Finding]:
    names = SampleNames(source.samples)
    keys = {key.id: key for key in source.samples}
    boxes = _boxes_by_image(rows)
    for place, row in images:
        sample = _sample(names, row)
        told = _told_size(row)
        size = (size_of(keys[sample]) if sample else None) or told
        about = {"sample": sample}
        if told is not None and size is not None and told != size:
            yield finding(
                "size-mismatch", path, f"the file says {told[1]} x {told[0]}, the image is {size[1]} x {size[0]}",
                place=place, hint="was the image resized, or turned, after it was labelled?", **about,
            )  # fmt: skip
        own = boxes.get(_key(row.get("id")), [])
        corners = np.array([box for _, box, _ in own], dtype=np.float64).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        yield from box_findings(corners, size, path, _place_in(own), **about)
        shapes = row_shapes([box for _, box, _ in own], [row for _, _, row in own])
        named = [classes.get(number := _key(row.get("category_id")), number) for _, _, row in own]
        yield from double_findings(shapes, named, path, _place_in(own), **about)


def _boxes_by_image(rows: list[_Placed]) -> dict[int | str | None, list[_Boxed]]:
    """Image ID -> place, box and row of its annotations; of rows that share an ID, which is told of, the first."""
    boxes: dict[int | str | None, list[_Boxed]] = {}
    known: set[int | str] = set()
    for place, row in rows:
        box, number = row.get("bbox"), _key(row.get("id"))
        if number in known or not isinstance(box, list) or len(box) != 4:
            continue
        if all(isinstance(one, int | float) for one in box):
            boxes.setdefault(_key(row.get("image_id")), []).append((place, box, row))
        known |= {number} if number is not None else set()
    return boxes


def _place_in(rows: list[_Boxed]) -> Callable[[int], str]:
    return lambda index: f"{rows[index][0]}.bbox"


def _told_size(row: Row) -> Size | None:
    height, width = row.get("height"), row.get("width")
    whole = isinstance(height, int) and isinstance(width, int)
    return (height, width) if whole and height > 0 and width > 0 else None  # type: ignore[operator, return-value]
