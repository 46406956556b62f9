"""The `vizart` command, one subcommand per file. Exit status 0 fine, 1 regression or mismatch, 2 usage."""

from __future__ import annotations

import click

from pytest_vizart.cli.baseline import baseline
from pytest_vizart.cli.doctor import doctor
from pytest_vizart.cli.evaluate import evaluate
from pytest_vizart.cli.export import export
from pytest_vizart.cli.golden import golden
from pytest_vizart.cli.runs import runs
from pytest_vizart.cli.show import show
from pytest_vizart.version import VERSION


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="vizart")
def main() -> None:
    """Look into the runs that pytest-vizart kept."""


main.add_command(runs)
main.add_command(show)
main.add_command(baseline)
main.add_command(doctor)
main.add_command(export)
main.add_command(golden)
main.add_command(evaluate)
