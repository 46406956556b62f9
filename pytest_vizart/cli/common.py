"""What the subcommands share: the output folder, and finding a run by the beginning of its ID."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import pyarrow as pa

from pytest_vizart.history.reader import History
from pytest_vizart.options import DEFAULT_OUTPUT
from pytest_vizart.report.wording import printable

LAST = "last"
_TOLD_RUNS = 5

F = TypeVar("F", bound=Callable[..., Any])


def output_option(function: F) -> F:
    """Give a command `--output DIR`."""
    return click.option(
        "--output", type=click.Path(path_type=Path), default=DEFAULT_OUTPUT, show_default=True, help="output folder"
    )(function)


def json_option(function: F) -> F:
    """Give a command `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="write JSON")(function)


def kept_runs(output: Path) -> pa.Table:
    """Return the runs of an output folder; a folder without a history is a usage error."""
    if not (output / "metrics" / "runs").is_dir():
        raise click.UsageError(
            f"{printable(str(output))}: there is no history here; hint: run pytest first, or give --output DIR"
        )
    return History(output).runs()


def find_run(table: pa.Table, run_id: str) -> dict[str, Any]:
    """Return the row of the run whose ID begins with `run_id`, or of the newest run for "last"."""
    rows = plain_rows(table)
    if run_id == LAST and rows:
        return rows[-1]
    asked = printable(run_id)
    matches = [row for row in rows if row["run_id"].startswith(run_id)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        newest = ", ".join(f"{row['run_id'][:8]} ({printable(row['test_id'])})" for row in reversed(rows[-_TOLD_RUNS:]))
        raise click.UsageError(f"no run {asked!r}; hint: the last ones are {newest or 'none'}")
    raise click.UsageError(
        f"{len(matches)} runs begin with {asked!r}: {', '.join(row['run_id'][:13] for row in matches[:5])}"
    )


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return rows with times as ISO 8601 text."""
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        for name in ("started_at", "finished_at"):
            row[name] = row[name].isoformat() if row.get(name) is not None else None
    return rows
