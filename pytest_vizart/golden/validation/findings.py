"""What validation finds: one record for each problem, with file and place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pytest_vizart.errors import VizartError

Severity = Literal["error", "warning"]

KINDS: Mapping[str, tuple[Severity, str]] = {
    "manifest": ("error", "the manifest cannot be used: a key, a file or a glob in it is wrong"),
    "unreadable-input": ("error", "an input that is no image of known form, empty, or a Git LFS pointer"),
    "unreadable-label": ("error", "a label that cannot be read, with a class that is not in the map, or given twice"),
    "leakage": ("error", "one image, by its content, in two splits"),
    "contradicting-labels": ("error", "inputs of the same content have different labels"),
    "duplicate-id": ("error", "an ID that a COCO file gives twice"),
    "unknown-image": ("error", "a COCO annotation of an image that the file does not list"),
    "unknown-class": ("error", "a COCO annotation of a category that the file does not list"),
    "missing-image": ("error", "a label file names an image that is not there"),
    "zero-area": ("error", "a box without an area: it can never be found"),
    "outside": ("error", "a box that lies outside of its image altogether"),
    "size-mismatch": ("error", "mask, or the size that a label file gives, and image differ in size"),
    "duplicate-object": ("error", "an object that its sample has twice: same place, same class"),
    "over-edge": ("warning", "a box that reaches more than a pixel over the edge of its image"),
    "duplicate-input": ("warning", "inputs of the same content"),
    "object-with-two-classes": ("warning", "objects of different classes in exactly the same place"),
    "id-zero": ("warning", "a COCO annotation with ID 0: pycocotools and what follows it lose this object"),
    "no-sigmas": ("warning", "keypoints without `keypoint_sigmas`, for which a lax value is taken"),
    "image-without-label": (
        "warning",
        "a sample that no label source of a stage labels, or of which nothing is recorded",
    ),
    "label-without-image": ("warning", "a label file whose input is not among the samples"),
    "unused-class": ("warning", "classes of the map that no label has"),
    "id-gap": ("warning", "class IDs between the first and the last that name no class"),
    "unsplit": ("warning", "samples in no split, where the manifest has splits"),
}
"""Kind -> severity, and what it means."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. `file` may be the dataset's folder; `place` is a line, key or object in the file."""

    kind: str
    severity: Severity
    file: str
    place: str | None
    message: str
    hint: str | None
    sample: str | None = None
    stage: str | None = None


def finding(
    kind: str,
    file: object,
    message: str,
    *,
    place: str | None = None,
    hint: str | None = None,
    sample: str | None = None,
    stage: str | None = None,
) -> Finding:
    """Return a finding with the severity of its kind."""
    return Finding(kind, KINDS[kind][0], str(file), place, message, hint, sample, stage)


def of_error(
    kind: str, error: VizartError, file: object, *, sample: str | None = None, stage: str | None = None
) -> Finding:
    """Return an error of a reader as a finding; `file` is told where the error names none."""
    parts = [error.problem]
    parts += [f"expected {error.expected}"] if error.expected is not None else []
    parts += [f"found {error.found}"] if error.found is not None else []
    return finding(
        kind, error.file or file, "; ".join(parts), place=error.place, hint=error.hint, sample=sample, stage=stage
    )
