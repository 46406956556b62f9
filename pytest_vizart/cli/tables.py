"""Rows for people and for other programs: one table printer, one CSV writer."""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import environ
from typing import Any

import click

from pytest_vizart.cli.narrowing import places, shortened_apart
from pytest_vizart.report.wording import NOT_MEASURED, encodable, printable

_LEAST_WIDTH = 80
_GAP = _INDENT = "  "
_LEAST_COLUMN = 8
_READABLE_COLUMN = 16

Row = Mapping[str, Any]


def _text(value: Any) -> str:
    return NOT_MEASURED if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: `form` makes its text of the value that a row has under `name`.

    right: numbers, aligned at their end. narrows: its texts may be shortened where the table is too wide; different
    ones stay different. drops: it may be left out then, the highest number first; 0 stays. hoists: where all rows have
    the same, it may be said once above the table. heads: where the table is too wide, it becomes a line above its rows.
    """

    title: str
    name: str
    form: Callable[[Any], str] = _text
    right: bool = False
    narrows: bool = False
    drops: int = 0
    hoists: bool = False
    heads: bool = False


@dataclass(frozen=True, slots=True)
class _Filled:
    """A column with its texts, which are safe on a terminal."""

    column: Column
    texts: list[str]

    @property
    def wide(self) -> int:
        return max(map(places, (self.column.title, *self.texts)))

    @property
    def says_nothing(self) -> bool:
        return self.column.drops > 0 and set(self.texts) <= {"", NOT_MEASURED}

    @property
    def same(self) -> bool:
        return self.column.hoists and len(self.texts) > 1 and len(set(self.texts)) == 1 and bool(self.texts[0])

    def in_places(self, room: int) -> list[str]:
        """The title and the texts, each in this many places."""
        texts = [*shortened_apart([self.column.title], room)[0], *shortened_apart(self.texts, room)[0]]
        blanks = [" " * (room - places(text)) for text in texts]
        if self.column.right:
            return [f"{blank}{text}" for blank, text in zip(blanks, texts, strict=True)]
        return [f"{text}{blank}" for blank, text in zip(blanks, texts, strict=True)]

    def least(self) -> int:
        """The fewest places in which different texts look different without a mark, at least 8."""
        low, high = min(_LEAST_COLUMN, self.wide), self.wide
        while low < high:
            middle = (low + high) // 2
            if shortened_apart(self.texts, middle)[1]:
                high = middle
            else:
                low = middle + 1
        return low


def tell_table(columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print rows in aligned columns under their titles."""
    for line in table_lines(columns, rows, terminal_width()):
        tell_line(line)


def tell_line(line: str) -> None:
    """Print a line in characters that standard output can take: some terminals have no bars and no dashes."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(line.encode(encoding, "replace").decode(encoding))


def terminal_width() -> int | None:
    """Return how many characters a line may have, at least 80; None where the lines go to a file or a program."""
    if not environ.get("COLUMNS", "").isdecimal() and not sys.stdout.isatty():
        return None
    return max(shutil.get_terminal_size((_LEAST_WIDTH, 24)).columns, _LEAST_WIDTH)


def table_lines(columns: Sequence[Column], rows: Sequence[Row], width: int | None) -> list[str]:
    """Return the lines of a table; names that do not fit are shortened, numbers never."""
    filled = _filled(columns, rows)
    if width is None or _fits([each.wide for each in filled], width):
        return _lines(filled, [each.wide for each in filled])
    above = [shortened_apart([f"{each.column.title}: {each.texts[0]}"], width)[0][0] for each in filled if each.same]
    filled = [each for each in filled if not each.same and not each.says_nothing]
    heads = next((each for each in filled if each.column.heads), None)
    if heads is None:
        return above + _lines(*_arranged(filled, width))
    filled.remove(heads)
    title, *lines = [f"{_INDENT}{line}" for line in _lines(*_arranged(filled, width - len(_INDENT)))]
    above.append(title)
    names = shortened_apart(heads.texts, width)[0]
    for before, name, line in zip([None, *names], names, lines, strict=False):
        above += [name, line] if name != before else [line]
    return above


def _lines(filled: Sequence[_Filled], rooms: Sequence[int]) -> list[str]:
    cells = [each.in_places(room) for each, room in zip(filled, rooms, strict=True)]
    return [_GAP.join(row).rstrip() for row in zip(*cells, strict=True)]


def has_room(columns: Sequence[Column], rows: Sequence[Row], width: int | None, least: int) -> bool:
    """Whether a table fits where no column is narrowed to less than `least` places."""
    if width is None:
        return True
    filled = _filled(columns, rows)
    return _fits([min(each.wide, least) if each.column.narrows else each.wide for each in filled], width)


def tell_csv(names: Sequence[str], rows: Sequence[Row]) -> None:
    """Print rows as RFC 4180 has it: comma, double quotes, CR LF, a line of names first, UTF-8.

    Values are exact: None is empty, a number has all its digits, and text is not changed, also where a spreadsheet
    would take it for a formula; only half a surrogate pair, which UTF-8 has no bytes for, is written as its escape.
    """
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(names)
    writer.writerows([[_csv_value(row[name]) for name in names] for row in rows])
    # Bytes: where line ends are translated, CR LF would become CR CR LF.
    click.echo(encodable(sink.getvalue()).encode(), nl=False)


def _csv_value(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else value


def _filled(columns: Sequence[Column], rows: Sequence[Row]) -> list[_Filled]:
    return [_Filled(column, [printable(column.form(row[column.name])) for row in rows]) for column in columns]


def _fits(wide: Sequence[int], width: int) -> bool:
    return sum(wide) + len(_GAP) * (len(wide) - 1) <= width


def _arranged(filled: Sequence[_Filled], width: int) -> tuple[list[_Filled], list[int]]:
    """The columns that are shown, and how wide each is."""
    kept = list(filled)
    least = {
        each.column.name: max(each.least(), min(each.wide, _READABLE_COLUMN)) for each in kept if each.column.narrows
    }
    while True:
        rooms = _narrowed(kept, [least.get(each.column.name, each.wide) for each in kept], width)
        if _fits(rooms, width) or not any(each.column.drops for each in kept):
            break
        kept.remove(max(kept, key=lambda each: each.column.drops))
    if not _fits(rooms, width):
        floors = [min(_LEAST_COLUMN, each.wide) if each.column.narrows else each.wide for each in kept]
        rooms = _narrowed(kept, floors, width)
    return kept, rooms


def _narrowed(filled: Sequence[_Filled], floors: Sequence[int], width: int) -> list[int]:
    """Take from the widest of the columns that are above their floor, until the line fits."""
    rooms = [max(min(each.wide, width), floor) for each, floor in zip(filled, floors, strict=True)]
    while not _fits(rooms, width):
        above = [position for position, room in enumerate(rooms) if room > floors[position]]
        if not above:
            break
        rooms[max(above, key=lambda position: rooms[position])] -= 1
    return rooms
