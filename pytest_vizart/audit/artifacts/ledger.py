"""The ledger of a run under way: what it has saved and used, one JSON object a line.

The items of a `golden_sample` test write into the same one, from whatever processes; `run.json` takes its place when
the run is finished.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pytest_vizart.records.text import escaped

LEDGER = "saved.jsonl"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One saved file. path: in the output folder, with slashes. samples: those it belongs to, several for a batch."""

    path: str
    stage: str
    samples: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class UsedFile:
    """A file that a run uses, such as its model. digest: None if it was not read, for the reason in `problem`."""

    path: str
    size_bytes: int | None = None
    digest: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """All that a run has saved and used; notes say what was not saved, and why."""

    artifacts: tuple[Artifact, ...] = ()
    models: tuple[UsedFile, ...] = ()
    notes: tuple[str, ...] = ()


class Ledger:
    """Adds to the ledger of one run. What cannot be written is left out: the files themselves are there."""

    def __init__(self, run_folder: Path) -> None:
        self._path = run_folder / LEDGER

    def add(self, entry: Artifact | UsedFile | str) -> None:
        kind, content = _KINDS[type(entry)], entry
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # One write to a descriptor opened for appending: lines of several processes do not mix.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, _line({kind: content}))
            finally:
                os.close(descriptor)


_KINDS: dict[type, str] = {Artifact: "artifact", UsedFile: "model", str: "note"}


def _line(entry: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half a surrogate pair in a name
        return escaped(orjson.dumps(_escaped(entry)).decode()).encode() + b"\n"


def _escaped(entry: dict[str, Any]) -> Any:
    ((kind, content),) = entry.items()
    if isinstance(content, str):
        return {kind: escaped(content)}
    fields = {name: getattr(content, name) for name in content.__slots__}
    texts: dict[str, Any] = {name: escaped(value) for name, value in fields.items() if isinstance(value, str)}
    if "samples" in fields:
        texts["samples"] = [escaped(sample) for sample in fields["samples"]]
    return {kind: {**fields, **texts}}


def read_ledger(run_folder: Path) -> Saved:
    """Return what the ledger of a run says; a damaged line is left out, a file that was saved again is told once."""
    try:
        lines: Sequence[bytes] = (run_folder / LEDGER).read_bytes().splitlines()
    except OSError:
        lines = ()
    artifacts: dict[str, Artifact] = {}
    models: dict[str, UsedFile] = {}
    notes: dict[str, None] = {}
    for line in lines:
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            ((kind, content),) = orjson.loads(line).items()
            if kind == "artifact":
                artifacts[content["path"]] = Artifact(**{**content, "samples": tuple(content["samples"])})
            elif kind == "model":
                models[content["path"]] = UsedFile(**content)
            elif isinstance(content, str):
                notes[content] = None
    return Saved(tuple(artifacts.values()), tuple(models.values()), tuple(notes))


def remove_ledger(run_folder: Path) -> None:
    """Forget it: `run.json` says the same."""
    with suppress(OSError):
        (run_folder / LEDGER).unlink(missing_ok=True)
