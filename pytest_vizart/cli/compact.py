"""`vizart compact`: many small files of the history become few large ones."""

from __future__ import annotations

from dataclasses import asdict

import click

from pytest_vizart.cli.common import json_option, open_history, output_option, refusing, tell_json
from pytest_vizart.history.compaction import Compacted
from pytest_vizart.history.compaction import compact as compact_history
from pytest_vizart.storage.store import Store


@click.command()
@output_option
@json_option
@click.pass_context
@refusing
def compact(context: click.Context, output: Store, as_json: bool) -> None:
    """Merge the files of the history, so that it takes less room and is searched faster.

    Sessions do so by themselves when about 100 files lie loose; this merges whatever can be. Nothing is lost if it is
    interrupted. Exit status 1 if somebody else is compacting or cleaning here, or files could not be deleted.
    """
    open_history(output)
    done = compact_history(output, everything=True)
    if as_json:
        tell_json({"compacted": asdict(done)})
    else:
        click.echo(_told(done))
    context.exit(0 if done.finished else 1)


def _told(done: Compacted) -> str:
    if done == Compacted():
        return "nothing was compacted: another program is compacting or cleaning here; try again"
    text = f"{_files(done.files_before, done.bytes_before)} -> {_files(done.files_after, done.bytes_after)}"
    return text if done.finished else f"{text}; replaced files could not be deleted, the next compaction does it"


def _files(count: int, size_bytes: int) -> str:
    return f"{count} file{'' if count == 1 else 's'} of {size_bytes / 1e6:.2f} MB"
