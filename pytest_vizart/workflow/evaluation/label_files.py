"""Ground truth out of a label file, or one label file for each sample, without a manifest and without inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from glob import escape
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from pytest_vizart.errors import GoldenError, GoldenFormatError, UsageError
from pytest_vizart.golden.files import is_file
from pytest_vizart.golden.formats import LabelReader, LabelSource, open_reader
from pytest_vizart.golden.formats.coco_file import CocoFile, read_coco
from pytest_vizart.golden.formats.parsed_once import parsed_once
from pytest_vizart.golden.listing import SampleKey, natural_key
from pytest_vizart.golden.manifest import LabelEntry, find_manifest, read_classes
from pytest_vizart.golden.opening import NamesKeypoints
from pytest_vizart.golden.recognition import candidates
from pytest_vizart.golden.recognition.view import IMAGES
from pytest_vizart.golden.specs import make_spec
from pytest_vizart.records.labels import ClassMap, Task
from pytest_vizart.workflow.evaluation.class_search import names_in
from pytest_vizart.workflow.evaluation.options import ClassNames, Options
from pytest_vizart.workflow.evaluation.path_kinds import EXTENSIONS, label_format, label_task, unknown_labels
from pytest_vizart.workflow.evaluation.sample_listing import names_in_file
from pytest_vizart.workflow.evaluation.truths import Truths, told_by_coco, truths_of_dataset

_ID = "{id}"


def open_labels(path: Path, options: Options, *, predicted: str | None = None) -> Truths:
    """Return what a path holds: a golden dataset's folder, a label file, a folder or template of label files.

    Args:
        predicted: the task that the predictions' form speaks for, where the caller names none.

    Raises:
        GoldenError: nothing there, or nothing that is recognised; GoldenFormatError: a file is not what it should be.
        UsageError: what the files do not tell and the caller did not either: format, task, classes, stage.
    """
    form = options.format
    if path.is_dir() and form is None:
        form = _folder_format(path)
        if form is None:
            _refuse_text_files(path)
            return truths_of_dataset(path, options)
    form = form or label_format(path)
    task = options.task or _task(form, path, predicted)
    root, template, keys = _samples(path, form, options)
    document: dict[str, Any] = {"stage": options.stage or task, "task": task, "path": template, "format": form}
    document |= {"box_format": options.box_format} if options.box_format else {}
    document |= {"ignore": options.ignore} if options.ignore is not None else {}
    source = LabelSource(root, path, "labels", _entry(document), None, keys)
    source = replace(source, classes=_classes(options, source, form))
    return _truths(source, open_reader(source), options, form)


def _task(form: str, path: Path, predicted: str | None) -> Task:
    try:
        return label_task(form, path, predicted)
    except UsageError as error:
        # A format of the user's own says which tasks it has; one that nobody knows says so.
        entry = LabelEntry(stage="any", task="boxes", path=f"{_ID}.x" if path.is_dir() else path.name, format=form)
        source = LabelSource(path.parent, path, "labels", entry, None, ())
        try:
            open_reader(source)
        except GoldenFormatError as found:
            if not (found.place or "").endswith(".task"):
                raise found from None
            error.expected = found.expected
        raise


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
    return Truths(
        spec=options.applied_to(spec),
        keys=source.samples,
        read=reader.read,
        told=f"{source.manifest.name} ({form})",
        shared=source.shared,
        **_of_coco(source, form),
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
    if _ID in str(path) or path.is_dir():
        template = path if _ID in str(path) else path / f"{_ID}{_extension_in(path, form)}"
        root, relative, keys = _of_template(template, options)
        return (*_with_class_names(root, relative), keys) if form == "yolo" else (root, relative, keys)
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


def _folder_format(folder: Path) -> str | None:
    """Return the format of a folder of label files alone; None for a dataset, or where its files may be several."""
    files = _only_label_files(folder)
    if len({file.suffix.lower() for file in files}) != 1:
        return None
    try:
        form = label_format(files[0])
    except UsageError:
        return None
    return form if form in _FORMATS_OF_FOLDERS else None


def _only_label_files(folder: Path) -> list[Path]:
    """The files of a folder that is no dataset, those left out that name classes beside YOLO's."""
    if find_manifest(folder) is not None or candidates(folder):
        return []
    files = (file for file in folder.rglob("*") if not file.name.startswith(".") and is_file(file))
    return [file for file in files if file.name not in _YOLO_NAMES]


def _refuse_text_files(folder: Path) -> None:
    """Raise UsageError for a folder of text files, which are of several formats."""
    files = _only_label_files(folder)
    if files and all(file.suffix.lower() == ".txt" for file in files):
        raise unknown_labels(
            folder, "text files, which may be of several formats", "name it: --format yolo, kitti or text (format=...)"
        )


def _with_class_names(folder: Path, relative: str) -> tuple[Path, str]:
    """Return the nearest folder, up to three above, that names YOLO's classes, and the path relative to it."""
    whole = folder.absolute()
    for above in (whole, *whole.parents[:3]):
        if any(is_file(above / name) for name in _YOLO_NAMES):
            return above, (PurePosixPath(whole.relative_to(above).as_posix()) / relative).as_posix()
    return folder, relative


def _without_image_extension(name: str) -> str:
    suffix = Path(name).suffix
    known = suffix.lower() in IMAGES or suffix.lower() in EXTENSIONS or suffix.lower() in (".bin", ".xyz")
    return name[: -len(suffix)] if known else name


def _of_template(path: Path, options: Options) -> tuple[Path, str, tuple[SampleKey, ...]]:
    """Return the samples that have a file, or all images where their folder is given."""
    before, _, after = str(path).partition(_ID)
    root = Path(before) if before.endswith(("/", "\\")) else Path(before).parent
    template = path.relative_to(root).as_posix()
    if options.images:
        return root, template, _of_images(options.images)
    prefix, _, after = template.partition(_ID)
    names = [file.relative_to(root).as_posix() for file in root.rglob(f"*{escape(after)}") if is_file(file)]
    names = sorted((name for name in names if name.startswith(prefix)), key=natural_key)
    if not names:
        raise GoldenError("no label file", file=path, expected="a file for each sample", hint="check folder and suffix")
    ids = [name[len(prefix) : len(name) - len(after)] for name in names]
    suffix = Path(template).suffix
    pairs = zip(ids, names, strict=True)
    return root, template, tuple(SampleKey(one, root / name, name, f"{one}{suffix}") for one, name in pairs)


def _of_images(folder: Path) -> tuple[SampleKey, ...]:
    files = [
        file for file in folder.rglob("*") if file.suffix.lower() in (*IMAGES, *EXTENSIONS, ".bin") and is_file(file)
    ]
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


_YOLO_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "obj.names", "classes.txt")
_FORMATS_OF_FOLDERS = frozenset({"voc", "labelme", "png", "npy", "ply", "pcd", "las", "semantickitti"})
_EXTENSIONS_OF_FORMAT: dict[str, tuple[str, ...]] = {
    "yolo": (".txt",),
    "voc": (".xml",),
    "kitti": (".txt",),
    "text": (".txt",),
    "labelme": (".json",),
    "lidarseg": (".bin",),
    "image": tuple(sorted(IMAGES)),
}


def _of_coco(source: LabelSource, form: str) -> dict[str, Any]:
    if form not in ("coco", "lvis"):
        return {}
    path = source.root / source.entry.path
    file: CocoFile = parsed_once(source.shared, ("coco", path), lambda: read_coco(path))
    of_name = {key.relative_path: key.id for key in source.samples}
    return told_by_coco(file, lambda name: of_name.get(name.replace("\\", "/").removeprefix("./")))
