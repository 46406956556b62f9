"""`vizart golden init DIR`: a commented golden.yaml for what a folder is recognised as."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_vizart.cli.golden_common import tell
from pytest_vizart.cli.refusal import Refused
from pytest_vizart.errors import GoldenError
from pytest_vizart.golden.manifest import find_manifest
from pytest_vizart.golden.manifest_writing import manifest_text, write_new
from pytest_vizart.golden.recognition import Candidate, completed_candidates, why_not
from pytest_vizart.report.wording import printable


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR")
@click.option("--format", "form", help="format of the labels, where several are possible")
@click.option("--labels", help="a part of the label files' path, where several are possible")
@click.option("--print", "only_print", is_flag=True, help="write to the screen instead, all that are possible")
def init(folder: Path, form: str | None, labels: str | None, only_print: bool) -> None:
    """Write a golden.yaml for a folder without one, from what lies in it; what only you can tell is marked TO DO.

    A manifest that is there is never overwritten.
    """
    try:
        existing = find_manifest(folder)
        if existing is not None and not only_print:
            raise Refused(f"there is a manifest already: {printable(str(existing))}")
        found = [one for one in completed_candidates(folder.absolute()) if _is_meant(one, form, labels)]
        if not found:
            reason = why_not(folder.absolute()) if form is None and labels is None else None
            raise Refused(
                f"{printable(str(folder))}: {printable(reason)}"
                if reason
                else f"{printable(str(folder))}: nothing is recognised{f' as {printable(form)}' if form else ''}; "
                "hint: write a golden.yaml that names `samples` and `labels`, as docs/golden.md begins with one"
            )
        if only_print:
            for one in found:
                click.echo(printable_lines(manifest_text(one)))
            return
        if len(found) > 1:
            told = "; ".join(f"{one.format} ({printable(one.what)})" for one in found)
            raise Refused(f"{len(found)} readings are possible; hint: choose by --format or --labels: {told}")
        path = write_new(folder, manifest_text(found[0]))
    except GoldenError as error:
        raise Refused(printable(str(error))) from error
    tell(f"written: {path} ({found[0].format}: {found[0].what})")
    for key, why in found[0].open_keys.items():
        tell(f"to do: {key}: {why}", 1)


def printable_lines(text: str) -> str:
    """Text of several lines, safe for a terminal, its indentation kept."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)


def _is_meant(one: Candidate, form: str | None, labels: str | None) -> bool:
    paths = [str(entry["path"]) for entry in one.labels]
    return (form is None or one.format == form) and (labels is None or any(labels in path for path in paths))
