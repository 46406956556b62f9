"""Which log files there are, also while they are renamed and compressed by others."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress

from pytest_vizart.audit.log_names import FOLDER, LogName, parse_name, to_read
from pytest_vizart.audit.scanning import Skipped
from pytest_vizart.errors import UsageError, warn
from pytest_vizart.storage.store import Store

_MOST_LISTINGS = 5


def log_names(store: Store, skipped: Skipped) -> list[LogName]:
    """Return the files to read, by date. Folders that bear the name of a log are warned of, and left out."""
    if store.local is not None:
        with suppress(OSError):
            for entry in os.scandir(store.local / FOLDER):
                if parse_name(entry.name) is not None and not entry.is_file():
                    skipped.count += 1
                    warn(f"{entry.path}: not a file, though it bears the name of a log: skipped")
    return to_read(_names(store))


def renamed(store: Store, gone: LogName, known: Collection[LogName]) -> list[LogName]:
    """Return the files that now hold what was in a file that is gone: it is being compressed, or was deleted."""
    now = to_read(_names(store))
    return [name for name in now if name.origin == gone.origin and name not in known and name.date == gone.date]


def _names(store: Store) -> list[LogName]:
    """All log files. A folder is listed until it was twice the same: what is renamed meanwhile may show up nowhere."""
    names = _listed(store)
    for _ in range(_MOST_LISTINGS if store.local is not None else 0):
        before, names = names, _listed(store)
        if names == before:
            break
    return names


def _listed(store: Store) -> list[LogName]:
    try:
        entries = store.files(FOLDER)
    except OSError as error:
        raise UsageError(
            "the audit log cannot be read", file=str(store), found=error.strerror or str(error),
            hint="see that the place is there and may be read",
        ) from error  # fmt: skip
    found = (parse_name(entry.base_name) for entry in entries)
    return [name for name in found if name is not None]
