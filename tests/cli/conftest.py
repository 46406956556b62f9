from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of commands are as long as they are: pytest-xdist tells its workers of a terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)
