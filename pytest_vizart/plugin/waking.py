"""Waking: the first test that uses a fixture of ours makes the session and registers its hooks."""

from __future__ import annotations

import pytest

from pytest_vizart.history.journal import Journal
from pytest_vizart.plugin.configuration import settings_of
from pytest_vizart.plugin.hooks import RunHooks
from pytest_vizart.plugin.keys import AWAKE, WORKERS
from pytest_vizart.plugin.session import VizartSession


def session_of(config: pytest.Config) -> VizartSession:
    """Return the session of a config, waking it if this is the first use."""
    if AWAKE not in config.stash:
        config.stash[AWAKE] = session = VizartSession(config)
        config.pluginmanager.register(RunHooks(session), "vizart-runs")
    return config.stash[AWAKE]


def measured_session(config: pytest.Config) -> VizartSession | None:
    """Return the session that is to be ended here; None in a worker, and where nothing was measured."""
    if hasattr(config, "workerinput"):
        return None  # the controller gathers what this worker left in the journal
    return session_of(config) if AWAKE in config.stash or _workers_left_something(config) else None


def _workers_left_something(config: pytest.Config) -> bool:
    told = config.stash.get(WORKERS, {})
    if told.get("runs") or told.get("pieces"):
        return True
    return bool(told) and Journal(settings_of(config).output, str(told["session_id"])).folder.is_dir()
