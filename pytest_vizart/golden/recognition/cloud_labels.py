"""Point clouds whose points have labels: PLY and PCD with a label field, SemanticKITTI, LAS."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_vizart.golden.recognition.candidate import (
    Candidate,
    common_top,
    entry,
    folder_name,
    sample_globs,
    tree_globs,
)
from pytest_vizart.golden.recognition.pairs import find_pairs
from pytest_vizart.golden.recognition.view import FolderView, joined

_NAMES = ("label", "labels", "class", "class_id", "classification", "semantic", "semantic_id", "scalar_label")
_PLY_FIELD = re.compile(r"(?m)^property (?!list)\S+ (\S+)\s*$")
_PCD_FIELDS = re.compile(r"(?m)^FIELDS (.+)$")
_HEADER_CHARACTERS = 4096
_CLASSES_UNKNOWN = "points hold numbers, and nothing says which classes they are"


def clouds(view: FolderView) -> Iterator[Candidate]:
    """Clouds that hold their labels themselves."""
    for extension, form, pattern in ((".ply", "ply", _PLY_FIELD), (".pcd", "pcd", _PCD_FIELDS)):
        found: dict[str, list[str]] = {}
        for folder in view.folders():
            names = view.names(folder, extension)
            field = _label_field(view, [joined(folder, name) for name in names[:3]], pattern)
            if field is not None:
                found.setdefault(field, []).append(folder)
        for field, folders in found.items():
            yield _self_labelled(view, form, extension, folders, {} if field == "label" else {"property": field})
    las = [folder for folder in view.folders() if view.names(folder, ".las", ".laz")]
    if las:
        for extension in (".las", ".laz"):
            folders = [folder for folder in las if view.names(folder, extension)]
            if folders:
                yield _self_labelled(view, "las", extension, folders, {})


def semantic_kitti(view: FolderView) -> Iterator[Candidate]:
    """labels/000000.label beside velodyne/000000.bin."""
    for tree in find_pairs(view, frozenset({".bin"}), ".label", lambda path: True):
        globs, splits = tree.globs(view, frozenset({".bin"}))
        what = f"{joined(tree.labels, '*.label')} for {folder_name(tree.inputs)}"
        labels = (entry("points", "semantickitti", tree.template(".label")),)
        unknown = {"classes": _CLASSES_UNKNOWN}
        yield Candidate(
            "semantickitti", what, globs, labels, tree.places, splits=splits, open_keys=unknown,
            values_in=tuple(dict.fromkeys(pair.labels for pair in tree.pairs)),
        )  # fmt: skip


def _self_labelled(view: FolderView, form: str, extension: str, folders: list[str], keys: dict[str, str]) -> Candidate:
    top = common_top(folders)
    extensions = frozenset({extension})
    suffixes = sorted({name[-len(extension) :] for folder in folders for name in view.names(folder, extension)})
    if len(folders) > 1 and not top:
        top = ""
        globs: tuple[str, ...] = tuple(f"**/*{suffix}" for suffix in suffixes)
        splits: dict[str, list[str]] = {}
    elif folders == [top]:
        globs, splits = sample_globs(view, folders, extensions), {}
    else:
        globs, splits = tree_globs(view, top, folders, extensions)
    labels = tuple(entry("points", form, joined(top, "{id}" + suffix), **keys) for suffix in suffixes)
    what = f"{', '.join(globs)} with labels in the points"
    places = tuple((folder, "") for folder in folders)  # clouds/a.ply is its own label: the dataset may be above
    return Candidate(form, what, globs, labels, places, splits=splits, open_keys={"classes": _CLASSES_UNKNOWN})


def _label_field(view: FolderView, paths: list[str], pattern: re.Pattern[str]) -> str | None:
    for path in paths:
        header = view.head(path)[:_HEADER_CHARACTERS].decode("ascii", "replace").replace("\r", "")
        fields = [name for found in pattern.findall(header) for name in found.split()]
        for name in _NAMES:
            if name in fields:
                return name
    return None
