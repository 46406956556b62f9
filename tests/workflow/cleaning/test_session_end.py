"""Cleaning up at the end of a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.records.keeping import Keep, Retention
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.lock import exclusive
from pytest_vizart.workflow.cleaning import clean_up
from tests.workflow.cleaning.cleaned import MONTH, history, kept
from tests.workflow.outputs import keep, run_of


def test_fr_027_the_end_of_a_session_cleans_up_and_says_so(of_now: Path) -> None:
    line = clean_up(of_now, Retention(MONTH, MONTH, MONTH), budget_s=60)
    assert line is not None
    assert line.startswith("retention: 3 runs, 2 logs and 3 folders of artifacts deleted, ")
    assert kept(of_now) == ["r10", "r2"]
    assert clean_up(of_now, Retention(MONTH, MONTH, MONTH), budget_s=60) is None
    assert clean_up(of_now, Retention()) is None


def test_the_end_of_a_session_does_not_rewrite_the_history_for_a_single_run(of_now: Path) -> None:
    keep(of_now, [run_of(f"more-{number}", 1) for number in range(36)], "s1")
    assert clean_up(of_now, history(Keep(count=40)), budget_s=60) is None
    assert len(kept(of_now)) == 41
    assert clean_up(of_now, history(Keep(count=39)), budget_s=60) is not None
    assert len(kept(of_now)) == 39


def test_the_end_of_a_session_never_raises(of_now: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pytest_vizart.workflow.cleaning.carrying_out.remove_runs", full)
    with pytest.warns(VizartWarning, match="No space left"):
        clean_up(of_now, history(MONTH), budget_s=60)
    monkeypatch.setattr("pytest_vizart.workflow.cleaning.session_end.plan", full)
    with pytest.warns(VizartWarning, match="No space left"):
        assert clean_up(of_now, history(MONTH), budget_s=60) is None


def test_sessions_that_end_at_once_do_not_complain_of_each_other(
    of_now: Path, recwarn: pytest.WarningsRecorder
) -> None:
    with exclusive(FolderStore(of_now)):
        assert clean_up(of_now, Retention(MONTH, MONTH, MONTH)) is None
    assert not recwarn.list
