"""`vizart trends`: how the figures of each test and stage moved over time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import click

from pytest_vizart.cli.choosing import chosen_runs, run_options
from pytest_vizart.cli.common import csv_option, json_option, open_history, output_option, refusing, tell_json
from pytest_vizart.cli.tables import Column, tell_csv, tell_table
from pytest_vizart.report.wording import NOT_MEASURED, figure
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.comparison.series import STAGE_FIGURES, Point, Series, series

_DEFAULT_LAST = 20
_SHOWN_BY_DEFAULT = ("wall_ms", "cpu_ms", "rss_mb")
_LONGEST = 24
_BARS = "▁▂▃▄▅▆▇█"


def change(share: float | None) -> str:
    """A change in per cent with its sign: +12.3 %."""
    return NOT_MEASURED if share is None else f"{share * 100:+.1f} %"


_COLUMNS = (
    Column("test", "test_id", narrows=True),
    Column("stage", "stage", narrows=True),
    Column("figure", "figure"),
    Column("course", "course"),
    Column("first", "first", figure, right=True),
    Column("last", "last", figure, right=True),
    Column("change", "change", change, right=True),
    Column("from", "from"),
    Column("to", "to"),
)
_MACHINE = Column("machine", "machine", lambda value: (value or "").removeprefix("imported-")[:8])
_POINT_COLUMNS = (
    Column("started", "started_at", lambda value: value[:19]),
    Column("commit", "commit", lambda value: (value or "")[:9]),
    Column("branch", "branch", lambda value: value or "", narrows=True),
    Column("run", "run_id", lambda value: value[:8]),
    Column("value", "value", figure, right=True),
)


@click.command()
@run_options
@click.option("--stage", help="only this stage")
@click.option("--metric", help="only this figure: wall_ms, p95_ms, cpu_ms, rss_mb, peak_mb, gpu_mb, a metric, a gauge")
@output_option
@json_option
@csv_option
@refusing
def trends(
    output: Store, as_json: bool, as_csv: bool, test_text: str | None, branch: str | None, machine: str | None,
    last: int | None, stage: str | None, metric: str | None,
) -> None:  # fmt: skip
    """Tell how figures moved from run to run, of each test its last 20 runs unless --last says otherwise.

    Times and memory are told for each machine by itself. Where one figure is left, its runs are listed by date and
    commit; --json and --csv list them always, and have figures that the table leaves out unless --metric names them.
    """
    history = open_history(output)
    runs = chosen_runs(history.runs(), test_text=test_text, branch=branch, machine=machine, last=last or _DEFAULT_LAST)
    found = series(history, runs, stage=stage, figure=metric)
    if not found:
        raise click.UsageError("no run has such a figure; hint: `vizart trends --json` lists all there are")
    if as_json:
        tell_json({"series": [{**_facts(each), "points": [_point(point) for point in each.points]} for each in found]})
    elif as_csv:
        names = ("test_id", "stage", "figure", "machine", *(column.name for column in _POINT_COLUMNS))
        tell_csv(names, [{**_facts(each), **_point(point)} for each in found for point in each.points])
    else:
        _tell(found if metric else [each for each in found if _is_shown(each)])


def _is_shown(each: Series) -> bool:
    return each.figure not in STAGE_FIGURES or each.figure in _SHOWN_BY_DEFAULT


def _facts(each: Series) -> dict[str, Any]:
    return {
        "test_id": each.test_id, "stage": each.stage, "figure": each.figure, "machine": each.machine,
        "change": each.change,
    }  # fmt: skip


def _point(point: Point) -> dict[str, Any]:
    return {name: getattr(point, name) for name in ("started_at", "commit", "branch", "run_id", "value")}


def _tell(found: Sequence[Series]) -> None:
    columns: Sequence[Column] = _COLUMNS
    if len({(each.test_id, each.stage, each.figure) for each in found}) < len(found):
        columns = (*_COLUMNS[:2], _MACHINE, *_COLUMNS[2:])
    tell_table(columns, [_row(each) for each in found])
    if len(found) == 1:
        click.echo()
        tell_table(_POINT_COLUMNS, [_point(point) for point in found[0].points])


def _row(each: Series) -> dict[str, Any]:
    first, last = each.points[0], each.points[-1]
    return {
        **_facts(each),
        "course": sparkline([point.value for point in each.points]),
        "first": first.value,
        "last": last.value,
        "from": _when(first),
        "to": _when(last),
    }


def _when(point: Point) -> str:
    return f"{point.started_at[:10]} {(point.commit or '')[:7]}".rstrip()


def sparkline(values: Sequence[float]) -> str:
    """One character a value, from the lowest to the highest of them; all alike are in the middle.

    More than 24 values become 24 means of neighbours.
    """
    if len(values) > _LONGEST:
        edges = [len(values) * part // _LONGEST for part in range(_LONGEST + 1)]
        values = [sum(values[begin:end]) / (end - begin) for begin, end in pairwise(edges)]
    low, high = min(values), max(values)
    if not high - low > 0:
        return _BARS[3] * len(values)
    return "".join(_BARS[min(int((value - low) / (high - low) * len(_BARS)), len(_BARS) - 1)] for value in values)
