"""`vizart runs`: the kept runs, newest last."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
import pyarrow as pa

from pytest_vizart.cli.choosing import between, time_options, with_text, with_value
from pytest_vizart.cli.common import (
    csv_option,
    json_option,
    open_history,
    output_option,
    plain_rows,
    refusing,
    tell_json,
)
from pytest_vizart.cli.last_failure import take_over_first
from pytest_vizart.cli.tables import Column, tell_csv, tell_table
from pytest_vizart.storage.store import Store

_STATUSES = ("passed", "failed", "error")

_COLUMNS = (
    Column("run", "run_id", lambda value: value[:8]),
    Column("started", "started_at", lambda value: (value or "")[:16].replace("T", " ")),
    Column("status", "status"),
    Column("commit", "commit", lambda value: (value or "")[:7], drops=2, hoists=True),
    Column("branch", "branch", lambda value: value or "", narrows=True, drops=1, hoists=True),
    Column("test", "test_id", narrows=True, hoists=True),
    Column("serves as", "standing", narrows=True),
)

_WORDS = (
    ("imported from ", "imported"),
    ("only a part of the golden data", "no: partial"),
    ("the test did not pass", "no: not passed"),
    ("the process died", "no: died"),
    ("could not be compared", "no: unclear"),
    ("many samples are newly wrong", "no: suspect"),
    ("tracked files were changed", "no: dirty"),
    ("nothing was measured", "no: empty"),
    ("are not judged", "no: not judged"),
    ("latency of ", "no: latency"),
    ("accuracy of ", "no: accuracy"),
)
"""What stands in the reason, and a short word for it; `vizart show` tells the reason in full."""


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="how many, newest ones")
@click.option("--test", "test_text", metavar="TEXT", help="only tests whose node ID contains this text")
@click.option("--status", type=click.Choice(_STATUSES), help="only runs that ended so")
@click.option("--failed", is_flag=True, help="only runs that failed or ended in an error")
@click.option("--branch", help="only runs of this branch")
@time_options
@output_option
@json_option
@csv_option
@refusing
def runs(
    output: Store, as_json: bool, as_csv: bool, limit: int, test_text: str | None, status: str | None, failed: bool,
    branch: str | None, after: datetime | None, before: datetime | None,
) -> None:  # fmt: skip
    """List the kept runs, newest last. A pinned run (*) is kept by every clean-up."""
    take_over_first(output)
    history = open_history(output)
    table = with_text(history.runs(), "test_id", test_text)
    table = between(with_value(with_value(table, "branch", branch), "status", status), after, before)
    if failed:
        table = _failed(table)
    table = table.slice(max(table.num_rows - limit, 0))
    pinned = {run_id for run_id, decision in history.decisions().items() if decision.pinned}
    rows = [{**row, "pinned": row["run_id"] in pinned} for row in plain_rows(table)]
    if as_json:
        tell_json({"runs": rows})
    elif as_csv:
        tell_csv((*table.column_names, "pinned"), rows)
    elif not rows:
        click.echo("no run matches")
    else:
        tell_table(_COLUMNS, [{**row, "standing": _standing(row)} for row in rows])


def _failed(table: pa.Table) -> pa.Table:
    return table.filter(pa.array([status != "passed" for status in table["status"].to_pylist()], pa.bool_()))


def _standing(row: dict[str, Any]) -> str:
    """What the run serves for, in a few letters."""
    pin = "* " if row["pinned"] else ""
    if row["accepted"]:
        return f"{pin}baseline" if row["accepted_latency"] else f"{pin}accuracy only"
    because = row["not_accepted_because"] or ""
    return pin + next((word for part, word in _WORDS if part in because), f"no: {because}" if because else "no")
