"""Damaged Parquet, journal and log files: named once, and the rest is read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.forking import Forking
from tests.faults.test_killed_upkeep import kept  # noqa: F401 - a fixture

STRIDE = 25


def check(forking: Forking, job: str, folder: Path, count: int) -> None:
    """Run a job with so many seeds, a few in each child: where one crashes, the message tells the seeds."""
    for first in range(0, count, STRIDE):
        seeds = list(range(first, min(first + STRIDE, count)))
        ended = forking.run(job, folder, seeds=seeds)
        assert ended.status == 0, (seeds, ended.status, ended.output)
        assert ended.answer == [], "\n".join(ended.answer)


def test_tables(forking: Forking, kept: Path, long_form: bool, tmp_path: Path) -> None:  # noqa: F811
    output = shutil.copytree(kept, tmp_path / ".vizart")
    check(forking, "damage:read_damaged_history", output, 400 if long_form else 15)


def test_journals(forking: Forking, blueprint: Path, long_form: bool, tmp_path: Path) -> None:
    project = shutil.copytree(blueprint, tmp_path / "project")
    assert forking.run("session", project, die_at="begin classify c", after="test_last").killed
    check(forking, "damage:take_over_damaged", project, 400 if long_form else 15)


def test_logs(forking: Forking, long_form: bool, tmp_path: Path) -> None:
    pytest.importorskip("pytest_vizart.audit.query")
    check(forking, "damage:read_damaged_logs", tmp_path, 1_000 if long_form else 50)
