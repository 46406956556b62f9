"""Text files beside images: YOLO and KITTI."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import PydanticCustomError

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.manifest import read_classes
from pytest_vizart.golden.manifest_text import parse_manifest
from pytest_vizart.golden.recognition.candidate import Candidate, entry, folder_name
from pytest_vizart.golden.recognition.class_names import names_in_kitti
from pytest_vizart.golden.recognition.pairs import PairedTree, find_pairs, looked_at
from pytest_vizart.golden.recognition.view import IMAGES, FolderView, joined

_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_LINES = 40
_KITTI_CELLS = (15, 16)
_TASKS = {"boxes": "boxes", "segments": "instances", "poses": "keypoints", "oriented": "oriented_boxes"}
_NAMES_FILES = ("classes.txt", "obj.names", "labels.txt", "_darknet.labels")


def yolo(view: FolderView) -> Iterator[Candidate]:
    """Lines of a class number and coordinates between 0 and 1; names in data.yaml, obj.names or classes.txt."""
    for trees in _apart(find_pairs(view, IMAGES, ".txt", lambda path: all(map(_is_yolo, _rows(view, path))))):
        lengths = {len(row) for path in looked_at(view, trees, ".txt") for row in _rows(view, path)}
        if lengths:
            yield _yolo(view, trees, lengths)


def _yolo(view: FolderView, trees: Sequence[PairedTree], lengths: set[int]) -> Candidate:
    described, described_in = _described(view)
    kind = _kind(lengths, poses="kpt_shape" in described)
    classes, named_in = (described["names"], described_in) if described else _names_file(view)
    classes = _class_names(classes)
    open_keys: dict[str, str] = {}
    if kind is None:
        open_keys["kind"] = (
            "lines of 9 numbers are boxes turned in any direction (oriented) or outlines of four points (segments)"
            if lengths <= {5, 9}
            else "the lines are no boxes and no outlines (poses, if they hold keypoints)"
        )
    if classes is None:
        open_keys["classes"] = "no data.yaml, obj.names or classes.txt names the classes"
    extra = {"kind": kind} if kind not in (None, "boxes") else {}
    anchored = bool(named_in) and "/" not in named_in
    found = _candidate("yolo", view, trees, _TASKS[kind or "oriented"], **extra)
    return replace(found, classes=classes, open_keys=open_keys, anchored=anchored)


def kitti(view: FolderView) -> Iterator[Candidate]:
    """Lines of 15 or 16 cells that begin with a word."""
    for trees in _apart(find_pairs(view, IMAGES, ".txt", lambda path: all(map(_is_kitti, _rows(view, path))))):
        if any(_rows(view, path) for path in looked_at(view, trees, ".txt")):
            found = _candidate("kitti", view, trees, "boxes")
            yield replace(found, names=names_in_kitti([labels for _, labels in found.places]))


def _apart(trees: Sequence[PairedTree]) -> list[list[PairedTree]]:
    """Trees that label other inputs are one dataset's; trees that label the same inputs are two readings of it."""
    groups: list[list[PairedTree]] = []
    for tree in trees:
        inputs = {pair.inputs for pair in tree.pairs}
        home = next(
            (one for one in groups if inputs.isdisjoint(pair.inputs for other in one for pair in other.pairs)), None
        )
        if home is None:
            groups.append([tree])
        else:
            home.append(tree)
    return groups


def _candidate(form: str, view: FolderView, trees: Sequence[PairedTree], task: str, **keys: Any) -> Candidate:
    globs: list[str] = []
    splits: dict[str, list[str]] = {}
    for tree in trees:
        found, told = tree.globs(view, IMAGES)
        globs += [glob for glob in found if glob not in globs]
        splits.update(told)
    places = tuple(place for tree in trees for place in tree.places)
    labels = tuple(entry(task, form, tree.template(".txt"), **keys) for tree in trees)
    what = ", ".join(f"{joined(tree.labels, '*.txt')} for {folder_name(tree.inputs)}" for tree in trees)
    return Candidate(form, what, tuple(globs), labels, places, splits=splits)


def _rows(view: FolderView, path: str) -> list[list[str]]:
    lines = view.head(path).decode("utf-8", "replace").splitlines()
    whole = lines if view.is_whole(path) else lines[:-1]
    return [line.split() for line in whole[:_LINES] if line.strip()]


def _is_yolo(row: Sequence[str]) -> bool:
    """A class and shares of the image's size; a keypoint's visibility may be 2. Six cells are a prediction's."""
    numbers = [float(cell) for cell in row[1:] if _NUMBER.fullmatch(cell)]
    return (
        len(row) >= 5
        and len(row) != 6
        and row[0].isdecimal()
        and len(numbers) == len(row) - 1
        and all(-0.5 <= number <= 2 for number in numbers)
    )


def _is_kitti(row: Sequence[str]) -> bool:
    return (
        len(row) in _KITTI_CELLS and not _NUMBER.fullmatch(row[0]) and all(_NUMBER.fullmatch(cell) for cell in row[1:])
    )


def _kind(lengths: set[int], *, poses: bool) -> str | None:
    """What the lines hold, None where that cannot be told: four points may be an outline or a turned box."""
    if poses:
        return "poses"
    if lengths <= {5}:
        return "boxes"
    outlines = all(length % 2 == 1 and length >= 7 for length in lengths - {5})
    return "segments" if outlines and lengths - {5, 9} else None


def _described(view: FolderView) -> tuple[Mapping[str, Any], str]:
    """The keys of the first YAML file of the folder that names classes, and its path."""
    for path in view.files(".yaml", ".yml"):
        if view.is_whole(path):
            try:
                data = parse_manifest(view.root / path)
            except GoldenFormatError:
                continue
            if "names" in data:
                return data, path
    return {}, ""


def _names_file(view: FolderView) -> tuple[list[str] | None, str]:
    path = next((one for one in view.files(".txt", ".names", ".labels") if _names_classes(one)), None)
    if path is None or not view.is_whole(path):
        return None, ""
    return [line.strip() for line in view.text(path).splitlines() if line.strip()], path


def _names_classes(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return name in _NAMES_FILES or name.endswith(".names")


def _class_names(given: object) -> list[str] | dict[int, str] | None:
    try:
        classes = read_classes(given)
    except PydanticCustomError:
        return None
    consecutive = classes.ids == tuple(range(len(classes)))
    return list(classes.names) if consecutive else dict(zip(classes.ids, classes.names, strict=True))
