"""Typed keys under which the plugin keeps what belongs to a config or an item. Light: the entry module imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_vizart.golden.dataset import GoldenDataset
    from pytest_vizart.plugin.session import VizartSession
    from pytest_vizart.settings import Settings
    from pytest_vizart.workflow.run import Run

SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
AWAKE: pytest.StashKey[VizartSession] = pytest.StashKey()
WORKERS = pytest.StashKey[dict[str, Any]]()
"""On the controller of a distributed session: what it told its workers."""
RUN: pytest.StashKey[Run] = pytest.StashKey()
DATASET: pytest.StashKey[GoldenDataset] = pytest.StashKey()
