"""Rows of an Open Images CSV as columns for each sample, checked as they are read."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import not_utf8, refuse_lfs_pointer, require_regular, unreadable
from pytest_vizart.golden.formats.box_columns import require_corners
from pytest_vizart.golden.formats.class_lookup import ClassLookup
from pytest_vizart.golden.formats.sample_files import read_numbers, require_shares
from pytest_vizart.golden.formats.sample_names import SampleNames
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import ClassMap

_MAX_BYTES = 100_000_000
_MAX_ROWS_OF_SAMPLE = 100_000
_NEEDED = ("ImageID", "LabelName", "XMin", "YMin", "XMax", "YMax")


@dataclass(slots=True)
class SampleRows:
    """Rows of one sample, and the first error among them, which makes the sample invalid.

    shares: x1, y1, x2, y2 of each row, in shares of the image's size.
    """

    shares: array[float] = field(default_factory=lambda: array("d"))
    class_index: array[int] = field(default_factory=lambda: array("q"))
    crowd: array[int] = field(default_factory=lambda: array("b"))
    error: GoldenFormatError | None = None


def read_rows(
    path: Path, samples: Sequence[SampleKey], classes: ClassMap, descriptions: Mapping[str, str]
) -> dict[str, SampleRows]:
    """Return the rows of each sample by its ID; those of other images are left out.

    Args:
        descriptions: code of a class -> its name.

    Raises:
        GoldenFormatError: no CSV, a column is missing, or a row is too short.
    """
    rows = read_table(path)
    reader = _RowReader(path, next(rows, (1, []))[1], classes, descriptions)
    names = SampleNames(samples)
    found: dict[str, SampleRows] = {}
    latest: tuple[str, str | None] | None = None
    for line, cells in rows:
        name = reader.image_of(line, cells)
        if latest is None or latest[0] != name:  # the rows of an image stand together
            latest = name, names.exact(name) or names.by_file_name(name)
        if latest[1] is None:
            continue
        of_sample = found.setdefault(latest[1], SampleRows())
        if of_sample.error is None:
            try:
                reader.add(of_sample, line, cells)
            except GoldenFormatError as error:
                of_sample.error = error
    return found


def read_table(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line and cells of the rows that are not empty; the line of a row is its last.

    Raises:
        GoldenFormatError: the file cannot be read, is too large, or is no CSV in UTF-8.
    """
    require_regular(path, limit=_MAX_BYTES)
    line = 0
    try:
        with path.open("rb") as stream:
            refuse_lfs_pointer(stream.read(64), path)
        with path.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(text, strict=True)
            for cells in rows:
                line = rows.line_num
                if cells:
                    yield line, cells
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    except csv.Error as error:
        raise GoldenFormatError(
            "not a CSV file",
            file=path,
            place=f"line {line + 1}",
            expected="rows of cells, quotes closed",
            found=str(error),
            hint="check the quotes",
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


class _RowReader:
    """Knows the columns of a file, and the classes."""

    def __init__(self, path: Path, header: list[str], classes: ClassMap, descriptions: Mapping[str, str]) -> None:
        missing = [name for name in _NEEDED if name not in header]
        if missing:
            raise GoldenFormatError(
                "not a file of Open Images boxes",
                file=path,
                place="line 1",
                expected=f"columns {', '.join(_NEEDED)}",
                found=", ".join(header) or "no header",
                hint=f"{missing[0]} is missing",
            )
        self._path = path
        self._image, self._label, *self._corners = (header.index(name) for name in _NEEDED)
        self._last = max(self._image, self._label, *self._corners)
        self._group = header.index("IsGroupOf") if "IsGroupOf" in header else None
        self._lookup = ClassLookup(classes)
        known = frozenset(classes.names)
        # A code that the manifest itself has for a class goes before the name that the descriptions give it.
        self._descriptions = {code: name for code, name in descriptions.items() if code not in known}

    def image_of(self, line: int, cells: list[str]) -> str:
        """Return the image that a row is of; GoldenFormatError if the row is too short."""
        if len(cells) <= self._last:
            raise GoldenFormatError(
                "row is too short",
                file=self._path,
                place=f"line {line}",
                expected="as many cells as the header",
                found=f"{len(cells)} cells",
                hint="complete it; numbers with decimal commas need quotes",
            )
        return cells[self._image].strip()

    def add(self, rows: SampleRows, line: int, cells: list[str]) -> None:
        """Add a row to those of its sample; GoldenFormatError if it is no box of a known class."""
        place = f"line {line}"
        shares = read_numbers(
            [cells[column].strip().replace(",", ".") for column in self._corners], file=self._path, place=place
        )
        require_shares(shares, file=self._path, place=place)
        require_corners(shares, file=self._path, place=place, hint="are minimum and maximum swapped?")
        if len(rows.class_index) == _MAX_ROWS_OF_SAMPLE:
            raise GoldenFormatError(
                "image has too many boxes",
                file=self._path,
                place=place,
                expected=f"at most {_MAX_ROWS_OF_SAMPLE:,}",
                found="more",
                hint="is it the same image in every row?",
            )
        label = cells[self._label].strip()
        label = self._descriptions.get(label, label)
        rows.class_index.append(self._lookup.by_name(label, file=self._path, place=f"{place}, LabelName"))
        rows.shares.extend(shares)
        rows.crowd.append(self._group is not None and len(cells) > self._group and cells[self._group].strip() == "1")
