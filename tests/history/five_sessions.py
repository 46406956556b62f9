"""A history of five sessions, to merge and to take runs out of."""

from __future__ import annotations

from pytest_vizart.storage.folder import FolderStore
from tests.history.memory_store import MemoryStore
from tests.history.sessions import keep_session

EVERY = {f"r{number}{letter}" for number in range(5) for letter in "ab"}


def five_sessions() -> MemoryStore:
    """Return a store with five sessions of two runs each."""
    kept = MemoryStore()
    for number in range(5):
        keep_session(kept, f"s{number}", [f"r{number}a", f"r{number}b"], second=number)
    return kept


def names(store: MemoryStore | FolderStore, table: str = "spans") -> list[str]:
    return [entry.base_name for entry in store.files(f"metrics/{table}")]
