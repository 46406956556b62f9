"""Locks on log files: shared by those who write, exclusive for who compresses or deletes. The system frees them."""

from __future__ import annotations

import sys


def lock_shared(descriptor: int) -> bool:
    """Return whether the file can be written; False while somebody has it alone."""
    return _lock(descriptor, alone=False)


def lock_alone(descriptor: int) -> bool:
    """Return whether nobody else uses the file, which from now on holds until the descriptor is closed."""
    return _lock(descriptor, alone=True)


def _lock(descriptor: int, *, alone: bool) -> bool:
    if sys.platform == "win32":  # files in use can neither be renamed nor deleted there
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
