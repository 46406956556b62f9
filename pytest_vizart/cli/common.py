"""What the subcommands share: the output folder or URL, JSON or CSV instead of a table, and finding a run."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pytest_vizart.cli.refusal import Refused
from pytest_vizart.errors import UsageError, VizartError
from pytest_vizart.history.reader import History
from pytest_vizart.options import DEFAULT_OUTPUT
from pytest_vizart.report.wording import encodable_throughout, plural, printable
from pytest_vizart.storage.opening import open_store
from pytest_vizart.storage.store import Store

LAST = "last"
SCHEMA_VERSION = 1
_TOLD_RUNS = 5

F = TypeVar("F", bound=Callable[..., Any])


def _opened(context: click.Context, option: click.Parameter, place: str) -> Store:
    try:
        return open_store(place)
    except UsageError as error:
        raise click.BadParameter(printable(str(error)), context, option) from error


def output_option(function: F) -> F:
    """Give a command `--output DIR|URL`; it gets a Store, which whatever reads a history, a log or artifacts takes."""
    return click.option(
        "--output", metavar="DIR|URL", default=DEFAULT_OUTPUT, show_default=True, callback=_opened,
        help="output folder, or its URL",
    )(function)  # fmt: skip


def json_option(function: F) -> F:
    """Give a command `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="write JSON")(function)


def csv_option(function: F) -> F:
    """Give a command `--csv`, beside `json_option`."""
    return click.option("--csv", "as_csv", is_flag=True, help="write CSV (RFC 4180), every value exactly as kept")(
        function
    )


def refusing(function: F) -> F:
    """Turn what is wrong with the data into one line and exit status 2, for a command that reads a history."""

    @functools.wraps(function)
    def told(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("as_json") and kwargs.get("as_csv"):
            raise click.UsageError("--json and --csv exclude each other")
        try:
            return function(*args, **kwargs)
        except BrokenPipeError:  # `| head` has seen enough, which click knows how to end
            raise
        except (VizartError, OSError, pa.ArrowException) as error:
            raise Refused(printable(str(error) or type(error).__name__)) from error

    return told  # type: ignore[return-value]


def all_option(function: F) -> F:
    """Give a command `--all`, which counts runs that `whole_runs` leaves out."""
    return click.option("--all", "everything", is_flag=True, help="also runs that ended in an error or are partial")(
        function
    )


def tell_json(document: dict[str, Any]) -> None:
    """Write a document; names may be no valid UTF-8."""
    versioned = {"schema_version": SCHEMA_VERSION, **document}
    try:
        text = orjson.dumps(versioned, option=orjson.OPT_INDENT_2)
    except TypeError:
        text = orjson.dumps(encodable_throughout(versioned), option=orjson.OPT_INDENT_2)
    click.echo(text)


def open_history(output: Store) -> History:
    """Return the history of an output folder or URL; one without any run is a usage error."""
    try:
        empty = not output.files("metrics/runs")
        logged = empty and bool(output.files("logs"))
    except OSError as error:
        raise Refused(printable(f"{output}: this place cannot be read ({error.strerror or error})")) from error
    if empty:
        hint = (
            "vizart logs shows what ran; runs are kept at the end of their session if the disk has room, "
            "until retention takes them"
            if logged
            else "run pytest first, or give --output DIR"
        )
        raise click.UsageError(f"{printable(str(output))}: there is no history here; hint: {hint}")
    return History(output)


def kept_runs(output: Store) -> pa.Table:
    """Return the runs of an output folder or URL, oldest first; one without a history is a usage error."""
    return open_history(output).runs()


def whole_runs(runs: pa.Table) -> pa.Table:
    """Return the runs that ran to their end, on all of their data: others measured something else."""
    ended = [
        status != "error" and not partial
        for status, partial in zip(runs["status"].to_pylist(), runs["partial"].to_pylist(), strict=True)
    ]
    return runs.filter(pa.array(ended, pa.bool_()))


def left_out_note(count: int) -> str:
    """Return the words for runs that `whole_runs` left out."""
    return f"{plural(count, 'run')} left out: an error, or partial (--all)"


def find_run(table: pa.Table, run_id: str) -> dict[str, Any]:
    """Return the row of the run whose ID begins with `run_id`, or of the newest run for "last"."""
    count = table.num_rows
    if run_id == LAST and count:
        return plain_rows(table.slice(count - 1))[0]
    asked = printable(run_id)
    # What is no valid UTF-8 cannot be asked of Arrow, and begins no run ID.
    known = run_id.encode("utf-8", "replace").decode()
    matches = table.filter(pc.starts_with(table["run_id"].cast(pa.string()), pattern=known))
    if matches.num_rows == 1:
        return plain_rows(matches)[0]
    if not matches.num_rows:
        rows = plain_rows(table.slice(max(count - _TOLD_RUNS, 0)))
        newest = ", ".join(f"{row['run_id'][:8]} ({printable(row['test_id'])})" for row in reversed(rows))
        raise click.UsageError(f"no run {asked!r}; hint: the last ones are {newest or 'none'}")
    begin = ", ".join(found[:13] for found in matches["run_id"].slice(0, _TOLD_RUNS).to_pylist())
    raise click.UsageError(f"{matches.num_rows} runs begin with {asked!r}: {begin}")


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return rows with times as ISO 8601 text."""
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        for name in row.keys() & {"started_at", "finished_at"}:
            row[name] = row[name].isoformat() if row[name] is not None else None
    return rows


@contextmanager
def at_hand(output: Store, folder: str) -> Iterator[Path]:
    """Give a folder inside of the output as one of this machine; objects of a store are fetched for a while."""
    if output.local is not None:
        yield output.local / folder
        return
    with tempfile.TemporaryDirectory(prefix="vizart-") as fetched:
        for entry in output.files(folder, recursive=True):
            path = Path(fetched, entry.name.removeprefix(f"{folder}/"))
            if not path.resolve().is_relative_to(Path(fetched).resolve()):
                continue  # an object may be called ../x
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(output.read(entry.name))
        yield Path(fetched)
