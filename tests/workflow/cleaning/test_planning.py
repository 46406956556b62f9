"""What goes by which limit, and what stays whatever the limits."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.history.writer import write_decision
from pytest_vizart.records.keeping import Keep, Retention
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.object_store import ObjectStore
from pytest_vizart.workflow.cleaning import carry_out, plan
from tests.workflow.cleaning.cleaned import LONELY, MONTH, POOLED, clean, history, kept, names
from tests.workflow.outputs import DAY_US, NOW_US, age, keep, log, run_of, stored_rows


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
    told = [datetime.fromtimestamp(each.at_us / 1e6, UTC).date().isoformat() for each in planned.logs.going]
    assert told == ["2026-05-01", "2026-05-01", "2026-06-15"]
    clean(output, Retention(logs=Keep(size_bytes=0)))
    assert sorted(path.name for path in (output / "logs").iterdir()) == [today.name, "notes.txt"]


def test_fr_027_a_count_of_logs(output: Path) -> None:
    clean(output, Retention(logs=Keep(count=2)))
    assert sorted(path.name for path in (output / "logs").iterdir()) == ["2026-06-15.jsonl", "2026-07-10.jsonl"]


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


def test_a_folder_that_is_not_there_needs_no_cleaning(tmp_path: Path) -> None:
    assert plan(tmp_path / "nothing", Retention(MONTH, MONTH, MONTH), NOW_US).idle
    assert not (tmp_path / "nothing").exists()


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
