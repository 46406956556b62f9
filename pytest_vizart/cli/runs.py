"""`vizart runs`: the kept runs, newest last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson

from pytest_vizart.cli.common import json_option, kept_runs, output_option, plain_rows
from pytest_vizart.report.wording import printable


@click.command()
@output_option
@json_option
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="how many, newest ones")
@click.option("--test", "test_text", default=None, help="only tests whose node ID contains this text")
def runs(output: Path, as_json: bool, limit: int, test_text: str | None) -> None:
    """List the kept runs."""
    rows = plain_rows(kept_runs(output))
    if test_text is not None:
        rows = [row for row in rows if test_text in row["test_id"]]
    rows = rows[-limit:]
    if as_json:
        click.echo(orjson.dumps({"schema_version": 1, "runs": rows}, option=orjson.OPT_INDENT_2))
        return
    for row in rows:
        accepted = printable(_standing(row))
        commit = printable((row["commit"] or "")[:9])
        facts = (
            row["run_id"][:8],
            row["started_at"][:19],
            f"{row['status']:<6}",
            f"{commit:<9}",
            printable(row["test_id"]),
        )
        click.echo(f"{'  '.join(facts)}  ({accepted})")


def _standing(row: dict[str, Any]) -> str:
    """What the run serves for, and why not for more."""
    if row["accepted"] and row["accepted_latency"]:
        return "baseline"
    because = row["not_accepted_because"] or "not told"
    return f"baseline of accuracy, not of latency: {because}" if row["accepted"] else f"not a baseline: {because}"
