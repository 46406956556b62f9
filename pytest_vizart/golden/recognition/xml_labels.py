"""XML files: Pascal VOC, one beside each image, and CVAT, one for all."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_vizart.golden.recognition.candidate import Candidate, entry, folder_name, inputs_of, nearest
from pytest_vizart.golden.recognition.class_names import names_in_voc
from pytest_vizart.golden.recognition.pairs import find_pairs
from pytest_vizart.golden.recognition.view import IMAGES, FolderView, joined

_VOC = re.compile(r"<annotation[\s>]")
_VOC_PARTS = re.compile(r"<(bndbox|size)[\s>]")
_CVAT = re.compile(r"<annotations[\s>]")
_CVAT_IMAGE = re.compile(r'<image\s[^>]{0,400}?\bname="([^"]*)"')
_CVAT_LABELS = re.compile(r"<labels[\s>]")
_CVAT_TASKS = (
    ("boxes", re.compile(r"<box\s")),
    ("instances", re.compile(r"<(polygon|mask)\s")),
    ("keypoints", re.compile(r"<skeleton\s")),
)


def voc(view: FolderView) -> Iterator[Candidate]:
    """Annotations/a.xml beside JPEGImages/a.jpg, or both in one folder."""
    for tree in find_pairs(view, IMAGES, ".xml", lambda path: _is_voc(view.text(path))):
        globs, splits = tree.globs(view, IMAGES)
        what = f"{joined(tree.labels, '*.xml')} for {folder_name(tree.inputs)}"
        labels = (entry("boxes", "voc", tree.template(".xml")),)
        names = names_in_voc([folder for _, folder in tree.places])
        yield Candidate("voc", what, globs, labels, tree.places, splits=splits, names=names)


def cvat(view: FolderView) -> Iterator[Candidate]:
    """A file of CVAT's own form "for images"; tracks "for video" have no reader."""
    for path in view.files(".xml"):
        text = view.text(path)
        tasks = [task for task, pattern in _CVAT_TASKS if pattern.search(text)]
        names = {name.rsplit("/", 1)[-1] for name in _CVAT_IMAGE.findall(text)}
        if not tasks or not names or not _CVAT.search(text):
            continue
        folders = [folder for folder in view.folders() if not names.isdisjoint(view.images(folder))]
        if not folders:
            continue
        folders = nearest(folders, path)
        globs, splits = inputs_of(view, folders)
        places = tuple((folder, path.rpartition("/")[0]) for folder in folders)
        labels = tuple(entry(task, "cvat", path) for task in tasks)
        what = f"{path} for {', '.join(map(folder_name, folders))}"
        unknown = {} if _CVAT_LABELS.search(text) else {"classes": "the file lists no labels"}
        yield Candidate("cvat", what, globs, labels, places, splits=splits, open_keys=unknown)


def _is_voc(text: str) -> bool:
    return bool(_VOC.search(text) and _VOC_PARTS.search(text))
