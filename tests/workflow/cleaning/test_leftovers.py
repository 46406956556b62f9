"""What runs and sessions that died left behind, and what only looks like it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pytest_vizart.history.owner import owner_of
from pytest_vizart.records.keeping import Retention
from pytest_vizart.workflow.cleaning import carry_out, plan
from tests.workflow.cleaning.cleaned import DAYS, MONTH, clean, kept, names
from tests.workflow.outputs import NOW_US, age, save


def uuid_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


NEW, OLD, UNDER_WAY, EMPTY, JUST_MADE, LEFT = (uuid_of(number) for number in range(6))


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
