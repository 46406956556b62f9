"""One at a time: work on a folder that two processes must not do at once."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from pytest_vizart.storage.store import Store

LOCK_NAME = ".lock"
_HELD_BY_ANOTHER = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}


@contextmanager
def exclusive(store: Store) -> Iterator[bool]:
    """Hold the folder's lock if it is free; yields whether it is held. The system frees it when the process dies.

    An object store has no locks: there it is always held, and who compacts or cleans it does so one at a time.

    Raises:
        OSError: nothing can be written there, or it knows no locks.
    """
    if store.local is None:
        yield True
        return
    path = store.local / LOCK_NAME
    with path.open("a+b") as file:
        try:
            held = _locked(file)
        except OSError as error:
            raise type(error)(error.errno, f"no lock can be had here: {error.strerror}", str(path)) from error
        owner = os.getpid()
        try:
            yield held
        finally:
            # A process that was forked meanwhile has the file open too: closing alone would leave it locked.
            if held and os.getpid() == owner:
                _unlock(file)


def _locked(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_BY_ANOTHER:
            return False
        raise
    return True


def _unlock(file: IO[bytes]) -> None:
    with suppress(OSError):  # closing it does the same
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_UN)
