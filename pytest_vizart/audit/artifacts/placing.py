"""Files appear whole or not at all, and equal ones are one: hard links into a pool by content.

The pool is `artifacts/<2 hex>/<digest><suffix>` in the output folder. Where the file system has no hard links, every
file stands for itself, and the pool stays empty.
"""

from __future__ import annotations

import filecmp
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import IO, Any, cast

POOL = "artifacts"
_DIGEST_BYTES = 20
_numbers = count()


class TooLargeError(Exception):
    """A value is larger than it may be. size_bytes: its size, or what had been written of it."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(size_bytes)
        self.size_bytes = size_bytes


class DiskError(Exception):
    """A file cannot be written, whatever it holds. cause: the OSError that says why."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Written:
    """A complete file under a name of its own, not yet where it belongs."""

    path: Path
    digest: str
    size_bytes: int


class _BoundedFile:
    """Counts and digests what is written. It has no descriptor, so that nothing is written past it."""

    closed = False

    def __init__(self, file: IO[bytes], limit_bytes: int) -> None:
        self._file = file
        self._limit = limit_bytes
        self._digest = blake2b(digest_size=_DIGEST_BYTES)
        self.size_bytes = 0
        self.problem: Exception | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self.size_bytes += view.nbytes
        if self.size_bytes > self._limit:
            self.problem = TooLargeError(self.size_bytes)
            raise self.problem
        self._digest.update(view)
        try:
            self._file.write(view)
        except OSError as error:
            self.problem = DiskError(error)
            raise
        return view.nbytes

    def tell(self) -> int:
        return self.size_bytes

    def flush(self) -> None:
        """What is written is flushed once, in the end."""

    def close(self) -> None:
        """The file belongs to whoever opened it."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


def write_beside(folder: Path, write: Callable[[IO[bytes]], object], limit_bytes: int) -> Written:
    """Write a new file with a hidden name of its own into a folder, which is made.

    Raises:
        TooLargeError: more than `limit_bytes` came.
        DiskError: the system does not let us; whatever else `write` raises goes through.
    """
    path = folder / f".{os.getpid()}.{next(_numbers)}.tmp"
    bounded: _BoundedFile | None = None
    try:
        with _disk_errors():
            folder.mkdir(parents=True, exist_ok=True)
            file = path.open("wb")
        try:
            bounded = _BoundedFile(file, limit_bytes)
            write(cast(IO[bytes], bounded))
        except BaseException:
            with suppress(OSError):
                file.close()
            raise
        with _disk_errors():
            file.close()  # what is small is written only now
        if bounded.problem is not None:
            raise bounded.problem
    except BaseException as error:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        problem = None if bounded is None else bounded.problem
        if problem not in (None, error) and isinstance(error, Exception):  # also where a library has wrapped it
            raise problem from error
        raise
    return Written(path, bounded.digest, bounded.size_bytes)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskError(error) from error


def place(written: Written, target: Path, output: Path) -> None:
    """Put a written file where it belongs, as one with what has the same content. Raises DiskError."""
    suffix = target.suffix
    pooled = output / POOL / written.digest[:2] / f"{written.digest}{suffix}"
    try:
        if not (_same(pooled, written) and _linked(pooled, target)):
            written.path.replace(target)
            with suppress(OSError):  # no links on this file system, or no room: the file stands for itself
                pooled.parent.mkdir(parents=True, exist_ok=True)
                _link(target, pooled)
    except OSError as error:
        raise DiskError(error) from error
    finally:
        with suppress(OSError):
            written.path.unlink(missing_ok=True)


def _same(pooled: Path, written: Written) -> bool:
    """Whether the pool has this content, and nobody has changed it since through one of its links."""
    try:
        return pooled.stat().st_size == written.size_bytes and filecmp.cmp(pooled, written.path, shallow=False)
    except OSError:
        return False


def _linked(pooled: Path, target: Path) -> bool:
    try:
        _link(pooled, target)
    except OSError:  # it was cleaned away this moment, or has as many links as it can have
        return False
    return True


def _link(source: Path, target: Path) -> None:
    """Make `target` another name of `source`, whatever it was before; it is there at every moment."""
    beside = target.with_name(f".{os.getpid()}.{next(_numbers)}.tmp")
    beside.hardlink_to(source)
    try:
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)  # renaming to another link of the same file does nothing
