"""The note of which runs are being taken out: who is killed at it, or has no time left, is followed by the next.

Once a run is gone from `runs`, nothing else tells that rows of it may be left in other tables.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import orjson

from pytest_vizart.storage.store import Store

_NOTE = "metrics/.unfinished"


def noted_runs(store: Store) -> list[str]:
    """Return the runs of the note; none if there is none that can be read."""
    try:
        noted = orjson.loads(store.read(_NOTE))
    except (OSError, ValueError):
        return []
    return [each for each in noted if isinstance(each, str)] if isinstance(noted, list) else []


def note_runs(store: Store, run_ids: Collection[str]) -> None:
    """Note that these runs are being taken out, before the first row goes. Raises: OSError."""
    store.write(_NOTE, orjson.dumps(sorted(run_ids)))


def forget_note(store: Store) -> None:
    """Nothing is left to be taken out."""
    with suppress(OSError):
        store.delete([_NOTE])
