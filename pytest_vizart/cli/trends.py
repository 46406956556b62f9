"""`vizart trends`: how the figures of each test and stage moved over time."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import click

from pytest_vizart.cli.choosing import chosen_runs, last_of_each, run_options, unknown
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
from pytest_vizart.report.wording import NOT_MEASURED, figure, plural
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.comparison.series import STAGE_FIGURES, Point, Series, figure_of_column, series

_DEFAULT_LAST = 20
_SHOWN_BY_DEFAULT = ("wall_ms", "cpu_ms", "rss_mb")
_LONGEST = 24
_WIDE = 120
_BARS = "▁▂▃▄▅▆▇█"


def change(share: float | None) -> str:
    """A change in per cent with its sign: +12.3 %."""
    return NOT_MEASURED if share is None else f"{share * 100:+.1f} %"


_COLUMNS = (
    Column("test", "test_id", narrows=True, heads=True),
    Column("stage", "stage", narrows=True, hoists=True),
    Column("figure", "figure", narrows=True),
    Column("course", "course", drops=1),
    Column("first", "first", figure, right=True, drops=2),
    Column("last", "last", figure, right=True),
    Column("change", "change", change, right=True),
    Column("from", "from", drops=4),
    Column("to", "to", drops=3),
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
@all_option
@output_option
@json_option
@csv_option
@refusing
def trends(
    output: Store, as_json: bool, as_csv: bool, test_text: str | None, branch: str | None, machine: str | None,
    last: int | None, stage: str | None, metric: str | None, everything: bool,
) -> None:  # fmt: skip
    """Tell how figures moved from run to run, of each test its last 20 runs unless --last says otherwise.

    Times and memory are told for each machine by itself. Where one figure is left, its runs are listed by date and
    commit; --json and --csv list them always, and have figures that the table leaves out unless --metric names them.
    Runs that ended in an error or used only a part of the data are left out unless --all is given.
    """
    history = open_history(output)
    every = chosen_runs(history.runs(), test_text=test_text, branch=branch, machine=machine, last=None)
    counted = every if everything else whole_runs(every)
    left_out = every.num_rows - counted.num_rows
    everywhere = series(history, last_of_each(counted, last or _DEFAULT_LAST))
    of_stage = [each for each in everywhere if stage in (None, each.stage)]
    found = _chosen(of_stage, metric)
    if not found:
        refusal = _refusal(everywhere, of_stage, stage, metric)
        raise click.UsageError(refusal + (f"; {left_out_note(left_out)}" if left_out else ""))
    if as_json:
        told = [{**_facts(each), "points": [_point(point) for point in each.points]} for each in found]
        tell_json({"left_out": left_out, "series": told})
    elif as_csv:
        names = ("test_id", "stage", "figure", "machine", *(column.name for column in _POINT_COLUMNS))
        tell_csv(names, [{**_facts(each), **_point(point)} for each in found for point in each.points])
    else:
        shown = found if metric else [each for each in found if _is_shown(each)]
        _tell(shown)
        if left_out:
            click.echo(left_out_note(left_out))
        if notes := "; ".join(_notes(shown)):
            width = terminal_width()
            click.echo(notes if width is None else textwrap.fill(notes, width))


def _chosen(every: Sequence[Series], figure: str | None) -> Sequence[Series]:
    """The series of one figure; it may be called as its column in the history is."""
    if figure is None:
        return every
    meant = figure if any(each.figure == figure for each in every) else figure_of_column(figure)
    return [each for each in every if each.figure == meant]


def _refusal(every: Sequence[Series], of_stage: Sequence[Series], stage: str | None, figure: str | None) -> str:
    if stage is not None and not of_stage:
        return unknown("stage", stage, (each.stage for each in every))
    if figure is None:
        return "no run has a figure"
    return unknown("figure", figure, (each.figure for each in of_stage))


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
    width = terminal_width()
    longest = _LONGEST if width is None or width >= _WIDE else _LONGEST // 2
    columns: Sequence[Column] = _COLUMNS
    if len({(each.test_id, each.stage, each.figure) for each in found}) < len(found):
        columns = (*_COLUMNS[:2], _MACHINE, *_COLUMNS[2:])
    tell_table(columns, [_row(each, longest) for each in found])
    if len(found) == 1:
        click.echo()
        tell_table(_POINT_COLUMNS, [_point(point) for point in found[0].points])


def _notes(found: Sequence[Series]) -> Iterator[str]:
    """What a line of the table hides: the branches that it mixes, and each run between its ends."""
    branches = [len({point.branch for point in each.points if point.branch is not None}) for each in found]
    if max(branches, default=0) > 1:
        yield f"{plural(max(branches), 'branch', 'branches')} in one line, --branch chooses one"
    if len(found) > 1 and any(len(each.points) > 1 for each in found):
        machines = {each.machine for each in found if each.machine is not None}
        several = {
            "--test": {each.test_id for each in found},
            "--stage": {each.stage for each in found},
            "--metric": {each.figure for each in found},
            "--machine": machines,
        }
        narrowing = ", ".join(option for option, values in several.items() if len(values) > 1)
        # Machines alone are left where one of two is not known.
        yield f"each run with its commit: --csv, or one line alone ({narrowing or '--machine'})"


def _row(each: Series, longest: int) -> dict[str, Any]:
    first, last = each.points[0], each.points[-1]
    return {
        **_facts(each),
        "course": sparkline([point.value for point in each.points], longest),
        "first": first.value,
        "last": last.value,
        "from": _when(first),
        "to": _when(last),
    }


def _when(point: Point) -> str:
    return f"{point.started_at[:10]} {(point.commit or '')[:7]}".rstrip()


def sparkline(values: Sequence[float], longest: int = _LONGEST) -> str:
    """One character a value, from the lowest to the highest of them; all alike are in the middle.

    More than `longest` values become so many means of neighbours.
    """
    if len(values) > longest:
        edges = [len(values) * part // longest for part in range(longest + 1)]
        values = [sum(values[begin:end]) / (end - begin) for begin, end in pairwise(edges)]
    low, high = min(values), max(values)
    if not high - low > 0:
        return _BARS[3] * len(values)
    return "".join(_BARS[min(int((value - low) / (high - low) * len(_BARS)), len(_BARS) - 1)] for value in values)
