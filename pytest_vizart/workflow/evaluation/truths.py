"""Ground truth of an evaluation: samples with labels, out of a golden dataset or a label file alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_vizart.errors import GoldenError, GoldenFormatError, UsageError
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.discovery import manifest_of
from pytest_vizart.golden.files import is_file
from pytest_vizart.golden.formats.coco_file import CocoFile, read_coco
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.image_size import Size, image_size
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.recognition.view import IMAGES
from pytest_vizart.records.labels import Label, LabelSpec
from pytest_vizart.workflow.evaluation.options import Options

_COCO_FORMATS = ("coco", "lvis")


@dataclass(frozen=True, slots=True)
class Truths:
    """Samples with labels.

    keys: the samples in their order; `path` need not exist. read: returns a label, None where there is none; raises
    GoldenFormatError. told: file and format, for people. image_ids, categories: of a COCO file, image ID -> sample
    ID and category ID -> name; empty for other formats. sizes: sample ID -> (height, width), where a file gives it.
    """

    spec: LabelSpec
    keys: tuple[SampleKey, ...]
    read: Callable[[SampleKey], Label | None]
    told: str
    image_ids: Mapping[int | str, str] = field(default_factory=dict)
    categories: Mapping[int | str, str] = field(default_factory=dict)
    sizes: Mapping[str, Size] = field(default_factory=dict)
    shared: dict[Any, Any] = field(default_factory=dict)

    @property
    def names(self) -> SampleFinder:
        """Finds samples by the names that files give them."""
        return SampleFinder(self.keys)

    def size_of(self, key: SampleKey, label: Label | None = None) -> Size:
        """Return (height, width) in pixels; GoldenFormatError where nothing tells them."""
        own = self.sizes.get(key.id) or size_of_label(label)
        if own is not None:
            return own
        # Labels without inputs have the label file in the input's place.
        if key.path.suffix.lower() not in IMAGES or not is_file(key.path):
            raise GoldenFormatError(
                "size of the image is not known",
                file=key.path,
                expected="the input image, or a label file that gives width and height",
                found="no image",
                hint="name the folder of the images: --images DIR, images=...",
            )
        return image_size(key.path, self.shared)


class SampleFinder:
    """Finds the sample that a file of predictions means: by path, ID, file name or, last, the bare name without its
    extension, since labels and predictions need not be called after the inputs alone."""

    def __init__(self, keys: Sequence[SampleKey]) -> None:
        self._names = SampleNames(keys)
        self._by_stem: dict[str, str | None] = {}
        for key in keys:
            stem = _stem(key.inner_path)
            self._by_stem[stem] = None if stem in self._by_stem else key.id

    def find(self, name: str) -> str | None:
        """Return a sample's ID, None for a name that fits none or several."""
        return self._names.exact(name) or self._names.by_file_name(name) or self._by_stem.get(_stem(name))


def _stem(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).stem


def size_of_label(label: Label | None) -> Size | None:
    """Return (height, width) of labels that have one."""
    size: Size | None = getattr(label, "size", None)
    for column in ("mask", "segments"):
        array = getattr(label, column, None)
        if array is not None:
            size = (int(array.shape[0]), int(array.shape[1]))
    return size


def truths_of_dataset(dataset: GoldenDataset | Path, options: Options) -> Truths:
    """Return the labels of one stage of a golden dataset.

    Raises:
        GoldenError: no dataset, or no labels for the stage.
        UsageError: several stages, and nothing says which.
    """
    loaded = dataset if isinstance(dataset, GoldenDataset) else GoldenDataset.load(dataset)
    spec = _chosen_stage(loaded, options)
    keys = tuple(_key(loaded, sample.id) for sample in loaded)
    return Truths(
        spec=options.applied_to(spec),
        keys=keys,
        read=lambda key: loaded[key.id].label(spec.stage),
        told=f"{loaded.name}, stage {spec.stage}",
        **_of_coco(loaded, spec.stage, keys),
    )


def _chosen_stage(dataset: GoldenDataset, options: Options) -> LabelSpec:
    if options.stage is not None:
        spec = dataset.spec(options.stage)
        fitting = [spec] if options.task in (None, spec.task) else []
    else:
        fitting = [spec for spec in dataset.specs if options.task in (None, spec.task)]
    if len(fitting) == 1:
        return fitting[0]
    stages = ", ".join(f"{spec.stage} ({spec.task})" for spec in dataset.specs)
    raise UsageError(
        "several stages have labels" if fitting else "no stage has labels of this task",
        file=dataset.root,
        place="stage" if options.stage is None else f"stage {options.stage}",
        expected=f"one of {stages}",
        found=options.task or "no choice",
        hint="name one: --stage NAME, stage=...; or the task: --task, task=...",
    )


def _key(dataset: GoldenDataset, sample_id: str) -> SampleKey:
    sample = dataset[sample_id]
    path = Path(sample.path)
    try:
        relative = path.relative_to(dataset.root).as_posix()
    except ValueError:
        relative = path.name
    return SampleKey(sample.id, path, relative, sample.id + path.suffix, sample.tags, sample.splits)


def _of_coco(dataset: GoldenDataset, stage: str, keys: Sequence[SampleKey]) -> dict[str, Any]:
    """Return what the COCO files of a stage say of images and categories; nothing where they contradict each other."""
    names = SampleNames(keys)
    told: dict[str, Any] = {}
    try:
        manifest, _ = manifest_of(dataset.root)
        paths = [entry.path for entry in manifest.labels if entry.stage == stage and _is_coco(entry.format, entry.path)]
        for path in paths:
            found = told_by_coco(
                read_coco(dataset.root / path), lambda name: names.exact(name) or names.by_file_name(name)
            )
            for part, known in told.items():
                if any(known.get(key, value) != value for key, value in found[part].items()):
                    return {}
            told = {part: {**told.get(part, {}), **found[part]} for part in found}
    except GoldenError:  # the labels themselves will say so when they are read
        return {}
    return told


def told_by_coco(file: CocoFile, find: Callable[[str], str | None]) -> dict[str, Any]:
    """Return `image_ids`, `categories` and `sizes` of a COCO file; find: sample ID of a file name."""
    ids: dict[int | str, str] = {}
    sizes: dict[str, Size] = {}
    for image in file.images:
        sample = find(image.file_name or image.url_name)
        if sample is not None:
            ids[image.id] = sample
            sizes |= _declared_size(sample, image.width, image.height)
    return {"image_ids": ids, "categories": dict(file.categories), "sizes": sizes}


def _is_coco(form: str | None, path: str) -> bool:
    return form in _COCO_FORMATS or (form is None and path.lower().endswith(".json"))


def _declared_size(sample_id: str, width: object, height: object) -> dict[str, Size]:
    """Return {sample ID: size} where both are sizes, {} otherwise."""
    right = all(isinstance(one, int) and not isinstance(one, bool) and 0 < one < 2**31 for one in (width, height))
    return {sample_id: (height, width)} if right else {}  # type: ignore[dict-item]
