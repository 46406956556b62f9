"""`vizart logs` as tests call it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from pytest_vizart.cli.logs import logs


def vizart_logs(output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(logs, [*arguments, "--output", str(output)])


def fits_one_screen(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) <= 24 and max(map(len, lines)) <= 80
