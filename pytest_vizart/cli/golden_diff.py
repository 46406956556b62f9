"""`vizart golden diff A B`: which samples and labels differ between two states of a dataset, or of a folder of them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import click

from pytest_vizart.cli.common import json_option
from pytest_vizart.cli.golden_common import listed, tell, tell_json
from pytest_vizart.cli.golden_revisions import folder_of
from pytest_vizart.cli.refusal import Refused
from pytest_vizart.errors import VizartError
from pytest_vizart.golden.comparison import Difference, compare
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.discovery import discover
from pytest_vizart.report.wording import printable


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@json_option
@click.pass_context
def diff(context: click.Context, first: str, second: str, as_json: bool) -> None:
    """Compare two datasets, or two folders of datasets: A and B are folders, or REVISION:FOLDER of this git repository.

    Samples are compared by ID, inputs and recorded outputs by content, labels by what they mean, however their files
    are written; of two folders of datasets those of the same name. Exit status 1 if something differs.
    """
    with ExitStack() as stack:
        sides = [_Side(one, stack.enter_context(folder_of(one))) for one in (first, second)]
        if sides[0].is_dataset and sides[1].is_dataset:
            equal = _of_two(sides[0].only(), sides[1].only(), as_json=as_json)
        else:
            equal = _of_folders(*sides, as_json=as_json)
    context.exit(0 if equal else 1)


class _Side:
    """The datasets that one of the two arguments means."""

    def __init__(self, told: str, folder: Path) -> None:
        self.told = told
        self._folder = folder.absolute()
        try:
            self.datasets = discover(self._folder)
        except VizartError as error:
            raise self._refused(error) from error
        self.is_dataset = list(self.datasets.values()) == [self._folder]

    def only(self) -> GoldenDataset:
        return self.load(next(iter(self.datasets)))

    def load(self, name: str) -> GoldenDataset:
        try:
            return GoldenDataset.load(self.datasets[name])
        except VizartError as error:
            raise self._refused(error) from error

    def _refused(self, error: VizartError) -> Refused:
        # A revision is unpacked into a folder that nobody has heard of.
        return Refused(printable(str(error).replace(str(self._folder), self.told)))


def _of_two(first: GoldenDataset, second: GoldenDataset, *, as_json: bool) -> bool:
    difference = compare(first, second)
    if as_json:
        tell_json({"equal": difference.is_empty, **asdict(difference)})
    elif difference.is_empty:
        tell("no difference")
    else:
        _tell(difference)
    return difference.is_empty


def _of_folders(first: _Side, second: _Side, *, as_json: bool) -> bool:
    """Compare dataset by dataset; one dataset and a folder of several are nothing that can be compared."""
    for one, other in ((first, second), (second, first)):
        if one.is_dataset:
            names = listed(list(other.datasets))
            raise Refused(printable(
                f"{one.told} is one dataset, {other.told} a folder of datasets: {names}; hint: name one of them"
            ))  # fmt: skip
    both = [name for name in second.datasets if name in first.datasets]
    added = [name for name in second.datasets if name not in first.datasets]
    removed = [name for name in first.datasets if name not in second.datasets]
    differences = {name: compare(first.load(name), second.load(name)) for name in both}
    equal = not added and not removed and all(one.is_empty for one in differences.values())
    if as_json:
        told = {name: {"equal": one.is_empty, **asdict(one)} for name, one in differences.items()}
        tell_json({"equal": equal, "datasets_added": added, "datasets_removed": removed, "datasets": told})
        return equal
    if equal:
        tell("no difference")
    for what, several in (("added", added), ("removed", removed)):
        if several:
            tell(f"datasets {what}: {len(several)}: {listed(several)}")
    for name, difference in differences.items():
        if not difference.is_empty:
            tell(f"{name}:")
            _tell(difference, 1)
    return equal


def _tell(difference: Difference, depth: int = 0) -> None:
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
    lists |= {
        "recorded outputs added": difference.recorded_added,
        "recorded outputs removed": difference.recorded_removed,
        "recorded outputs changed": difference.recorded_changed,
    }
    for what, names in lists.items():
        if names:
            tell(f"{what}: {len(names)}: {listed(names)}", depth)
