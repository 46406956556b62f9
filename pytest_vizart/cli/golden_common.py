"""What the subcommands of `vizart golden` share: finding datasets by folder, and lists of names that fit a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import orjson

from pytest_vizart.cli.refusal import Refused
from pytest_vizart.errors import GoldenError, VizartError
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.discovery import discover
from pytest_vizart.options import DEFAULT_GOLDEN
from pytest_vizart.report.wording import encodable_throughout, printable

SCHEMA_VERSION = 1
_SHOWN = 10


def dataset_folders(folders: Sequence[Path]) -> list[Path]:
    """Return the folders of the datasets in these folders, each once; what holds none is refused."""
    found: dict[Path, None] = {}
    for folder in folders or (Path(DEFAULT_GOLDEN),):
        try:
            found.update(dict.fromkeys(discover(folder).values()))
        except GoldenError as error:
            raise Refused(printable(str(error))) from error
    return list(found)


def load(folder: Path) -> GoldenDataset:
    """Return the dataset in a folder; one that cannot be loaded is refused with the reason."""
    try:
        return GoldenDataset.load(folder)
    except VizartError as error:
        raise Refused(printable(str(error))) from error


def tell(text: str, depth: int = 0) -> None:
    click.echo(f"{'  ' * depth}{printable(text)}")


def tell_json(document: dict[str, object]) -> None:
    """Write a document; names of files may be no valid UTF-8."""
    told = encodable_throughout({"schema_version": SCHEMA_VERSION, **document})
    click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))


def listed(names: Sequence[str]) -> str:
    """The first ten names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
