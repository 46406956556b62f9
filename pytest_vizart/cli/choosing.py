"""Which runs a command looks at: by test, branch, machine, status and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from difflib import get_close_matches
from typing import Any, TypeVar

import click
import pyarrow as pa
import pyarrow.compute as pc

from pytest_vizart.audit.moments import moment_of
from pytest_vizart.cli.refusal import Refused
from pytest_vizart.errors import UsageError
from pytest_vizart.report.wording import listed, printable

F = TypeVar("F", bound=Callable[..., Any])

_TOLD_NAMES = 10
_TIMES = (
    ("--before", "before then; a date leaves that day out"),
    ("--after", 'from then on: "2026-11-20", "2026-11-20 14:30", yesterday, 2d (UTC)'),
)


def time_options(function: F) -> F:
    """Give a command --after and --before; it gets datetimes."""
    for name, told in _TIMES:
        function = click.option(name, metavar="TIME", callback=_moment, help=told)(function)
    return function


def _moment(_: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    try:
        return None if text is None else moment_of(text, option.opts[0])
    except UsageError as error:
        raise Refused(printable(str(error))) from error


def run_options(function: F) -> F:
    """Give a command --test, --branch, --machine and --last."""
    for option in (
        click.option("--last", type=click.IntRange(min=1), help="of each test, its last runs only"),
        click.option("--machine", help="only runs on the machine whose fingerprint begins so"),
        click.option("--branch", help="only runs of this branch"),
        click.option("--test", "test_text", metavar="TEXT", help="only tests whose node ID contains this text"),
    ):
        function = option(function)
    return function


def with_text(table: pa.Table, column: str, text: str | None) -> pa.Table:
    """The rows whose column contains the text; all for None."""
    return table if text is None else table.filter(pc.match_substring(_plain(table, column), pattern=_valid(text)))


def with_value(table: pa.Table, column: str, value: str | None) -> pa.Table:
    """The rows whose column is the value; all for None."""
    return table if value is None else table.filter(pc.equal(_plain(table, column), _valid(value)))


def beginning(table: pa.Table, column: str, text: str | None) -> pa.Table:
    """The rows whose column begins with the text; all for None."""
    return table if text is None else table.filter(pc.starts_with(_plain(table, column), pattern=_valid(text)))


def between(table: pa.Table, after: datetime | None, before: datetime | None) -> pa.Table:
    """The runs that began at or after the one, and before the other."""
    kind = table.schema.field("started_at").type
    if after is not None:
        table = table.filter(pc.greater_equal(table["started_at"], pa.scalar(after, kind)))
    return table if before is None else table.filter(pc.less(table["started_at"], pa.scalar(before, kind)))


def last_of_each(table: pa.Table, count: int | None) -> pa.Table:
    """The last runs of each test, in the same order; all for None."""
    if count is None:
        return table
    seen: dict[str, int] = {}
    chosen = []
    for row, test_id in reversed(list(enumerate(table["test_id"].to_pylist()))):
        seen[test_id] = seen.get(test_id, 0) + 1
        if seen[test_id] <= count:
            chosen.append(row)
    return table.take(pa.array(chosen[::-1], pa.int64()))


def chosen_runs(
    table: pa.Table, *, test_text: str | None, branch: str | None, machine: str | None, last: int | None
) -> pa.Table:
    """What `run_options` ask for; none is a usage error."""
    table = with_text(table, "test_id", test_text)
    table = with_value(table, "branch", branch)
    table = last_of_each(beginning(table, "fingerprint", machine), last)
    if not table.num_rows:
        raise click.UsageError("no run is like that; hint: see `vizart runs` for tests and branches")
    return table


def unknown(kind: str, asked: str, known: Iterable[str]) -> str:
    """Return the words for a stage or a figure that no chosen run has: those there are, the nearest ones first."""
    names = [name for name in dict.fromkeys(known) if name]
    nearest = get_close_matches(asked, names, n=_TOLD_NAMES)
    told = listed(dict.fromkeys((*nearest, *names)), _TOLD_NAMES)
    return printable(f"no run has a {kind} {asked!r}" + (f"; there are {told}" if told else ""))


def run_ids(runs: pa.Table) -> list[str]:
    """Return the IDs of runs."""
    ids: list[str] = _plain(runs, "run_id").to_pylist()
    return ids


def _plain(table: pa.Table, column: str) -> pa.ChunkedArray:
    return table[column].cast(pa.string())


def _valid(text: str) -> str:
    """Arguments that are no valid UTF-8 carry lone surrogates, which Arrow does not take, and no row has."""
    return text.encode("utf-8", "backslashreplace").decode()
