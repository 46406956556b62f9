"""Formats of label files: one reader for each, imported when a dataset first uses it.

A reader is made once for each entry of a manifest's `labels`. It reads its file when the first label is asked for, and
raises GoldenFormatError, never anything else, for what it cannot read: for one sample where only that sample is
concerned, for all of them where the whole file is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from pytest_vizart.errors import GoldenFormatError, UsageError
from pytest_vizart.golden.files import resolve_inside
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.manifest import LabelEntry
from pytest_vizart.records.labels import ClassMap, Label, Task


@dataclass(frozen=True, slots=True)
class LabelSource:
    """One entry of a manifest's `labels`, with what a reader needs beside it.

    `classes` is the manifest's class map, None if it gives none. `place` is the entry's key path, `labels[0]`. `shared`
    is one dictionary for the readers of a dataset, so that two stages labelled by one file parse it once.
    """

    root: Path
    manifest: Path
    place: str
    entry: LabelEntry
    classes: ClassMap | None
    samples: tuple[SampleKey, ...]
    shared: dict[Any, Any] = field(default_factory=dict)

    @property
    def per_sample(self) -> bool:
        """Whether there is one file for each sample, named by a template with {id}."""
        return "{id}" in self.entry.path

    def only_path(self) -> Path:
        """Return the one file or folder for all samples; GoldenFormatError if it lies outside of the dataset."""
        return resolve_inside(self.root, self.entry.path, file=self.manifest, place=f"{self.place}.path")

    def path_for(self, key: SampleKey) -> Path:
        """Return the label file of a sample; it need not exist."""
        return self.root / self.entry.path.replace("{id}", key.id)

    def required_classes(self) -> ClassMap:
        """Return the manifest's class map; GoldenFormatError if it gives none."""
        if self.classes is None:
            raise GoldenFormatError(
                "key is missing",
                file=self.manifest,
                place="classes",
                expected="a list of names, or a mapping from ID to name",
                found="nothing",
                hint="write them: numbers alone name no classes; `vizart golden init --print` lists those it saw",
            )
        return self.classes


class LabelReader(Protocol):
    """What a format is: a class made with a LabelSource.

    tasks: those that its files can label. per_sample: whether there is one file for each sample, named by a template
    with {id}, or one for all; None where either may be.

    A format whose files name keypoints has a method more, `keypoints()`, which returns their names and the bones, pairs
    of their positions from 0; () for what a file does not say (`opening.NamesKeypoints`).
    """

    tasks: tuple[Task, ...]
    per_sample: bool | None

    def __init__(self, source: LabelSource) -> None: ...

    def classes(self) -> ClassMap:
        """Return the class map of the labels: the manifest's or, where the format has one, the file's."""
        ...

    def read(self, key: SampleKey) -> Label | None:
        """Return the label of a sample, None if it has none. Raises GoldenFormatError."""
        ...


_formats: dict[str, str | Callable[[LabelSource], LabelReader]] = {
    "coco": "pytest_vizart.golden.formats.coco:CocoReader",
    "csv": "pytest_vizart.golden.formats.class_csv:ClassCsvReader",
    "cvat": "pytest_vizart.golden.formats.cvat:CvatReader",
    "folders": "pytest_vizart.golden.formats.class_folders:ClassFolderReader",
    "image": "pytest_vizart.golden.formats.image:ImageReader",
    "jsonl": "pytest_vizart.golden.formats.json_lines:JsonLinesReader",
    "kitti": "pytest_vizart.golden.formats.kitti:KittiReader",
    "labelme": "pytest_vizart.golden.formats.labelme:LabelMeReader",
    "las": "pytest_vizart.golden.formats.las:LasReader",
    "lidarseg": "pytest_vizart.golden.formats.lidarseg:LidarsegReader",
    "lvis": "pytest_vizart.golden.formats.lvis:LvisReader",
    "model": "pytest_vizart.golden.formats.model:ModelReader",
    "npy": "pytest_vizart.golden.formats.npy:NpyReader",
    "openimages": "pytest_vizart.golden.formats.open_images:OpenImagesReader",
    "pcd": "pytest_vizart.golden.formats.pcd:PcdReader",
    "ply": "pytest_vizart.golden.formats.ply:PlyReader",
    "png": "pytest_vizart.golden.formats.png_mask:PngMaskReader",
    "semantickitti": "pytest_vizart.golden.formats.semantic_kitti:SemanticKittiReader",
    "text": "pytest_vizart.golden.formats.text:TextReader",
    "voc": "pytest_vizart.golden.formats.voc:VocReader",
    "yolo": "pytest_vizart.golden.formats.yolo:YoloReader",
}
_extensions: dict[str, str] = {
    ".bin": "lidarseg",
    ".csv": "csv",
    ".json": "coco",
    ".jsonl": "jsonl",
    ".label": "semantickitti",
    ".las": "las",
    ".laz": "las",
    ".npy": "npy",
    ".npz": "npy",
    ".pcd": "pcd",
    ".ply": "ply",
    ".png": "png",
}


def register_format(name: str, target: str, *, extensions: Sequence[str] = ()) -> None:
    """Add a format of label files, or replace one.

    Args:
        name: what the manifest's `format` says.
        target: "module:Class" of a LabelReader, imported when a dataset first uses the format.
        extensions: file extensions (".txt") that choose this format where the manifest names none.

    Raises:
        UsageError: the target is not of the form "module:Class", an extension does not begin with a dot.
    """
    module, separator, attribute = target.partition(":")
    if not (name and module and separator and attribute):
        raise UsageError(
            "not the place of a class", place="target", expected='"module:Class"', found=target, hint="name both"
        )
    wrong = next((one for one in extensions if not one.startswith(".")), None)
    if wrong is not None:
        raise UsageError(
            "not a file extension", place="extensions", expected="'.txt'", found=wrong, hint="begin it with a dot"
        )
    _formats[name] = target
    _extensions.update({one.lower(): name for one in extensions})


def open_reader(source: LabelSource) -> LabelReader:
    """Return the reader of a label source.

    Raises:
        GoldenFormatError: unknown format, a format that cannot hold labels of this task, a {id} too many or missing.
        UsageError: a registered format that cannot be imported.
    """
    name = _format_of(source)
    if name is None or (name not in _formats and ":" not in name):
        close = get_close_matches(name or "", _formats, n=1)
        raise GoldenFormatError(
            "unknown format" if name else "format cannot be told from the file's extension",
            file=source.manifest,
            place=f"{source.place}.format",
            expected=", ".join(_formats),
            found=name or source.entry.path,
            hint=f"did you mean {close[0]!r}?" if close else "name the format",
        )
    reader = _reader_class(name)
    _require_fitting(reader, name, source)
    opened: LabelReader = reader(source)
    return opened


def _format_of(source: LabelSource) -> str | None:
    """The format that the manifest names or, where one extension stands for several, that task and path tell."""
    entry = source.entry
    if entry.format is not None or entry.model is not None:
        return entry.format or "model"
    extension = PurePosixPath(entry.path).suffix.lower()
    told = {
        ".png": "image" if entry.task == "image" else None,
        ".json": "labelme" if source.per_sample else None,
        ".xml": "voc" if source.per_sample else "cvat",
        ".txt": "text" if entry.task == "text" else "kitti" if entry.task == "boxes_3d" else None,
    }
    return told.get(extension) or _extensions.get(extension)


def _reader_class(name: str) -> Any:
    """The class of a registered format, or the one that "module:Class" names itself."""
    target = _formats.get(name, name)
    module, _, attribute = str(target).partition(":")
    try:
        reader = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"format {name!r} cannot be imported",
            place=str(target),
            expected="a class of an importable module",
            found=str(error),
            hint="it is looked for where Python looks: check the spelling, and the folder that Python runs in",
        ) from error
    missing = [part for part in ("tasks", "per_sample", "classes", "read") if not hasattr(reader, part)]
    if missing:
        raise UsageError(
            f"format {name!r} is no reader of labels",
            place=str(target),
            expected="a class with tasks, per_sample, classes() and read(key)",
            found=f"no {', '.join(missing)}",
            hint="docs/golden.md shows one",
        )
    return reader


def _require_fitting(reader: Any, name: str, source: LabelSource) -> None:
    if source.entry.task not in reader.tasks:
        raise GoldenFormatError(
            f"format {name} holds no labels for this task",
            file=source.manifest,
            place=f"{source.place}.task",
            expected=" or ".join(reader.tasks),
            found=source.entry.task,
            hint="choose another format or task",
        )
    if reader.per_sample not in (None, source.per_sample):
        raise GoldenFormatError(
            f"format {name} has one file {'for each sample' if reader.per_sample else 'for all samples'}",
            file=source.manifest,
            place=f"{source.place}.path",
            expected="a path with {id}" if reader.per_sample else "a path without {id}",
            found=source.entry.path,
            hint="write masks/{id}.png, say" if reader.per_sample else "name the one file",
        )
