"""The files that runs saved, where the target has none of that name: nothing is ever overwritten."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pytest_vizart.audit.artifacts.placing import DiskError, place, write_beside
from pytest_vizart.storage.store import Entry, Store

_RUNS = "runs"
_LEDGER = "saved.jsonl"  # of a run under way
_CHUNK_BYTES = 1_000_000
_NO_LIMIT = 2**62
# Names that lead elsewhere, or to what readers pass over. An object may be called anything.
_UNFIT = re.compile(r"\.|.*[\\:\0]", re.DOTALL)


@dataclass(slots=True)
class JoinedFiles:
    """How many files came, and what could not be read."""

    files: int = 0
    written_bytes: int = 0
    problems: list[str] = field(default_factory=list)


def join_artifacts(source: Store, target: Store, *, run_ids: Collection[str] | None = None) -> JoinedFiles:
    """Copy the files below `runs/` that `target` lacks; `run_ids`: of these runs alone, others may be under way.

    Raises:
        OSError: the target cannot be written, or one of them cannot be listed.
    """
    joined = JoinedFiles()
    there = {entry.name for entry in target.files(_RUNS, recursive=True)}
    for entry in source.files(_RUNS, recursive=True):
        parts = entry.name.split("/")
        if entry.name in there or len(parts) < 3 or (run_ids is not None and parts[1] not in run_ids):
            continue
        if any(not part or _UNFIT.match(part) for part in parts):
            joined.problems.append(f"{source.where(entry.name)}: its name is not one of an artifact; it is left out")
            continue
        if _copied(source, target, entry, joined.problems):
            joined.files += 1
            joined.written_bytes += entry.size_bytes
    return joined


class _UnreadableError(Exception):
    """The source, not the target, is what fails."""


def _copied(source: Store, target: Store, entry: Entry, problems: list[str]) -> bool:
    try:
        if target.local is None:
            chunks = list(_chunks(source, entry.name))
            target.write(entry.name, b"".join(chunks))
        else:
            _placed(source, entry.name, target.local)
    except DiskError as error:
        raise error.cause from error
    except _UnreadableError as error:
        problems.append(f"{source.where(entry.name)}: cannot be read ({error})")
        return False
    return True


def _placed(source: Store, name: str, output: Path) -> None:
    """Copy as a run saves: equal contents are stored once."""

    def fill(file: IO[bytes]) -> None:
        for chunk in _chunks(source, name):
            file.write(chunk)

    path = output / name
    place(write_beside(path.parent, fill, _NO_LIMIT), path, output)


def _chunks(source: Store, name: str) -> Iterator[bytes]:
    try:
        with source.open(name) as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise _UnreadableError(error.strerror or str(error)) from error
