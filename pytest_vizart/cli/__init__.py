"""The `vizart` command, one subcommand per file. Exit status 0 fine, 1 regression or mismatch, 2 usage."""

from __future__ import annotations

from importlib import import_module

import click

from pytest_vizart.version import VERSION

COMMANDS = (
    "runs", "show", "logs", "stats", "trends", "compare", "sql", "export", "baseline", "golden", "evaluate",
    "clean", "pin", "merge", "import", "compact", "doctor",
)  # fmt: skip
_MODULES = {"import": "import_"}  # a keyword of the language


class _Commands(click.Group):
    """Imports a subcommand when it is asked for: pyarrow alone takes longer than evaluating a small file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = getattr(import_module(f"pytest_vizart.cli.{name}"), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="vizart")
def main() -> None:
    """Look into the runs that pytest-vizart kept."""
