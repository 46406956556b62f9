"""Masks, one PNG for each sample: class IDs (gray of 1 to 16 bits, or a palette's indices), or a colour a class.

Task `panoptic`: each pixel holds class ID x 1000 + instance or, below 1000, the class ID alone, as Cityscapes'
`instanceIds` do: in 16 bits of gray, or as R + 256 G + 65536 B. A region of a class alone is a crowd where the mask has
single objects of this class too. `ignore` is such a value, or a class ID.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.class_ids import MAX_VALUES, class_indices, require_countable
from pytest_vizart.golden.formats.color_masks import ColorMap, packed
from pytest_vizart.golden.formats.label_paths import is_present
from pytest_vizart.golden.formats.panoptic_ids import segments_of
from pytest_vizart.golden.inputs import decoded, open_image
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import ClassMap, PanopticLabels, SemanticLabels, Task

if TYPE_CHECKING:
    from PIL.Image import Image

_MAX_COLORED = MAX_VALUES // 2
_OPAQUE = (255, 255)
_NUMBER_MODES = frozenset({"1", "L", "P", "I", "I;16", "I;16L", "I;16B", "I;16N"})


class PngMaskReader:
    """Reads `masks/{id}.png`; a sample without such a file is unlabeled.

    Raises GoldenFormatError where the manifest's `colors` make no sense.
    """

    tasks: tuple[Task, ...] = ("semantic", "panoptic")
    per_sample = True

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        self._colors = None if source.entry.colors is None else ColorMap(source)
        readers: dict[tuple[str, bool], Callable[[Path], SemanticLabels | PanopticLabels]] = {
            ("semantic", False): self._semantic,
            ("semantic", True): self._colored,
            ("panoptic", False): self._panoptic,
        }
        colored = self._colors is not None
        if (source.entry.task, colored) not in readers:
            raise GoldenFormatError(
                "colours of classes do not tell one object from the next",
                file=source.manifest,
                place=f"{source.place}.colors",
                expected="class ID x 1000 + instance in panoptic masks",
                found="`colors` beside `task: panoptic`",
                hint="remove `colors`",
            )
        self._read = readers[source.entry.task, colored]

    def classes(self) -> ClassMap:
        return self._source.required_classes() if self._colors is None else self._colors.classes

    def read(self, key: SampleKey) -> SemanticLabels | PanopticLabels | None:
        path = self._source.path_for(key)
        return self._read(path) if is_present(path) else None

    def _semantic(self, path: Path) -> SemanticLabels:
        with _opened(path) as (image, bits):
            values = _numbers(image, bits, path)
        ignore = self._source.entry.ignore
        return SemanticLabels(class_indices(values, self.classes(), ignore=ignore, file=path, what="pixel"))

    def _colored(self, path: Path) -> SemanticLabels:
        assert self._colors is not None
        with _opened(path) as (image, bits):
            return SemanticLabels(self._colors.indices(_rgb(image, bits, path), path))

    def _panoptic(self, path: Path) -> PanopticLabels:
        with _opened(path) as (image, bits):
            in_colors = image.mode in ("RGB", "RGBA")
            values = packed(_rgb(image, bits, path), "bgr") if in_colors else _numbers(image, bits, path)
        return segments_of(values, self.classes(), ignore=self._source.entry.ignore, file=path)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Image, int]]:
    """Open a mask of bounded size; with the bits of one value, whatever Pillow makes of them."""
    with open_image(path, formats=("PNG",)) as image:
        require_countable(image.width * image.height, path, "pixel")
        with path.open("rb") as stream:
            header = stream.read(26)  # signature, then the first chunk: length, name, width, height, bits, colour type
        if header[12:16] != b"IHDR":
            raise ValueError("the first chunk is not the header")
        yield image, header[24]


def _numbers(image: Image, bits: int, path: Path) -> NDArray[Any]:
    """Return the number of each pixel: (H, W), of a palette image its index."""
    values = decoded(image) if image.mode in _NUMBER_MODES else None
    if values is None or values.ndim != 2 or values.dtype.kind not in "bui":
        raise GoldenFormatError(
            "mask has colours, not one value for each pixel",
            file=path,
            expected="a gray or palette PNG",
            found=f"mode {image.mode}",
            hint="save the class IDs as 8-bit or 16-bit gray, or name the colours in `colors`",
        )
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    stretched = image.mode == "L" and bits < 8  # gray of 2 and 4 bits is stretched to fill 8 when it is decoded
    return values // np.uint8(255 // (2**bits - 1)) if stretched else values


def _rgb(image: Image, bits: int, path: Path) -> NDArray[np.uint8]:
    """Return the colour of each pixel: (H, W, 3)."""
    require_countable(image.width * image.height, path, "pixel", limit=_MAX_COLORED)
    transparent = image.mode == "RGBA" and image.getchannel("A").getextrema() != _OPAQUE
    if bits > 8 or transparent or image.mode not in ("RGB", "RGBA", "P", "L", "1"):
        raise GoldenFormatError(
            "mask has colours of an unfit kind",
            file=path,
            expected="RGB or a palette, 8 bits, without transparency",
            found=f"mode {image.mode}, {bits} bits" + (", transparent pixels" if transparent else ""),
            hint="save it as 8-bit RGB",
        )
    return decoded(image, "RGB")
