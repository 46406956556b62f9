"""All that is wrong with a golden dataset, at once: `validate(folder)` returns findings, with file and place each.

Every label is read once, every image's header; inputs are opened only where another one has as many bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_vizart.errors import VizartError
from pytest_vizart.golden.discovery import manifest_of
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.manifest import Manifest, find_manifest, manifest_problems
from pytest_vizart.golden.opening import Opened, open_parts
from pytest_vizart.golden.validation.classes import class_holes
from pytest_vizart.golden.validation.coco import coco_findings, is_coco
from pytest_vizart.golden.validation.findings import KINDS, Finding, of_error
from pytest_vizart.golden.validation.labels import LabelPass
from pytest_vizart.golden.validation.samples import labels_without_inputs, same_content, splits

__all__ = ["KINDS", "Finding", "Validation", "validate"]


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found in a dataset; errors before warnings, by kind, in the files' order."""

    name: str
    root: str
    samples: int
    stages: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(one.severity == "error" for one in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.errors


def validate(folder: Path) -> Validation:
    """Return all that is wrong with the dataset in a folder, with a manifest or recognised without. Raises nothing."""
    root = Path(folder).absolute()
    found: list[Finding] = []
    manifest, path = _manifest(root, found)
    if manifest is None:
        return Validation(root.name, str(root), 0, (), tuple(found))
    opened = open_parts(root, manifest, path, report=lambda error: found.append(_of_opening(error, path)))
    found += _findings(opened)
    # What a COCO file's check tells of a row, its reader tells too, of the first such row.
    rows = {(one.file, one.place) for one in found if one.kind != "unreadable-label"}
    found = [one for one in found if one.kind != "unreadable-label" or (one.file, one.place) not in rows]
    found = list(dict.fromkeys(found))  # what two sources of one stage lack is told once
    order = list(KINDS)
    found.sort(key=lambda one: order.index(one.kind))  # stable: within a kind as found
    return Validation(manifest.name or root.name, str(root), len(opened.keys), tuple(opened.store.specs), tuple(found))


def _manifest(root: Path, found: list[Finding]) -> tuple[Manifest | None, Path]:
    try:
        path = find_manifest(root) if root.is_dir() else None
        if path is None:
            return manifest_of(root)
    except VizartError as error:
        found.append(of_error("manifest", error, root))
        return None, root
    manifest, problems = manifest_problems(path)
    found += (of_error("manifest", error, path) for error in problems)
    return manifest, path


def _of_opening(error: VizartError, manifest: Path) -> Finding:
    in_manifest = error.file is None or Path(error.file) == manifest
    return of_error("manifest" if in_manifest else "unreadable-label", error, manifest)


def _findings(opened: Opened) -> Iterator[Finding]:
    labels = LabelPass(opened)
    yield from labels.findings()
    yield from _of_label_files(opened, labels)
    yield from same_content(opened)
    yield from splits(opened)
    yield from labels.without_sigmas()
    yield from class_holes(opened, labels.used, labels.unreadable)


def _of_label_files(opened: Opened, labels: LabelPass) -> Iterator[Finding]:
    ids = frozenset(key.id for key in opened.keys)
    for source in _distinct(opened):
        if is_coco(source):
            yield from coco_findings(source, labels.size_of)
        else:
            yield from labels_without_inputs(source, ids)


def _distinct(opened: Opened) -> list[LabelSource]:
    """The label sources, one for each path: two stages labelled by one file are one source here."""
    found: dict[str, LabelSource] = {}
    for source in opened.label_sources:
        found.setdefault(source.entry.path, source)
    return list(found.values())
