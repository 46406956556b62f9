"""One pass over all samples: every label is read once, and held against its input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.class_counts import class_counts
from pytest_vizart.golden.files import refuse_lfs_pointer, require_regular
from pytest_vizart.golden.image_size import Size, image_size
from pytest_vizart.golden.label_store import StageSource
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.golden.opening import Opened
from pytest_vizart.golden.recognition.view import IMAGES
from pytest_vizart.golden.validation.coco import is_coco
from pytest_vizart.golden.validation.doubles import label_doubles
from pytest_vizart.golden.validation.findings import Finding, finding, of_error
from pytest_vizart.golden.validation.objects import Place, box_findings, boxes_of, size_findings
from pytest_vizart.records.labels import KeypointLabels, Label, LabelSpec

_COCO_KEYPOINTS = 17  # COCO has sigmas of its own for them
_ABSENT = {
    False: (
        "no label of stage",
        "label it, or leave it out of `samples`; a sample without a label is not judged",
    ),
    True: ("nothing is recorded of stage", "`pytest --vizart-update` records it"),
}
"""Message and hint for a sample without a label, by whether the stage's labels are recorded outputs."""


class LabelPass:
    """Reads all labels. `used`: stage -> how often each class occurs. `unreadable`: stages of
    which a label could not be read."""

    def __init__(self, opened: Opened) -> None:
        self.used: dict[str, NDArray[np.int64]] = {}
        self._opened = opened
        # One for all sources of a dataset; there are none where all that it has are recorded outputs.
        self._shared: dict[Any, Any] = opened.label_sources[0].shared if opened.label_sources else {}
        self.unreadable: set[str] = set()
        self._keypoints: dict[str, int] = {}

    def findings(self) -> Iterator[Finding]:
        seen: set[tuple[str, str | None, str]] = set()
        for key in self._opened.keys:
            size, broken = self._size(key)
            yield from broken
            for found in self._of_sample(key, size):
                # A file that cannot be read at all is told once, not for each of its samples.
                told = (found.file, found.place, found.message)
                if found.kind != "unreadable-label" or told not in seen:
                    seen.add(told)
                    yield found

    def size_of(self, key: SampleKey) -> Size | None:
        """Return height and width of an image that has been looked at."""
        size: Size | None = self._shared.get(("image size", key.path))
        return size

    def _of_sample(self, key: SampleKey, size: Size | None) -> Iterator[Finding]:
        store = self._opened.store
        for stage, spec in store.specs.items():
            about: dict[str, Any] = {"sample": key.id, "stage": stage}
            try:
                label = store.label(stage, key)
            except GoldenFormatError as error:
                self.unreadable.add(stage)
                yield of_error("unreadable-label", error, self._opened.manifest_path, **about)
                continue
            if label is None:
                message, hint = _ABSENT[spec.recorded]
                yield finding("image-without-label", key.path, f"{message} {stage}", hint=hint, **about)
                continue
            if spec.recorded:
                continue
            self._count(spec, label)
            source = _source_of(store.sources[stage], key)
            file = (
                source.source.path_for(key)
                if source.source.per_sample
                else Path(self._opened.root / source.source.entry.path)
            )
            yield from size_findings(label, size, file, place=f"sample {key.id}", **about)
            boxes = boxes_of(label)
            if is_coco(source.source):
                continue  # told of row by row
            place = _object_in(key)
            if boxes is not None:
                yield from box_findings(boxes, size, file, place, **about)
            yield from label_doubles(label, spec.classes, file, place, **about)

    def without_sigmas(self) -> Iterator[Finding]:
        """Yield the stages whose keypoints are compared by a value for want of a better one."""
        for stage, count in self._keypoints.items():
            if not self._opened.store.specs[stage].keypoint_sigmas and count not in (0, _COCO_KEYPOINTS):
                yield finding(
                    "no-sigmas", self._opened.manifest_path,
                    f"no keypoint_sigmas: 1/{count} is taken for each of the {count} keypoints of stage {stage}, where "
                    "COCO's are 0.025 to 0.107",
                    place="labels", hint="give `keypoint_sigmas`: 0.05 where keypoints are as clear as elbows",
                    stage=stage,
                )  # fmt: skip

    def _count(self, spec: LabelSpec, label: Label) -> None:
        if isinstance(label, KeypointLabels):
            self._keypoints[spec.stage] = label.keypoints.shape[1]
        counts = class_counts(label, len(spec.classes))
        known = self.used.get(spec.stage)
        self.used[spec.stage] = counts if known is None else known + counts

    def _size(self, key: SampleKey) -> tuple[Size | None, list[Finding]]:
        try:
            if key.path.suffix.lower() in IMAGES:
                return image_size(key.path, self._shared), []
            _require_content(key.path)
        except GoldenFormatError as error:
            return None, [of_error("unreadable-input", error, key.path, sample=key.id)]
        return None, []


def _object_in(key: SampleKey) -> Place:
    return lambda index: f"sample {key.id}, object {index}"


def _require_content(path: Path) -> None:
    if not require_regular(path, limit=1 << 62):
        raise GoldenFormatError(
            "the file is empty", file=path, expected="content", found="0 bytes", hint="was it fetched completely?"
        )
    with path.open("rb") as stream:
        refuse_lfs_pointer(stream.read(64), path)


def _source_of(sources: Any, key: SampleKey) -> StageSource:
    """The source that labelled a sample, for messages: the only one, or the first that may have."""
    found: StageSource = next((one for one in sources if one.source.per_sample and one.may_label(key)), sources[0])
    return found
