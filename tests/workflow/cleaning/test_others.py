"""Cleaning up where others keep something too, work at the same time, or where it was interrupted."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.errors import HistoryError, UsageError, VizartWarning
from pytest_vizart.history.compaction import Removed, remove_runs
from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_decision
from pytest_vizart.records.keeping import Keep, Retention
from pytest_vizart.storage.object_store import ObjectStore
from pytest_vizart.workflow.cleaning import carry_out, clean_up, plan
from pytest_vizart.workflow.cleaning.session_end import cleaned_text
from tests.workflow.outputs import NOW_US, age, keep, log, run_of, save, stored_rows

MONTH = Keep(age_s=30 * 86_400)
ALL = Retention(MONTH, MONTH, MONTH)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    for days in (2, 40, 50):
        keep(folder, [run_of(f"r{days}", days)])
        save(folder, f"r{days}", days_ago=days)
    log(folder, "2026-05-01.jsonl", "{}")
    return folder


@pytest.fixture
def output(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "output")
    return tmp_path / "output"


def written(path: Path, days_ago: float = 400) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"precious")
    for each in (path, *path.parents[:3]):
        age(each, days_ago)
    return path


def strangers_files(root: Path) -> list[Path]:
    digest = "0" * 38
    return [
        written(root / name)
        for name in (
            "runs/train/exp1/weights/best.pt", "runs/train/stages/one.pt", "artifacts/models/m.onnx",
            "artifacts/ab/m.onnx", f"artifacts/ab/cd{digest}.onnx", ".notes.12.0.tmp", "metrics/mine/.x.12.0.tmp",
            "journal/2025/diary.md", "runs/.gone-fishing/photo.png",
        )
    ]  # fmt: skip


@pytest.mark.parametrize("remote", [False, True])
def test_a_place_that_is_no_output_is_refused(tmp_path: Path, remote: bool) -> None:
    paths = [*strangers_files(tmp_path), written(tmp_path / "logs/2025-01-01.jsonl")]
    with pytest.raises(UsageError, match="no runs were ever kept here"):
        plan(ObjectStore(f"file://{tmp_path}") if remote else tmp_path, ALL, NOW_US)
    assert all(path.exists() for path in paths)


def test_fr_027_what_others_keep_in_an_output_stays(output: Path) -> None:
    paths = strangers_files(output)
    done = carry_out(plan(output, Retention(Keep(count=1), Keep(count=1), Keep(count=1)), NOW_US))
    assert (done.runs, done.artifacts) == (2, 2)
    assert [path for path in paths if not path.exists()] == []


def test_an_output_of_before_without_its_gitignore_is_one(output: Path) -> None:
    (output / ".gitignore").write_text("*.pt\n")
    assert carry_out(plan(output, ALL, NOW_US)).runs == 2


@pytest.mark.parametrize("name", ["metrics", "logs", "runs", "artifacts"])
def test_nothing_is_deleted_through_a_link(output: Path, tmp_path: Path, name: str) -> None:
    pooled = written(output / "artifacts/ab" / f"ab{'0' * 38}.png")
    elsewhere = tmp_path / "elsewhere"
    (output / name).rename(elsewhere)
    (output / name).symlink_to(elsewhere, target_is_directory=True)
    before = sorted(elsewhere.rglob("*"))
    planned = plan(output, ALL, NOW_US)
    done = carry_out(planned)
    assert sorted(elsewhere.rglob("*")) == before
    assert done.problems == ()
    assert [note for note in planned.notes if "link" in note] == [
        f"{output / name}: this is a link, and what lies there is left alone"
    ]
    assert (done.runs, done.logs, done.artifacts) == (2 * (name != "metrics"), name != "logs", 2 * (name != "runs"))
    assert pooled.exists() == (name in ("runs", "artifacts"))


def test_contents_that_no_run_has_count_as_freed_and_are_told(output: Path) -> None:
    written(output / "artifacts/ab" / f"ab{'0' * 38}.png")
    planned = plan(output, Retention(), NOW_US)
    done = carry_out(planned)
    assert planned.freed_bytes == done.freed_bytes == 8
    assert cleaned_text(done) == "1 thing left behind deleted, 8 B freed"


def test_a_run_that_is_pinned_while_others_are_removed_stays(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pinned_meanwhile(*arguments: Any, **options: Any) -> Removed:
        removed = remove_runs(*arguments, **options)
        write_decision(output, "r40", pinned=True, decided_us=NOW_US)
        return removed

    monkeypatch.setattr("pytest_vizart.workflow.cleaning.carrying_out._RUNS_AT_ONCE", 1)
    monkeypatch.setattr("pytest_vizart.workflow.cleaning.carrying_out.remove_runs", pinned_meanwhile)
    assert carry_out(plan(output, Retention(history=MONTH), NOW_US)).runs == 1
    assert History(output).runs()["run_id"].to_pylist() == ["r40", "r2"]


def test_artifacts_of_a_run_that_is_pinned_meanwhile_stay(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def pinned_meanwhile(path: Path, goal: Path) -> Path:
        if "r50" in path.parts:
            write_decision(output, "r40", pinned=True, decided_us=NOW_US)
        return rename(path, goal)

    monkeypatch.setattr(Path, "rename", pinned_meanwhile)
    assert carry_out(plan(output, Retention(artifacts=MONTH), NOW_US)).artifacts == 1
    assert sorted(path.name for path in (output / "runs").iterdir()) == ["r2", "r40"]


def test_fr_027_rows_that_were_left_when_the_time_was_over_go_next_time(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_vizart.history import compaction

    take_out = compaction._Work.take_out

    def only_runs(work: Any, table: str, *others: Any) -> bool:
        return take_out(work, table, *others) if table == "runs" else False

    monkeypatch.setattr("pytest_vizart.workflow.cleaning.session_end.time.time_ns", lambda: NOW_US * 1_000)
    with monkeypatch.context() as patch:
        patch.setattr(compaction._Work, "take_out", only_runs)
        assert "the rest goes next time" in (clean_up(output, Retention(history=MONTH), 60) or "")
    assert (stored_rows(output, "runs"), stored_rows(output, "spans")) == (1, 6)
    assert clean_up(output, Retention(history=MONTH), 60) is not None
    assert stored_rows(output, "spans") == 2
    assert plan(output, Retention(history=MONTH), NOW_US, quick=True).idle
    assert list((output / "metrics").glob(".*")) == []


def test_fr_027_imported_runs_say_nothing_of_the_clock(tmp_path: Path) -> None:
    keep(tmp_path, [run_of("today", 0.2)])
    keep(tmp_path, [with_profile("imported-1", 200), with_profile("imported-2", 300)], "s1")
    planned = plan(tmp_path, Retention(history=Keep(age_s=100 * 86_400)), NOW_US)
    assert [each.name for each in planned.history.going] == ["imported-2", "imported-1"]
    assert planned.notes == ()


def with_profile(run_id: str, days_ago: float) -> Any:
    run = run_of(run_id, days_ago)
    return replace(run, info=replace(run.info, profile="imported"))


def test_a_note_alone_is_told_without_a_stray_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_vizart.workflow.cleaning.session_end.time.time_ns", lambda: NOW_US * 1_000)
    keep(tmp_path, [run_of("r80", 80)])
    line = clean_up(tmp_path, Retention(history=MONTH), 60)
    assert (line or "").startswith("retention: nothing was kept in the 80 days before today")


def test_many_artifacts_are_looked_through_once_a_day_at_the_ends_of_sessions(of_now: Path) -> None:
    only = Retention(artifacts=MONTH)
    assert "too many artifacts" in (clean_up(of_now, only, budget_s=-1) or "")
    assert clean_up(of_now, only, budget_s=60) is None
    mark = of_now / ".artifacts-looked-through"
    os.utime(mark, (time.time() - 90_000,) * 2)
    assert "2 folders of artifacts" in (clean_up(of_now, only, budget_s=60) or "")


def test_what_cannot_be_written_to_says_why(of_now: Path) -> None:
    (of_now / ".lock").unlink(missing_ok=True)
    (of_now / ".lock").mkdir()
    with pytest.raises(HistoryError, match=r"cannot be written: Is a directory.*--output"):
        carry_out(plan(of_now, ALL, NOW_US))
    with pytest.warns(VizartWarning, match=r"cannot be deleted \(cannot be written: Is a directory\)"):
        assert clean_up(of_now, ALL) is None
