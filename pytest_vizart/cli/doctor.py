"""`vizart doctor`: what can be measured here, and why not; where the results go; which extras are installed."""

from __future__ import annotations

import platform
import re
import shutil
import tempfile
import textwrap
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import orjson

from pytest_vizart.cli.common import json_option, output_option
from pytest_vizart.profiling.capabilities import Capability, measuring_capabilities
from pytest_vizart.report.wording import encodable_throughout, printable
from pytest_vizart.storage.store import Store
from pytest_vizart.version import VERSION
from pytest_vizart.workflow.disk import nearest

_EXTRAS = ("pytest-benchmark", "pyinstrument", "fastapi", "uvicorn", "laspy", "duckdb")
_PROBE = ".vizart-doctor"
_LITTLE_BYTES = 1_000_000_000


@click.command()
@output_option
@json_option
@click.pass_context
def doctor(context: click.Context, output: Store, as_json: bool) -> None:
    """Say what can be measured on this machine, and why not.

    Exit status 1 if the output folder cannot be written; what this machine lacks is no error.
    """
    folder = output.local
    writable = output_url(output) if folder is None else output_folder(folder)
    checks = {
        "measuring": measuring_capabilities(),
        "output": (writable,) if folder is None else (writable, free_space(folder)),
        "extras": tuple(installed(name) for name in _EXTRAS),
    }
    packages = dependency_versions()
    if as_json:
        document = encodable_throughout(_document(packages, checks))  # folders' names may be no valid UTF-8
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    else:
        click.echo(_screen(packages, checks))
    context.exit(0 if writable.ok else 1)


def output_folder(output: Path) -> Capability:
    """Try to write into the output folder, or, if it is not there yet, into the folder that would hold it."""
    folder = nearest(output)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"vizart")
    except OSError as error:
        problem = f"{output} cannot be written: {error.strerror or error}"
        return Capability("output folder", False, problem, "give --output=DIR, a folder that can be written")
    later = "" if folder == output else ", made by the first session"
    return Capability("output folder", True, f"{output} can be written{later}")


def output_url(output: Store) -> Capability:
    """Try to write into an object store."""
    try:
        output.write(_PROBE, b"vizart")
        output.delete([_PROBE])
    except OSError as error:
        problem = f"{output} cannot be written: {str(error).splitlines()[0]}"
        return Capability("output URL", False, problem, "check its credentials, region and bucket")
    return Capability("output URL", True, f"{output} can be written")


def free_space(output: Path) -> Capability:
    """Say how much room the file system of the output folder has."""
    try:
        usage = shutil.disk_usage(nearest(output))
    except OSError as error:
        return Capability("free space", False, f"unknown: {error.strerror or error}")
    if not usage.total:  # /proc and the like
        return Capability("free space", False, "unknown: this is no place for files", "move the output")
    free = usage.free
    enough = free >= _LITTLE_BYTES
    return Capability("free space", enough, f"{free / 1e9:.1f} GB", None if enough else "make room, or move the output")


def installed(name: str) -> Capability:
    """Say whether an optional package is installed."""
    try:
        return Capability(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Capability(name, False, "not installed", f"pip install {name}")


def dependency_versions() -> dict[str, str | None]:
    """Return the versions of the packages that pytest-vizart needs, None for one that is missing."""
    try:
        needed = metadata.requires("pytest-vizart") or []
    except metadata.PackageNotFoundError:  # run from its sources
        return {}
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in needed if "extra ==" not in line]
    return {name: _version(name) for name in sorted(names, key=str.lower)}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _document(packages: dict[str, str | None], checks: dict[str, tuple[Capability, ...]]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "vizart": VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        **{group: [asdict(check) for check in group_checks] for group, group_checks in checks.items()},
    }


def _screen(packages: dict[str, str | None], checks: dict[str, tuple[Capability, ...]]) -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    versions = ", ".join(f"{name}=={version}" if version else f"{name} MISSING" for name, version in packages.items())
    lines = [
        f"pytest-vizart {VERSION}, {python}, {platform.platform()}",
        textwrap.fill(versions, 118, break_on_hyphens=False),
    ]
    for group, group_checks in checks.items():
        lines += ["", group, *(_line(check) for check in group_checks)]
    return "\n".join(lines)


def _line(check: Capability) -> str:
    hint = "" if check.ok or check.hint is None else f"  (hint: {printable(check.hint)})"
    return f"  {'yes' if check.ok else 'no':<4}{check.name:<30}{printable(check.text)}{hint}"
