"""`vizart golden diff A B`: which samples and labels differ between two states of a dataset."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict

import click

from pytest_vizart.cli.common import json_option
from pytest_vizart.cli.golden_common import listed, load, tell, tell_json
from pytest_vizart.cli.golden_revisions import folder_of
from pytest_vizart.golden.comparison import Difference, compare


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@json_option
@click.pass_context
def diff(context: click.Context, first: str, second: str, as_json: bool) -> None:
    """Compare two datasets: A and B are folders, or REVISION:FOLDER of this git repository.

    Samples are compared by ID, inputs by content, labels by what they mean, however their files are written.
    Exit status 1 if something differs.
    """
    with ExitStack() as stack:
        folders = [stack.enter_context(folder_of(one)) for one in (first, second)]
        difference = compare(load(folders[0]), load(folders[1]))
    if as_json:
        tell_json({"equal": difference.is_empty, **asdict(difference)})
    else:
        _tell(difference)
    context.exit(0 if difference.is_empty else 1)


def _tell(difference: Difference) -> None:
    if difference.is_empty:
        tell("no difference")
    lists = {
        "samples added": difference.added,
        "samples removed": difference.removed,
        "inputs changed": difference.changed_inputs,
        "stages added": difference.added_stages,
        "stages removed": difference.removed_stages,
    }
    for one in difference.stages:
        lists |= {
            f"labels of {one.stage} added": one.added,
            f"labels of {one.stage} removed": one.removed,
            f"labels of {one.stage} changed": one.changed,
            f"classes of {one.stage} changed": one.classes,
        }
    for what, names in lists.items():
        if names:
            tell(f"{what}: {len(names)}: {listed(names)}")
