"""`vizart pin`: runs that no clean-up may take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
import pyarrow as pa
import pyarrow.compute as pc

from pytest_vizart.cli.common import find_run, json_option, kept_runs, output_option, plain_rows, refusing, tell_json
from pytest_vizart.errors import HistoryError
from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_decision
from pytest_vizart.report.wording import printable
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.locking import alone_in

_WAIT_S, _STEP_S = 10.0, 0.05


@click.command()
@click.argument("run_ids", nargs=-1, metavar="[RUN]...")
@click.option("--remove", is_flag=True, help="let clean-ups take these runs again")
@output_option
@json_option
@refusing
def pin(run_ids: tuple[str, ...], remove: bool, output: Store, as_json: bool) -> None:
    """Keep runs for good, with their artifacts: no retention takes them; without RUN, list the pinned ones.

    RUN is the beginning of a run's ID, or `last`.
    """
    if remove and not run_ids:
        raise click.UsageError("--remove needs runs; hint: `vizart pin` lists the pinned ones")
    table = kept_runs(output)
    if not run_ids:
        _list(table, _pinned(output), as_json)
        return
    with _alone_in(output):  # a clean-up at this moment might take the runs
        table = kept_runs(output)
        pinned = _pinned(output)
        chosen = {row["run_id"]: row for row in (find_run(table, run_id) for run_id in run_ids)}
        changed = [run_id for run_id in chosen if (run_id in pinned) == remove]
        for run_id in changed:
            write_decision(output, run_id, pinned=not remove, decided_us=time.time_ns() // 1_000)
    if as_json:
        after = pinned - chosen.keys() if remove else pinned | chosen.keys()
        tell_json({"changed": changed, "pinned": sorted(after)})
        return
    word = "no longer pinned" if remove else "pinned"
    for run_id, row in chosen.items():
        already = "" if run_id in changed else " (as before)"
        click.echo(f"{word}: run {printable(run_id[:8])} of {printable(row['test_id'])}{already}")


def _pinned(output: Store) -> set[str]:
    return {run_id for run_id, decision in History(output).decisions().items() if decision.pinned}


@contextmanager
def _alone_in(output: Store) -> Iterator[None]:
    """Hold the output's lock, after waiting for whoever is cleaning or compacting."""
    until_s = time.monotonic() + _WAIT_S
    while True:
        with alone_in(output) as held:
            if held:
                yield
                return
        if time.monotonic() >= until_s:
            raise HistoryError(
                "another process is cleaning, compacting or merging here",
                file=str(output),
                hint="try again in a minute",
            )
        time.sleep(_STEP_S)


def _list(table: pa.Table, pinned: set[str], as_json: bool) -> None:
    wanted = pc.is_in(table["run_id"].cast(pa.string()), value_set=pa.array(sorted(pinned), pa.string()))
    rows = plain_rows(table.filter(wanted))
    if as_json:
        tell_json({"pinned": sorted(pinned), "runs": rows})
        return
    for row in rows:
        click.echo(f"{printable(row['run_id'][:8])}  {(row['started_at'] or '')[:19]}  {printable(row['test_id'])}")
    if not rows:
        click.echo("no run is pinned")
