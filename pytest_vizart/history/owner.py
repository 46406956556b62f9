"""Whose a journal is: the process that writes it, and whether that still lives.

On this machine a process is known by its number and its start, counted from the boot, which no clock that is set can
move. Of a process on another machine, or in another container, nothing can be known: its journal counts as left behind
once nothing in it has changed for a week. After a reboot, and where the owner is not told, an hour is enough.
"""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from pytest_vizart.history.sealing import unsealed

UNTOLD_STILL_S = 3_600.0
FOREIGN_STILL_S = 7 * 86_400.0
_CLOCK_STEP_S = 5.0


@dataclass(frozen=True, slots=True)
class Owner:
    """A process. What its system does not tell is None."""

    host: str
    pid: int
    started: float | None = None  # seconds since 1970, by a clock that may be set meanwhile
    ticks: int | None = None  # the same, since the boot
    boot: str | None = None  # which boot of which machine
    pids: str | None = None  # which numbering of processes: a container has its own

    def as_json(self) -> bytes:
        return orjson.dumps(self)


_owners: TypeAdapter[Owner] = TypeAdapter(Owner)


def owner_of(pid: int) -> Owner:
    """Describe a process of this machine."""
    boot, pids = _place()
    ticks = None
    with suppress(OSError):
        ticks = _ticks(pid)
    return Owner(platform.node(), pid, _started(pid), ticks, boot, pids)


def read_owner(path: Path) -> Owner:
    """Raises: OSError, ValueError."""
    return _owners.validate_json(unsealed(path.read_bytes()))


def still_for_s(owner: Owner | None) -> float | None:
    """Return for how many seconds a journal must not have changed to count as left behind; None: its owner lives."""
    if owner is None:
        return UNTOLD_STILL_S
    boot, pids = _place()
    if boot is None or (owner.boot, owner.pids) != (boot, pids):
        if owner.host != platform.node():
            return FOREIGN_STILL_S
        if _differ(owner.boot, boot):
            return UNTOLD_STILL_S
        if _differ(owner.pids, pids):
            return FOREIGN_STILL_S
    return None if _is_alive(owner) else 0.0


def unchanged_s(folder: Path) -> float:
    """Return for how many seconds nothing in a folder has changed."""
    newest = 0.0
    for path in (folder, *folder.rglob("*")):
        with suppress(OSError):  # it went meanwhile
            newest = max(newest, path.stat().st_mtime)
    return time.time() - newest


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _is_alive(owner: Owner) -> bool:
    if owner.ticks is not None:
        try:
            ticks = _ticks(owner.pid)
        except OSError:  # no descriptor is left to ask with
            return True
        return _is_hidden(owner.pid) if ticks is None else ticks == owner.ticks
    started = _started(owner.pid)
    if started is None or owner.started is None:
        return False
    return abs(started - owner.started) < _CLOCK_STEP_S


def _is_hidden(pid: int) -> bool:
    """Whether it is a process of somebody else, of whom the system tells nothing."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return False  # dead, and nobody has asked for its end yet


def _place() -> tuple[str | None, str | None]:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return boot, str(Path("/proc/self/ns/pid").readlink())
    except (OSError, ValueError):
        return None, None


def _ticks(pid: int) -> int | None:
    """When the process began; None if it is dead, or this system does not tell. Raises OSError if it cannot now."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = told.rpartition(")")[2].split()  # the name before it may hold anything
    return None if fields[0] in ("Z", "X") else int(fields[19])


def _started(pid: int) -> float | None:
    import psutil

    try:
        process: Any = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None
