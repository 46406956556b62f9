"""Digests of the files that a run used, read when it has ended, within bounds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from pytest_vizart.audit.artifacts.ledger import UsedFile
from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.files import content_digest

_MODELS_S = 10.0
_MODELS_BYTES = 20 * 10**9


class Budget:
    """How long, and how many bytes, digests may take together."""

    def __init__(self, seconds: float, size_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = clock() + seconds
        self._seconds = seconds
        self._size_bytes = self._left = size_bytes

    def refusal(self, size_bytes: int) -> str | None:
        """Return why a file of this size is not read, None if it is, which is counted."""
        if self._clock() > self._until:
            return f"not read: the others took {self._seconds:g} s"
        if size_bytes > self._left:
            return f"not read: it and the others have more than {self._size_bytes / 1e9:g} GB"
        self._left -= size_bytes
        return None


def used_files(paths: Iterable[str], root: Path) -> list[UsedFile]:
    """Return files and folders that a run uses, with the digests of all their bytes; by their path in `root` if inside.

    A file that has not changed is read once in a process.
    """
    budget = Budget(_MODELS_S, _MODELS_BYTES)
    return [_used(Path(path), shown_path(Path(path), root), budget) for path in paths]


def shown_path(path: Path, root: Path) -> str:
    """Return a path as it is on every machine: relative to a folder that it lies in, else absolute; with slashes."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _used(path: Path, name: str, budget: Budget) -> UsedFile:
    try:
        files = _files_in(path) if path.is_dir() else [path]
        stats = [file.stat() for file in files]
        size_bytes = sum(stat.st_size for stat in stats)
        refusal = budget.refusal(size_bytes)
        if refusal is not None:
            return UsedFile(name, size_bytes, None, refusal)
        digests = [
            _whole_digest(str(file), stat.st_size, stat.st_mtime_ns) for file, stat in zip(files, stats, strict=True)
        ]
    except (OSError, GoldenFormatError) as error:
        return UsedFile(name, None, None, f"not read: {error}")
    if files == [path]:
        return UsedFile(name, size_bytes, digests[0])
    total = blake2b(digest_size=16)
    for file, digest in zip(files, digests, strict=True):
        total.update(f"{file.relative_to(path).as_posix()}\0{digest}\0".encode("utf-8", "surrogateescape"))
    return UsedFile(name, size_bytes, total.hexdigest())


def _files_in(folder: Path) -> list[Path]:
    return sorted(Path(place, name) for place, _, names in os.walk(folder) for name in names)


@lru_cache(maxsize=4_096)
def _whole_digest(path: str, size_bytes: int, changed_ns: int) -> str:
    return content_digest(Path(path), sampled=False)
