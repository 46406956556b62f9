"""The artifacts as retention sees them: the saved outputs of each run, and the pool of contents that they share.

They are what lies in a run's folder below `stages`. Its other files, such as `run.json`, tell what the run was: they
are as old as its rows in the history, and go with those.

Equal contents are stored once: the pool's file and those of the runs are links to the same bytes. They are freed with
the last folder that links to them, so their size counts there; the pool's own link goes when it is the only one left.
Where there are no links (object stores, some file systems) every file counts with its own size.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pytest_vizart.history.journal_files import is_link
from pytest_vizart.history.retention import Thing
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.ours import has_run_files, is_pool_file, is_run_id

RUNS = "runs"
SAVED = "stages"  # where the saved outputs of a run lie in its folder
POOL = "artifacts"
_SHARD = 2  # characters of a folder of the pool
GONE = ".gone-"  # what a folder is called while it is deleted

_Content = tuple[int, int] | str  # device and inode; in an object store the name


@dataclass(slots=True)
class RunFolder:
    """The folder `runs/<name>`. `contents` are those of saved outputs, `other_bytes` is the size of its other files."""

    name: str
    modified_us: int = 0  # the newest file's, or of an empty folder its own
    contents: dict[_Content, int] = field(default_factory=dict)  # files that have it
    temporary: list[tuple[str, int, int]] = field(default_factory=list)  # name in the store, bytes, time
    empty: bool = True
    other_bytes: int = 0


@dataclass(slots=True)
class _Bytes:
    size: int
    links: int  # all there are, in whatever folder


@dataclass(slots=True)
class Artifacts:
    """All that lies in `runs/` and in the pool."""

    folders: list[RunFolder] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # half deleted by a clean-up that was killed
    pool: dict[_Content, tuple[str, int]] = field(default_factory=dict)  # name and time
    _bytes: dict[_Content, _Bytes] = field(default_factory=dict)

    def things(self, at_us: Mapping[str, int], protected: Mapping[str, str]) -> list[Thing]:
        """Return the folders that have saved outputs, with the bytes that are freed when those go, one folder after the
        other, oldest first.
        """
        last_first = sorted(
            (folder for folder in self.folders if folder.contents),
            key=lambda folder: (folder.name in protected, at_us[folder.name], folder.name),
            reverse=True,
        )
        links: dict[_Content, int] = {}
        for folder in self.folders:
            for content, count in folder.contents.items():
                links[content] = links.get(content, 0) + count
        counted: set[_Content] = set()
        things = []
        for folder in last_first:
            mine = [content for content in folder.contents if content not in counted]
            counted.update(mine)
            size = sum(self._bytes[each].size for each in mine if not self._elsewhere(each, links[each]))
            things.append(Thing(folder.name, at_us[folder.name], size))
        return things

    def unused(self, going: Sequence[str], *, older_than_us: int) -> dict[str, int]:
        """Return the files of the pool to which no link is left when some folders have gone.

        With the bytes that each frees: none where they count as those of a folder that goes.
        """
        names = set(going)
        freed: dict[_Content, int] = {}
        for folder in self.folders:
            if folder.name in names:
                for content, count in folder.contents.items():
                    freed[content] = freed.get(content, 0) + count
        return {
            name: 0 if content in freed else self._bytes[content].size
            for content, (name, modified_us) in self.pool.items()
            if self._bytes[content].links - freed.get(content, 0) <= 1
            and (content in freed or modified_us < older_than_us)
        }

    def _elsewhere(self, content: _Content, links: int) -> bool:
        """Whether somebody's link outside of the output keeps the bytes."""
        return self._bytes[content].links > links + (content in self.pool)

    def add(self, content: _Content, size: int, links: int) -> None:
        self._bytes[content] = _Bytes(size, links)


class TooManyFilesError(Exception):
    """There was no time to look at all of them."""


def read_artifacts(store: Store, known: Container[str], *, until_s: float | None = None) -> Artifacts:
    """Return what of ours lies in `runs/` and in the pool; nothing behind links.

    Args:
        known: run IDs of the history. Other folders are ours only if they are called as runs are.
        until_s: by time.monotonic().

    Raises:
        TooManyFilesError: the time is over.
    """
    if store.local is None:
        return _in_object_store(store, known)
    found = Artifacts()
    root = store.local
    for entry in () if is_link(root / RUNS) else _entries(root / RUNS):
        _keep_within(until_s)
        if not entry.is_dir(follow_symlinks=False):
            continue
        if entry.name.startswith(GONE) and is_run_id(entry.name.removeprefix(GONE), known):
            found.gone.append(f"{RUNS}/{entry.name}")
        elif is_run_id(entry.name, known):
            folder = _folder(found, root, entry)
            if folder.empty or has_run_files(each.name for each in _entries(Path(entry.path))):
                found.folders.append(folder)
    for name, told in pool_files(root):
        _keep_within(until_s)
        content = (told.st_dev, told.st_ino)
        found.add(content, told.st_size, told.st_nlink)
        found.pool[content] = (name, told.st_mtime_ns // 1_000)
    return found


def pool_files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The files of the pool in an output; nothing behind links."""
    for entry in () if is_link(root / POOL) else _entries(root / POOL):
        if len(entry.name) == _SHARD and entry.is_dir(follow_symlinks=False):
            yield from ((name, told) for name, told in _files(root, f"{POOL}/{entry.name}") if is_pool_file(name))


def _keep_within(until_s: float | None) -> None:
    if until_s is not None and time.monotonic() > until_s:
        raise TooManyFilesError


def _folder(found: Artifacts, root: Path, entry: os.DirEntry[str]) -> RunFolder:
    folder = RunFolder(entry.name)
    for name, told in _files(root, f"{RUNS}/{entry.name}"):
        modified_us = told.st_mtime_ns // 1_000
        folder.empty = False
        if _is_hidden(name) and name.endswith(".tmp"):
            folder.temporary.append((name, told.st_size, modified_us))
        # The inode's time is that of the content, which may be older than the link to it.
        folder.modified_us = max(folder.modified_us, modified_us)
        if not _is_saved(name):
            folder.other_bytes += told.st_size
            continue
        content = (told.st_dev, told.st_ino)
        folder.contents[content] = folder.contents.get(content, 0) + 1
        found.add(content, told.st_size, told.st_nlink)
    with suppress(OSError):
        folder.modified_us = max(folder.modified_us, Path(entry).stat().st_mtime_ns // 1_000)
    return folder


def _in_object_store(store: Store, known: Container[str]) -> Artifacts:
    found = Artifacts()
    tops: dict[str, set[str]] = {}
    folders: dict[str, RunFolder] = {}
    for entry in store.files(RUNS, recursive=True):
        parts = entry.name.split("/")
        if len(parts) < 3 or not is_run_id(parts[1], known):
            continue
        tops.setdefault(parts[1], set()).add(parts[2])
        folder = folders.setdefault(parts[1], RunFolder(parts[1], empty=False))
        folder.modified_us = max(folder.modified_us, entry.modified_us or 0)
        if not _is_saved(entry.name):
            folder.other_bytes += entry.size_bytes
            continue
        folder.contents[entry.name] = 1
        found.add(entry.name, entry.size_bytes, 1)
    found.folders = [folder for name, folder in folders.items() if has_run_files(tops[name])]
    return found


def _files(root: Path, folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """The files below a folder, links to elsewhere not followed."""
    for entry in _entries(root / folder):
        name = f"{folder}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _files(root, name)
            continue
        try:
            told = Path(entry).stat(follow_symlinks=False)  # on Windows the entry itself knows no inode
        except OSError:  # somebody cleaned up meanwhile
            continue
        if stat.S_ISREG(told.st_mode):
            yield name, told


def _is_saved(name: str) -> bool:
    """Whether a file of a run, by its name in the output, is a saved output."""
    return name.split("/")[2] == SAVED


def _is_hidden(name: str) -> bool:
    return name.rpartition("/")[2].startswith(".")


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError:
        return []
