"""`vizart stats`: median, p95 and p99 of each stage across runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
import pyarrow as pa

from pytest_vizart.cli.choosing import chosen_runs, run_ids, run_options
from pytest_vizart.cli.common import csv_option, json_option, open_history, output_option, refusing, tell_json
from pytest_vizart.cli.tables import Column, tell_csv, tell_table
from pytest_vizart.history.aggregates import (
    RUN_COLUMNS,
    SPAN_COLUMNS,
    Percentiles,
    StageAggregate,
    across_runs,
    across_spans,
)
from pytest_vizart.report.wording import figure, megabytes, plural
from pytest_vizart.storage.store import Store

_FIGURES = ("wall_ms", "cpu_ms", "rss_mb")
_COUNTS = ("runs", "spans", "errors")
_ORDER = ("median", "p95", "p99")

_COLUMNS = (
    Column("test", "test_id", narrows=True),
    Column("stage", "stage", narrows=True),
    *(Column(name, name, lambda value: f"{value:,}", right=True) for name in _COUNTS),
    Column("median ms", "wall_ms_median", figure, right=True),
    Column("p95", "wall_ms_p95", figure, right=True),
    Column("p99", "wall_ms_p99", figure, right=True),
    Column("CPU ms", "cpu_ms_median", figure, right=True),
    Column("memory MB", "rss_mb_median", megabytes, right=True),
)


@click.command()
@run_options
@click.option("--stage", help="only this stage")
@click.option("--exact", is_flag=True, help="over every span, instead of one median a run")
@output_option
@json_option
@csv_option
@refusing
def stats(
    output: Store, as_json: bool, as_csv: bool, test_text: str | None, branch: str | None, machine: str | None,
    last: int | None, stage: str | None, exact: bool,
) -> None:  # fmt: skip
    """Tell the times of each stage across runs: median, p95 and p99 of wall time, medians of CPU time and memory.

    Each run counts once, with its median. With --exact every span counts once, whatever run it is of; that reads more.
    Warm-up and spans that an exception left count nowhere but in spans and errors.
    """
    history = open_history(output)
    runs = chosen_runs(history.runs(), test_text=test_text, branch=branch, machine=machine, last=last)
    ids = run_ids(runs)
    found = (
        across_spans(history.spans(run_ids=ids, stage=stage, columns=SPAN_COLUMNS))
        if exact
        else across_runs(history.stages(run_ids=ids, stage=stage, columns=RUN_COLUMNS))
    )
    machines = [name for name in dict.fromkeys(runs["fingerprint"].to_pylist()) if name is not None]
    if as_json:
        about = {"over": "spans" if exact else "runs", "runs": runs.num_rows, "machines": machines}
        tell_json({**about, "stages": [asdict(each) for each in found]})
    elif as_csv:
        tell_csv(("test_id", "stage", *_COUNTS, *_names()), [_row(each) for each in found])
    else:
        tell_table(_COLUMNS, [_row(each) for each in found])
        click.echo(_note(runs, machines, exact=exact))


def _names() -> list[str]:
    return [f"{name}_{order}" for name in _FIGURES for order in _ORDER]


def _row(aggregate: StageAggregate) -> dict[str, Any]:
    """One flat row; a stage that was never measured has nothing under its figures."""
    row: dict[str, Any] = {name: getattr(aggregate, name) for name in ("test_id", "stage", *_COUNTS)}
    for name in _FIGURES:
        measured: Percentiles | None = getattr(aggregate, name)
        row |= {f"{name}_{order}": getattr(measured, order, None) for order in _ORDER}
    return row


def _note(runs: pa.Table, machines: Sequence[str], *, exact: bool) -> str:
    what = "every span counts" if exact else "each run counts once, with its median"
    several = (
        f"; {plural(len(machines), 'machine')} together, --machine chooses one: {', '.join(machines)}"
        if len(machines) > 1
        else ""
    )
    return f"{plural(runs.num_rows, 'run')}: {what}{several}"
