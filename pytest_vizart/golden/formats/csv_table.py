"""A CSV file as rows that are found by their sample and parsed again when they are asked for."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import read_text
from pytest_vizart.golden.formats.sample_names import SampleNames

MAX_CSV_BYTES = 100_000_000
_MAX_ROWS_OF_SAMPLE = 100_000
_DELIMITERS = (",", ";", "\t")
USUAL_SAMPLE_NAMES = ("sample", "file", "file_name", "filename", "image", "path", "id", "image_id", "imageid", "img")


class CsvTable:
    """Rows of a file with a header, their cells parted by commas, semicolons or tabs, or of a list of two columns.

    A list, as ImageNet's lists of files are, has no header: its first line names a sample. It may have blanks between
    its columns. Of a row only its place is kept, so that the memory is bounded by the file's size.

    Raises:
        GoldenFormatError: the file cannot be read, is not UTF-8 text, or no CSV; no row is of a sample.
    """

    def __init__(self, path: Path, names: SampleNames, sample_column: str | None) -> None:
        self.path = path
        self._stream = io.StringIO(read_text(path, limit=MAX_CSV_BYTES), newline="")
        self._delimiter = _delimiter(self._stream.readline())
        _, first_line, first = next(self._rows_from(0), (0, 0, []))
        self.has_header = not _is_list(first, names, sample_column)
        self.header: tuple[str, ...] = tuple(first) if self.has_header else ("sample", "label")
        if self._delimiter is None and self.has_header:
            self.header = tuple(self._first_line().split())
        self._sample_at = self.column("sample", sample_column, USUAL_SAMPLE_NAMES) if self.has_header else 0
        self._places: dict[str, array[int]] = {}
        self._index(names, first_line if self.has_header else 0)

    def rows_of(self, sample_id: str) -> list[tuple[str, list[str]]]:
        """Return place, such as "line 3", and cells of each row of a sample; a row may be shorter than the header.

        Raises:
            GoldenFormatError: there are so many that they would not fit into memory.
        """
        places = self._places.get(sample_id, array("q"))
        if len(places) > 2 * _MAX_ROWS_OF_SAMPLE:
            raise GoldenFormatError(
                "sample has too many rows",
                file=self.path,
                place=f"line {places[2 * _MAX_ROWS_OF_SAMPLE + 1]}",
                expected=f"at most {_MAX_ROWS_OF_SAMPLE:,}",
                found=f"{len(places) // 2:,} of {sample_id}",
                hint="is it the same sample in every row?",
            )
        return [
            (f"line {line}", next(self._rows_from(offset))[2])
            for offset, line in zip(places[0::2], places[1::2], strict=True)
        ]

    def column(self, key: str, configured: str | None, usual: Sequence[str]) -> int:
        """Return the position of the column that the manifest names, or the only one with a usual name."""
        names = (configured,) if configured is not None else usual
        found = self.find_column(names, exact=configured is not None)
        if len(found) == 1:
            return found[0]
        hint = f"set `columns: {{{key}: ...}}` in the manifest to one of these"
        raise GoldenFormatError(
            f"several columns could hold the {key}" if found else f"no column holds the {key}",
            file=self.path,
            place="line 1",
            expected=f"one column called {' or '.join(names)}",
            found=", ".join(self.header) or "no header",
            hint=hint if key in ("sample", "label") else "add a header that names the columns so",
        )

    def find_column(self, names: Sequence[str], *, exact: bool = False) -> list[int]:
        """Return the positions of the columns of these names, upper and lower case being one unless `exact`."""
        header = [name.strip() if exact else name.strip().casefold() for name in self.header]
        return [position for position, name in enumerate(header) if name in names]

    def _index(self, names: SampleNames, header_line: int) -> None:
        first_name = None
        for offset, line, cells in self._rows_from(0):
            if line == header_line or len(cells) <= self._sample_at:
                continue
            name = cells[self._sample_at].strip()
            first_name = first_name or (line, name)
            sample_id = names.exact(name) or names.by_file_name(name)
            if sample_id is not None:
                self._places.setdefault(sample_id, array("q")).extend((offset, line))
        if first_name is not None and not self._places:
            raise GoldenFormatError(
                "no row is of a sample of this dataset",
                file=self.path,
                place=f"line {first_name[0]}",
                expected="IDs or file names of samples",
                found=first_name[1],
                hint="check `samples`, or `columns: {sample: ...}`",
            )

    def _rows_from(self, start: int) -> Iterator[tuple[int, int, list[str]]]:
        """Yield offset, line and cells of the rows that are not empty; lines count from 1 where `start` is."""
        stream = self._stream
        stream.seek(start)
        if self._delimiter is None:
            yield from self._list_rows()
            return
        lines = csv.reader(stream, delimiter=self._delimiter, strict=True)
        while True:
            offset, line = stream.tell(), lines.line_num + 1
            try:
                cells = next(lines, None)
            except csv.Error as error:
                raise GoldenFormatError(
                    "not a CSV file",
                    file=self.path,
                    place=f"line {lines.line_num}",
                    expected="rows of cells, quotes closed",
                    found=str(error),
                    hint="check the quotes",
                ) from error
            if cells is None:
                return
            if cells:
                after = stream.tell()
                yield offset, line, cells
                stream.seek(after)

    def _list_rows(self) -> Iterator[tuple[int, int, list[str]]]:
        line = 0
        while text := self._stream.readline():
            line += 1
            after = self._stream.tell()
            if text.strip():
                yield after - len(text), line, text.rsplit(None, 1)
                self._stream.seek(after)

    def _first_line(self) -> str:
        self._stream.seek(0)
        return self._stream.readline()


def _delimiter(first_line: str) -> str | None:
    """Return what parts the cells: that of which the first line has most; None for blanks."""
    best = max(_DELIMITERS, key=first_line.count)
    return best if best in first_line or not first_line.split()[1:] else None


def _is_list(first: Sequence[str], names: SampleNames, sample_column: str | None) -> bool:
    """Whether the first row is one of a list: two cells, of which the first names a sample and is no usual header."""
    if len(first) != 2 or sample_column is not None or first[0].strip().casefold() in USUAL_SAMPLE_NAMES:
        return False
    name = first[0].strip()
    return (names.exact(name) or names.by_file_name(name)) is not None
