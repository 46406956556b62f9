"""What processes left behind that died: temporary files, folders without a file, claims of journals."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_vizart.history.journal import FOLDER, session_id_of
from pytest_vizart.history.journal_files import is_foreign, is_journal, is_link
from pytest_vizart.history.owner import read_owner, still_for_s, unchanged_s
from pytest_vizart.history.schema import TABLES
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.cleaning.artifact_folders import RUNS, Artifacts, RunFolder
from pytest_vizart.workflow.cleaning.records import BECAUSE_LEFT, Going

DAY_US = 86_400_000_000
_OWNER = re.compile(r"owner(-\w+)?\.json")
_TEMPORARY = re.compile(r"\.(.+\.)?\d+\.tmp", re.DOTALL)  # named by the process that wrote it
_SHARD = re.compile(r"[0-9a-f]{2}")


def busy_sessions(store: Store) -> dict[str, int]:
    """Return the sessions whose journal stands, with the time at which it was made.

    They are under way, or dead and about to be taken over: what they keep may still be written once more.
    """
    if store.local is None:
        return {}
    found: dict[str, int] = {}
    for folder in _folders(store.local / FOLDER):
        if not folder.name.startswith(".") and not is_foreign(folder):
            try:
                found[session_id_of(folder.name)] = _begun_us(folder)
            except OSError:  # taken over at this moment: its session stays busy
                found.setdefault(session_id_of(folder.name), 0)
    return found


def _begun_us(folder: Path) -> int:
    """When a journal was made, at the latest: files in it are written later, but replaced as a whole."""
    times = [folder.stat().st_mtime_ns, *(path.stat().st_mtime_ns for path in folder.glob("*.json"))]
    return min(times) // 1_000


def left_behind(
    store: Store, artifacts: Artifacts, *, now_us: int, under_way: Sequence[str], unknown: Sequence[RunFolder] = ()
) -> tuple[Going, ...]:
    """Return what nobody will miss.

    Args:
        under_way: run folders that somebody may be writing to.
        unknown: run folders without saved outputs whose run the history does not have.
    """
    before_us = now_us - DAY_US
    forgotten = [
        Going(f"{RUNS}/{folder.name}", BECAUSE_LEFT, folder.other_bytes, folder.modified_us)
        for folder in unknown
        if folder.modified_us < before_us and folder.name not in under_way
    ]
    if store.local is None:
        return tuple(forgotten)
    found = [
        Going(name, BECAUSE_LEFT, size, modified_us, files=(name,))
        for name, size, modified_us in _temporary(store.local)
        if modified_us < before_us
    ]
    for folder in artifacts.folders:
        found += [
            Going(name, BECAUSE_LEFT, size, modified_us, files=(name,))
            for name, size, modified_us in folder.temporary
            if modified_us < before_us
        ]
        if folder.empty and folder.modified_us < before_us and folder.name not in under_way:
            found.append(Going(f"{RUNS}/{folder.name}", BECAUSE_LEFT, 0, folder.modified_us))
    found += forgotten
    found += [Going(name, BECAUSE_LEFT, 0, now_us) for name in artifacts.gone]
    found += _empty_journals(store.local, before_us)
    return tuple(found)


def _temporary(root: Path) -> Iterator[tuple[str, int, int]]:
    """Temporary files beside logs and tables, and in the pool."""
    tops = [root / name for name in ("logs", "metrics") if not is_link(root / name)]
    tables = [folder for folder in _ours(root / "metrics") if folder.name in TABLES]
    pool = [folder for folder in _ours(root / "artifacts") if _SHARD.fullmatch(folder.name)]
    for folder in (*tops, *tables, *pool):
        for path in folder.glob(".*.tmp"):
            try:
                told = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(told.st_mode) and _TEMPORARY.fullmatch(path.name):
                yield path.relative_to(root).as_posix(), told.st_size, told.st_mtime_ns // 1_000


def _empty_journals(root: Path, before_us: int) -> list[Going]:
    """Journals of dead processes that hold nothing of any run, and those that were kept and half deleted."""
    found = []
    for folder in _ours(root / FOLDER):
        try:
            files = {path.name for path in folder.rglob("*") if not path.is_dir()}
            newest_us = max(path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))) // 1_000
        except OSError:
            continue
        if is_foreign(folder) or (folder.name.startswith(".") and not folder.name.startswith(".kept-")):
            continue
        hidden = folder.name.startswith(".")
        empty = all(name == "session.json" or _OWNER.fullmatch(name) for name in files) and (
            is_journal(folder) or not any(folder.iterdir())
        )
        if newest_us < before_us and (hidden or (empty and _is_dead(folder))):
            found.append(Going(f"{FOLDER}/{folder.name}", BECAUSE_LEFT, 0, newest_us))
    return found


def _is_dead(folder: Path) -> bool:
    for path in folder.glob("owner*.json"):
        try:
            still_s = still_for_s(read_owner(path))
        except (OSError, ValueError):
            continue
        if still_s is None or unchanged_s(folder) < still_s:
            return False
    return True


def _ours(path: Path) -> list[Path]:
    """The folders in one that is not behind a link."""
    return [] if is_link(path) else _folders(path)


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
