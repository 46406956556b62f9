"""Folders without a manifest: what they hold is told by their structure and by the ends of a few files.

Nothing is guessed: where two readings are possible, or where only the user can say what is meant, the folder is not
recognised, and the error lists what it could be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from pytest_vizart.errors import GoldenError
from pytest_vizart.golden.manifest import MANIFEST_NAMES
from pytest_vizart.golden.recognition.candidate import Candidate
from pytest_vizart.golden.recognition.class_labels import class_csv, folders
from pytest_vizart.golden.recognition.cloud_labels import clouds, semantic_kitti
from pytest_vizart.golden.recognition.coco_labels import coco, lonely_files
from pytest_vizart.golden.recognition.image_labels import labelme, png_masks
from pytest_vizart.golden.recognition.text_labels import kitti, yolo
from pytest_vizart.golden.recognition.view import FolderView
from pytest_vizart.golden.recognition.xml_labels import cvat, voc

__all__ = ["Candidate", "candidates", "completed_candidates", "is_recognised", "recognise", "why_not"]

_RECOGNISERS: tuple[Callable[[FolderView], Iterator[Candidate]], ...] = (
    coco,
    yolo,
    voc,
    kitti,
    cvat,
    labelme,
    png_masks,
    clouds,
    semantic_kitti,
    class_csv,
)
_SHOWN = 8
_READING, _READINGS = 48, 110  # characters: of one reading, of all that a message shows


def candidates(folder: Path) -> list[Candidate]:
    """Return every reading of a folder; folders called after classes only where nothing else fits."""
    return _candidates(FolderView(folder))


def _candidates(view: FolderView) -> list[Candidate]:
    found = [candidate for recogniser in _RECOGNISERS for candidate in recogniser(view) if candidate.lies_here()]
    return found or [candidate for candidate in folders(view) if _is_valid(candidate)]


def completed_candidates(folder: Path) -> list[Candidate]:
    """Return every reading of a folder with the names of its classes, as far as label files tell them."""
    view = FolderView(folder)
    return [candidate.completed(view) for candidate in _candidates(view)]


def is_recognised(folder: Path) -> bool:
    """Whether a folder is a dataset for certain, manifest or not."""
    found = candidates(folder)
    return len(found) == 1 and not found[0].open_keys and _is_valid(found[0])


def recognise(folder: Path) -> Candidate:
    """Return what a folder without a manifest is.

    Raises:
        GoldenError: nothing, several things, or something of which only the user can tell a part.
    """
    view = FolderView(folder)
    found = _candidates(view)
    if len(found) == 1:
        found[0] = found[0].completed(view)
        if not found[0].open_keys and _is_valid(found[0]):
            return found[0]
    if not found:
        raise GoldenError(
            "not a golden dataset",
            file=folder,
            expected=f"a {' or '.join(MANIFEST_NAMES)}, or files of a known format beside their inputs",
            found=_without_images(view) or "no manifest, and nothing that is recognised",
            hint=_hint(folder),
        )
    if len(found) > 1:
        raise GoldenError(
            f"not a golden dataset for certain: {len(found)} readings are possible",
            file=folder,
            expected="one kind of labels, or a golden.yaml that names the labels",
            found=_readings(found),
            hint=f"`vizart golden init --print {folder}` shows all of them, --format {found[0].format} writes one",
        )
    reasons = [f"{key}: {why}" for key, why in found[0].open_keys.items()]
    raise GoldenError(
        f"not a golden dataset without a manifest: it looks like {found[0].format} ({found[0].what})",
        file=folder,
        expected=f"a golden.yaml that gives {' and '.join(found[0].open_keys) or 'what the files do not tell'}",
        found="; ".join(reasons) or "class names or paths that a manifest cannot hold",
        hint=f"`vizart golden init {folder}` writes one to be completed",
    )


def why_not(folder: Path) -> str | None:
    """Return what speaks against a folder that looks like a dataset; None where nothing does."""
    view = FolderView(folder)
    found = _candidates(view)
    if not found:
        return _without_images(view)
    try:
        recognise(folder)
    except GoldenError as error:
        return f"{error.problem}: {error.found}"
    return None


def _without_images(view: FolderView) -> str | None:
    path = next(lonely_files(view), None)
    return (
        None if path is None else f"{path}, a COCO file, without the images that it names: not one lies in the folder"
    )


def _readings(found: Sequence[Candidate]) -> str:
    """As many readings as a message has room for, and how many more there are."""
    told: list[str] = []
    for one in found:
        what = one.what if len(one.what) <= _READING else f"{one.what[:_READING]}..."
        if told and sum(map(len, told)) + len(what) > _READINGS:
            break
        told.append(f"{one.format} ({what})")
    return "; ".join(told) + (f"; {len(found) - len(told)} more" if len(found) > len(told) else "")


def _hint(folder: Path) -> str:
    below = [path.name for path in sorted(folder.iterdir())[:_SHOWN] if path.is_dir() and is_recognised(path)]
    return (
        f"{' and '.join(below)} in it would be recognised"
        if below
        else "write a golden.yaml that names samples and labels"
    )


def _is_valid(candidate: Candidate) -> bool:
    try:
        candidate.manifest()
    except ValidationError:
        return False
    return True
