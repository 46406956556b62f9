"""XYZ clouds: text, a point a line, its first three numbers the coordinates; spaces, commas or semicolons between."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.ascii_numbers import ascii_words, not_a_number, require_readable, take_numbers
from pytest_vizart.golden.cloud_fields import MAX_CLOUD_BYTES
from pytest_vizart.golden.files import read_bytes

_SEPARATORS = bytes.maketrans(b",;", b"  ")


def read_points(path: Path) -> NDArray[np.float64]:
    """Return the points' coordinates: (N, 3) float64, in the file's unit.

    Raises:
        GoldenFormatError: something that is no number, fewer than 3 columns, or lines with different numbers of them.
    """
    content = read_bytes(path, limit=MAX_CLOUD_BYTES)
    require_readable(content, file=path)
    text = content.translate(_SEPARATORS)
    width, count = 0, 0
    for number, line in enumerate(io.BytesIO(text), start=1):
        words = len(line.split())
        width = width or words
        if words and (words != width or width < 3):
            raise GoldenFormatError(
                "line has another number of columns",
                file=path,
                place=f"line {number}",
                expected=f"{width} numbers, as in the first line" if width >= 3 else "3 numbers or more",
                found=str(words),
                hint="is the file damaged?",
            )
        count += words
    try:
        numbers = take_numbers(ascii_words(text, 0), count)
    except ValueError:
        raise not_a_number(text, 0, file=path) from None
    return np.ascontiguousarray(numbers.reshape(-1, max(width, 3))[:, :3])
