"""Label files of which there is one for each sample, and the numbers in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import decoded, read_bytes
from pytest_vizart.golden.formats.label_paths import is_present

MAX_SAMPLE_FILE_BYTES = 8_000_000
"""Labels of one image; parsed, hostile text takes thirty times its bytes."""

_REACH = (-1.0, 2.0)
"""Objects may reach out of the image by its size; beyond, coordinates are pixels that nobody divided."""


def sample_bytes(path: Path, *, limit: int = MAX_SAMPLE_FILE_BYTES) -> bytes | None:
    """Return the content of a sample's label file, None if there is no such file. Raises GoldenFormatError."""
    return read_bytes(path, limit=limit) if is_present(path) else None


def sample_rows(path: Path) -> list[tuple[str, str]] | None:
    """Return (place, text) of the lines that are not blank, such as ("line 3", "0 .5 .5 .1 .1"); None without file.

    Raises:
        GoldenFormatError: the file cannot be read, is too large, or is not UTF-8 text.
    """
    content = sample_bytes(path)
    if content is None:
        return None
    lines = decoded(content, path).split("\n")
    return [(f"line {number}", text) for number, line in enumerate(lines, start=1) if (text := line.strip())]


def read_numbers(cells: Sequence[str], *, file: Path, place: str) -> list[float]:
    """Return the cells as finite numbers; GoldenFormatError names the first that is none."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        numbers = []
    # float() takes 1_000 and digits of other scripts, which no label tool writes.
    joined = "".join(cells)
    if len(numbers) == len(cells) and joined.isascii() and "_" not in joined and all(map(isfinite, numbers)):
        return numbers
    raise GoldenFormatError(
        "not a number",
        file=file,
        place=place,
        expected="a finite number",
        found=next(_no_numbers(cells)),
        hint="correct it, or remove the object",
    )


def read_number(text: str | None, *, file: Path, place: str) -> float:
    """Return the text as a finite number; GoldenFormatError if it is none."""
    return read_numbers([text or ""], file=file, place=place)[0]


def require_shares(shares: Sequence[float], *, file: Path, place: str) -> None:
    """Raise GoldenFormatError if one of the coordinates is no share of the image's width or height."""
    low, high = _REACH
    if low <= min(shares) and max(shares) <= high:
        return
    raise GoldenFormatError(
        "coordinates are not shares of the image's size",
        file=file,
        place=place,
        expected="numbers from 0 to 1, little beyond where an object is cut off",
        found=f"{next(one for one in shares if not low <= one <= high):g}",
        hint="divide x by the width and y by the height of the image",
    )


def _no_numbers(cells: Sequence[str]) -> Iterator[str]:
    for cell in cells:
        try:
            if isfinite(float(cell)) and cell.isascii() and "_" not in cell:
                continue
        except ValueError:
            pass
        yield cell
