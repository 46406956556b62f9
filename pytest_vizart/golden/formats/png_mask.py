"""Semantic masks: one PNG for each sample, its values class IDs (gray of 1 to 16 bits, or a palette's indices)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.class_ids import class_indices
from pytest_vizart.golden.inputs import open_image
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import ClassMap, SemanticLabels, Task


class PngMaskReader:
    """Reads `masks/{id}.png`; a sample without such a file is unlabeled."""

    tasks: tuple[Task, ...] = ("semantic",)
    per_sample = True

    def __init__(self, source: LabelSource) -> None:
        self._source = source

    def classes(self) -> ClassMap:
        return self._source.required_classes()

    def read(self, key: SampleKey) -> SemanticLabels | None:
        path = self._source.path_for(key)
        if not path.exists():
            return None
        with open_image(path, formats=("PNG",)) as image:
            mode = image.mode
            values = np.asarray(image)  # of a palette image: its indices, not its colours
        scale = _gray_scale(path)
        if scale > 1:
            values = values // scale
        if values.ndim != 2 or values.dtype.kind not in "bui":
            raise GoldenFormatError(
                "mask has colours, not one value for each pixel",
                file=path,
                expected="a gray or palette PNG",
                found=f"mode {mode}",
                hint="save the class IDs as 8-bit or 16-bit gray",
            )
        if values.dtype.kind == "b":
            values = values.astype(np.uint8)
        indices = class_indices(values, self.classes(), ignore=self._source.entry.ignore, file=path, what="pixel")
        return SemanticLabels(mask=indices)


def _gray_scale(path: Path) -> int:
    """By which factor the decoder stretches gray of 2 and 4 bits to fill 8 bits; 1 for everything else."""
    header = read_bytes(path)[:26]  # signature, IHDR: width, height, depth, colour type
    depth, colour_type = header[24], header[25]
    return 255 // (2**depth - 1) if colour_type == 0 and depth in (2, 4) else 1
