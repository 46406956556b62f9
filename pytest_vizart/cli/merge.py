"""`vizart merge`: the outputs of CI shards or machines become one."""

from __future__ import annotations

from dataclasses import asdict

import click

from pytest_vizart.cli.clean import printable_lines
from pytest_vizart.cli.common import json_option, output_option, refusing, tell_json
from pytest_vizart.errors import UsageError
from pytest_vizart.report.wording import plural, printable
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.disk import size_text
from pytest_vizart.workflow.merging import Merged
from pytest_vizart.workflow.merging import merge as merge_outputs


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="DIR|URL...")
@output_option
@json_option
@click.pass_context
@refusing
def merge(context: click.Context, sources: tuple[str, ...], output: Store, as_json: bool) -> None:
    """Add the runs, logs and artifacts of other output folders to one. Merging again adds nothing twice.

    Sources are only read. Sessions under way there are not merged. Exit status 1 if a part of a source is damaged; the
    rest of it is merged.
    """
    try:
        merged = merge_outputs(sources, output)
    except UsageError as error:
        raise click.UsageError(printable(str(error))) from error
    if as_json:
        tell_json({"output": str(output), "sources": [asdict(each) for each in merged]})
    else:
        for each in merged:
            click.echo("\n".join(printable_lines(_lines(each))))
    context.exit(1 if any(each.problems for each in merged) else 0)


def _lines(merged: Merged) -> list[str]:
    known = f" ({merged.known_runs:,} known already)" if merged.known_runs else ""
    facts = (
        f"{plural(merged.runs, 'run')}{known}",
        plural(merged.log_lines, "log line"),
        plural(merged.artifacts, "artifact"),
    )
    return [
        f"{merged.source}: {', '.join(facts)} added, {size_text(merged.written_bytes)}",
        *(f"  note: {note}" for note in merged.notes),
        *(f"  damaged: {problem}" for problem in merged.problems),
    ]
