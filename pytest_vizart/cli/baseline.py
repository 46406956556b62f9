"""`vizart baseline accept [RUN]`: make a run the baseline, when the change that failed it was meant."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import orjson

from pytest_vizart.cli.common import find_run, json_option, kept_runs, output_option, plain_rows
from pytest_vizart.errors import HistoryError
from pytest_vizart.history.writer import write_decision


@click.group()
def baseline() -> None:
    """Decide which runs serve as a baseline."""


@baseline.command()
@click.argument("run_id", required=False)
@output_option
@json_option
def accept(run_id: str | None, output: Path, as_json: bool) -> None:
    """Make a run the baseline from now on; without RUN_ID, the runs of the last session that failed.

    Later runs of its branch are compared with it, and with no other run that was there before the decision; times are
    learned anew. A run whose test raised, or that used a part of the data, cannot be accepted.
    """
    table = kept_runs(output)
    chosen = [find_run(table, run_id)] if run_id else _newest_refused(plain_rows(table))
    if not chosen:
        raise click.UsageError(
            "no run of the last session failed: there is nothing to accept; hint: name a run, see `vizart runs`"
        )
    for row in chosen:
        if row["status"] == "error" or row["partial"]:
            raise click.UsageError(
                f"run {row['run_id'][:8]} of {row['test_id']} is not whole: {row['not_accepted_because']}"
            )
        try:
            write_decision(output, row["run_id"], True, decided_us=time.time_ns() // 1_000)
        except HistoryError as error:
            raise click.ClickException(str(error)) from error
        if not as_json:
            click.echo(f"accepted: run {row['run_id'][:8]} of {row['test_id']}")
    if as_json:
        click.echo(orjson.dumps({"schema_version": 1, "accepted": [row["run_id"] for row in chosen]}))


def _newest_refused(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last = {row["test_id"]: row for row in rows if row["session_id"] == rows[-1]["session_id"]}
    whole = [row for row in last.values() if row["status"] != "error" and not row["partial"] and row["samples"]]
    return [row for row in whole if not row["accepted"]]
