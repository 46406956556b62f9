"""Puts golden/ and examples/ on the path: their modules are scripts, no package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
sys.path[:0] = [str(REPOSITORY / "golden"), str(REPOSITORY / "examples")]


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    return REPOSITORY / "golden"
