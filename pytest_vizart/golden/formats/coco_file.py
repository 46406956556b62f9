"""A parsed COCO file: images, categories and annotations, checked as far as they concern the whole file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.json_text import parse_json
from pytest_vizart.golden.manifest_values import MAX_CLASSES
from pytest_vizart.records.labels import ClassMap

_Id = int | str


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One entry of `images`; width and height in pixels as the file gives them, unchecked.

    `url_name` is folder and file name at the end of `coco_url`, "" if there is none: the only name in LVIS files.
    """

    id: _Id
    file_name: str
    width: object
    height: object
    place: str
    url_name: str
    row: Mapping[str, Any]


class CocoFile:
    """A COCO file. `annotations[17]` is the place of an annotation in messages."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        self.images = tuple(_images(path, data))
        self.category_rows = tuple(_rows(path, data, "categories"))
        self._categories = _categories(path, self.category_rows)
        self._annotations = _annotations_by_image(path, data, {image.id for image in self.images})

    def annotations_of(self, image: CocoImage) -> list[tuple[str, dict[str, Any]]]:
        """Return place and row of each annotation of an image, in the file's order."""
        return self._annotations.get(image.id, [])

    def annotations(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield place and row of every annotation, image by image."""
        return chain.from_iterable(self._annotations.values())

    @cached_property
    def all_crowd(self) -> bool:
        """Whether every annotation is marked as crowd, and there are some.

        Then the flag says only that masks are run lengths, as it does in files of stuff classes that converters wrote.
        """
        flags = [row.get("iscrowd") for _, row in self.annotations()]
        return bool(flags) and all(flag == 1 for flag in flags)

    def category_name(self, row: dict[str, Any], place: str) -> str:
        """Return the name of an annotation's category; GoldenFormatError if the file has no such category."""
        number = row.get("category_id")
        if not _is_id(number) or number not in self._categories:
            raise GoldenFormatError(
                "unknown category",
                file=self.path,
                place=f"{place}.category_id",
                expected=f"one of {shown(list(self._categories))}",
                found=shown(number),
                hint="add it to `categories`, or correct the annotation",
            )
        return self._categories[number]

    @property
    def categories(self) -> Mapping[Any, str]:
        """ID -> name, as the file has them."""
        return self._categories

    def class_map(self) -> ClassMap:
        """Return the file's categories, sorted by ID; GoldenFormatError where they cannot be a class map."""
        ids = sorted(number for number in self._categories if isinstance(number, int))
        names = tuple(self._categories[number] for number in ids)
        problem = None
        if len(ids) < len(self._categories) or (ids and not 0 <= ids[0] <= ids[-1] < 2**31):
            problem = "IDs that are no whole numbers from 0"
        elif not 0 < len(names) <= MAX_CLASSES:
            problem = f"{len(names)} categories"
        elif len(set(names)) < len(names):
            problem = "two categories of one name"
        if problem:
            raise GoldenFormatError(
                "categories cannot serve as classes",
                file=self.path,
                place="categories",
                expected=f"1 to {MAX_CLASSES:,} categories, each with a name of its own and a whole number from 0",
                found=problem,
                hint="give `classes` in the manifest",
            )
        return ClassMap(names=names, ids=tuple(ids))


def contradiction(file: CocoFile, classes: ClassMap) -> str | None:
    """Say how a manifest that uses the file's own IDs gives them to other names, None if it does not.

    Classes are matched by name, so labels would load; but a model's IDs would mean one class here and another there.
    """
    known = file.categories
    if set(known) != set(classes.ids):
        return None
    for number, name in zip(classes.ids, classes.names, strict=True):
        if known[number] != name and known[number] in classes.names:
            return f"{number} is {known[number]!r} in the file and {name!r} in the manifest"
    return None


def read_coco(path: Path) -> CocoFile:
    """Parse a COCO file.

    Raises:
        GoldenFormatError: no JSON, not of COCO's form, an ID that appears twice, an annotation of an unknown image.
    """
    data = parse_json(read_bytes(path), path)
    if not isinstance(data, dict):
        raise GoldenFormatError(
            "not a COCO file",
            file=path,
            expected="an object with images, annotations and categories",
            found=f"JSON {type(data).__name__}",
            hint="a list is COCO's result format, which holds predictions",
        )
    return CocoFile(path, data)


def _images(path: Path, data: dict[str, Any]) -> Iterator[CocoImage]:
    seen: set[_Id] = set()
    for place, row in _rows(path, data, "images"):
        number = _checked_id(path, place, row, seen)
        url_name = _url_name(row.get("coco_url"))
        name = row.get("file_name", url_name or None)
        if not isinstance(name, str) or not name:
            raise GoldenFormatError(
                "image has no file name",
                file=path,
                place=f"{place}.file_name",
                expected="text",
                found=shown(name),
                hint="name its file",
            )
        yield CocoImage(number, name, row.get("width"), row.get("height"), place, url_name, row)


def _url_name(url: object) -> str:
    if not isinstance(url, str):
        return ""
    try:
        parts = PurePosixPath(urlsplit(url).path).parts
    except ValueError:  # no URL after all
        return ""
    return "/".join(part for part in parts[-2:] if part != "/")


def _categories(path: Path, rows: Iterable[tuple[str, dict[str, Any]]]) -> dict[_Id, str]:
    seen: set[_Id] = set()
    categories: dict[_Id, str] = {}
    for place, row in rows:
        number = _checked_id(path, place, row, seen)
        name = row.get("name")
        if not isinstance(name, str) or not name.strip():
            raise GoldenFormatError(
                "category has no name",
                file=path,
                place=f"{place}.name",
                expected="text",
                found=shown(name),
                hint="name it",
            )
        categories[number] = name
    return categories


def _annotations_by_image(
    path: Path, data: dict[str, Any], image_ids: set[_Id]
) -> dict[_Id, list[tuple[str, dict[str, Any]]]]:
    seen: set[_Id] = set()
    by_image: dict[_Id, list[tuple[str, dict[str, Any]]]] = {}
    for place, row in _rows(path, data, "annotations"):
        if "id" in row:
            _checked_id(path, place, row, seen)
        number = row.get("image_id")
        if not _is_id(number) or number not in image_ids:
            raise GoldenFormatError(
                "annotation of an unknown image",
                file=path,
                place=f"{place}.image_id",
                expected="the ID of one of `images`",
                found=shown(number),
                hint=_unknown_image_hint(number, image_ids),
            )
        by_image.setdefault(number, []).append((place, row))
    return by_image


def _unknown_image_hint(number: object, image_ids: set[_Id]) -> str:
    if _is_id(number) and str(number) in {str(one) for one in image_ids}:
        return "it is text here and a number there, or the other way round: write it the same way in both"
    return "add the image, or remove the annotation"


def _rows(path: Path, data: dict[str, Any], key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = data.get(key)
    if not isinstance(rows, list):
        raise GoldenFormatError(
            "not a COCO file",
            file=path,
            place=key,
            expected="a list",
            found="nothing" if key not in data else shown(rows),
            hint=f"keys of the file: {shown(list(data)[:8])}",
        )
    for position, row in enumerate(rows):
        if not isinstance(row, dict):
            raise GoldenFormatError(
                "not an object",
                file=path,
                place=f"{key}[{position}]",
                expected="an object",
                found=shown(row),
                hint="correct the row",
            )
        yield f"{key}[{position}]", row


def _checked_id(path: Path, place: str, row: dict[str, Any], seen: set[_Id]) -> _Id:
    number = row.get("id")
    if not _is_id(number):
        raise GoldenFormatError(
            "not an ID",
            file=path,
            place=f"{place}.id",
            expected="a whole number or text",
            found=shown(number),
            hint="give it one",
        )
    if number in seen:
        raise GoldenFormatError(
            "ID appears twice",
            file=path,
            place=f"{place}.id",
            expected="every ID once: evaluators disagree on the meaning of doubles",
            found=shown(number),
            hint="renumber the rows, or remove the double",
        )
    seen.add(number)
    return number


def _is_id(value: object) -> TypeGuard[_Id]:
    return isinstance(value, int | str) and not isinstance(value, bool)
