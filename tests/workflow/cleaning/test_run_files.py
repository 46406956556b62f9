"""What tells of a run beside its outputs, `run.json`: it goes with the run, and not with what the run saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vizart.records.keeping import Keep, Retention
from pytest_vizart.storage.object_store import ObjectStore
from pytest_vizart.storage.store import Store
from pytest_vizart.workflow.cleaning import carry_out, clean_up, plan
from tests.workflow.cleaning.cleaned import DAYS, MONTH, clean, describe, history, kept, names
from tests.workflow.outputs import NOW_US, keep, run_of, save

FORGOTTEN = "00000000-0000-4000-8000-000000000001"
BOTH = Retention(history=MONTH, artifacts=MONTH)


@pytest.fixture
def described(output: Path) -> Path:
    """All five runs have outputs, and run r45 has none."""
    keep(output, [run_of("r45", 45)])
    for days in (*DAYS, 45):
        describe(output, f"r{days}", days)
    return output


def told_of(output: Path) -> list[str]:
    return sorted(path.parent.name for path in (output / "runs").glob("*/run.json"))


@pytest.mark.parametrize("opened", [Path, lambda path: ObjectStore(f"file://{path}")], ids=["folder", "object store"])
def test_fr_027_artifacts_that_go_leave_what_tells_of_their_run(described: Path, opened: type[Path]) -> None:
    place: Path | Store = opened(described)
    planned = plan(place, Retention(artifacts=Keep(count=2)), NOW_US)
    assert (planned.artifacts.count, names(planned.artifacts)) == (5, ["r50", "r40", "r35"])
    done = carry_out(planned)
    assert (done.artifacts, done.freed_bytes, done.problems) == (3, planned.freed_bytes, ())
    assert sorted(path.parent.name for path in described.glob("runs/*/stages") if any(path.iterdir())) == ["r10", "r2"]
    assert len(told_of(described)) == 6
    assert plan(place, Retention(artifacts=Keep(count=2)), NOW_US).idle


@pytest.mark.parametrize("opened", [Path, lambda path: ObjectStore(f"file://{path}")], ids=["folder", "object store"])
def test_fr_027_what_tells_of_a_run_goes_with_its_rows(described: Path, opened: type[Path]) -> None:
    planned = plan(opened(described), BOTH, NOW_US)
    assert planned.run_files == {"r50": 10, "r45": 10, "r40": 10, "r35": 10}
    done = carry_out(planned)
    assert (done.runs, done.artifacts, done.finished) == (4, 3, True)
    assert planned.freed_bytes - planned.history.freed_bytes == 3 * 2 + 40
    assert told_of(described) == ["r10", "r2"]
    assert not any((described / "runs" / name).exists() for name in planned.run_files)


def test_what_tells_of_saved_outputs_stays_as_long_as_they_do(described: Path) -> None:
    clean(described, history(MONTH))
    assert kept(described) == ["r10", "r2"]
    assert told_of(described) == ["r10", "r2", "r35", "r40", "r50"]
    assert not (described / "runs/r45").exists()


def test_the_end_of_a_session_takes_it_too(described: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_vizart.workflow.cleaning.session_end.time.time_ns", lambda: NOW_US * 1_000)
    assert clean_up(described, history(MONTH), budget_s=60) is not None
    assert not (described / "runs/r45").exists()


def test_what_tells_of_a_run_that_the_history_does_not_have_is_left_behind(described: Path) -> None:
    describe(described, FORGOTTEN, 0.5)
    assert plan(described, Retention(), NOW_US).idle
    describe(described, FORGOTTEN, 2)
    planned = clean(described, Retention())
    assert [(each.name, each.size_bytes) for each in planned.leftovers] == [(f"runs/{FORGOTTEN}", 10)]
    assert not (described / "runs" / FORGOTTEN).exists()
    assert len(told_of(described)) == 6


@pytest.mark.filterwarnings("ignore:.*left out")
def test_where_the_history_cannot_be_read_nobody_knows_which_runs_it_has(described: Path) -> None:
    describe(described, FORGOTTEN, 2)
    path = next((described / "metrics/runs").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-9])
    assert plan(described, Retention(), NOW_US).leftovers == ()


def test_the_folder_of_an_unknown_run_goes_as_a_whole(described: Path) -> None:
    save(described, FORGOTTEN, days_ago=60)
    describe(described, FORGOTTEN, 60)
    planned = clean(described, Retention(artifacts=MONTH))
    assert planned.run_files == {FORGOTTEN: 10}
    assert not (described / "runs" / FORGOTTEN).exists()


@pytest.mark.parametrize("run_id", ["", ".", "..", "../elsewhere", ".hidden", "strange"])
def test_a_run_that_is_called_strangely_takes_no_folder_of_others(output: Path, run_id: str) -> None:
    keep(output, [run_of(run_id, 60)], "s1")
    others = [output / "elsewhere/run.json", output / "runs/.hidden/run.json", output / "runs/strange/mine.txt"]
    for path in others:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"precious")
    planned = clean(output, history(MONTH))
    assert run_id in names(planned.history)
    assert all(path.exists() for path in others)
    assert kept(output) == ["r10", "r2"]
