"""A full disk, and one that cannot be written to: the tests' outcome is untouched, and the user told which file."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.faults.forking import Forking

ROOM_KB = (8, 40, 120, 400, 800, 3_000)


@pytest.mark.parametrize("free_kb", ROOM_KB)
def test_a_full_disk(mounting: Forking, blueprint: Path, tmp_path: Path, free_kb: int, long_form: bool) -> None:
    if not long_form and free_kb not in (8, 800):
        pytest.skip("in the long form only")
    project = shutil.copytree(blueprint, tmp_path / "project")
    ended = mounting.run("on_a_full_disk", project, free_kb=free_kb, spans=4_500)
    assert ended.status == 0, ended.output
    full, after = ended.answer["full"], ended.answer["after"]
    assert full["status"] == 0, ended.output
    assert full["warnings"], "a full disk was not told"
    assert all(str(project / ".vizart") in warning for warning in full["warnings"]), full["warnings"]
    kinds = {re.sub("[0-9a-f]{8}-[0-9a-f-]{27}", "ID", warning) for warning in full["warnings"]}
    assert len(kinds) <= 6, kinds  # spans, journal, log, run files, history, and how full the disk is
    assert (after["status"], after["warnings"]) == (0, []), ended.output
    assert len(after["runs"]) == len(set(after["runs"])) >= 3
    assert set(after["statuses"]) == {"passed"}


@pytest.mark.parametrize("kept_before", [True, False], ids=["with a history", "empty"])
def test_a_read_only_disk(mounting: Forking, blueprint: Path, tmp_path: Path, kept_before: bool) -> None:
    project = shutil.copytree(blueprint, tmp_path / "project")
    ended = mounting.run("on_a_read_only_disk", project, kept_before=kept_before)
    assert ended.status == 0, ended.output
    assert ended.answer["status"] == 0, ended.output
    (warning,) = ended.answer["warnings"]
    assert str(project / ".vizart") in warning
    assert len(ended.answer["runs"]) == (3 if kept_before else 0)
