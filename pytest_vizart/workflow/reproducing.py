"""The command that runs one run alone again, and the settings under which it ran, without secrets."""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from pytest_vizart.options import DEFAULT_GOLDEN, DEFAULT_OUTPUT
from pytest_vizart.records.keeping import ArtifactModes
from pytest_vizart.records.text import escaped
from pytest_vizart.settings import Settings
from pytest_vizart.workflow.hiding import command_line, without_secrets
from pytest_vizart.workflow.used_files import shown_path


def configuration_of(settings: Settings) -> dict[str, Any]:
    """Return the settings of a session as plain data."""
    told = {field.name: plain(getattr(settings, field.name)) for field in fields(settings)}
    return {name: without_secrets(value) if isinstance(value, str) else value for name, value in told.items()}


def pytest_command(settings: Settings, test_id: str, *, shared: bool = False) -> str:
    """Return the command that runs a test alone, from the root folder, with the options that are not the default.

    Left out are options that write reports, record outputs anew, delete what is old, or warn of the disk.

    Args:
        shared: the items of a `golden_sample` test make the run together; of one with further parameters all are run,
            since pytest has no name for a part of them.
    """
    selected = f"{test_id.partition('[')[0]}" if shared else test_id
    words = [f"--vizart-{name}={value}" for name, given in _GIVEN.items() if (value := given(settings)) is not None]
    switches = ["--vizart-strict"] if settings.strict else []
    line = command_line([python(), "-m", "pytest", selected, *words, *switches])
    return escaped(f"cd {shlex.quote(str(settings.rootdir))} && {line}")


def script_command() -> str:
    """Return the command that this script was started with."""
    words = sys.orig_argv or [sys.executable, *sys.argv]
    return escaped(f"cd {shlex.quote(str(Path.cwd()))} && {command_line(words)}")


def python() -> str:
    """Return what starts this interpreter: `python` only where a shell finds this very one under that name."""
    own, found = Path(sys.executable), shutil.which("python")
    with suppress(OSError):
        # The folder too: environments link to the file that they were made with.
        if found and Path(found).samefile(own) and Path(found).parent.samefile(own.parent):
            return "python"
    return sys.executable or "python"


def plain(value: Any) -> Any:
    """Return records as plain data, paths as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return value.as_posix() if isinstance(value, Path) else value


def _golden(settings: Settings) -> str | None:
    if settings.golden is None or (not settings.golden_given and settings.golden == settings.rootdir / DEFAULT_GOLDEN):
        return None
    return shown_path(settings.golden, settings.rootdir)


def _output(settings: Settings) -> str | None:
    if settings.output_url is not None:
        return settings.output_url
    is_default = settings.output == settings.rootdir / DEFAULT_OUTPUT
    return None if is_default else shown_path(settings.output, settings.rootdir)


def _artifacts(settings: Settings) -> str | None:
    modes: ArtifactModes = settings.artifacts
    words = [name for name in ("failures", "final", "all") if getattr(modes, name)]
    if modes.samples:
        words.append(f"sample:{modes.samples}")
    return "+".join(words) or None


def _unless(name: str, default: object) -> Callable[[Settings], str | None]:
    def given(settings: Settings) -> str | None:
        value = getattr(settings, name)
        return None if value == default else str(value)

    return given


_GIVEN: dict[str, Callable[[Settings], str | None]] = {
    "golden": _golden,
    "output": _output,
    "profile": _unless("profile", "detailed"),
    "profile-share": _unless("profile_share", 0.01),
    "passes": _unless("passes", None),
    "warmup": _unless("warmup", 3),
    "gate": _unless("gate", "fail"),
    "base": _unless("base", None),
    "limit": _unless("limit", None),
    "tags": lambda settings: ",".join(settings.tags) or None,
    "artifacts": _artifacts,
}
