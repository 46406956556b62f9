"""Golden datasets and their samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_vizart.errors import GoldenError, GoldenFormatError
from pytest_vizart.golden.files import content_digest, is_file, require_inside, resolve_inside
from pytest_vizart.golden.formats import LabelSource, open_reader
from pytest_vizart.golden.label_store import LabelStore
from pytest_vizart.golden.listing import SampleKey, list_samples, natural_key, tags_of
from pytest_vizart.golden.manifest import MANIFEST_NAMES, LabelEntry, Manifest, find_manifest, load_manifest
from pytest_vizart.records.labels import Label, LabelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


class GoldenSample:
    """One input with its labels. `path` is the absolute file, `id` its name in history and reports."""

    __slots__ = ("_key", "_store", "id", "path", "tags")

    def __init__(self, key: SampleKey, store: LabelStore) -> None:
        self.id: str = key.id
        self.path: str = str(key.path)
        self.tags: tuple[str, ...] = key.tags
        self._key = key
        self._store = store

    def __repr__(self) -> str:
        return f"GoldenSample({self.id!r})"

    def load(self) -> NDArray[Any]:
        """Decode the input, anew at every call, so that decoding is never measured as a cache hit.

        Images: (H, W, 3) RGB, or (H, W) where stored as gray; palettes as RGB, transparency left out. `.npy`: the
        array. `.ply`: (N, 3) float32 coordinates.

        Raises:
            GoldenFormatError: the file is absent, damaged, or too large.
        """
        from pytest_vizart.golden.inputs import load_input

        __tracebackhide__ = True
        try:
            return load_input(self._key.path)
        except GoldenFormatError as error:
            raise error.with_traceback(None) from None  # the decoder's own frames would bury the message

    def label(self, stage: str) -> Label | None:
        """Return the label that judges a stage, its arrays read-only; None if the sample is unlabeled.

        Raises:
            GoldenError: the dataset has no labels for this stage.
            GoldenFormatError: the label cannot be read.
        """
        return self._store.label(_known_stage(self._store, stage), self._key)

    @property
    def labels(self) -> dict[str, Label | None]:
        """Stage -> label, None where unlabeled. Raises GoldenFormatError if one of them cannot be read."""
        return {stage: self._store.label(stage, self._key) for stage in self._store.specs}

    def input_digest(self) -> str:
        """Return 32 hex digits that tell the input's content; GoldenFormatError if the file cannot be read."""
        return content_digest(self._key.path)

    def label_digest(self, stage: str) -> str | None:
        """Return 32 hex digits that tell what the label means, None if unlabeled. Raises as `label` does.

        Equal for labels that are written differently and mean the same.
        """
        return self._store.digest(_known_stage(self._store, stage), self._key)


class GoldenDataset:
    """Samples with ground truth, described by a manifest.

    Attributes: `name`; `root`, the absolute folder; `description`, `license`; `specs`, one for each labelled stage;
    `partial`, whether it is a part made by `subset`.
    """

    def __init__(
        self, root: Path, manifest: Manifest, keys: Sequence[SampleKey], store: LabelStore, *, partial: bool = False
    ) -> None:
        self.root = root
        self.name = manifest.name or root.name
        self.description = manifest.description
        self.license = manifest.license
        self.specs: tuple[LabelSpec, ...] = tuple(store.specs.values())
        self.partial = partial
        self._manifest = manifest
        self._keys = tuple(keys)
        self._store = store
        self._samples = {key.id: GoldenSample(key, store) for key in self._keys}
        self.ids: tuple[str, ...] = tuple(self._samples)

    @classmethod
    def load(cls, path: Path) -> GoldenDataset:
        """Check the manifest and list the samples of the dataset in folder `path`; nothing is decoded yet.

        Raises:
            GoldenError: there is no such folder, or no manifest in it.
            GoldenFormatError: the manifest is wrong, or names files that are not there.
        """
        root = Path(path).absolute()
        manifest_path = find_manifest(root) if root.is_dir() else None
        if manifest_path is None:
            raise GoldenError(
                "not a golden dataset",
                file=root,
                expected=f"a folder with {' or '.join(MANIFEST_NAMES)}",
                found="no manifest" if root.is_dir() else "no such folder",
                hint="write a golden.yaml that names samples and labels",
            )
        manifest = load_manifest(manifest_path)
        keys = _tagged(list_samples(root, manifest.samples, manifest=manifest_path), manifest, manifest_path)
        return cls(root, manifest, keys, _open_store(root, manifest, manifest_path, keys))

    def __repr__(self) -> str:
        return f"GoldenDataset({self.name!r}, {len(self)} samples)"

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[GoldenSample]:
        return iter(self._samples.values())

    def __getitem__(self, key: int | str) -> GoldenSample:
        """Return a sample by position or ID; IndexError, or GoldenError for an unknown ID."""
        if isinstance(key, int):
            return self._samples[self.ids[key]]
        if key not in self._samples:
            close = get_close_matches(key, self.ids, n=1)
            raise GoldenError(
                "unknown sample",
                file=self.root,
                expected=f"one of {len(self)} IDs, such as {self.ids[0]!r}" if self.ids else "an ID",
                found=key,
                hint=f"did you mean {close[0]!r}?" if close else "IDs have no extension; see `ids`",
            )
        return self._samples[key]

    def require_readable_labels(self) -> None:
        """Raise the GoldenFormatError of a stage of whose labels not one can be read.

        One bad label among good ones makes its sample invalid; a label file that is something else altogether would
        make a run of which nothing is judged, and is told of before it begins.
        """
        for spec in self.specs:
            first_error: GoldenFormatError | None = None
            for sample in self:
                try:
                    sample.label(spec.stage)
                except GoldenFormatError as error:
                    first_error = first_error or error
                else:
                    first_error = None
                    break
            if first_error is not None:
                raise first_error

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags of the manifest."""
        return tuple(self._manifest.tags)

    @cached_property
    def digest(self) -> str:
        """32 hex digits over manifest, label files and list of samples; descriptive text and comments left out."""
        described = {"description", "license", "source"}
        hasher = blake2b(digest_size=16)
        hasher.update(json.dumps(self._manifest.model_dump(mode="json", exclude=described), sort_keys=True).encode())
        for entry in self._manifest.labels:
            keys = self._keys if "{id}" in entry.path else self._keys[:1]
            for key in keys:
                path = self.root / entry.path.replace("{id}", key.id)
                hasher.update((content_digest(path, sampled=False) if is_file(path) else "absent").encode())
        for key in self._keys:
            hasher.update(key.id.encode() + b"\0" + key.relative_path.encode() + b"\0")
        return hasher.hexdigest()

    def spec(self, stage: str) -> LabelSpec:
        """Return what the manifest says of a stage's labels; GoldenError listing the labelled stages."""
        return self._store.specs[_known_stage(self._store, stage)]

    def subset(self, limit: int | None = None, tags: Sequence[str] = ()) -> GoldenDataset:
        """Return the samples that have one of the tags (all, if none are given), the first `limit` of them.

        Raises:
            GoldenError: the manifest has no such tag.
        """
        unknown = next((tag for tag in tags if tag not in self._manifest.tags), None)
        if unknown is not None:
            raise GoldenError(
                "unknown tag",
                file=self.root,
                place="tags",
                expected=", ".join(self.tags) or "no tags: the manifest has none",
                found=unknown,
                hint="choose one of these, or add the tag to the manifest",
            )
        chosen = [key for key in self._keys if not tags or set(tags) & set(key.tags)][:limit]
        return GoldenDataset(
            self.root, self._manifest, chosen, self._store, partial=self.partial or bool(tags) or limit is not None
        )


def discover(folder: Path) -> dict[str, Path]:
    """Return name -> folder of the golden datasets in `folder`, or of the one dataset that it is, in natural order.

    A dataset whose manifest cannot be read appears under its folder's name: loading it tells what is wrong.

    Raises:
        GoldenError: no such folder, none in it has a manifest, or two datasets have one name.
    """
    folder = Path(folder).absolute()
    if not folder.is_dir():
        raise GoldenError("no such folder", file=folder, expected="golden datasets", hint="check --vizart-golden")
    candidates = (
        [folder] if _has_manifest(folder) else sorted(folder.iterdir(), key=lambda path: natural_key(path.name))
    )
    found: dict[str, Path] = {}
    for path in candidates:
        if not _has_manifest(path):
            continue
        name = _name_of(path)
        if name in found:
            raise GoldenError(
                "two datasets have one name", file=path, found=f"{name}, also in {found[name]}", hint="rename one"
            )
        found[name] = path
    if not found:
        raise GoldenError(
            "no golden dataset",
            file=folder,
            expected=f"a {MANIFEST_NAMES[0]} here, or in a folder directly below",
            hint="write one; `--vizart-golden` names the folder of datasets or one dataset",
        )
    return found


def _has_manifest(folder: Path) -> bool:
    return any((folder / name).is_file() for name in MANIFEST_NAMES)


def _name_of(folder: Path) -> str:
    try:
        path = find_manifest(folder)
        return (load_manifest(path).name if path else None) or folder.name
    except GoldenFormatError:
        return folder.name


def _tagged(keys: tuple[SampleKey, ...], manifest: Manifest, manifest_path: Path) -> list[SampleKey]:
    tags = tags_of([key.id for key in keys], manifest.tags, manifest=manifest_path)
    return [SampleKey(key.id, key.path, key.relative_path, key.inner_path, tags[key.id]) for key in keys]


def _open_store(root: Path, manifest: Manifest, manifest_path: Path, keys: Sequence[SampleKey]) -> LabelStore:
    shared: dict[Any, Any] = {}
    specs: dict[str, LabelSpec] = {}
    readers = {}
    for position, entry in enumerate(manifest.labels):
        place = f"labels[{position}]"
        classes = entry.classes or manifest.classes
        source = LabelSource(root, manifest_path, place, entry, classes, tuple(keys), shared)
        _require_label_files(source, entry)
        reader = readers[entry.stage] = open_reader(source)
        specs[entry.stage] = LabelSpec(
            entry.stage, entry.task, reader.classes(), entry.score_threshold, entry.iou_threshold
        )
    return LabelStore(specs, readers)


def _require_label_files(source: LabelSource, entry: LabelEntry) -> None:
    place = f"{source.place}.path"
    resolve_inside(source.root, entry.path, file=source.manifest, place=place)
    paths = [source.path_for(key) for key in source.samples] if source.per_sample else [source.root / entry.path]
    existing = [path for path in paths if is_file(path)]
    require_inside(source.root, existing, file=source.manifest, place=place)
    if not existing:
        raise GoldenFormatError(
            "no sample has a label file" if source.per_sample else "no such label file",
            file=source.manifest,
            place=place,
            expected=f"a file such as {paths[0]}",
            found=entry.path,
            hint="check the path, which is relative to the dataset's folder",
        )


def _known_stage(store: LabelStore, stage: str) -> str:
    if stage not in store.specs:
        close = get_close_matches(stage, store.specs, n=1)
        raise GoldenError(
            "stage has no labels",
            expected=f"one of {', '.join(store.specs)}",
            found=stage,
            hint=f"did you mean {close[0]!r}?" if close else "add labels for it to the manifest",
        )
    return stage
