"""`vizart clean`: what exceeds the retention goes; or, with --dry-run, is told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from pytest_vizart.cli.common import json_option, output_option, refusing, tell_json
from pytest_vizart.errors import UsageError
from pytest_vizart.quantities import parse_retention
from pytest_vizart.records.keeping import Retention
from pytest_vizart.report.wording import listed, plural, printable
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.cleaning.carrying_out import carry_out
from pytest_vizart.workflow.cleaning.planning import plan
from pytest_vizart.workflow.cleaning.records import Cleaned, CleaningPlan, Going, Part
from pytest_vizart.workflow.cleaning.session_end import cleaned_text
from pytest_vizart.workflow.disk import size_text

_TOLD_TESTS = 20
_EXPLAINED = (
    "--retention says how long what is kept: 30d keeps 30 days of everything, 30d+500runs+2GB sets several limits, "
    "and history=365d,logs=30d+100MB,artifacts=5GB each its own; what is not named is kept for ever. "
    "With --dry-run nothing is deleted"
)
_UNITS = {"history": "run", "logs": "log", "artifacts": "folder"}


@click.command()
@click.option("--retention", default=None, metavar="RETENTION", help="such as 30d or history=365d,artifacts=5GB")
@click.option("--dry-run", is_flag=True, help="tell what would go, and delete nothing")
@click.option(
    "--base", default=None, metavar="BRANCH", help="branch whose runs are the baseline  [default: main, master]"
)
@click.option("--trust-clock", is_flag=True, help="count ages from today, even if nothing was kept for 30 days")
@output_option
@json_option
@click.pass_context
@refusing
def clean(
    context: click.Context,
    retention: str | None,
    dry_run: bool,
    base: str | None,
    trust_clock: bool,
    output: Store,
    as_json: bool,
) -> None:
    """Delete what is beyond the retention, oldest first, and what dead processes left behind.

    Pinned runs stay (see `vizart pin`), and so do runs of the last hour and of sessions under way, and the runs that
    the gate compares with: the newest 15 accepted ones of each test, machine and branch, and those that were accepted
    by hand. Exit status 1 if something could not be deleted.
    """
    if output.local is not None and not output.local.is_dir():
        raise click.UsageError(f"{printable(str(output))}: there is no output here; hint: give --output DIR")
    limits = _retention(retention)
    try:
        planned = plan(output, limits, time.time_ns() // 1_000, base=base, trust_clock=trust_clock)
    except UsageError as error:
        raise click.UsageError(printable(str(error))) from error
    cleaned = Cleaned() if dry_run else carry_out(planned)
    if as_json:
        tell_json(_document(planned, cleaned, dry_run))
    else:
        click.echo("\n".join(printable_lines(_screen(planned, cleaned, dry_run))))
    context.exit(1 if cleaned.problems or cleaned.busy else 0)


def _retention(text: str | None) -> Retention:
    if text is None:
        raise click.UsageError(_EXPLAINED)
    try:
        return parse_retention(text, "--retention")
    except UsageError as error:
        raise click.UsageError(printable(str(error))) from error


def printable_lines(lines: Iterable[str]) -> list[str]:
    """Lines that move nothing on a terminal; the indentation stays."""
    return [f"{line[: len(line) - len(line.lstrip(' '))]}{printable(line)}" for line in lines]


def _screen(planned: CleaningPlan, cleaned: Cleaned, dry_run: bool) -> list[str]:
    lines = [f"note: {note}" for note in planned.notes]
    for part in planned.parts:
        lines += _part_lines(part)
    if planned.run_files:
        size = size_text(sum(planned.run_files.values()))
        lines.append(f"run.json and its like: {plural(len(planned.run_files), 'run')} out of the history, {size}")
    if planned.leftovers or planned.unused:
        left = planned.leftovers
        size = size_text(sum(each.size_bytes for each in left) + sum(planned.unused.values()))
        lines.append(
            f"left behind: {plural(len(left) + len(planned.unused), 'file or folder', 'files or folders')}, {size}"
        )
    lines += [f"problem: {problem}" for problem in cleaned.problems]
    if cleaned.busy:
        return [*lines, "nothing was deleted: another process is cleaning, compacting or merging here; try again"]
    if dry_run:
        return [*lines, f"dry run: nothing was deleted; about {size_text(planned.freed_bytes)} would be freed"]
    return [*lines, cleaned_text(cleaned) or "nothing was deleted"]


def _part_lines(part: Part) -> list[str]:
    unit = _UNITS[part.kind]
    lines = [
        f"{part.kind}: {len(part.going):,} of {plural(part.count, unit)} to go{_dates(part.going)}, "
        f"{size_text(part.freed_bytes)} of {size_text(part.size_bytes)}"
    ]
    by_test: dict[str, list[Going]] = {}
    for each in part.going:
        if part.kind != "logs":
            by_test.setdefault(each.test_id or "(no kept run)", []).append(each)
    tests = sorted(by_test.items(), key=lambda item: -len(item[1]))
    for test_id, going in tests[:_TOLD_TESTS]:
        lines.append(f"  {test_id}: {plural(len(going), unit)}{_dates(going)}, {_why(going)}")
    if len(tests) > _TOLD_TESTS:
        lines.append(f"  and {plural(len(tests) - _TOLD_TESTS, 'more test')}")
    reasons: dict[str, list[str]] = {}
    for name, reason in part.spared.items():
        reasons.setdefault(reason, []).append(name[:8] if part.kind == "history" else name)
    for reason, names in reasons.items():
        lines.append(f"  stays: {plural(len(names), unit)}, {reason} ({listed(names)})")
    return lines


def _dates(going: Sequence[Going]) -> str:
    if not going:
        return ""
    first, last = (_date(at_us(each.at_us for each in going)) for at_us in (min, max))
    return f", {first}" if first == last else f", {first} .. {last}"


def _why(going: Iterable[Going]) -> str:
    return " and ".join(sorted({f"beyond {each.because}" for each in going}))


def _date(at_us: int) -> str:
    try:
        return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):  # a clock that was out of its mind
        return "at an unknown time"


def _document(planned: CleaningPlan, cleaned: Cleaned, dry_run: bool) -> dict[str, Any]:
    return {
        "output": str(planned.store),
        "dry_run": dry_run,
        **{part.kind: _part_document(part) for part in planned.parts},
        "left_behind": [_going_document(each) for each in planned.leftovers],
        "unused": list(planned.unused),
        "run_files": list(planned.run_files),
        "notes": list(planned.notes),
        "would_free_bytes": planned.freed_bytes,
        "deleted": {
            "runs": cleaned.runs,
            "logs": cleaned.logs,
            "artifacts": cleaned.artifacts,
            "left_behind": cleaned.left_behind,
            "freed_bytes": cleaned.freed_bytes,
            "finished": cleaned.finished,
            "busy": cleaned.busy,
        },
        "problems": list(cleaned.problems),
    }


def _part_document(part: Part) -> dict[str, Any]:
    return {
        "count": part.count,
        "bytes": part.size_bytes,
        "going": [_going_document(each) for each in part.going],
        "stays": [{"name": name, "because": reason} for name, reason in part.spared.items()],
    }


def _going_document(going: Going) -> dict[str, Any]:
    return {
        "name": going.name,
        "because": going.because,
        "bytes": going.size_bytes,
        "at": _date(going.at_us),
        "test_id": going.test_id,
    }
