"""Files beside images that are no text: PNG masks and LabelMe JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_vizart.golden.recognition.candidate import Candidate, entry, folder_name
from pytest_vizart.golden.recognition.class_names import names_in_labelme
from pytest_vizart.golden.recognition.pairs import PairedTree, find_pairs, looked_at
from pytest_vizart.golden.recognition.view import IMAGES, FolderView, joined

_PNG = b"\x89PNG\r\n\x1a\n"
_GRAY, _COLOUR, _PALETTE = 0, 2, 3
_MASK_WORDS = re.compile(
    r"(?i)mask|label|annot|segm?(entation)?|(^|[^a-z])(gt|gts|ground_?truth|ann|anns|target)([^a-z]|$)"
)
_NO_SEMANTIC_MASKS = frozenset({"SegmentationObject", "SegmentationClass"})
"""Of a VOC dataset, whose boxes are what it is recognised by."""
_LABELME = re.compile(r'"shapes"\s*:\s*\[')
_SHAPE_TYPE = re.compile(r'"shape_type"\s*:\s*"(\w+)"')
_CLASSES_UNKNOWN = "masks hold numbers, and nothing says which classes they are"


def png_masks(view: FolderView) -> Iterator[Candidate]:
    """masks/a.png beside images/a.jpg; which of two folders holds the masks is told by its name and its PNG files."""
    trees = [
        tree
        for tree in find_pairs(
            view,
            IMAGES,
            ".png",
            lambda path: _colour_type(view, path) is not None,
            may_hold=lambda folder: bool(_MASK_WORDS.search(folder)),
        )
        if all(_holds_masks(pair.labels, pair.inputs) and not _is_panoptic(view, pair.labels) for pair in tree.pairs)
    ]
    if not trees:
        return
    types = {_colour_type(view, path) for path in looked_at(view, trees, ".png")}
    open_keys = {"classes": _CLASSES_UNKNOWN}
    folders = tuple(dict.fromkeys(pair.labels for tree in trees for pair in tree.pairs))
    if _COLOUR in types:
        open_keys["colors"] = "masks hold colours, and nothing says which classes they are"
    globs: list[str] = []
    splits: dict[str, list[str]] = {}
    for tree in trees:
        found, told = tree.globs(view, IMAGES)
        globs += found
        splits.update(told)
    yield Candidate(
        "png",
        ", ".join(f"{joined(tree.labels, '*.png')} for {folder_name(tree.inputs)}" for tree in trees),
        tuple(globs),
        tuple(entry("semantic", "png", tree.template(".png")) for tree in trees),
        tuple(place for tree in trees for place in tree.places),
        splits=splits,
        open_keys=open_keys,
        values_in=() if _COLOUR in types else folders,
    )


def labelme(view: FolderView) -> Iterator[Candidate]:
    """a.json with `shapes` beside a.jpg."""
    for tree in find_pairs(view, IMAGES, ".json", lambda path: bool(_LABELME.search(view.text(path)))):
        globs, splits = tree.globs(view, IMAGES)
        tasks = _labelme_tasks(view, tree)
        labels = tuple(entry(task, "labelme", tree.template(".json")) for task in tasks)
        what = f"{joined(tree.labels, '*.json')} for {folder_name(tree.inputs)}"
        names = names_in_labelme([folder for _, folder in tree.places])
        yield Candidate("labelme", what, globs, labels, tree.places, splits=splits, names=names)


def _labelme_tasks(view: FolderView, tree: PairedTree) -> list[str]:
    shapes = {kind for path in looked_at(view, [tree], ".json") for kind in _SHAPE_TYPE.findall(view.text(path))}
    return ["boxes", "instances"] if shapes & {"polygon", "mask"} else ["boxes"]


def _is_panoptic(view: FolderView, folder: str) -> bool:
    """Whether the masks belong to a COCO panoptic file, which has the folder's name."""
    above, _, name = folder.rpartition("/")
    return f"{name}.json" in view.names(above, ".json")


def _holds_masks(labels: str, inputs: str) -> bool:
    if labels.split("/")[-1] in _NO_SEMANTIC_MASKS:
        return False
    own, other = bool(_MASK_WORDS.search(labels)), bool(_MASK_WORDS.search(inputs))
    return own and not other


def _colour_type(view: FolderView, path: str) -> int | None:
    """The colour type in a PNG file's header, None if it is no PNG that can be a mask."""
    head = view.head(path)
    found = head[25] if head.startswith(_PNG) and len(head) > 25 else None
    return found if found in (_GRAY, _COLOUR, _PALETTE) else None
