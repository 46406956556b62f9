"""`vizart golden validate [DIR...]`: all that is wrong with golden datasets, file and place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import click

from pytest_vizart.cli.common import json_option
from pytest_vizart.cli.golden_common import dataset_folders, tell, tell_json
from pytest_vizart.golden.validation import KINDS, Finding, Validation
from pytest_vizart.golden.validation import validate as validation_of
from pytest_vizart.report.wording import plural

_SHOWN_PER_KIND = 20


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[DIR]...")
@click.option("--strict", is_flag=True, help="warnings count as problems too")
@click.option("--all", "show_all", is_flag=True, help=f"tell more than {_SHOWN_PER_KIND} problems of a kind")
@json_option
@click.pass_context
def validate(context: click.Context, folders: tuple[Path, ...], strict: bool, show_all: bool, as_json: bool) -> None:
    """Check golden datasets: DIR is a dataset or a folder of datasets; golden/ if none is given.

    Exit status 1 if there is an error.
    """
    found = [validation_of(folder) for folder in dataset_folders(folders)]
    failed = any(one.errors or (strict and one.warnings) for one in found)
    if as_json:
        tell_json({"ok": not failed, "datasets": [_document(one) for one in found]})
    else:
        for one in found:
            _tell(one, None if show_all else _SHOWN_PER_KIND)
    context.exit(1 if failed else 0)


def _document(one: Validation) -> dict[str, object]:
    return {
        "name": one.name,
        "root": one.root,
        "samples": one.samples,
        "stages": one.stages,
        "errors": one.errors,
        "warnings": one.warnings,
        "findings": [asdict(found) for found in one.findings],
    }


def _tell(one: Validation, shown: int | None) -> None:
    stages = f", {plural(len(one.stages), 'stage')} ({', '.join(one.stages)})" if one.stages else ""
    verdict = (
        f"{plural(one.errors, 'error')}, {plural(one.warnings, 'warning')}" if one.findings else "nothing is wrong"
    )
    tell(f"{one.name}: {plural(one.samples, 'sample')}{stages}: {verdict}")
    for kind, group in groupby(one.findings, key=lambda found: found.kind):
        findings = list(group)
        severity, meaning = KINDS[kind]
        tell(f"{severity} {kind}: {meaning}", 1)
        for found in findings[:shown]:
            tell(_line(found, one.root), 2)
        if shown is not None and len(findings) > shown:
            tell(f"... and {len(findings) - shown} more (--all)", 2)
        for hint in _hints(findings):
            tell(f"hint: {hint}", 2)


def _line(found: Finding, root: str) -> str:
    file = found.file.removeprefix(root).lstrip("/\\")
    return f"{', '.join(part for part in (file, found.place) if part) or '.'}: {found.message}"


def _hints(findings: Sequence[Finding]) -> list[str]:
    """The hints of findings of one kind, each once: most share one."""
    return list(dict.fromkeys(found.hint for found in findings if found.hint))[:3]
