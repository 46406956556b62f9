"""JSON files of COCO's form: boxes, outlines, keypoints, panoptic segments; and LVIS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_vizart.golden.recognition.candidate import Candidate, entry, folder_name, inputs_of, nearest
from pytest_vizart.golden.recognition.view import FolderView, stem

_FILE_NAME = re.compile(r'"(?:file_name|coco_url)"\s*:\s*"((?:[^"\\]|\\.)*)"')
_IMAGES_KEY = re.compile(r'"images"\s*:\s*\[')
_OTHER_KEYS = re.compile(r'"(annotations|categories)"\s*:\s*\[')
_BOX = re.compile(r'"bbox"\s*:\s*\[\s*[-\d]')
_OUTLINE = re.compile(r'"segmentation"\s*:\s*(\[\s*\[|\{)')
_KEYPOINTS = re.compile(r'"keypoints"\s*:\s*\[\s*[-\d]')
_SEGMENTS = re.compile(r'"segments_info"\s*:\s*\[')
_SCORE = re.compile(r'"score"\s*:')
_LVIS = re.compile(r'"(neg_category_ids|not_exhaustive_category_ids)"\s*:')
_SPLIT = re.compile(r"(?i)(train|trainval|val|valid|validation|minival|test|default)\d*")


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    tasks: tuple[str, ...]
    lvis: bool
    image_names: frozenset[str]
    whole: bool
    folders: tuple[str, ...]

    @property
    def main_tasks(self) -> frozenset[str]:
        """What the file is there for: keypoints come with boxes that another file may have already."""
        return frozenset({"keypoints"}) if "keypoints" in self.tasks else frozenset(self.tasks)


def coco(view: FolderView) -> Iterator[Candidate]:
    """One reading for each family of files that label the same images: instances_train.json and instances_val.json
    are one, a.json and b.json that name the same images are two."""
    found = [file for path in view.files(".json") if (file := _look(view, path)) is not None]
    yield from (_candidate(family, view) for family in _families(found))


def lonely_files(view: FolderView) -> Iterator[str]:
    """Yield the files of COCO's form none of whose images lies in the folder."""
    for path in view.files(".json"):
        text = view.text(path)
        if (
            _IMAGES_KEY.search(text)
            and _OTHER_KEYS.search(text)
            and _FILE_NAME.search(text)
            and not _SCORE.search(text)
        ):
            names = {name.replace("\\/", "/").rsplit("/", 1)[-1] for name in _FILE_NAME.findall(text)}
            if all(names.isdisjoint(view.images(folder)) for folder in view.folders()):
                yield path


def _look(view: FolderView, path: str) -> _File | None:
    text = view.text(path)
    if not text.lstrip("\ufeff \t\r\n").startswith("{") or not _IMAGES_KEY.search(text) or _SCORE.search(text):
        return None  # scores: predictions
    if view.is_whole(path) and not _OTHER_KEYS.search(text):
        return None
    names = frozenset(name.replace("\\/", "/").rsplit("/", 1)[-1] for name in _FILE_NAME.findall(text))
    if _SEGMENTS.search(text):  # its annotations name PNG files
        names = frozenset(name for name in names if not name.endswith(".png")) or names
    tasks = _tasks(text, path, whole=view.is_whole(path))
    folders = [folder for folder in view.folders() if _holds(view, folder, path, tasks, names)]
    if not tasks or not folders:
        return None
    lvis = bool(_LVIS.search(text))
    return _File(path, tasks, lvis, names, view.is_whole(path), tuple(nearest(folders, path)))


def _tasks(text: str, path: str, *, whole: bool) -> tuple[str, ...]:
    if _SEGMENTS.search(text):
        return ("panoptic",)
    if "stuff" in path.rsplit("/", 1)[-1].lower() and _OUTLINE.search(text):
        return ("semantic",)
    if _KEYPOINTS.search(text):
        return ("boxes", "keypoints")
    if _OUTLINE.search(text):
        return ("boxes", "instances")
    # Of a large file only both ends are seen, and these may be all images and all categories.
    return ("boxes",) if _BOX.search(text) or not whole else ()


def _families(files: Sequence[_File]) -> list[list[_File]]:
    """Files that may stand side by side in one dataset: other images, or other tasks."""
    families: list[list[_File]] = []
    for file in files:
        home = next((family for family in families if all(_stand_together(file, other) for other in family)), None)
        if home is None:
            families.append([file])
        else:
            home.append(file)
    return families


def _stand_together(one: _File, other: _File) -> bool:
    if one.whole and other.whole and not one.image_names & other.image_names:
        return True
    names = [file.path.rsplit("/", 1)[-1] for file in (one, other)]
    kinds = [_SPLIT.sub("", stem(name)).strip("_-. ").lower() for name in names]
    folders = [file.path.rpartition("/")[0] for file in (one, other)]
    if kinds[0] == kinds[1] and names[0] != names[1] and folders[0] == folders[1]:
        return True  # instances_train.json, instances_val.json
    return not one.main_tasks & other.main_tasks


def _candidate(family: Sequence[_File], view: FolderView) -> Candidate:
    used = {folder for file in family for folder in file.folders}
    folders = [folder for folder in view.folders() if folder in used]
    globs, splits = inputs_of(view, folders)
    others = any("boxes" in file.main_tasks for file in family)
    labels = [
        entry(task, "lvis" if file.lvis else "coco", file.path)
        for file in family
        for task in (file.main_tasks if others and "keypoints" in file.tasks else file.tasks)
    ]
    return Candidate(
        "lvis" if all(file.lvis for file in family) else "coco",
        f"{', '.join(file.path for file in family)} for {', '.join(map(folder_name, folders))}",
        globs,
        tuple(labels),
        tuple((folder, file.path.rpartition("/")[0]) for file in family for folder in file.folders),
        splits=splits,
    )


def _holds(view: FolderView, folder: str, path: str, tasks: Sequence[str], image_names: frozenset[str]) -> bool:
    """Whether images of the file lie in the folder; the folder of its own panoptic masks is none of them."""
    masks = "panoptic" in tasks and folder == stem(path)
    return not masks and not image_names.isdisjoint(view.images(folder))
