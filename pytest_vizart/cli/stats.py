"""`vizart stats`: median, p95 and p99 of each stage across runs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
import pyarrow as pa

from pytest_vizart.cli.choosing import chosen_runs, last_of_each, run_ids, run_options, unknown
from pytest_vizart.cli.common import (
    all_option,
    csv_option,
    json_option,
    left_out_note,
    open_history,
    output_option,
    refusing,
    tell_json,
    whole_runs,
)
from pytest_vizart.cli.tables import Column, tell_csv, tell_table, terminal_width
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
    Column("test", "test_id", narrows=True, heads=True),
    Column("stage", "stage", narrows=True),
    Column("runs", "runs", lambda value: f"{value:,}", right=True, drops=1),
    Column("spans", "spans", lambda value: f"{value:,}", right=True, drops=5),
    Column("errors", "errors", lambda value: f"{value:,}", right=True, drops=3),
    Column("median ms", "wall_ms_median", figure, right=True),
    Column("p95 ms", "wall_ms_p95", figure, right=True),
    Column("p99 ms", "wall_ms_p99", figure, right=True),
    Column("CPU ms", "cpu_ms_median", figure, right=True, drops=4),
    Column("memory MB", "rss_mb_median", megabytes, right=True, drops=2),
)


@click.command()
@run_options
@click.option("--stage", help="only this stage")
@click.option("--exact", is_flag=True, help="over every span, instead of one median a run")
@all_option
@output_option
@json_option
@csv_option
@refusing
def stats(
    output: Store, as_json: bool, as_csv: bool, test_text: str | None, branch: str | None, machine: str | None,
    last: int | None, stage: str | None, exact: bool, everything: bool,
) -> None:  # fmt: skip
    """Tell the times of each stage across runs: median, p95 and p99 of wall time, medians of CPU time and memory.

    Each run counts once, with its median. With --exact every span counts once, whatever run it is of; that reads more.
    Warm-up and spans that an exception left count nowhere but in spans and errors. Runs that ended in an error or used
    only a part of the data are left out unless --all is given.
    """
    history = open_history(output)
    every = chosen_runs(history.runs(), test_text=test_text, branch=branch, machine=machine, last=None)
    counted = every if everything else whole_runs(every)
    runs, left_out = last_of_each(counted, last), every.num_rows - counted.num_rows
    ids = run_ids(runs)
    found = (
        across_spans(history.spans(run_ids=ids, stage=stage, columns=SPAN_COLUMNS))
        if exact
        else across_runs(history.stages(run_ids=ids, stage=stage, columns=RUN_COLUMNS))
    )
    if stage is not None and not found:
        _check_stage(stage, history.stages(run_ids=ids, columns=("stage",)), left_out)
    machines = [name for name in dict.fromkeys(runs["fingerprint"].to_pylist()) if name is not None]
    if as_json:
        about = {"over": "spans" if exact else "runs", "runs": runs.num_rows, "left_out": left_out}
        tell_json({**about, "machines": machines, "stages": [asdict(each) for each in found]})
    elif as_csv:
        tell_csv(("test_id", "stage", *_COUNTS, *_names()), [_row(each) for each in found])
    else:
        tell_table(_COLUMNS, [_row(each) for each in found])
        click.echo(_note(runs, machines, left_out, exact=exact))


def _check_stage(stage: str, stages: pa.Table, left_out: int) -> None:
    """Refuse a stage that stands nowhere; one of warm-up alone has no figures, and is there."""
    known = dict.fromkeys(stages["stage"].to_pylist())
    if stage not in known:
        raise click.UsageError(unknown("stage", stage, known) + (f"; {left_out_note(left_out)}" if left_out else ""))


def _names() -> list[str]:
    return [f"{name}_{order}" for name in _FIGURES for order in _ORDER]


def _row(aggregate: StageAggregate) -> dict[str, Any]:
    """One flat row; a stage that was never measured has nothing under its figures."""
    row: dict[str, Any] = {name: getattr(aggregate, name) for name in ("test_id", "stage", *_COUNTS)}
    for name in _FIGURES:
        measured: Percentiles | None = getattr(aggregate, name)
        row |= {f"{name}_{order}": getattr(measured, order, None) for order in _ORDER}
    return row


def _note(runs: pa.Table, machines: Sequence[str], left_out: int, *, exact: bool) -> str:
    parts = ["every span counts" if exact else "each run counts once, with its median; p95 and p99 are of runs"]
    parts += [f"{plural(len(machines), 'machine')} together, --machine chooses one"] if len(machines) > 1 else []
    parts += [left_out_note(left_out)] if left_out else []
    text = f"{plural(runs.num_rows, 'run')}: {'; '.join(parts)}"
    width = terminal_width()
    return text if width is None else textwrap.fill(text, width)
