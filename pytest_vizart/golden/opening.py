"""From a manifest to samples and label sources; no input and no label is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pytest_vizart.errors import GoldenFormatError, VizartError
from pytest_vizart.golden.class_maps import class_table, merge_class_maps
from pytest_vizart.golden.files import is_file, is_folder, resolve_inside
from pytest_vizart.golden.formats import LabelReader, LabelSource, open_reader
from pytest_vizart.golden.label_store import LabelStore, StageSource
from pytest_vizart.golden.listing import Report, SampleKey, groups_of, list_samples, raise_it, require_all_inside
from pytest_vizart.golden.manifest import LabelEntry, Manifest
from pytest_vizart.golden.recorded import FOLDER, RecordedStore
from pytest_vizart.golden.specs import make_spec, recorded_spec
from pytest_vizart.records.labels import ClassMap, LabelSpec


@runtime_checkable
class NamesKeypoints(Protocol):
    """A reader whose files may name the keypoints themselves."""

    def keypoints(self) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A dataset's parts.

    `manifest_path` is the manifest's file or, where a folder was recognised, the folder. `label_sources` has those too
    that could not be opened.
    """

    root: Path
    manifest: Manifest
    manifest_path: Path
    keys: tuple[SampleKey, ...]
    label_sources: tuple[LabelSource, ...]
    store: LabelStore


def open_parts(
    root: Path, manifest: Manifest, manifest_path: Path, *, device: str | None = None, report: Report = raise_it
) -> Opened:
    """List the samples and open the label sources of a dataset.

    Args:
        device: what the pipeline runs on, "cpu" or a GPU's name; chooses among the manifest's tolerances.
        report: takes each problem; what it does not raise is left out of the dataset.

    Raises:
        VizartError: what `report` raises; GoldenFormatError for files that are not there, wrong tags and class maps.
    """
    keys = list_samples(root, manifest.samples, manifest=manifest_path, report=report)
    ids = [key.id for key in keys]
    tags = groups_of(ids, manifest.tags, key="tags", manifest=manifest_path, report=report)
    splits = groups_of(ids, manifest.splits, key="splits", manifest=manifest_path, report=report)
    if manifest.tags or manifest.splits:
        keys = tuple(replace(key, tags=tags[key.id], splits=splits[key.id]) for key in keys)
    shared: dict[Any, Any] = {}
    label_sources = tuple(
        LabelSource(root, manifest_path, f"labels[{position}]", entry, entry.classes or manifest.classes, keys, shared)
        for position, entry in enumerate(manifest.labels)
    )
    store = _open_store(label_sources, manifest, root, manifest_path, device, report)
    return Opened(root, manifest, manifest_path, keys, label_sources, store)


def _open_store(
    label_sources: Sequence[LabelSource],
    manifest: Manifest,
    root: Path,
    manifest_path: Path,
    device: str | None,
    report: Report,
) -> LabelStore:
    opened: dict[str, list[tuple[LabelSource, LabelReader, ClassMap]]] = {}
    for source in label_sources:
        try:
            _require_label_files(source, source.entry)
            reader = open_reader(source)
            classes = reader.classes()
        except VizartError as error:
            report(error)
        else:
            opened.setdefault(source.entry.stage, []).append((source, reader, classes))
    specs: dict[str, LabelSpec] = {}
    sources: dict[str, list[StageSource]] = {}
    for stage, parts in opened.items():
        try:
            classes = merge_class_maps(
                [(source.place, own) for source, _, own in parts],
                manifest.classes,
                file=manifest_path,
                place=f"{parts[-1][0].place}.classes",
            )
        except GoldenFormatError as error:
            report(error)
            continue
        spec = make_spec([source.entry for source, _, _ in parts], classes, device=device)
        specs[stage] = _with_own_keypoints(spec, [reader for _, reader, _ in parts])
        sources[stage] = [StageSource(source, reader, class_table(own, classes)) for source, reader, own in parts]
    specs |= {entry.stage: recorded_spec(entry, device=device) for entry in manifest.recorded}
    return LabelStore(specs, sources, RecordedStore(root / FOLDER))


def _with_own_keypoints(spec: LabelSpec, readers: Sequence[LabelReader]) -> LabelSpec:
    """The spec with the names and bones that the label file gives, where the manifest gives none."""
    own = next((reader.keypoints for reader in readers if isinstance(reader, NamesKeypoints)), None)
    if spec.task != "keypoints" or own is None or (spec.keypoint_names and spec.skeleton):
        return spec
    try:
        names, bones = own()
    except GoldenFormatError:  # labels that cannot be read say so when they are read
        return spec
    return replace(spec, keypoint_names=spec.keypoint_names or names, skeleton=spec.skeleton or bones)


def _require_label_files(source: LabelSource, entry: LabelEntry) -> None:
    place = f"{source.place}.path"
    path = resolve_inside(source.root, entry.path, file=source.manifest, place=place)
    if entry.masks is not None:
        resolve_inside(source.root, entry.masks, file=source.manifest, place=f"{source.place}.masks")
    if source.per_sample:
        existing = [path for key in source.samples if is_file(path := source.path_for(key))]
    elif is_folder(path):
        return  # it has been looked at, and the readers take files of it as they need them
    else:
        existing = [path] if is_file(path) else []
    require_all_inside(source.root, existing, file=source.manifest, place=place)
    if not existing:
        example = source.path_for(source.samples[0]) if source.per_sample and source.samples else path
        raise GoldenFormatError(
            "no sample has a label file" if source.per_sample else "no such label file",
            file=source.manifest,
            place=place,
            expected=f"a file such as {example}",
            found=entry.path,
            hint="check the path, which is relative to the dataset's folder",
        )


def label_files(root: Path, manifest: Manifest, keys: Sequence[SampleKey]) -> Iterator[tuple[str, Path]]:
    """Yield relative name and path of every file that the labels may stand in, in a fixed order.

    Folders (of masks, of label files) with all that lies in them, but not the inputs.
    """
    inputs: Mapping[Path, SampleKey] = {key.path: key for key in keys}
    for entry in manifest.labels:
        if "{id}" in entry.path:
            for key in keys:
                name = entry.path.replace("{id}", key.id)
                yield name, root / name
            continue
        yield entry.path, root / entry.path
        for folder in _folders(root, entry):
            for path in sorted(folder.rglob("*")):
                if path not in inputs and is_file(path):
                    yield path.relative_to(root).as_posix(), path


def recorded_files(root: Path, manifest: Manifest) -> Iterator[tuple[str, Path]]:
    """Yield relative name and path of the recorded outputs of the stages that the manifest names."""
    stages = {entry.stage for entry in manifest.recorded}
    for name, _, path in RecordedStore(root / FOLDER).entries() if stages else ():
        if name in stages:
            yield path.relative_to(root).as_posix(), path


def _folders(root: Path, entry: LabelEntry) -> Iterator[Path]:
    path = root / entry.path
    if is_folder(path):
        yield path
    elif entry.task == "panoptic":
        yield root / entry.masks if entry.masks else path.with_suffix("")
