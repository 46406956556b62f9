from __future__ import annotations

import pytest

from tests.history.memory_store import MemoryStore
from tests.history.sessions import keep_session


@pytest.fixture
def store() -> MemoryStore:
    """Six sessions of three runs each: test_0, test_1, test_2."""
    kept = MemoryStore()
    for number in range(6):
        keep_session(kept, f"s{number}", [f"r{number}{letter}" for letter in "abc"], second=100 * number)
    kept.opened.clear()
    return kept
