"""The journal: what a session under way has finished, one JSON file per run or piece, in `journal/<session>/`.

Every process of a session writes here, and one of them, the controller, reads it all at the end. What a session left
behind that died before its end is taken over by the next one.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from pytest_vizart.records.run import RunResult, Session
from pytest_vizart.records.text import escaped

_CLOCK_STEP_S = 5.0
_runs: TypeAdapter[RunResult] = TypeAdapter(RunResult)
_sessions: TypeAdapter[Session] = TypeAdapter(Session)


class Journal:
    """The journal of one session, seen by one of its processes."""

    def __init__(self, output: Path, session_id: str) -> None:
        self.folder = output / "journal" / session_id

    @property
    def spans(self) -> Path:
        """Folder of the span journals of runs under way."""
        return self.folder / "spans"

    def open(self, session: Session, *, owner_pid: int | None = None) -> None:
        """Make the folder and say whose it is: this process's, or the controller's that started it.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        pid = owner_pid or os.getpid()
        self._own(pid)
        _write(self.folder / "session.json", as_json(session))

    def add_run(self, result: RunResult) -> None:
        """Keep a finished run."""
        self._add(f"run-{result.info.run_id}.json", as_json(result))

    def add_piece(self, name: str, payload: bytes) -> None:
        """Keep one sample's part of a run that several tests make together."""
        self._add(f"piece-{name}.json", payload)

    def runs(self, on_damage: Callable[[str], None]) -> Iterator[RunResult]:
        """Yield the finished runs in the order in which they began; damaged files are reported and left out."""
        found = []
        for path in self.folder.glob("run-*.json"):
            try:
                found.append(from_json(path.read_bytes()))
            except (OSError, ValidationError) as error:
                on_damage(f"{path}: this journal file cannot be read and is left out ({type(error).__name__})")
        yield from sorted(found, key=lambda run: run.info.started_us)

    def pieces(self) -> Iterator[tuple[Path, bytes]]:
        """Yield the kept pieces with their files."""
        for path in sorted(self.folder.glob("piece-*.json")):
            yield path, path.read_bytes()

    def claim(self) -> bool:
        """Make a dead session's journal this process's own; False if another process was faster."""
        claimed = self.folder.with_name(f"{self.folder.name}.taken-over-{os.getpid()}")
        try:
            self.folder.rename(claimed)
        except OSError:
            return False
        self.folder = claimed
        self._own(os.getpid())
        return True

    def session(self) -> Session | None:
        """Return whose journal it is, None where that is damaged or absent."""
        try:
            return _sessions.validate_json((self.folder / "session.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def remove(self) -> None:
        """Forget the journal, when all of it stands in the history."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _own(self, pid: int) -> None:
        owner = {"host": platform.node(), "pid": pid, "started": _process_start(pid)}
        _write(self.folder / "owner.json", orjson.dumps(owner))

    def _add(self, name: str, payload: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / name, payload)


def dead_journals(output: Path) -> Iterator[Journal]:
    """Yield the journals whose process is gone."""
    for folder in sorted((output / "journal").glob("*/")):
        try:
            owner = orjson.loads((folder / "owner.json").read_bytes())
            # Of a process on another machine, or in another container, nothing can be known here.
            alive = owner["host"] != platform.node() or _is_alive(owner)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # another process may be making it at this moment
        if not alive:
            yield Journal(output, folder.name)


def _is_alive(owner: dict[str, Any]) -> bool:
    started = _process_start(int(owner["pid"]))
    # The start is told by the clock, which may have been set meanwhile.
    return started is not None and abs(started - float(owner["started"])) < _CLOCK_STEP_S


def _write(path: Path, payload: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(payload)
    temporary.replace(path)


def _process_start(pid: int) -> float | None:
    """When the process began: a recycled process ID has another start."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def from_json(text: str | bytes) -> RunResult:
    """Return the run that `as_json` wrote. Raises pydantic.ValidationError if it is none."""
    return _runs.validate_json(text)


def as_json(record: Any) -> bytes:
    """Return a record as JSON, whatever its texts hold.

    Names of files, stages and errors may hold halves of surrogate pairs, which are no Unicode text: they are escaped.
    """
    try:
        return orjson.dumps(record)
    except TypeError:
        return orjson.dumps(_cleaned(asdict(record)))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(each) for key, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, list | tuple) else value
