"""`vizart show RUN`: one run: its stages, its accuracy, and the samples that were not correct."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson
import pyarrow as pa

from pytest_vizart.cli.common import find_run, json_option, kept_runs, output_option
from pytest_vizart.history.reader import History
from pytest_vizart.profiling.stats import stage_stats
from pytest_vizart.records.score import StageStats
from pytest_vizart.records.span import SPAN_COLUMNS, SpanTable


@click.command()
@click.argument("run_id")
@output_option
@json_option
def show(run_id: str, output: Path, as_json: bool) -> None:
    """Show one run; RUN_ID may be shortened."""
    run = find_run(kept_runs(output), run_id)
    history = History(output)
    only: dict[str, Any] = {"run_ids": [run["run_id"]], "session_ids": [run["session_id"]]}
    stages = stage_stats(_span_table(history.spans(**only)))
    accuracy = history.accuracy(**only).select(["stage", "task", "metric", "value"]).to_pylist()
    outcomes = history.outcomes(**only).to_pylist()
    if as_json:
        document = {"schema_version": 1, "run": run, "stages": stages, "accuracy": accuracy, "outcomes": outcomes}
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    click.echo(f"{run['run_id']}  {run['test_id']}  {run['status']}  {run['started_at'][:19]}")
    for stage in stages:
        click.echo(_stage_line(stage))
    for row in accuracy:
        click.echo(f"  {row['stage']}: {row['metric']} {'-' if row['value'] is None else format(row['value'], '.4f')}")
    for row in outcomes:
        if row["status"] in ("wrong", "invalid"):
            click.echo(f"  {row['stage']}: {row['sample_id']} {row['status']}: {row['reason']} ({row['input_path']})")
    if run["error"]:
        click.echo(f"  error: {run['error']}")


def _stage_line(stage: StageStats) -> str:
    if stage.wall_ms is None:
        return f"  {stage.name}: {stage.errors} errors, no span without one"
    cpu = f", CPU {stage.cpu_ms.median:.3f} ms" if stage.cpu_ms else ""
    wall = f"median {stage.wall_ms.median:.3f} ms, p95 {stage.wall_ms.p95:.3f} ms"
    return f"  {stage.name}: {wall}{cpu}, {stage.spans} spans"


def _span_table(table: pa.Table) -> SpanTable:
    columns = {name: table[name].to_pylist() for name in SPAN_COLUMNS if name != "started_us"}
    return SpanTable(**columns, started_us=table["started_us"].cast("int64").to_pylist())
