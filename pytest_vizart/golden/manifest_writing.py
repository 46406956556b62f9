"""A manifest as text, with a comment for each key, for what a folder was recognised as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pytest_vizart.errors import GoldenError
from pytest_vizart.golden.manifest import MANIFEST_NAMES, LabelEntry, Manifest, find_manifest
from pytest_vizart.golden.recognition import Candidate

_TO_DO = "TO DO"
_PROSE = ("name", "description", "license", "source")
_KIND_CHOICES = "task: oriented_boxes, or task: instances with kind: segments, or task: keypoints with kind: poses"
_EXAMPLES = {"classes": "[background, road]", "colors": '{road: "#804080"}', "box_format": "xywh"}
_COMMENT_COLUMN = 40


def manifest_text(candidate: Candidate) -> str:
    """Return a golden.yaml for a candidate; what nothing in the folder tells is left out and marked TO DO."""
    return "\n".join(_lines(candidate)) + "\n"


def write_new(folder: Path, text: str) -> Path:
    """Write a folder's golden.yaml.

    Raises:
        GoldenError: the folder has a manifest already, or cannot be written.
    """
    existing = find_manifest(folder)
    if existing is not None:
        raise GoldenError("there is a manifest already", file=existing, hint="edit it, or remove it first")
    path = folder / MANIFEST_NAMES[0]
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise GoldenError(
            "manifest cannot be written", file=path, found=error.strerror or str(error), hint="check the folder"
        ) from error
    return path


def _lines(candidate: Candidate) -> Iterator[str]:
    yield f"# Golden dataset, recognised as {candidate.format}: {candidate.what}."
    yield "# Lines that begin with # say nothing; remove the sign to use their keys."
    yield ""
    for key in _PROSE:
        yield _commented(f"# {key}: ", _description(Manifest, key))
    yield ""
    yield _commented("samples:", _description(Manifest, "samples"))
    yield from (f"  - {_inline(glob)}" for glob in candidate.samples)
    yield ""
    yield from _classes(candidate)
    yield ""
    yield "labels:"
    for position, keys in enumerate(candidate.labels):
        yield from _entry(keys, candidate, explained=position == 0)
    yield ""
    yield from _splits(candidate)
    yield _commented("# tags: {dark: [img_0*]}", _description(Manifest, "tags"))


def _classes(candidate: Candidate) -> Iterator[str]:
    classes = candidate.classes
    if classes is None and "classes" in candidate.open_keys:
        yield f"# {_TO_DO}: {candidate.open_keys['classes']}"
        yield _commented(f"# classes: {_EXAMPLES['classes']}", _description(Manifest, "classes"))
    elif classes is None:
        yield _commented("# classes: [coin, key]", _description(Manifest, "classes"))
    elif isinstance(classes, Mapping):
        yield _commented("classes:", _description(Manifest, "classes"))
        yield from (f"  {number}: {_inline(name)}" for number, name in classes.items())
    else:
        yield _commented("classes:", _description(Manifest, "classes"))
        yield from (f"  - {_inline(name)}" for name in classes)


def _entry(keys: Mapping[str, Any], candidate: Candidate, *, explained: bool) -> Iterator[str]:
    unknown_task = "kind" in candidate.open_keys
    for number, (key, value) in enumerate(keys.items()):
        indent = "  - " if number == 0 else "    "
        line = f"{indent}{key}: {_inline(value)}"
        if unknown_task and key == "task":
            yield f"    # {_TO_DO}: {candidate.open_keys['kind']}"
            yield f"    # {_KIND_CHOICES}"
        else:
            yield _commented(line, _description(LabelEntry, key)) if explained else line
    for key in ("colors", "box_format"):
        if key in candidate.open_keys:
            yield f"    # {_TO_DO}: {candidate.open_keys[key]}"
            yield f"    # {key}: {_EXAMPLES[key]}"
    if explained:
        for key in ("score_threshold", "iou_threshold"):
            yield _commented(f"    # {key}: {LabelEntry.model_fields[key].default}", _description(LabelEntry, key))


def _splits(candidate: Candidate) -> Iterator[str]:
    if not candidate.splits:
        yield _commented("# splits: {train: [train/*], val: [val/*]}", _description(Manifest, "splits"))
        return
    yield _commented("splits:", _description(Manifest, "splits"))
    yield from (f"  {_inline(name)}: {_inline(list(globs))}" for name, globs in candidate.splits.items())


def _description(model: type[Manifest] | type[LabelEntry], key: str) -> str:
    return str(model.model_fields[key].description)


def _commented(line: str, comment: str) -> str:
    return f"{line:<{_COMMENT_COLUMN}} # {comment}"


def _inline(value: str | Sequence[str]) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9)
    return text.removesuffix("\n").removesuffix("\n...")
