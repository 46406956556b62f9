"""Ground truth out of a label file, or one label file for each sample, without a manifest and without inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from pytest_vizart.errors import GoldenError, GoldenFormatError, UsageError
from pytest_vizart.golden.files import is_file
from pytest_vizart.golden.formats import LabelReader, LabelSource, open_reader
from pytest_vizart.golden.formats.coco_file import CocoFile, read_coco
from pytest_vizart.golden.formats.parsed_once import parsed_once
from pytest_vizart.golden.image_size import Size
from pytest_vizart.golden.listing import SampleKey, natural_key
from pytest_vizart.golden.manifest import LabelEntry, read_classes
from pytest_vizart.golden.opening import NamesKeypoints
from pytest_vizart.golden.recognition.view import IMAGES
from pytest_vizart.golden.specs import make_spec
from pytest_vizart.records.labels import ClassMap
from pytest_vizart.workflow.evaluation.class_search import names_in
from pytest_vizart.workflow.evaluation.options import ClassNames, Options
from pytest_vizart.workflow.evaluation.path_kinds import EXTENSIONS, label_format, label_task
from pytest_vizart.workflow.evaluation.sample_listing import names_in_file
from pytest_vizart.workflow.evaluation.truths import Truths, declared_size, truths_of_dataset

_ID = "{id}"


def open_labels(path: Path, options: Options, *, predicted: str | None = None) -> Truths:
    """Return what a path holds: a golden dataset's folder, a label file, a folder or template of label files.

    Args:
        predicted: the task that the predictions' form speaks for, where the caller names none.

    Raises:
        GoldenError: nothing there, or nothing that is recognised; GoldenFormatError: a file is not what it should be.
        UsageError: what the files do not tell and the caller did not either: format, task, classes, stage.
    """
    if path.is_dir() and options.format is None:
        return truths_of_dataset(path, options)
    if _ID not in str(path) and not path.exists():
        raise GoldenError(
            "no such file",
            file=path,
            expected="a label file, a golden dataset's folder, or a path with {id}",
            hint="check the spelling",
        )
    form = options.format or label_format(path)
    task = options.task or label_task(form, path, predicted)
    root, template, keys = _samples(path, form, options)
    document: dict[str, Any] = {"stage": options.stage or task, "task": task, "path": template, "format": form}
    document |= {"box_format": options.box_format} if options.box_format else {}
    document |= {"ignore": options.ignore} if options.ignore is not None else {}
    source = LabelSource(root, path, "labels", _entry(document), None, keys)
    source = replace(source, classes=_classes(options, source, form))
    return _truths(source, open_reader(source), options, form)


def read_names(value: ClassNames, place: str) -> ClassMap:
    """Return a class map that the caller gave; UsageError if it is none."""
    try:
        return read_classes(dict(value) if isinstance(value, Mapping) else list(value))
    except PydanticCustomError as error:
        context = error.context or {}
        raise UsageError(
            "not a class map",
            place=f"{place}{context.get('within', '')}",
            expected=str(context.get("message", "")).removeprefix("expected "),
            found=str(value)[:80],
            hint="give a list of names (IDs 0, 1, ...), or a mapping from ID to name",
        ) from error


def _truths(source: LabelSource, reader: LabelReader, options: Options, form: str) -> Truths:
    spec = make_spec([source.entry], _class_map(source, reader))
    if spec.task == "keypoints" and isinstance(reader, NamesKeypoints):
        names, bones = reader.keypoints()
        spec = replace(spec, keypoint_names=names, skeleton=bones)
    ids, sizes = _of_coco(source, form)
    return Truths(
        spec=options.applied_to(spec),
        keys=source.samples,
        read=reader.read,
        told=f"{source.manifest.name} ({form})",
        image_ids=ids,
        sizes=sizes,
        shared=source.shared,
    )


def _class_map(source: LabelSource, reader: LabelReader) -> ClassMap:
    try:
        return reader.classes()
    except GoldenFormatError as error:
        if source.classes is not None or error.place != "classes":
            raise
        raise UsageError(
            "classes are not known",
            file=source.manifest,
            expected="their names",
            found="numbers, and nothing that says which classes they are",
            hint="give them: --classes a,b,c or a file of names; classes=[...]",
        ) from error


def _entry(document: dict[str, Any]) -> LabelEntry:
    try:
        return LabelEntry.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            "not a label source",
            place=".".join(map(str, first["loc"])),
            expected=str(first["msg"]),
            found=repr(first.get("input"))[:80],
            hint="check task, format and thresholds",
        ) from error


def _classes(options: Options, source: LabelSource, form: str) -> ClassMap | None:
    """Return the class map that the caller gave or, of formats that write names but list them nowhere, those found."""
    if options.classes is not None:
        return read_names(options.classes, "classes")
    found = names_in(source, form)
    return None if found is None else read_names(found, "classes")


def _samples(path: Path, form: str, options: Options) -> tuple[Path, str, tuple[SampleKey, ...]]:
    """Return the folder that paths are relative to, the manifest's `path`, and the samples."""
    if _ID in str(path):
        return _of_template(path, options)
    if path.is_dir():
        extension = _extension_in(path, form)
        return _of_template(path / f"{_ID}{extension}", options)
    listed = names_in_file(path, form)
    if listed is None:  # one label file, of one sample
        key = SampleKey(path.stem, path, path.name, path.name)
        return path.parent, f"{_ID}{path.suffix}", (key,)
    keys = _of_images(options.images) if options.images else keys_of_names(path.parent, listed)
    return path.parent, path.name, keys


def keys_of_names(root: Path, names: Sequence[str]) -> tuple[SampleKey, ...]:
    """Return one sample for each name of a file or ID, in that order; IDs have no extension where that tells them
    apart."""
    normal = list(dict.fromkeys(name.replace("\\", "/").removeprefix("./") for name in names))
    bare = [_without_image_extension(name) for name in normal]
    once = len(set(bare)) == len(bare)
    ids = bare if once else normal
    return tuple(SampleKey(one, root / name, name, name) for one, name in zip(ids, normal, strict=True))


def _without_image_extension(name: str) -> str:
    suffix = Path(name).suffix
    known = suffix.lower() in IMAGES or suffix.lower() in EXTENSIONS or suffix.lower() in (".bin", ".xyz")
    return name[: -len(suffix)] if known else name


def _of_template(path: Path, options: Options) -> tuple[Path, str, tuple[SampleKey, ...]]:
    """Return the samples that have a file, or all images where their folder is given."""
    before, _, after = str(path).partition(_ID)
    root = Path(before if before.endswith(("/", "\\")) else f"{before}x").parent if before else Path()
    root = Path(before) if before.endswith(("/", "\\")) else root
    template = str(path)[len(str(root)) + 1 :] if str(root) != "." else str(path)
    if options.images:
        return root, template, _of_images(options.images)
    start = len(before)
    files = sorted(
        (file for file in root.rglob(f"*{after}") if is_file(file) and str(file).startswith(before)),
        key=lambda file: natural_key(str(file)),
    )
    ids = [str(file)[start : len(str(file)) - len(after)].replace("\\", "/") for file in files]
    keys = tuple(
        SampleKey(one, file, file.relative_to(root).as_posix(), f"{one}{file.suffix}")
        for one, file in zip(ids, files, strict=True)
    )
    if not keys:
        raise GoldenError("no label file", file=path, expected="a file for each sample", hint="check folder and suffix")
    return root, template, keys


def _of_images(folder: Path) -> tuple[SampleKey, ...]:
    files = [file for file in folder.rglob("*") if file.suffix.lower() in (*IMAGES, *EXTENSIONS, ".bin") and is_file(file)]
    if not files:
        raise GoldenError("no image in it", file=folder, expected="the input files", hint="check --images")
    files.sort(key=lambda file: natural_key(str(file)))
    return keys_of_names(folder, [file.relative_to(folder).as_posix() for file in files])


def _extension_in(folder: Path, form: str) -> str:
    usual = _EXTENSIONS_OF_FORMAT.get(form, tuple(one for one, name in EXTENSIONS.items() if name == form))
    for extension in usual:
        if next(folder.rglob(f"*{extension}"), None) is not None:
            return extension
    raise GoldenError(
        f"no file of format {form} in it",
        file=folder,
        expected=" or ".join(usual) or "a path with {id}, such as labels/{id}.txt",
        hint="check the folder, or give a path with {id}",
    )


_EXTENSIONS_OF_FORMAT: dict[str, tuple[str, ...]] = {
    "yolo": (".txt",),
    "voc": (".xml",),
    "kitti": (".txt",),
    "text": (".txt",),
    "labelme": (".json",),
    "lidarseg": (".bin",),
    "image": tuple(sorted(IMAGES)),
}


def _of_coco(source: LabelSource, form: str) -> tuple[dict[int | str, str], dict[str, Size]]:
    if form not in ("coco", "lvis"):
        return {}, {}
    path = source.root / source.entry.path
    file: CocoFile = parsed_once(source.shared, ("coco", path), lambda: read_coco(path))
    ids: dict[int | str, str] = {}
    sizes: dict[str, Size] = {}
    of_name = {key.relative_path: key.id for key in source.samples}
    for image in file.images:
        name = (image.file_name or image.url_name).replace("\\", "/").removeprefix("./")
        sample = of_name.get(name)
        if sample is not None:
            ids[image.id] = sample
            sizes |= declared_size(sample, image.width, image.height)
    return ids, sizes

