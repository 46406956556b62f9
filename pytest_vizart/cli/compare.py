"""`vizart compare A B`: what changed between two runs, sessions, commits, branches or days."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from pytest_vizart.cli.common import (
    csv_option,
    json_option,
    open_history,
    output_option,
    plain_rows,
    refusing,
    tell_json,
)
from pytest_vizart.cli.tables import Column, tell_csv, tell_table
from pytest_vizart.errors import UsageError
from pytest_vizart.report.wording import NOT_MEASURED, figure, listed, plural, printable
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.comparison.changes import Change, ComparedRuns, Comparison, regressions
from pytest_vizart.workflow.comparison.changes import compare as changes_between
from pytest_vizart.workflow.comparison.sides import Side, narrowed, side

_TOLD_SAMPLES = 10
_COLUMNS_OF_RUNS = (
    "run_id", "session_id", "test_id", "started_at", "status", "commit", "branch", "fingerprint", "dataset_digest",
)  # fmt: skip
_RUN_FACTS = ("run_id", "session_id", "started_at", "status", "commit", "branch", "fingerprint", "dataset_digest")


def _change(share: float | None) -> str:
    return NOT_MEASURED if share is None else f"{share * 100:+.1f} %"


_COLUMNS = (
    Column("stage", "stage", narrows=True),
    Column("figure", "figure", narrows=True),
    Column("A", "a", figure, right=True),
    Column("B", "b", figure, right=True),
    Column("change", "change", _change, right=True),
    Column("", "mark"),
)


def _share(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """A number of per cent as a share of 1."""
    if text is None:
        return None
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = float("nan")
    if not 0 <= percent < float("inf"):
        raise click.BadParameter(f"{printable(text)!r} is no share; expected such as 5%", context, option)
    return percent / 100


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--test", "test_text", metavar="TEXT", help="only tests whose node ID contains this text")
@click.option("--fail-over", metavar="PERCENT", callback=_share,
              help="exit status 1 if a stage is slower by more, or a headline metric is worse")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="also figures that did not change, and undefined metrics")
@output_option
@json_option
@csv_option
@click.pass_context
@refusing
def compare(
    context: click.Context, a: str, b: str, output: Store, as_json: bool, as_csv: bool, test_text: str | None,
    fail_over: float | None, everything: bool,
) -> None:  # fmt: skip
    """Compare B with A, test by test: times, memory, metrics, and samples that became wrong or right.

    Each is a run, a session or a commit (their beginning will do), a branch, a day (2026-11-20, UTC), or `last`, the
    last session. Where it means several runs of a test, the last one of them is taken.
    """
    history = open_history(output)
    rows = plain_rows(history.runs(columns=_COLUMNS_OF_RUNS))
    rows = [row for row in rows if test_text is None or test_text in row["test_id"]]
    try:
        sides = narrowed(side(rows, a), side(rows, b))
    except UsageError as error:
        raise click.UsageError(printable(str(error))) from error
    comparison = changes_between(history, *sides)
    worse = [] if fail_over is None else list(regressions(comparison, fail_over))
    if as_json:
        tell_json(_document(comparison, worse))
    elif as_csv:
        tell_csv(("test_id", "stage", "figure", "a", "b", "change", "headline", "worse"), list(_csv_rows(comparison)))
    else:
        _tell(comparison, set(worse), everything=everything)
        _tell_worse(worse)
    context.exit(1 if worse else 0)


def _document(comparison: Comparison, worse: Sequence[tuple[str, Change]]) -> dict[str, Any]:
    return {
        **{name: {"kind": one.kind, "name": one.name} for name, one in (("a", comparison.a), ("b", comparison.b))},
        "tests": [_compared(each) for each in comparison.tests],
        "only_a": comparison.only_a,
        "only_b": comparison.only_b,
        "regressions": [{"test_id": test_id, **_figure(change)} for test_id, change in worse],
    }


def _compared(each: ComparedRuns) -> dict[str, Any]:
    return {
        "test_id": each.test_id,
        "run_a": {name: each.run_a[name] for name in _RUN_FACTS},
        "run_b": {name: each.run_b[name] for name in _RUN_FACTS},
        "same_machine": each.same_machine,
        "same_data": each.same_data,
        "figures": [_figure(change) for change in each.figures],
        "metrics": [_figure(change) for change in each.metrics],
        "samples": [asdict(flips) for flips in each.flips],
    }


def _figure(change: Change) -> dict[str, Any]:
    return {**asdict(change), "change": change.share}


def _csv_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for each in comparison.tests:
        for change in (*each.figures, *each.metrics):
            yield {"test_id": each.test_id, **_figure(change)}


def _tell(comparison: Comparison, worse: Collection[tuple[str, Change]], *, everything: bool) -> None:
    for name, one in (("A", comparison.a), ("B", comparison.b)):
        click.echo(f"{name}  {_side(one)}")
    for each in comparison.tests:
        click.echo(f"\n{printable(each.test_id)}")
        for note in _notes(each):
            click.echo(f"  {note}")
        if not _same_run(each):
            _tell_changes(each, worse, everything=everything)
    for name, only in (("A", comparison.only_a), ("B", comparison.only_b)):
        if only:
            click.echo(f"\nonly in {name}: {', '.join(map(printable, only))}")
    if not comparison.tests:
        click.echo("no test is on both sides")


def _tell_changes(each: ComparedRuns, worse: Collection[tuple[str, Change]], *, everything: bool) -> None:
    rows, unchanged = [], []
    for noun, changes in (("figure", each.figures), ("metric", each.metrics)):
        known = changes if everything else [one for one in changes if one.a is not None or one.b is not None]
        moved = known if everything else [one for one in known if one.a != one.b]
        rows += [{**_figure(one), "mark": _mark(one, failed=(each.test_id, one) in worse)} for one in moved]
        if len(moved) < len(known):
            unchanged.append(plural(len(known) - len(moved), noun))
    if rows:
        tell_table(_COLUMNS, rows)
    if unchanged:
        click.echo(f"{' and '.join(unchanged)} unchanged")
    for flips in each.flips:
        _tell_samples(f"{flips.stage}: newly wrong", flips.newly_wrong)
        _tell_samples(f"{flips.stage}: newly right", flips.newly_fixed)


def _side(one: Side) -> str:
    return printable(f"{one.kind} {one.name} ({plural(len(one.runs), 'test')})")


def _notes(each: ComparedRuns) -> Iterator[str]:
    yield f"A: {_run(each.run_a)}"
    yield f"B: {_run(each.run_b)}"
    if each.run_b["test_id"] != each.test_id:
        yield printable(f"B is a run of another test: {each.run_b['test_id']}")
    if _same_run(each):
        yield "the same run on both sides: nothing to compare"
    if not each.same_machine:
        yield "different machines: times and memory are not comparable, and not judged"
    if each.same_data is False:
        yield "the golden data changed in between"


def _same_run(each: ComparedRuns) -> bool:
    return bool(each.run_a["run_id"] == each.run_b["run_id"])


def _run(row: Any) -> str:
    commit = f", commit {row['commit'][:9]}" if row["commit"] else ""
    return printable(f"run {row['run_id'][:8]}, {(row['started_at'] or '')[:19]}, {row['status']}{commit}")


def _mark(change: Change, *, failed: bool) -> str:
    """What --fail-over fails, and metrics that are worse; without it nothing says how much of a time is noise."""
    return "worse" if failed or (change.worse and change.headline) else ""


def _tell_samples(what: str, samples: Sequence[str]) -> None:
    if samples:
        click.echo(printable(f"{what} ({len(samples):,}): {listed(samples, _TOLD_SAMPLES)}"))


def _tell_worse(worse: Iterable[tuple[str, Change]]) -> None:
    for test_id, change in worse:
        figures = f"{figure(change.a)} -> {figure(change.b)} ({_change(change.share)})"
        click.echo(printable(f"worse: {test_id}: {change.stage}: {change.figure} {figures}"))
