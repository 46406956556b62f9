"""Digests of the files that a run used, read when it has ended, within bounds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from stat import S_ISREG

from pytest_vizart.audit.artifacts.ledger import UsedFile

_MODELS_S = 10.0
_MODELS_BYTES = 20 * 10**9
_PIECE_BYTES = 1 << 20
_MOST_KNOWN = 4_096

_FileKey = tuple[str, int, int]
_known: dict[_FileKey, str | None] = {}
"""Path, size and time of the last change -> digest; None for a file that could not be read in time."""


class _NotReadError(Exception):
    """For the reason given."""


class Budget:
    """How long, and how many bytes, digests may take together."""

    def __init__(self, seconds: float, size_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self.seconds = seconds
        self._size_bytes = self._left = size_bytes

    def refusal(self, size_bytes: int) -> str | None:
        """Return why a file of this size is not read, None if it is, which is counted."""
        if self.is_over:
            return f"not read: the others took {self.seconds:g} s"
        if size_bytes > self._left:
            return f"not read: it and the others have more than {self._size_bytes / 1e9:g} GB"
        self._left -= size_bytes
        return None

    @property
    def spent_s(self) -> float:
        return self._clock() - self._started

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.spent_s > self.seconds

    def check_time(self) -> None:
        """Raises _NotReadError when the time is up."""
        if self.is_over:
            raise _NotReadError(f"it and the others take more than {self.seconds:g} s")


def used_files(paths: Iterable[str], root: Path | None, budget: Budget | None = None) -> list[UsedFile]:
    """Return files and folders that a run uses, with the digests of all their bytes; by their path in `root` if inside.

    A file that has not changed is read once in a process. What is neither a file nor a folder is not read.
    """
    budget = budget or Budget(_MODELS_S, _MODELS_BYTES)
    return [_used(Path(path), shown_path(Path(path), root), budget) for path in paths]


def shown_path(path: Path, root: Path | None) -> str:
    """Return a path as it is on every machine: relative to a folder that it lies in, else absolute; with slashes."""
    return (path.relative_to(root) if root is not None and path.is_relative_to(root) else path).as_posix()


def working_folder() -> Path | None:
    """Return the working directory, None if it is gone."""
    try:
        return Path.cwd()
    except OSError:
        return None


def _used(path: Path, name: str, budget: Budget) -> UsedFile:
    try:
        files = _files_in(path, budget) if path.is_dir() else [path]
        stats = [_stat(file) for file in files]
        size_bytes = sum(stat.st_size for stat in stats)
        keys = [(str(file), stat.st_size, stat.st_mtime_ns) for file, stat in zip(files, stats, strict=True)]
        refusal = budget.refusal(size_bytes)
        if refusal is not None:
            return UsedFile(name, size_bytes, None, refusal)
        digests = [_digest(key, budget) for key in keys]
    except (OSError, ValueError, _NotReadError) as error:
        return UsedFile(name, None, None, f"not read: {error}")
    if files == [path]:
        return UsedFile(name, size_bytes, digests[0])
    total = blake2b(digest_size=16)
    for file, digest in zip(files, digests, strict=True):
        total.update(f"{file.relative_to(path).as_posix()}\0{digest}\0".encode("utf-8", "surrogateescape"))
    return UsedFile(name, size_bytes, total.hexdigest())


def _files_in(folder: Path, budget: Budget) -> list[Path]:
    files: list[Path] = []
    for place, _, names in os.walk(folder):
        budget.check_time()
        files += (Path(place, name) for name in names)
    return sorted(files)


def _stat(file: Path) -> os.stat_result:
    stat = file.stat()
    if not S_ISREG(stat.st_mode):
        raise _NotReadError(f"{file.name} is no regular file")
    return stat


def _digest(key: _FileKey, budget: Budget) -> str:
    if key not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        began_s = budget.spent_s
        try:
            _known[key] = _read(key[0], budget)
        except _NotReadError:
            if budget.spent_s - began_s > budget.seconds / 2:  # else it was late only because of others
                _known[key] = None
            raise
    digest = _known[key]
    if digest is None:
        raise _NotReadError("it took too long before")
    return digest


def _read(path: str, budget: Budget) -> str:
    """Return the digest of all bytes, read in pieces until the time is up. Raises OSError, _NotReadError."""
    digest = blake2b(digest_size=16)
    with open(path, "rb", opener=_opened) as stream:
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
            budget.check_time()
    return digest.hexdigest()


def _opened(path: str, flags: int) -> int:
    """Open a file without waiting, and only a regular one: what is a pipe by now would wait for its other end."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _NotReadError(f"{Path(path).name} is no regular file")
    return descriptor
