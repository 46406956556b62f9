"""Reference images: one image file for each sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.label_paths import is_present
from pytest_vizart.golden.inputs import decoded, open_image
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import NO_CLASSES, ClassMap, ImageLabel, Task

if TYPE_CHECKING:
    from PIL.Image import Image

_KEPT = frozenset({"L", "LA", "RGB", "RGBA", "F", "I", "I;16", "I;16L", "I;16B", "I;16N"})
_CONVERTED = {"1": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA"}
_WITHOUT_ALPHA = {"LA": 1, "RGBA": 3}


class ImageReader:
    """Reads `references/{id}.png`; a sample without such a file is unlabeled.

    Any image that Pillow reads, as it is stored: gray (H, W) of 8 or 16 bits, or floating point from 0 to 1; colour
    (H, W, 3); palettes as their colours. Transparency is kept as a further channel, and left out where nothing is
    transparent.
    """

    tasks: tuple[Task, ...] = ("image",)
    per_sample = True

    def __init__(self, source: LabelSource) -> None:
        self._source = source

    def classes(self) -> ClassMap:
        return NO_CLASSES

    def read(self, key: SampleKey) -> ImageLabel | None:
        path = self._source.path_for(key)
        if not is_present(path):
            return None
        with open_image(path) as image:
            values = _decoded(image)
        if values.dtype.kind == "f" and not 0 <= values.min() <= values.max() <= 1:
            raise _out_of_range(path, "numbers from 0 to 1", values)
        if values.dtype == np.int32:
            if not 0 <= values.min() <= values.max() < 2**16:
                raise _out_of_range(path, "16 bits, 0 to 65535", values)
            values = values.astype(np.uint16)
        return ImageLabel(values.astype(values.dtype.newbyteorder("="), copy=False))


def _decoded(image: Image) -> NDArray[Any]:
    if image.mode == "P":
        mode = "RGBA" if "transparency" in image.info else "RGB"
    else:
        mode = image.mode if image.mode in _KEPT else _CONVERTED.get(image.mode, "RGB")
    colours = _WITHOUT_ALPHA.get(mode)
    values = decoded(image, mode, spare=0 if colours is None else 4)
    if colours is None or (values[..., -1] != 255).any():
        return values
    return values[..., 0].copy() if colours == 1 else values[..., :colours].copy()


def _out_of_range(path: Path, expected: str, values: NDArray[Any]) -> GoldenFormatError:
    return GoldenFormatError(
        "image has values out of range",
        file=path,
        expected=expected,
        found=f"{values.min()} to {values.max()}",
        hint="scale it, or use `task: array` for numbers that are no image",
    )
