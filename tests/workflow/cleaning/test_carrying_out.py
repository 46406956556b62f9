"""Carrying out a plan: beside others, in little time, and interrupted anywhere."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_decision
from pytest_vizart.records.keeping import Keep, Retention
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.lock import exclusive
from pytest_vizart.workflow.cleaning import carry_out, plan
from pytest_vizart.workflow.cleaning.artifact_folders import GONE
from tests.workflow.cleaning.cleaned import MONTH, POOLED, clean, describe, kept
from tests.workflow.outputs import NOW_US, keep, log, run_of, save


def test_fr_027_a_run_that_is_pinned_while_the_plan_is_carried_out_stays(output: Path) -> None:
    planned = plan(output, Retention(history=MONTH, artifacts=MONTH), NOW_US)
    write_decision(output, "r40", pinned=True, decided_us=NOW_US)
    carry_out(planned)
    assert "r40" in kept(output)
    assert (output / "runs" / "r40").is_dir()


@pytest.mark.skipif(os.name == "nt", reason="files in use cannot be deleted there anyway")
def test_a_log_that_is_written_to_under_a_wrong_date_stays(output: Path) -> None:
    import fcntl

    with (output / "logs" / "2026-05-01.jsonl").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        carry_out(plan(output, Retention(logs=MONTH), NOW_US))
    assert sorted(path.name for path in (output / "logs").iterdir()) == ["2026-05-01.jsonl", "2026-07-10.jsonl"]


def test_contents_that_a_run_comes_to_need_meanwhile_stay(output: Path) -> None:
    pool = output / POOLED
    pool.parent.mkdir(parents=True)
    os.link(output / "runs/r50/stages/detect/mask.png", pool)
    planned = plan(output, Retention(artifacts=MONTH), NOW_US)
    assert planned.unused == {POOLED: 0}
    os.link(pool, output / "runs/r2/stages/detect/same.png")
    carry_out(planned)
    assert (output / "runs/r2/stages/detect/same.png").samefile(pool)


def test_a_plan_changes_nothing(output: Path) -> None:
    save(output, f"{GONE}r1")
    before = sorted((path, path.stat().st_mtime_ns) for path in output.rglob("*"))
    plan(output, Retention(Keep(count=1), Keep(count=1), Keep(count=1)), NOW_US)
    assert sorted((path, path.stat().st_mtime_ns) for path in output.rglob("*")) == before


def test_a_budget_that_is_over_leaves_the_rest_for_later(output: Path) -> None:
    ticks = iter(range(100))
    planned = plan(output, Retention(MONTH, MONTH, MONTH), NOW_US)
    done = carry_out(planned, 2.5, clock=lambda: float(next(ticks)))
    assert not done.finished
    assert 0 < done.artifacts < 3
    assert clean(output, Retention(MONTH, MONTH, MONTH)).artifacts.count == 5 - done.artifacts
    assert kept(output) == ["r10", "r2"]


def test_nobody_cleans_while_somebody_else_does(output: Path) -> None:
    planned = plan(output, Retention(artifacts=MONTH), NOW_US)
    with exclusive(FolderStore(output)):
        done = carry_out(planned)
    assert done.busy
    assert not done.finished
    assert len(list((output / "runs").iterdir())) == 5


def test_what_cannot_be_deleted_is_told_and_the_rest_goes(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def failing(path: Path, goal: Path) -> Path:
        if path.name == "r40":
            raise PermissionError(13, "Permission denied")
        return rename(path, goal)

    monkeypatch.setattr(Path, "rename", failing)
    done = carry_out(plan(output, Retention(history=MONTH, artifacts=MONTH), NOW_US))
    assert (done.runs, done.artifacts, done.finished) == (3, 2, False)
    assert "r40: cannot be deleted (Permission denied)" in done.problems[0]


def killed_before_change(number: int, output: Path) -> bool:
    """Clean in another process, which dies before its n-th change to the disk; whether it did, and had not ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == DEAD
    signal.alarm(30)  # threads do not survive a fork: should a lock of one of them ever be waited for, it fails
    left = number

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        changes = event in ("os.remove", "os.rename", "os.rmdir", "os.mkdir")
        if changes or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            left -= 1
            if left < 0:
                os._exit(DEAD)

    sys.addaudithook(watch)
    carry_out(plan(output, Retention(MONTH, MONTH, MONTH), NOW_US))
    os._exit(0)


DEAD = 99
WITHOUT_OUTPUTS = "00000000-0000-4000-8000-000000000045"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_fr_027_killed_at_any_moment_it_is_finished_by_the_next(tmp_path: Path) -> None:
    keep(tmp_path / "whole", [run_of("r50", 50), run_of(WITHOUT_OUTPUTS, 45), run_of("r2", 2)], "s1")
    for days in (50, 2):
        save(tmp_path / "whole", f"r{days}", days_ago=days)
        describe(tmp_path / "whole", f"r{days}", days)
    describe(tmp_path / "whole", WITHOUT_OUTPUTS, 45)
    log(tmp_path / "whole", "2026-05-01.jsonl", "{}")
    number, died = 0, True
    while died:
        output = tmp_path / str(number)
        shutil.copytree(tmp_path / "whole", output)
        died = killed_before_change(number, output)
        assert set(kept(output)) in ({"r50", WITHOUT_OUTPUTS, "r2"}, {"r2"})
        assert History(output).spans().num_rows == 2 * len(kept(output))
        carry_out(plan(output, Retention(MONTH, MONTH, MONTH), NOW_US))
        assert kept(output) == ["r2"]
        assert History(output).spans()["run_id"].to_pylist() == ["r2", "r2"]
        assert [path.name for path in (output / "runs").iterdir()] == ["r2"]
        assert (output / "runs/r2/stages/detect/mask.png").read_bytes() == b"mask"
        assert (output / "runs/r2/run.json").is_file()
        assert not list((output / "logs").iterdir())
        number += 1
    assert number > 15
