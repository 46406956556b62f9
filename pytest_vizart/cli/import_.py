"""`vizart import`: results of pytest-benchmark, asv and github-action-benchmark become runs of the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pytest_vizart.cli.common import json_option, output_option, refusing, tell_json
from pytest_vizart.history.writer import prepare_output
from pytest_vizart.report.wording import listed, plural, printable
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.importing.asv import NO_VALUE
from pytest_vizart.workflow.importing.keeping import Kept, import_results
from pytest_vizart.workflow.importing.model import Skipped
from pytest_vizart.workflow.importing.registry import AUTO, NAMES

_TOLD_SKIPPED = 10
_TOLD_ALIKE = 3
_TOLD_FILES = 5


@click.command("import")
@click.argument(
    "places", nargs=-1, required=True, metavar="FILE|FOLDER...", type=click.Path(exists=True, path_type=Path)
)
@click.option("--format", "form", type=click.Choice((AUTO, *NAMES)), default=AUTO, show_default=True,
              help="the program that wrote them")  # fmt: skip
@output_option
@json_option
@click.pass_context
@refusing
def import_(context: click.Context, places: tuple[Path, ...], form: str, output: Store, as_json: bool) -> None:
    """Import benchmark results of pytest-benchmark (.benchmarks/), asv (its folder of results) and
    github-action-benchmark (data.js).

    Their runs serve as no baseline; `vizart trends`, `stats` and `compare` show them. Importing again adds nothing.
    Exit status 2 if nothing could be read.
    """
    if output.local is not None:
        prepare_output(output.local)
    kept = list(import_results(places, output, form))
    if as_json:
        tell_json({"imported": [_document(each) for each in kept]})
    else:
        _tell(kept)
        _tell_skipped([one for each in kept for one in each.skipped])
    context.exit(0 if any(each.runs or each.known for each in kept) else 2)


def _document(each: Kept) -> dict[str, Any]:
    """Times as ISO 8601."""
    document = asdict(each)
    first, last = (_when(document.pop(name)) for name in ("first_us", "last_us"))
    return {**document, "first": first, "last": last}


def _tell(kept: Sequence[Kept]) -> None:
    """One line a file; the files of a format become one line where there are many."""
    read = [each for each in kept if each.first_us is not None]
    for form in dict.fromkeys(each.format for each in read):
        of_format = [each for each in read if each.format == form]
        if len(of_format) <= _TOLD_FILES:
            for each in of_format:
                _tell_runs(each.source, [each])
        else:
            _tell_runs(plural(len(of_format), "file"), of_format)


def _tell_runs(source: str, kept: Sequence[Kept]) -> None:
    runs, known = sum(each.runs for each in kept), sum(each.known for each in kept)
    tests = list(dict.fromkeys(test for each in kept for test in each.tests))
    first, last = (
        (_when(edge(times)) or "")[:10]
        for edge, times in (
            (min, [each.first_us for each in kept if each.first_us is not None]),
            (max, [each.last_us for each in kept if each.last_us is not None]),
        )
    )
    again = f", {known:,} known already" if known else ""
    what = f"{plural(runs, 'run')} imported from {kept[0].format}{again}, {plural(len(tests), 'test')}"
    click.echo(printable(f"{source}: {what}, {first} to {last}: {listed(tests)}"))


def _tell_skipped(skipped: Sequence[Skipped]) -> None:
    """One line each; where the same is wrong in many places, one line for all of them."""
    reasons: dict[str, list[Skipped]] = {}
    for one in skipped:
        reasons.setdefault(one.reason, []).append(one)
    lines = [line for reason, ones in reasons.items() for line in _skipped_lines(reason, ones)]
    for line in lines[:_TOLD_SKIPPED]:
        click.echo(printable(f"left out: {line}"), err=True)
    if len(lines) > _TOLD_SKIPPED:
        click.echo(f"left out: {len(lines) - _TOLD_SKIPPED:,} more (--json)", err=True)


def _skipped_lines(reason: str, ones: Sequence[Skipped]) -> list[str]:
    files = list(dict.fromkeys(one.file for one in ones))
    if reason == NO_VALUE:
        return [f"{plural(len(ones), 'value')} missing in {plural(len(files), 'file')} ({reason}): {listed(files)}"]
    if len(ones) > _TOLD_ALIKE:
        return [f"{plural(len(ones), 'place')} in {plural(len(files), 'file')}: {reason}: {listed(files)}"]
    return [f"{', '.join(part for part in (one.file, one.place) if part)}: {one.reason}" for one in ones]


def _when(moment_us: int | None) -> str | None:
    return None if moment_us is None else datetime.fromtimestamp(moment_us / 1e6, UTC).isoformat()
