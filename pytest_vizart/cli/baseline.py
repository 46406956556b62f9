"""`vizart baseline`: `accept` makes a run the baseline; `write` commits baselines beside the golden data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from pytest_vizart.cli.common import find_run, json_option, kept_runs, output_option, plain_rows, refusing
from pytest_vizart.errors import GoldenError, HistoryError
from pytest_vizart.golden.committed import BASELINE_NAME, write_committed
from pytest_vizart.golden.dataset import discover
from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_decision
from pytest_vizart.options import DEFAULT_GOLDEN
from pytest_vizart.report.wording import printable
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.accuracy_baseline import kept_baseline
from pytest_vizart.workflow.importing.model import IMPORTED


@click.group()
def baseline() -> None:
    """Decide which runs serve as a baseline, and commit baselines."""


@baseline.command()
@click.argument("run_id", required=False)
@output_option
@json_option
@refusing
def accept(run_id: str | None, output: Store, as_json: bool) -> None:
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
    _require_whole(chosen)
    for row in chosen:
        try:
            write_decision(output, row["run_id"], True, decided_us=time.time_ns() // 1_000)
        except HistoryError as error:
            raise click.ClickException(str(error)) from error
        if not as_json:
            click.echo(f"accepted: run {row['run_id'][:8]} of {row['test_id']}")
    if as_json:
        click.echo(orjson.dumps({"schema_version": 1, "accepted": [row["run_id"] for row in chosen]}))


@baseline.command()
@click.argument("run_id", required=False)
@click.option("--golden", type=click.Path(path_type=Path), default=DEFAULT_GOLDEN, show_default=True,
              help="folder of golden datasets, or one dataset")  # fmt: skip
@output_option
@json_option
@refusing
def write(run_id: str | None, golden: Path, output: Store, as_json: bool) -> None:
    """Write metrics and outcomes of RUN_ID into its dataset's baseline.json, to be committed; without RUN_ID, of the
    newest accepted run of each test.

    Whoever checks the file out is held to it, without a history: a CI without memory is gated too. What the file has of
    other tests stays.
    """
    table = kept_runs(output)
    rows = [find_run(table, run_id)] if run_id else _newest_accepted(plain_rows(table))
    rows = [row for row in rows if row["dataset"] is not None]
    _require_whole(rows)
    if not rows:
        raise click.UsageError("no accepted run has golden data; hint: run pytest first, see `vizart runs`")
    try:
        folders = discover(golden)
        written = _write_by_dataset(History(output), rows, folders)
    except (GoldenError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(orjson.dumps({"schema_version": 1, "written": written}))
        return
    for path, tests in written.items():
        click.echo(f"{printable(path)}: {', '.join(printable(test) for test in tests)}")


def _require_whole(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        if row["profile"] == IMPORTED:
            raise click.UsageError(f"run {row['run_id'][:8]} of {printable(row['test_id'])} was imported: no baseline")
        if row["status"] == "error" or row["partial"]:
            raise click.UsageError(
                f"run {row['run_id'][:8]} of {row['test_id']} is not whole: {row['not_accepted_because']}"
            )


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of `runs`, as the baseline of a kept run wants it."""

    run_id: str
    session_id: str
    started_us: int
    accepted: bool
    accepted_latency: bool
    branch: str | None
    commit: str | None


def _write_by_dataset(
    history: History, rows: Sequence[dict[str, Any]], folders: dict[str, Path]
) -> dict[str, list[str]]:
    written: dict[str, list[str]] = {}
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        if dataset not in folders:
            raise GoldenError(
                "no such golden dataset",
                expected=", ".join(folders),
                found=dataset,
                hint="give its folder: --golden DIR",
            )
        path = folders[dataset] / BASELINE_NAME
        of_dataset = [row for row in rows if row["dataset"] == dataset]
        write_committed(path, {row["test_id"]: kept_baseline(history, _row(row)) for row in of_dataset})
        written[str(path)] = [row["test_id"] for row in of_dataset]
    return written


def _row(row: dict[str, Any]) -> _Row:
    names = ("run_id", "session_id", "accepted", "accepted_latency", "branch", "commit")
    return _Row(started_us=0, **{name: row[name] for name in names})


def _newest_accepted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({row["test_id"]: row for row in rows if row["accepted"]}.values())


def _newest_refused(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last = {row["test_id"]: row for row in rows if row["session_id"] == rows[-1]["session_id"]}
    whole = [row for row in last.values() if row["status"] != "error" and not row["partial"] and row["samples"]]
    return [row for row in whole if not row["accepted"]]
