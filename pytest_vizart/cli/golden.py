"""`vizart golden`: check, count, describe and compare golden datasets."""

from __future__ import annotations

import click

from pytest_vizart.cli.golden_diff import diff
from pytest_vizart.cli.golden_init import init
from pytest_vizart.cli.golden_prune import prune
from pytest_vizart.cli.golden_recorded import accept
from pytest_vizart.cli.golden_stats import stats
from pytest_vizart.cli.golden_validate import validate


@click.group()
def golden() -> None:
    """Look into golden datasets."""


golden.add_command(validate)
golden.add_command(stats)
golden.add_command(init)
golden.add_command(diff)
golden.add_command(accept)
golden.add_command(prune)
