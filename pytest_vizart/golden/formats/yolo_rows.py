"""Lines of a YOLO file as numbers: as many columns as their kind has, all of them shares of the image's size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.sample_files import read_numbers, require_shares

Row = tuple[str, list[float]]
"""Place, the numbers of the line, its class first."""


@dataclass(frozen=True, slots=True)
class _Form:
    expected: str
    fits: Callable[[int], bool]


_FORMS = {
    "boxes": _Form("5 columns: class, x, y, width, height", lambda count: count == 5),
    "segments": _Form("class and x, y of three points and more", lambda count: count >= 7 and count % 2 == 1),
    "oriented": _Form("9 columns: class and x, y of four corners", lambda count: count == 9),
}
_HINTS = {
    5: "a line of 5 columns is a box: set `kind: boxes`, or remove the line",
    6: "a 6th column is a score: this is a file of predictions",
    9: "a line of 9 columns is `kind: oriented` or a segment of four points, `kind: segments`",
}


def read_rows(
    lines: Sequence[tuple[str, str]], kind: str, *, path: Path, keypoints: Sequence[tuple[int, int]] = ()
) -> list[Row]:
    """Return the numbers of each line.

    Args:
        lines: place and text.
        keypoints: number of keypoints, and values for each; of `poses` only. Several where they are to be told by the
            number of columns; all lines have the same.

    Raises:
        GoldenFormatError: no number, columns that are not those of the kind, a negative size, no share of the image.
    """
    rows = []
    form = _FORMS.get(kind) or _pose_form(keypoints)
    for place, text in lines:
        numbers = read_numbers(text.split(), file=path, place=place)
        if not form.fits(len(numbers)):
            raise GoldenFormatError(
                f"not a line of {kind}",
                file=path,
                place=place,
                expected=form.expected,
                found=f"{len(numbers)} columns",
                hint=_HINTS.get(len(numbers), "correct it, or set `kind` to what the file holds"),
            )
        if kind == "poses":
            keypoints = [one for one in keypoints if _columns(one) == len(numbers)]
            form = _pose_form(keypoints)
            _require_visibility(numbers, keypoints[0][1], path, place)
        shares = numbers[1:] if kind != "poses" else _shares(numbers, keypoints[0][1])
        require_shares(shares, file=path, place=place)
        if kind in ("boxes", "poses") and min(numbers[3:5]) < 0:
            raise GoldenFormatError(
                "box has a negative size",
                file=path,
                place=place,
                expected="width and height from 0",
                found=f"{numbers[3]:g}, {numbers[4]:g}",
                hint="columns 4 and 5 are width and height",
            )
        rows.append((place, numbers))
    return rows


def _pose_form(keypoints: Sequence[tuple[int, int]]) -> _Form:
    counts = [_columns(one) for one in keypoints]
    described = [f"{5 + count * values} columns ({count} keypoints of {values} values)" for count, values in keypoints]
    return _Form(f"class, x, y, width, height, keypoints: {' or '.join(described)}", lambda count: count in counts)


def _columns(keypoints: tuple[int, int]) -> int:
    return 5 + keypoints[0] * keypoints[1]


def _shares(numbers: list[float], values: int) -> list[float]:
    points = numbers[5:]
    return numbers[1:5] + points[0::values] + points[1::values]


def _require_visibility(numbers: list[float], values: int, path: Path, place: str) -> None:
    wrong = next((one for one in numbers[7::3] if one not in (0.0, 1.0, 2.0)), None) if values == 3 else None
    if wrong is not None:
        raise GoldenFormatError(
            "not the visibility of a keypoint",
            file=path,
            place=place,
            expected="0 not labelled, 1 hidden or 2 visible",
            found=f"{wrong:g}",
            hint="does each keypoint have two values only? see `kpt_shape` in data.yaml",
        )
