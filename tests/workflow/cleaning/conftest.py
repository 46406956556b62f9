"""Outputs to clean up: copies of one that is made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.workflow.cleaning.cleaned import DAYS
from tests.workflow.outputs import NOW_US, keep, log, run_of, save


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five runs of one test, none of them a baseline, each with an artifact, and a log of its day."""
    folder = tmp_path_factory.mktemp("template")
    for days in DAYS:
        keep(folder, [run_of(f"r{days}", days)])
        save(folder, f"r{days}", days_ago=days, payload=b"%d" % days)
    for day in ("2026-05-01", "2026-06-15", "2026-07-10"):
        log(folder, f"{day}.jsonl", f'{{"day":"{day}"}}')
    return folder


@pytest.fixture
def output(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def of_now(output: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pytest_vizart.workflow.cleaning.session_end.time.time_ns", lambda: NOW_US * 1_000)
    return output
