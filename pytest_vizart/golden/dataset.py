"""Golden datasets and their samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_vizart.errors import GoldenError, GoldenFormatError
from pytest_vizart.golden.discovery import discover, manifest_of
from pytest_vizart.golden.files import content_digest, is_file
from pytest_vizart.golden.label_store import LabelStore
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.manifest import Manifest
from pytest_vizart.golden.opening import label_files, open_parts, recorded_files
from pytest_vizart.records.labels import Label, LabelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GoldenDataset", "GoldenSample", "discover"]

_DESCRIPTIVE = {"description", "license", "source", "provenance"}
"""Keys of the manifest that say nothing about what is compared."""


class GoldenSample:
    """One input with its labels.

    Attributes: `path`, the absolute file; `id`, its name in history and reports; `tags` and `splits` that the manifest
    puts it into.
    """

    __slots__ = ("_key", "_store", "id", "path", "splits", "tags")

    def __init__(self, key: SampleKey, store: LabelStore) -> None:
        self.id: str = key.id
        self.path: str = str(key.path)
        self.tags: tuple[str, ...] = key.tags
        self.splits: tuple[str, ...] = key.splits
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
    def load(cls, path: Path, *, device: str | None = None) -> GoldenDataset:
        """Check the manifest and list the samples of the dataset in folder `path`; nothing is decoded yet.

        A folder without a manifest is recognised by what lies in it.

        Args:
            device: what the pipeline runs on, "cpu" (also where it is None) or a GPU's name; chooses among the
                tolerances of the manifest.

        Raises:
            GoldenError: there is no such folder, or no manifest in it and it cannot be recognised for certain.
            GoldenFormatError: the manifest is wrong, or names files that are not there.
        """
        root = Path(path).absolute()
        manifest, manifest_path = manifest_of(root)
        opened = open_parts(root, manifest, manifest_path, device=device)
        return cls(root, manifest, opened.keys, opened.store)

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

    @property
    def splits(self) -> tuple[str, ...]:
        """All splits of the manifest."""
        return tuple(self._manifest.splits)

    @cached_property
    def digest(self) -> str:
        """32 hex digits over manifest, all label files (folders of masks too) and list of samples.

        Descriptive text and comments are left out, and keys with their default values, so that a new version with new
        keys leaves digests as they are.
        """
        hasher = blake2b(digest_size=16)
        told = self._manifest.model_dump(mode="json", exclude=_DESCRIPTIVE, exclude_defaults=True)
        hasher.update(json.dumps(told, sort_keys=True).encode())
        files = (label_files(self.root, self._manifest, self._keys), recorded_files(self.root, self._manifest))
        for name, path in chain.from_iterable(files):
            content = content_digest(path, sampled=False) if is_file(path) else "absent"
            hasher.update(f"{name}\0{content}\0".encode())
        for key in self._keys:
            hasher.update(key.id.encode() + b"\0" + key.relative_path.encode() + b"\0")
        return hasher.hexdigest()

    def spec(self, stage: str) -> LabelSpec:
        """Return what the manifest says of a stage's labels; GoldenError listing the labelled stages."""
        return self._store.specs[_known_stage(self._store, stage)]

    def subset(
        self, limit: int | None = None, tags: Sequence[str] = (), *, splits: Sequence[str] = ()
    ) -> GoldenDataset:
        """Return the samples that have one of the tags and one of the splits (all, where none are given), the first
        `limit` of them.

        Raises:
            GoldenError: the manifest has no such tag or split.
        """
        self._require_known("tag", tags, self.tags)
        self._require_known("split", splits, self.splits)
        chosen = [
            key
            for key in self._keys
            if (not tags or set(tags) & set(key.tags)) and (not splits or set(splits) & set(key.splits))
        ][:limit]
        partial = self.partial or bool(tags) or bool(splits) or limit is not None
        return GoldenDataset(self.root, self._manifest, chosen, self._store, partial=partial)

    def _require_known(self, what: str, names: Sequence[str], known: Sequence[str]) -> None:
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise GoldenError(
                f"unknown {what}",
                file=self.root,
                place=f"{what}s",
                expected=", ".join(known) or f"no {what}s: the manifest has none",
                found=unknown,
                hint=f"choose one of these, or add the {what} to the manifest",
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
