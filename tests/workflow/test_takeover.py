"""Taking over what a session that died left, in the corners that killed processes rarely reach."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pytest_vizart import History
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.errors import VizartWarning
from pytest_vizart.history.compaction import compact
from pytest_vizart.history.journal import Journal
from pytest_vizart.history.owner import Owner, owner_of
from pytest_vizart.profiling.analysis.stats import stage_stats
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.records.run import RunResult
from pytest_vizart.workflow.keeping import keep
from pytest_vizart.workflow.takeover import gathered, take_over_dead_sessions
from tests.history.builders import START_US, a_run, a_session, spans_of
from tests.history.memory_store import MemoryStore
from tests.history.sessions import keep_session


@pytest.fixture(scope="module")
def dead() -> Owner:
    """A process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        return owner_of(process.pid)


def run_of(run_id: str) -> RunResult:
    run = a_run(run_id)
    return replace(run, stages=stage_stats(run.spans))


def opened(output: Path, *run_ids: str) -> Journal:
    journal = Journal(output, "s1")
    journal.open(a_session())
    for run_id in run_ids:
        journal.add_run(run_of(run_id))
    return journal


def kill(journal: Journal, owner: Owner) -> None:
    (journal.folder / "owner.json").write_bytes(owner.as_json())


def kept(output: Path) -> list[str]:
    """The runs, after a look at their spans: two each, also for who reads the files as they are."""
    history = History(output)
    runs = sorted(history.runs()["run_id"].to_pylist())
    assert sorted(history.spans()["run_id"].to_pylist()) == sorted(runs * 2)
    return runs


def test_a_run_that_only_the_dead_process_knew_stays(tmp_path: Path, dead: Owner) -> None:
    journal = opened(tmp_path, "r1")
    assert keep(journal, a_session(), [run_of("r1"), run_of("r2")])  # the journal could not take r2
    kill(journal, dead)
    take_over_dead_sessions(tmp_path)
    assert kept(tmp_path) == ["r1", "r2"]
    assert list((tmp_path / "journal").iterdir()) == []


def test_what_a_worker_adds_after_its_session_was_taken_over(tmp_path: Path, dead: Owner) -> None:
    journal = opened(tmp_path, "r1", "r2")
    kill(journal, dead)
    take_over_dead_sessions(tmp_path)
    late = Journal(tmp_path, "s1")
    late.add_run(run_of("r2"))
    late.add_run(run_of("r3"))
    take_over_dead_sessions(tmp_path)
    assert kept(tmp_path) == ["r1", "r2"]  # it may still be at it
    for path in (*late.folder.iterdir(), late.folder):
        os.utime(path, (time.time() - 7_200,) * 2)
    take_over_dead_sessions(tmp_path)
    assert kept(tmp_path) == ["r1", "r2", "r3"]


def test_a_crash_is_told_with_the_time_of_its_run(tmp_path: Path, dead: Owner) -> None:
    journal = opened(tmp_path)
    journal.spans.mkdir()
    recorder = Recorder("basic", folder=journal.spans, about={"run_id": "c", "test_id": "t", "profile": "basic"})
    recorder.begin_sample("a")
    with recorder.stage("detect"):
        pass
    recorder.close()
    ended = time.time()
    time.sleep(0.05)
    for path in journal.spans.iterdir():
        path.write_bytes(path.read_bytes())  # as a folder is that was copied
    kill(journal, dead)
    with pytest.warns(VizartWarning, match="the process died"):
        take_over_dead_sessions(tmp_path)
    (line,) = AuditQuery(tmp_path).failed().fetch()
    assert datetime.fromisoformat(line["time"]).timestamp() <= ended


def test_a_damaged_session_file_loses_no_run(tmp_path: Path, dead: Owner) -> None:
    journal = opened(tmp_path, "r1")
    (journal.folder / "session.json").write_text("{")
    kill(journal, dead)
    with pytest.warns(VizartWarning, match=r"session\.json") as told:
        take_over_dead_sessions(tmp_path)
    assert len(told) == 1
    (run,) = History(tmp_path).runs().to_pylist()
    assert (run["run_id"], run["session_id"], run["fingerprint"], run["cores"]) == ("r1", "s1", None, None)


def test_a_run_that_makes_no_rows_does_not_take_the_others_with_it(tmp_path: Path, dead: Owner) -> None:
    journal = opened(tmp_path, "r1")
    journal.add_run(replace(run_of("r2"), spans=replace(spans_of({"detect": 5}), wall_ns=[1])))
    kill(journal, dead)
    with pytest.warns(VizartWarning, match="this run cannot be kept"):
        take_over_dead_sessions(tmp_path)
    assert kept(tmp_path) == ["r1"]
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_journal_that_cannot_be_kept_waits_and_bars_no_other(
    tmp_path: Path, dead: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(opened(tmp_path, "r1"), dead)
    other = Journal(tmp_path, "s2")
    other.open(a_session("s2"))
    other.add_run(replace(run_of("r2"), info=replace(run_of("r2").info, session_id="s2")))
    kill(other, dead)
    real = gathered

    def failing(journal: Journal, **options: str) -> object:
        if journal.session_id == "s1":
            raise RuntimeError("nobody thought of this")
        return real(journal, **options)

    with monkeypatch.context() as patch:
        patch.setattr("pytest_vizart.workflow.takeover.gathered", failing)
        patch.setattr("pytest_vizart.history.journal.owner_of", lambda pid: dead)
        with pytest.warns(VizartWarning, match="nobody thought of this"):
            take_over_dead_sessions(tmp_path)
    assert kept(tmp_path) == ["r2"]
    take_over_dead_sessions(tmp_path)
    assert kept(tmp_path) == ["r1", "r2"]


def test_a_session_that_began_before_all_time(tmp_path: Path, dead: Owner) -> None:
    journal = Journal(tmp_path, "s1")
    journal.open(a_session(started_us=-(10**17)))
    journal.add_run(run_of("r1"))
    kill(journal, dead)
    take_over_dead_sessions(tmp_path)
    assert kept(tmp_path) == ["r1"]
    assert History(tmp_path).runs()["started_at"].cast("int64").to_pylist() == [START_US]


@pytest.mark.parametrize("has_runs", [False, True])
def test_what_was_compacted_where_nobody_sees_the_journal(tmp_path: Path, dead: Owner, has_runs: bool) -> None:
    journal, store = opened(tmp_path, "r1"), MemoryStore()
    assert keep(journal, a_session(), [run_of("r1")], place=store)
    if not has_runs:
        store.delete([entry.name for entry in store.files("metrics/runs")])  # killed before it wrote them
    keep_session(store, "other", ["r9"])
    compact(store, everything=True)
    journal.add_run(run_of("r2"))
    kill(journal, dead)
    for _ in range(2):  # killed again before the journal is gone
        taken = Journal(tmp_path, next(path.name for path in (tmp_path / "journal").iterdir()))
        assert taken.claim()
        assert keep(taken, a_session(), [run_of("r1"), run_of("r2")], place=store)
    history = History(store)
    assert sorted(history.runs()["run_id"].to_pylist()) == ["r1", "r2", "r9"]
    assert sorted(history.spans()["run_id"].to_pylist()) == ["r1"] * 2 + ["r2"] * 2 + ["r9"] * 3
