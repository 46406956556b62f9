"""One at a time: work on a folder that two processes must not do at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from pytest_vizart.storage.store import Store

LOCK_NAME = ".lock"


@contextmanager
def exclusive(store: Store) -> Iterator[bool]:
    """Hold the folder's lock if it is free; yields whether it is held. The system frees it when the process dies.

    An object store has no locks: there it is always held, and who compacts or cleans it does so one at a time.
    """
    if store.local is None:
        yield True
        return
    try:
        file = (store.local / LOCK_NAME).open("a+b")
    except OSError:
        yield False
        return
    with file:
        yield _locked(file)


def _locked(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
