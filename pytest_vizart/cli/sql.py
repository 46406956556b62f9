"""`vizart sql "select ..."`: the kept tables through DuckDB, read only."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click
import pyarrow as pa

from pytest_vizart.cli.common import csv_option, json_option, open_history, output_option, refusing, tell_json
from pytest_vizart.cli.narrowing import places
from pytest_vizart.cli.refusal import Refused
from pytest_vizart.cli.tables import Column, has_room, tell_csv, tell_line, tell_table, terminal_width
from pytest_vizart.history.reader import History
from pytest_vizart.history.rewriting import WITHOUT_RUNS
from pytest_vizart.history.schema import TABLES
from pytest_vizart.report.wording import NOT_MEASURED, encodable, plural, printable
from pytest_vizart.storage.store import Store

if TYPE_CHECKING:
    import duckdb

_SHOWN = 200
_FILE = "file_of_the_row"
_LEAST_ROOM = 10
_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)


@click.command()
@click.argument("query")
@output_option
@json_option
@csv_option
@refusing
def sql(query: str, output: Store, as_json: bool, as_csv: bool) -> None:
    """Ask the history in SQL: one SELECT over runs, stages, spans, accuracy, outcomes and the other tables.

    Every table is a view over exactly the files that count now. Nothing can be written, and no other file be read.
    """
    try:
        import duckdb
    except ImportError as error:
        raise click.UsageError("DuckDB is not installed; hint: pip install 'pytest-vizart[query]'") from error
    history, query = open_history(output), encodable(query)
    try:
        database = opened(history, output, query)
        _require_one_select(duckdb, query)
        found = database.sql(query).to_arrow_table()
    except duckdb.Error as error:
        # Its message goes on with the query and a caret under it.
        raise Refused(printable(str(error).partition("\n\n")[0])) from error
    names = _told_apart(found.column_names)
    columns = [map(_plain, _values(column)) for column in found.columns]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    if as_json:
        tell_json({"columns": names, "rows": rows})
    elif as_csv:
        tell_csv(names, rows)
    else:
        _tell(found, names, rows)


def opened(history: History, output: Store, query: str) -> duckdb.DuckDBPyConnection:
    """Return a database in memory whose views are the tables of a history.

    Of an object store, the tables that the query names are fetched; those of a folder are read where they are.
    """
    import duckdb

    database = duckdb.connect(":memory:")
    database.execute("set timezone = 'UTC'")
    database.execute("create schema empty")
    # A path that is no valid UTF-8 cannot be written in SQL.
    readable = output.local is not None and encodable(str(output.local)) == str(output.local)
    files = {name: history.files(name) for name in TABLES} if readable else {}
    for name, schema in TABLES.items():
        database.register("columns", _readable(schema.empty_table()))
        database.execute(f"create table empty.{name} as from columns")
        if not readable and _is_named(name, query):
            database.register(name, _readable(_fetched(history, name)))
    database.unregister("columns")
    runs = files.get("runs", [])
    reads = {name: _reading(database, name, paths, runs, query) for name, paths in files.items()}
    _shut(database, [path for paths in files.values() for path in paths])
    for name, read in reads.items():
        database.execute(f"create view {name} as select * from empty.{name} {read}")
    return database


def _reading(
    database: duckdb.DuckDBPyConnection, name: str, paths: Sequence[str], runs: Sequence[str], query: str
) -> str:
    """Return what follows on the select from the table without rows, which brings all columns in their order.

    Files of older versions lack some. A run that was brought here twice counts once, as the first file has it, and one
    that is not in the files `runs`, of a session that is writing or a clean-up that was interrupted, does not count.
    """
    if not paths:
        return ""
    read = f"read_parquet({_files(paths)}, union_by_name = true, filename = '{_FILE}')"
    joins = []
    if name not in WITHOUT_RUNS and _is_named(name, query):
        if len(paths) > 1 and _are_twice(database, name, read, paths):
            joins.append(f"anti join empty.{name}_again using (run_id, {_FILE})")
        if name != "runs":
            known = f"(select run_id from read_parquet({_files(runs)}, union_by_name = true))" if runs else "empty.runs"
            if _are_unknown(database, read, known):
                joins.append(f"semi join {known} using (run_id)")
    return f"union all by name select * exclude ({_FILE}) from {' '.join([read, *joins])}"


def _are_twice(database: duckdb.DuckDBPyConnection, name: str, read: str, paths: Sequence[str]) -> bool:
    """Whether runs are in several files; `empty.{name}_again` then has the files in which they do not count."""
    twice = f"select run_id from {read} group by run_id having min({_FILE}) <> max({_FILE})"
    if database.execute(f"from ({twice}) limit 1").fetchone() is None:
        return False
    database.execute(
        f"create table empty.{name}_again as select distinct run_id, {_FILE} from {read} "
        f"where run_id in ({twice}) qualify list_position({_list_of(paths)}, {_FILE}) "
        f"> min(list_position({_list_of(paths)}, {_FILE})) over (partition by run_id)"
    )
    return True


def _are_unknown(database: duckdb.DuckDBPyConnection, read: str, known: str) -> bool:
    """Whether there are rows of runs that are not known; not where a damaged file may have had those runs."""
    import duckdb

    try:
        return database.execute(f"from {read} anti join {known} using (run_id) limit 1").fetchone() is not None
    except duckdb.Error:  # if it is the table itself that is damaged, the query tells
        return False


def _files(paths: Sequence[str]) -> str:
    return _list_of([_pattern(path) for path in paths])


def _is_named(name: str, query: str) -> bool:
    return re.search(rf"\b{name}\b", query, re.IGNORECASE) is not None


def _shut(database: duckdb.DuckDBPyConnection, paths: Sequence[str]) -> None:
    """Let the database read these files, and nothing else of the system, from now on."""
    database.execute(f"set allowed_paths = {_list_of([*paths, *map(_pattern, paths)])}")
    database.execute("set enable_external_access = false")
    database.execute("set lock_configuration = true")


def _require_one_select(duckdb: Any, query: str) -> None:
    """COPY, and EXPLAIN ANALYZE of it, would write over a file of the history."""
    statements = duckdb.extract_statements(query)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise click.UsageError('one SELECT statement is expected; hint: `vizart sql "select * from runs limit 5"`')


def _fetched(history: History, name: str) -> pa.Table:
    if name != "decisions":
        table: pa.Table = getattr(history, name)()
        return table
    rows = [{"run_id": run_id, **decision._asdict()} for run_id, decision in history.decisions().items()]
    columns = {"accepted": "accepted", "decided_at": "decided_us", "pinned": "pinned", "run_id": "run_id"}
    return pa.table(
        [pa.array([row[columns[field.name]] for row in rows], field.type) for field in TABLES[name]],
        schema=TABLES[name],
    )


def _readable(table: pa.Table) -> pa.Table:
    """The table with text instead of dictionaries, as files have it: DuckDB would make an ENUM of each."""
    kinds = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))))


def _pattern(path: str) -> str:
    """The path as DuckDB reads it, to which some characters are patterns."""
    return re.sub(r"([\[*?])", r"[\1]", path)


def _list_of(texts: Sequence[str]) -> str:
    quoted = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
    return f"[{quoted}]"


def _told_apart(names: Sequence[str]) -> list[str]:
    """The names of columns; one that comes again gets a number."""
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return told


def _values(column: pa.ChunkedArray) -> list[Any]:
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # times that Python has none of: nanoseconds, years of six digits
        found = column.cast(pa.string()).to_pylist()
    return found


def _plain(value: Any) -> Any:
    """What JSON has no word for, also inside of lists and structs: sums of whole numbers are decimals."""
    form: Callable[[Any], Any] = _PLAIN.get(type(value), _text)
    return value if value is None else form(value)


def _whole(value: int) -> int | str:
    return value if -(2**63) <= value < 2**64 else str(value)


def _number(value: Decimal) -> int | float | str:
    return _whole(int(value)) if value == value.to_integral_value() else float(value)


_PLAIN: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((bool, float, str), lambda value: value),
    int: _whole,
    Decimal: _number,
    list: lambda values: [_plain(each) for each in values],
    tuple: lambda values: [_plain(each) for each in values],  # an entry of a map
    dict: lambda value: {str(key): _plain(each) for key, each in value.items()},
    bytes: lambda value: value.hex(),
}


def _text(value: Any) -> str:
    if value is None:
        return NOT_MEASURED
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _tell(found: pa.Table, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    numbers = [any(is_number(field.type) for is_number in _NUMBERS) for field in found.schema]
    columns = [
        Column(name, name, _text, right=is_number, narrows=not is_number and not pa.types.is_temporal(field.type))
        for name, is_number, field in zip(names, numbers, found.schema, strict=True)
    ]
    shown = rows[:_SHOWN]
    if has_room(columns, shown, terminal_width(), _LEAST_ROOM):
        tell_table(columns, shown)
    else:
        _tell_one_by_one(names, shown)
    if len(rows) > _SHOWN:
        click.echo(f"... {plural(len(rows) - _SHOWN, 'more row')} (--csv, --json)")


def _tell_one_by_one(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Each row with one column a line, for tables that no terminal has room for."""
    titles = [printable(name) for name in names]
    wide = max(map(places, titles))
    for number, row in enumerate(rows, 1):
        tell_line(f"row {number}")
        for name, title in zip(names, titles, strict=True):
            tell_line(f"  {title}{' ' * (wide - places(title))}  {printable(_text(row[name]))}")
