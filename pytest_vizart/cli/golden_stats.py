"""`vizart golden stats [DIR]`: what golden datasets hold, in numbers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from pytest_vizart.cli.common import json_option
from pytest_vizart.cli.golden_common import dataset_folders, load, tell, tell_json
from pytest_vizart.cli.refusal import Refused
from pytest_vizart.errors import GoldenError
from pytest_vizart.golden.statistics import DatasetStatistics, StageStatistics, statistics
from pytest_vizart.report.wording import plural, printable

_SHOWN_CLASSES = 20


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@json_option
def stats(folder: Path | None, as_json: bool) -> None:
    """Count samples, labels, objects per class and their sizes; DIR is a dataset or a folder of datasets."""
    try:
        found = [statistics(load(one)) for one in dataset_folders([folder] if folder else [])]
    except GoldenError as error:  # a label file that vanished meanwhile
        raise Refused(printable(str(error))) from error
    if as_json:
        tell_json({"datasets": [asdict(one) for one in found]})
        return
    for one in found:
        _tell(one)


def _tell(one: DatasetStatistics) -> None:
    tell(f"{one.name}: {plural(one.samples, 'sample')}, digest {one.digest}")
    for what, groups in (("splits", one.splits), ("tags", one.tags)):
        if groups:
            tell(f"{what}: {', '.join(f'{name} {count}' for name, count in groups.items())}", 1)
    others = {name: count for name, count in one.recorded.items() if name not in {each.stage for each in one.stages}}
    if others:
        tell(f"recorded: {', '.join(f'{name} {count}' for name, count in others.items())}", 1)
    for stage in one.stages:
        tell(_headline(stage), 1)
        if stage.sizes:
            tell(", ".join(f"{name} {count}" for name, count in stage.sizes.items()), 2)
        for line in _classes(stage):
            tell(line, 2)


def _headline(stage: StageStatistics) -> str:
    done, absent = ("recorded", "not recorded") if stage.is_recorded else ("labelled", "unlabeled")
    parts = [f"{stage.labelled} {done}"]
    parts += [f"{stage.unlabeled} {absent}"] if stage.unlabeled else []
    parts += [f"{stage.unreadable} unreadable"] if stage.unreadable else []
    total = sum(stage.per_class.values())
    counted = stage.counted.removesuffix("s") if total == 1 else stage.counted
    parts += [f"{total:,} {counted}"] if stage.per_class else []
    return f"{stage.stage} ({stage.task}): {', '.join(parts)}"


def _classes(stage: StageStatistics) -> list[str]:
    """The classes, the most frequent first."""
    ordered = sorted(stage.per_class.items(), key=lambda pair: -pair[1])
    lines = [f"{name}: {count:,}" for name, count in ordered[:_SHOWN_CLASSES]]
    return lines + (
        [f"... and {len(ordered) - _SHOWN_CLASSES} more classes (--json)"] if len(ordered) > len(lines) else []
    )
