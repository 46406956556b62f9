"""What a folder was recognised as: a manifest in the making, and what nothing in the folder tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from pytest_vizart.golden.manifest import Manifest
from pytest_vizart.golden.recognition.class_names import Finder
from pytest_vizart.golden.recognition.view import IMAGES, FolderView, joined

SPLIT_WORDS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading of a folder.

    labels: LabelEntry's keys of each label source; stages have the names of their tasks. places: folder of the inputs
    and of the labels for each source. open_keys: key that only the user can give -> why. anchored: a file directly in
    the folder, such as the list of classes, shows that the dataset is this folder. names: finds the names of the
    classes, where the format lists them nowhere. values_in: folders of label files that hold numbers without names.
    """

    format: str
    what: str
    samples: tuple[str, ...]
    labels: tuple[Mapping[str, Any], ...]
    places: tuple[tuple[str, str], ...]
    classes: Sequence[str] | Mapping[int, str] | None = None
    splits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    open_keys: Mapping[str, str] = field(default_factory=dict)
    anchored: bool = False
    names: Finder | None = None
    values_in: tuple[str, ...] = ()

    def completed(self, view: FolderView) -> Candidate:
        """Return the candidate with the names of its classes, where all label files have to be searched for them."""
        if self.values_in and "classes" in self.open_keys:
            return self._with_values(view)
        if self.names is None or self.classes is not None:
            return self
        classes = self.names(view)
        unknown = {} if classes else {"classes": "no label file names one that could be found"}
        return replace(self, classes=classes, open_keys={**self.open_keys, **unknown}, names=None)

    def _with_values(self, view: FolderView) -> Candidate:
        from pytest_vizart.golden.recognition.values_seen import values_seen

        extensions = frozenset({PurePosixPath(str(one["path"])).suffix.lower() for one in self.labels})
        paths = [joined(folder, name) for folder in self.values_in for name in view.names(folder, *extensions)]
        seen = values_seen(view, self.format, paths)
        told = f"{self.open_keys['classes']}: {seen}" if seen else self.open_keys["classes"]
        return replace(self, open_keys={**self.open_keys, "classes": told}, values_in=())

    def manifest(self) -> Manifest:
        """Return the manifest that the folder would have."""
        return Manifest.model_validate(self.document())

    def document(self) -> dict[str, Any]:
        """Return the manifest as plain data, without what is not known."""
        data: dict[str, Any] = {"samples": list(self.samples)}
        if self.classes is not None:
            classes = self.classes
            data["classes"] = dict(classes) if isinstance(classes, Mapping) else list(classes)
        data["labels"] = [dict(entry) for entry in self.labels]
        if self.splits:
            data["splits"] = {name: list(globs) for name, globs in self.splits.items()}
        return data

    def lies_here(self) -> bool:
        """Whether it is this folder's dataset, not that of a folder in it, or several of those."""
        parts = [(_first(inputs), _first(labels)) for inputs, labels in self.places]
        if self.anchored or any(inputs != labels for inputs, labels in parts) or not all(one for one, _ in parts):
            return True
        return {inputs for inputs, _ in parts} <= SPLIT_WORDS


def entry(task: str, form: str, path: str, **keys: Any) -> dict[str, Any]:
    """A label source whose stage is called after its task."""
    return {"stage": task, "task": task, "format": form, "path": path, **keys}


def sample_globs(view: FolderView, folders: Iterable[str], extensions: frozenset[str]) -> tuple[str, ...]:
    """Return globs for the inputs in these folders, one for each extension, spelled as the files spell it."""
    found: dict[str, None] = {}
    for folder in folders:
        suffixes = {PurePosixPath(name).suffix for name in view.names(folder, *extensions)}
        found.update((joined(folder, f"*{suffix}"), None) for suffix in sorted(suffixes))
    return tuple(found)


def tree_globs(
    view: FolderView, top: str, folders: Sequence[str], extensions: frozenset[str]
) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """Return globs for the inputs in folders below `top`, and the splits that their names tell."""
    if list(folders) == [top]:
        return sample_globs(view, [top], extensions), {}
    suffixes = {PurePosixPath(name).suffix for folder in folders for name in view.names(folder, *extensions)}
    globs = tuple(joined(top, f"**/*{suffix}") for suffix in sorted(suffixes))
    below = {folder[len(top) :].strip("/").split("/")[0] for folder in folders}
    return globs, {name: [f"{name}/*"] for name in sorted(below)} if below <= SPLIT_WORDS else {}


def inputs_of(view: FolderView, folders: Sequence[str]) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """Return globs for the images in these folders, and the splits that the folders' names tell."""
    top = common_top(folders)
    nested = len(folders) > 1 and top and all(folder.startswith(f"{top}/") for folder in folders)
    return tree_globs(view, top, folders, IMAGES) if nested else (sample_globs(view, folders, IMAGES), {})


def nearest(folders: Sequence[str], path: str) -> list[str]:
    """Return those of the folders that share the longest way from the top with a file."""
    shared = {folder: depth(common_top([folder, path])) for folder in folders}
    return [folder for folder in folders if shared[folder] == max(shared.values())]


def folder_name(folder: str) -> str:
    """A folder in a sentence: "." at its end would be lost."""
    return folder or "this folder"


def depth(folder: str) -> int:
    return len(folder.split("/")) if folder else 0


def common_top(folders: Sequence[str]) -> str:
    """Return the innermost folder that holds all of these."""
    first, *others = [folder.split("/") for folder in folders]
    length = len(first)
    for other in others:
        length = next((i for i in range(min(length, len(other))) if first[i] != other[i]), min(length, len(other)))
    return "/".join(first[:length])


def _first(folder: str) -> str:
    return folder.split("/", 1)[0]
