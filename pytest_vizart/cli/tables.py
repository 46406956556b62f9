"""Rows for people and for other programs: one table printer, one CSV writer."""

from __future__ import annotations

import csv
import io
import shutil
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import environ
from typing import Any

import click

from pytest_vizart.report.wording import ELLIPSIS, NOT_MEASURED, encodable, printable, shortened

_LEAST_WIDTH = 80
_GAP = "  "
_LEAST_COLUMN = 8

Row = Mapping[str, Any]


def _text(value: Any) -> str:
    return NOT_MEASURED if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: `form` makes its text of the value that a row has under `name`.

    right: numbers, aligned at their end. narrows: it may lose its middle where the table is too wide.
    """

    title: str
    name: str
    form: Callable[[Any], str] = _text
    right: bool = False
    narrows: bool = False


def tell_table(columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print rows in aligned columns under their titles."""
    for line in table_lines(columns, rows, terminal_width()):
        click.echo(_showable(line))


def _showable(line: str) -> str:
    """The line in characters that standard output can take: some terminals have no bars and no dashes."""
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "replace").decode(encoding)


def terminal_width() -> int | None:
    """Return how many characters a line may have, at least 80; None where the lines go to a file or a program."""
    if not environ.get("COLUMNS", "").isdecimal() and not sys.stdout.isatty():
        return None
    return max(shutil.get_terminal_size((_LEAST_WIDTH, 24)).columns, _LEAST_WIDTH)


def table_lines(columns: Sequence[Column], rows: Sequence[Row], width: int | None) -> list[str]:
    """Return the lines of a table; names that do not fit are shortened in the middle, numbers never."""
    cells = [[column.title for column in columns]]
    cells += [[printable(column.form(row[column.name])) for column in columns] for row in rows]
    # Every cell is ours or printable here, so its width is what a terminal shows.
    wide = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    wide = _narrowed(columns, wide, width)
    return [_line(columns, row, wide) for row in cells]


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


def _narrowed(columns: Sequence[Column], wide: Sequence[int], width: int | None) -> list[int]:
    """Take from the widest of the columns that may narrow, until the line fits."""
    narrow = list(wide)
    flexible = [position for position, column in enumerate(columns) if column.narrows]
    while width is not None and sum(narrow) + len(_GAP) * (len(narrow) - 1) > width:
        widest = max(flexible, key=lambda position: narrow[position], default=None)
        if widest is None or narrow[widest] <= _LEAST_COLUMN:
            break
        narrow[widest] -= 1
    return narrow


def _line(columns: Sequence[Column], cells: Sequence[str], wide: Sequence[int]) -> str:
    parts = []
    for column, cell, room in zip(columns, cells, wide, strict=True):
        text = _fitting(cell, room)
        blank = " " * (room - _width(text))
        parts.append(f"{blank}{text}" if column.right else f"{text}{blank}")
    return _GAP.join(parts).rstrip()


def _fitting(text: str, room: int) -> str:
    """The text in at most `room` places; letters of double width take two."""
    characters = room
    while _width(text) > room and characters > len(ELLIPSIS):
        text, characters = shortened(text, characters), characters - 1
    return text


def _width(text: str) -> int:
    """How many places a terminal gives the text."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
