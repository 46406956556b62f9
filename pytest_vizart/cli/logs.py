"""`vizart logs`: the audit log, and the last failed run on one screen."""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import orjson

from pytest_vizart.audit.export import write_array
from pytest_vizart.audit.failed_run import last_failed_run
from pytest_vizart.audit.following import Follower
from pytest_vizart.audit.levels import LEVELS
from pytest_vizart.audit.log_names import FOLDER, parse_name
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.cli.common import LAST, json_option, output_option, refusing, tell_json
from pytest_vizart.cli.last_failure import screen, take_over_first
from pytest_vizart.cli.log_lines import compact, in_full
from pytest_vizart.errors import UsageError, VizartWarning, told_since, warnings_told
from pytest_vizart.report.wording import printable
from pytest_vizart.storage.store import Store

_SHOWN = 50
_SHOWN_BEFORE_FOLLOWING = 10

_FILTERS = ("run_id", "after", "before", "stage", "level", "search", "test")
"""Methods of the query, and options but for the first one."""
_OPTIONS = {"run_id": "--run"}


@click.command()
@output_option
@json_option
@click.option("--run", "run_id", metavar="ID", help='one run, by its ID or the beginning of it, or "last"')
@click.option("--after", metavar="TIME", help='from then on: "2026-11-20", "2026-11-20 14:30", yesterday, 2h (UTC)')
@click.option("--before", metavar="TIME", help="before then; a date leaves that day out")
@click.option("--stage", metavar="NAME", help="one stage")
@click.option("--test", metavar="TEXT", help="tests whose node ID contains this text")
@click.option("--failed", is_flag=True, help="what failed; alone, or with --run: the last failed run on one screen")
@click.option("--succeeded", is_flag=True, help="what succeeded")
@click.option("--level", type=click.Choice(tuple(LEVELS), case_sensitive=False), help="this level and above")
@click.option("--search", metavar="TEXT", help="lines with this text, upper and lower case as it is")
@click.option("--limit", type=click.IntRange(min=1), help=f"how many, newest ones; {_SHOWN} unless --json or --export")
@click.option("--follow", is_flag=True, help="show new lines as they come, until Ctrl-C; with --json one a line")
@click.option("--export", type=click.Path(path_type=Path, dir_okay=False), help="write the lines into a JSON file")
@refusing
def logs(
    output: Store, as_json: bool, failed: bool, succeeded: bool, limit: int | None, follow: bool, export: Path | None,
    **filters: str | None,
) -> None:  # fmt: skip
    """Show the audit log, newest lines last."""
    if not follow:
        take_over_first(output)
    if not any(parse_name(entry.base_name) for entry in output.files(FOLDER)):
        raise click.UsageError(
            f"{printable(str(output))}: there is no audit log here; hint: run pytest first, or give --output DIR"
        )
    if follow and export is not None:
        raise click.UsageError("--follow and --export exclude each other")
    with _damage_told():
        filters["run_id"] = _known_run(output, filters["run_id"])
    query = _query(output, failed, succeeded, filters)
    with _damage_told():
        if follow:
            _follow(output, query, limit, as_json)
        elif export is not None:
            lines = query.iter() if limit is None else iter(_newest(query, limit))
            click.echo(f"{write_array(export, lines):,} lines: {printable(str(export))}")
        elif as_json:
            tell_json({"lines": query.fetch() if limit is None else _newest(query, limit)})
        elif failed and not succeeded and limit is None and not any(filters[name] for name in _FILTERS[1:]):
            _tell_last_failure(output, filters["run_id"])
        else:
            whole = filters["run_id"] is not None
            _tell(_newest(query, limit or _SHOWN), in_full if whole else _compact(), limited=limit is None)


def _known_run(output: Store, beginning: str | None) -> str | None:
    """The run that is meant, so far as it is told of in the log at all."""
    if beginning is None:
        return None
    newest = AuditQuery(output).newest_first()
    if beginning == LAST:
        return next((str(line["run_id"]) for line in newest.iter() if line.get("run_id")), LAST)
    if beginning and not newest.run_id(beginning).limit(1).fetch():
        hint = "vizart runs lists them, vizart logs --limit 20 shows what was told last"
        raise click.UsageError(f"no run {printable(beginning)!r} in the log; hint: {hint}")
    return beginning


def _query(output: Store, failed: bool, succeeded: bool, filters: dict[str, str | None]) -> AuditQuery:
    query = AuditQuery(output)
    for name in _FILTERS:
        value = filters[name]
        if value is not None:
            try:
                query = getattr(query, name)(value)
            except UsageError as error:
                error.place = _OPTIONS.get(name, f"--{name}")
                raise
    query = query.failed() if failed else query
    return query.succeeded() if succeeded else query


def _newest(query: AuditQuery, limit: int) -> list[dict[str, Any]]:
    return query.newest_first().limit(limit).fetch()[::-1]


def _compact() -> Callable[[dict[str, Any]], list[str]]:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return lambda line: [compact(line, width)]


def _tell(lines: list[dict[str, Any]], shown: Callable[[dict[str, Any]], list[str]], *, limited: bool) -> None:
    for line in lines:
        for text in shown(line):
            click.echo(text)
    if not lines:
        click.echo("no line of the log matches")
    elif limited and len(lines) == _SHOWN:
        click.echo(f"the newest {_SHOWN} lines; more: --limit", err=True)


def _tell_last_failure(output: Store, run_id: str | None) -> None:
    run = last_failed_run(output, run_id)
    none = "no failed run in the log" if run_id is None else "nothing in this run failed"
    for line in [none] if run is None else screen(run, output):
        click.echo(line)


def _follow(output: Store, query: AuditQuery, limit: int | None, as_json: bool) -> None:
    if output.local is None:
        raise click.UsageError(f"{printable(str(output))}: --follow needs a folder of this machine")
    shown = (lambda line: [orjson.dumps(line).decode()]) if as_json else _compact()
    with suppress(KeyboardInterrupt):
        follower = Follower(output.local)
        before = _newest(query, limit or _SHOWN_BEFORE_FOLLOWING)
        fresh = [line for line in follower.new_lines() if query.matches(line) and line not in before]
        for line in (*before, *fresh):
            click.echo("\n".join(shown(line)))
        for line in follower.lines():
            if query.matches(line):
                click.echo("\n".join(shown(line)))


@contextmanager
def _damage_told() -> Iterator[None]:
    """Tell of damaged lines beside the output, in one line each."""
    already = warnings_told()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VizartWarning)
            yield
    finally:
        for message in told_since(already):
            click.echo(f"warning: {printable(message)}", err=True)
