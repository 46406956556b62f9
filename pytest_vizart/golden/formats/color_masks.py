"""Masks that store a colour for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats import LabelSource
from pytest_vizart.golden.formats.class_ids import UNKNOWN, first_place, looked_up
from pytest_vizart.records.labels import IGNORE, ClassMap

IGNORED_NAME = "ignore"
"""Name in `colors` for pixels without a label, where no class is called so."""


def packed(rgb: NDArray[np.uint8], order: str) -> NDArray[np.uint32]:
    """Return (H, W, 3) bytes as one number for each pixel; the first letter of `order` is the highest byte."""
    numbers = rgb[..., "rgb".index(order[0])].astype(np.uint32)
    for letter in order[1:]:
        numbers <<= 8
        numbers |= rgb[..., "rgb".index(letter)]
    return numbers


class ColorMap:
    """The manifest's `colors`: each a class's own. Raises GoldenFormatError where they make no sense."""

    def __init__(self, source: LabelSource) -> None:
        self._source = source
        colors = source.entry.colors or {}
        names = tuple(name for name in colors if name != IGNORED_NAME)
        self.classes = source.classes if source.classes is not None else ClassMap(names, tuple(range(len(names))))
        self._known: dict[int, int] = {}
        for name, color in colors.items():
            number = int(color.removeprefix("#"), 16)
            if number in self._known:
                raise self._wrong(name, "two classes have one colour", "a colour of its own", color)
            self._known[number] = self._index(name)
        if not names:
            raise self._wrong("", "no class has a colour", 'class names to "#rrggbb"', str(colors))
        if source.entry.ignore is not None:
            raise GoldenFormatError(
                "colour masks have no number to ignore",
                file=source.manifest,
                place=f"{source.place}.ignore",
                expected=f'`{IGNORED_NAME}: "#rrggbb"` among the colors',
                found=source.entry.ignore,
                hint="name the colour of pixels without a label there",
            )

    def indices(self, rgb: NDArray[np.uint8], path: Path) -> NDArray[np.int32]:
        """Return the class index of each pixel; GoldenFormatError for a colour of no class."""
        values = packed(rgb, "rgb")
        indices = looked_up(values, self._known)
        unknown = indices == UNKNOWN
        if unknown.any():
            row, column = first_place(unknown)
            value = values[row, column]
            raise GoldenFormatError(
                "pixel has a colour of no class",
                file=path,
                place=f"pixel ({row}, {column}) (row, column)",
                expected=f"one of {', '.join(f'#{number:06x}' for number in sorted(self._known))}",
                found=f"#{value:06x}, {int(np.count_nonzero(values == value))} times",
                hint=f'add it to `colors`, as `{IGNORED_NAME}: "#{value:06x}"` if it means no label',
            )
        return indices

    def _index(self, name: str) -> int:
        if name in self.classes.names:
            return self.classes.names.index(name)
        if name == IGNORED_NAME:
            return IGNORE
        raise self._wrong(name, "a colour of no class", f"one of {', '.join(self.classes.names)}", name)

    def _wrong(self, name: str, problem: str, expected: str, found: Any) -> GoldenFormatError:
        return GoldenFormatError(
            problem,
            file=self._source.manifest,
            place=f"{self._source.place}.colors" + (f".{name}" if name else ""),
            expected=expected,
            found=found,
            hint="correct the manifest",
        )
