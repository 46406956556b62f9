from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.history.owner import owner_of
from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_decision
from pytest_vizart.records.keeping import Keep, Retention
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.lock import exclusive
from pytest_vizart.storage.object_store import ObjectStore
from pytest_vizart.workflow.cleaning import carry_out, clean_up, plan
from pytest_vizart.workflow.cleaning.artifact_folders import GONE
from pytest_vizart.workflow.cleaning.records import CleaningPlan, Part
from tests.workflow.outputs import DAY_US, NOW_US, age, keep, log, run_of, save, stored_rows

MONTH = Keep(age_s=30 * 86_400)
DAYS = (2, 10, 35, 40, 50)
POOLED, LONELY = (f"artifacts/{shard}/{shard}{'0' * 38}.png" for shard in ("ab", "cd"))


def uuid_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


NEW, OLD, UNDER_WAY, EMPTY, JUST_MADE, LEFT = (uuid_of(number) for number in range(6))


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


def history(keep: Keep) -> Retention:
    return Retention(history=keep)


def kept(output: Path) -> list[str]:
    return History(output).runs()["run_id"].to_pylist()


def names(part: Part) -> list[str]:
    return [each.name for each in part.going]


def clean(output: Path, retention: Retention, now_us: int = NOW_US) -> CleaningPlan:
    planned = plan(output, retention, now_us)
    done = carry_out(planned)
    assert done.finished
    assert done.problems == ()
    return planned


def test_fr_027_runs_beyond_an_age_lose_their_rows_in_every_table(output: Path) -> None:
    planned = clean(output, history(MONTH))
    assert [(each.name, each.because, each.test_id) for each in planned.history.going] == [
        ("r50", "age", "test_x.py::test_x"), ("r40", "age", "test_x.py::test_x"), ("r35", "age", "test_x.py::test_x"),
    ]  # fmt: skip
    assert kept(output) == ["r10", "r2"]
    assert [stored_rows(output, table) for table in ("runs", "spans", "outcomes")] == [2, 4, 4]
    assert (output / "runs" / "r50").is_dir()  # artifacts have limits of their own
    assert plan(output, history(MONTH), NOW_US).idle


def test_fr_027_a_count_of_runs(output: Path) -> None:
    clean(output, history(Keep(count=2)))
    assert kept(output) == ["r10", "r2"]


def test_fr_027_a_size_of_the_history(output: Path) -> None:
    every = sum(entry.size_bytes for entry in FolderStore(output).files("metrics", recursive=True))
    clean(output, history(Keep(size_bytes=every * 7 // 10)))
    assert kept(output) == ["r35", "r10", "r2"]


def test_fr_027_pinned_runs_stay_with_their_artifacts(output: Path) -> None:
    write_decision(output, "r40", pinned=True, decided_us=NOW_US)
    planned = clean(output, Retention(history=MONTH, artifacts=MONTH))
    assert kept(output) == ["r40", "r10", "r2"]
    assert planned.history.spared == planned.artifacts.spared == {"r40": "pinned"}
    assert sorted(path.name for path in (output / "runs").iterdir()) == ["r10", "r2", "r40"]
    write_decision(output, "r40", pinned=False, decided_us=NOW_US + 1)
    clean(output, history(MONTH))
    assert kept(output) == ["r10", "r2"]


def test_fr_027_a_run_that_is_pinned_while_the_plan_is_carried_out_stays(output: Path) -> None:
    planned = plan(output, Retention(history=MONTH, artifacts=MONTH), NOW_US)
    write_decision(output, "r40", pinned=True, decided_us=NOW_US)
    carry_out(planned)
    assert "r40" in kept(output)
    assert (output / "runs" / "r40").is_dir()


def test_fr_027_what_the_gate_compares_with_stays(tmp_path: Path) -> None:
    keep(tmp_path, [run_of(f"r{days}", days, accepted=True) for days in range(40, 60)], "s1")
    keep(tmp_path, [run_of("judged", 90)])
    write_decision(tmp_path, "judged", True, decided_us=NOW_US)
    keep(tmp_path, [run_of("recent", 2)])
    clean(tmp_path, history(MONTH))
    assert sorted(kept(tmp_path)) == ["judged", *(f"r{days}" for days in range(40, 55)), "recent"]


def test_fr_027_sessions_under_way_are_left_alone(output: Path) -> None:
    (output / "journal" / "s-r50.taken-over-12ab").mkdir(parents=True)
    planned = clean(output, Retention(history=MONTH, artifacts=MONTH))
    assert kept(output) == ["r50", "r10", "r2"]
    assert "r50" not in names(planned.artifacts)


def test_fr_027_logs_go_by_their_date_and_never_todays(output: Path) -> None:
    today = log(output, "2026-07-20.jsonl", "{}")  # NOW_US is in this day
    log(output, "2026-05-01.worker.jsonl", "{}")
    (output / "logs" / "2026-05-01.jsonl.gz").write_bytes(b"gzip")
    log(output, "notes.txt", "mine")
    planned = clean(output, Retention(logs=MONTH))
    assert names(planned.logs) == ["2026-05-01", "2026-05-01.worker", "2026-06-15"]
    clean(output, Retention(logs=Keep(size_bytes=0)))
    assert sorted(path.name for path in (output / "logs").iterdir()) == [today.name, "notes.txt"]


def test_fr_027_a_count_of_logs(output: Path) -> None:
    clean(output, Retention(logs=Keep(count=2)))
    assert sorted(path.name for path in (output / "logs").iterdir()) == ["2026-06-15.jsonl", "2026-07-10.jsonl"]


@pytest.mark.skipif(os.name == "nt", reason="files in use cannot be deleted there anyway")
def test_a_log_that_is_written_to_under_a_wrong_date_stays(output: Path) -> None:
    import fcntl

    with (output / "logs" / "2026-05-01.jsonl").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        carry_out(plan(output, Retention(logs=MONTH), NOW_US))
    assert sorted(path.name for path in (output / "logs").iterdir()) == ["2026-05-01.jsonl", "2026-07-10.jsonl"]


def test_fr_027_artifacts_go_by_the_age_of_their_run(output: Path) -> None:
    age(output / "runs/r50/stages/detect/mask.png", 0)  # touched since: its run is as old as it was
    planned = clean(output, Retention(artifacts=MONTH))
    assert names(planned.artifacts) == ["r50", "r40", "r35"]
    assert sorted(path.name for path in (output / "runs").iterdir()) == ["r10", "r2"]
    assert len(kept(output)) == 5  # the history has limits of its own


def test_fr_027_a_size_of_artifacts_counts_what_is_really_freed(output: Path) -> None:
    pool = output / POOLED
    pool.parent.mkdir(parents=True)
    pool.write_bytes(b"x" * 10_000)
    for days in (10, 40, 50):
        os.link(pool, output / f"runs/r{days}/stages/detect/shared.png")
    os.link(pool, output / "runs/r50/stages/detect/again.png")
    lonely = output / LONELY
    lonely.parent.mkdir()
    lonely.write_bytes(b"y" * 500)
    os.link(lonely, output / "runs/r50/stages/detect/own.png")
    planned = plan(output, Retention(artifacts=Keep(size_bytes=10_005)), NOW_US)
    # The shared one is freed with the newest that has it, and 10,510 bytes are there in all.
    assert [(each.name, each.size_bytes) for each in planned.artifacts.going] == [("r50", 502), ("r40", 2)]
    assert planned.artifacts.size_bytes == 10_509
    assert planned.unused == {LONELY: 0}  # which counts with the run
    clean(output, Retention(artifacts=Keep(size_bytes=10_005)))
    assert pool.is_file()
    assert not lonely.exists()
    clean(output, Retention(artifacts=Keep(size_bytes=0)))
    assert not pool.exists()


def test_bytes_that_somebody_else_links_to_are_not_counted_as_freed(output: Path) -> None:
    os.link(output / "runs/r50/stages/detect/mask.png", output / "mine.png")
    planned = clean(output, Retention(artifacts=MONTH))
    assert planned.artifacts.freed_bytes == 4
    assert (output / "mine.png").read_bytes() == b"50"


def test_contents_that_a_run_comes_to_need_meanwhile_stay(output: Path) -> None:
    pool = output / POOLED
    pool.parent.mkdir(parents=True)
    os.link(output / "runs/r50/stages/detect/mask.png", pool)
    planned = plan(output, Retention(artifacts=MONTH), NOW_US)
    assert planned.unused == {POOLED: 0}
    os.link(pool, output / "runs/r2/stages/detect/same.png")
    carry_out(planned)
    assert (output / "runs/r2/stages/detect/same.png").samefile(pool)


def test_folders_of_runs_that_are_not_kept_yet_stay(output: Path) -> None:
    save(output, NEW, days_ago=0.5)
    save(output, OLD, days_ago=60)
    journal = output / "journal" / "s1"
    save(output, UNDER_WAY, days_ago=60)
    journal.mkdir(parents=True)
    (journal / "session.json").write_bytes(b"{}")
    age(journal / "session.json", 70)
    planned = plan(output, Retention(artifacts=MONTH), NOW_US)
    assert names(planned.artifacts) == ["r50", "r40", "r35"]
    assert planned.artifacts.spared.keys() == {OLD, UNDER_WAY}
    age(journal / "session.json", 3)
    assert names(plan(output, Retention(artifacts=MONTH), NOW_US).artifacts) == [
        OLD, UNDER_WAY, "r50", "r40", "r35",
    ]  # fmt: skip


def test_what_dead_processes_left_goes(output: Path) -> None:
    old = [
        output / "metrics/spans/.x.parquet.12.0.tmp",
        output / "logs/.2026-05-01.jsonl.gz.12.tmp",
        output / "runs/r2/stages/detect/.12.3.tmp",
        output / "runs" / LEFT / "stages/detect/.12.3.tmp",
    ]
    fresh = output / "metrics/spans/.y.parquet.12.0.tmp"
    for path in (*old, fresh):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        age(path, 0.5 if path is fresh else 2)
    for name, days in ((EMPTY, 5), (JUST_MADE, 0.1)):  # journals stand since 3 days ago
        (output / "runs" / name / "stages").mkdir(parents=True)
        age(output / "runs" / name, days)
    for name, days in (("dead", 3), ("under-way", 0.1), ("with-runs", 3), (".kept-s9.12", 3)):
        folder = output / "journal" / name
        folder.mkdir(parents=True)
        dead = replace(owner_of(os.getpid()), pid=2**22 + 1, ticks=1, started=1.0)
        (folder / "owner.json").write_bytes(dead.as_json())
        if name == "with-runs":
            (folder / "run-r1.json").write_bytes(b"{}")
        for path in (*folder.iterdir(), folder):
            age(path, days)
    (output / "journal" / "alive").mkdir()
    (output / "journal" / "alive" / "owner.json").write_bytes(owner_of(os.getpid()).as_json())
    for path in (output / "journal/alive/owner.json", output / "journal/alive"):
        age(path, 3)
    planned = clean(output, Retention())
    assert {each.name for each in planned.leftovers} == {
        *(path.relative_to(output).as_posix() for path in old), f"runs/{EMPTY}", "journal/dead", "journal/.kept-s9.12",
    }  # fmt: skip
    assert [path.exists() for path in old] == [False] * 4
    assert fresh.exists()
    assert not (output / "runs" / EMPTY).exists()
    assert (output / "runs" / JUST_MADE).exists()
    assert sorted(path.name for path in (output / "journal").iterdir()) == ["alive", "under-way", "with-runs"]
    assert kept(output) == [f"r{days}" for days in reversed(DAYS)]


def test_an_empty_folder_that_got_a_file_meanwhile_stays(output: Path) -> None:
    (output / "runs" / EMPTY / "stages").mkdir(parents=True)
    age(output / "runs" / EMPTY, 2)
    planned = plan(output, Retention(), NOW_US)
    assert [each.name for each in planned.leftovers] == [f"runs/{EMPTY}"]
    (output / "runs" / EMPTY / "stages/new.txt").write_text("x")
    done = carry_out(planned)
    assert done.problems == ()
    assert (output / "runs" / EMPTY / "stages/new.txt").exists()


def test_fr_027_a_clock_that_jumped_ahead_takes_nothing_and_says_so(output: Path) -> None:
    keep(output, [run_of("now", -73 * 365)])
    in_2099 = NOW_US + 73 * 365 * DAY_US
    planned = plan(output, Retention(MONTH, MONTH, MONTH), in_2099)
    # What is beyond the limit was so two days before the jump, when there were runs.
    assert names(planned.history) == names(planned.artifacts) == ["r50", "r40", "r35"]
    assert "in case the clock is wrong" in planned.notes[0]
    trusting = plan(output, Retention(MONTH, MONTH, MONTH), in_2099, trust_clock=True)
    assert len(trusting.history.going) == 5
    assert trusting.notes == ()


def test_fr_027_a_clock_that_jumped_back_takes_nothing(output: Path) -> None:
    planned = plan(output, Retention(MONTH, MONTH, MONTH), DAY_US)
    assert planned.idle


def test_a_plan_changes_nothing(output: Path) -> None:
    save(output, f"{GONE}r1")
    before = sorted((path, path.stat().st_mtime_ns) for path in output.rglob("*"))
    plan(output, Retention(Keep(count=1), Keep(count=1), Keep(count=1)), NOW_US)
    assert sorted((path, path.stat().st_mtime_ns) for path in output.rglob("*")) == before


def test_a_folder_that_is_not_there_needs_no_cleaning(tmp_path: Path) -> None:
    assert plan(tmp_path / "nothing", Retention(MONTH, MONTH, MONTH), NOW_US).idle
    assert not (tmp_path / "nothing").exists()


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_fr_027_killed_at_any_moment_it_is_finished_by_the_next(tmp_path: Path) -> None:
    keep(tmp_path / "whole", [run_of("r50", 50), run_of("r2", 2)], "s1")
    for days in (50, 2):
        save(tmp_path / "whole", f"r{days}", days_ago=days)
    log(tmp_path / "whole", "2026-05-01.jsonl", "{}")
    number, died = 0, True
    while died:
        output = tmp_path / str(number)
        shutil.copytree(tmp_path / "whole", output)
        died = killed_before_change(number, output)
        assert set(kept(output)) in ({"r50", "r2"}, {"r2"})
        assert History(output).spans().num_rows == 2 * len(kept(output))
        carry_out(plan(output, Retention(MONTH, MONTH, MONTH), NOW_US))
        assert kept(output) == ["r2"]
        assert History(output).spans()["run_id"].to_pylist() == ["r2", "r2"]
        assert [path.name for path in (output / "runs").iterdir()] == ["r2"]
        assert (output / "runs/r2/stages/detect/mask.png").read_bytes() == b"mask"
        assert not list((output / "logs").iterdir())
        number += 1
    assert number > 15


@pytest.fixture
def of_now(output: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pytest_vizart.workflow.cleaning.session_end.time.time_ns", lambda: NOW_US * 1_000)
    return output


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


def test_fr_027_object_stores_are_cleaned_alike(output: Path) -> None:
    store = ObjectStore(f"file://{output}")
    planned = plan(store, Retention(MONTH, MONTH, MONTH), NOW_US)
    assert [names(part) for part in planned.parts] == [
        ["r50", "r40", "r35"], ["2026-05-01", "2026-06-15"], ["r50", "r40", "r35"],
    ]  # fmt: skip
    done = carry_out(planned)
    assert (done.runs, done.logs, done.artifacts, done.finished) == (3, 2, 3, True)
    assert kept(output) == ["r10", "r2"]
    assert sorted(path.name for path in (output / "runs").iterdir()) == ["r10", "r2"]


def test_where_pins_cannot_be_read_no_run_goes(output: Path) -> None:
    write_decision(output, "r40", pinned=True, decided_us=NOW_US)
    (path,) = (output / "metrics/decisions").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.warns(VizartWarning, match="left out"):
        planned = plan(output, Retention(MONTH, MONTH, MONTH), NOW_US)
    assert [len(part.going) for part in planned.parts] == [0, 2, 0]
    assert path.name in planned.notes[0]


def test_sessions_that_end_at_once_do_not_complain_of_each_other(
    of_now: Path, recwarn: pytest.WarningsRecorder
) -> None:
    with exclusive(FolderStore(of_now)):
        assert clean_up(of_now, Retention(MONTH, MONTH, MONTH)) is None
    assert not recwarn.list
