"""Runs that are taken out, and what remains of runs that went."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.history import compaction
from pytest_vizart.history.compaction import Removed, compact, remove_runs
from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_decision
from tests.history.builders import START_US
from tests.history.five_sessions import EVERY, five_sessions, names
from tests.history.memory_store import MemoryStore
from tests.history.sessions import expected, keep_session, shown

DAY_US = 86_400_000_000


@pytest.fixture
def store() -> MemoryStore:
    return five_sessions()


def test_runs_are_taken_out_of_every_table(store: MemoryStore) -> None:
    compact(store, min_loose=5)
    keep_session(store, "late", ["l1", "l2"], second=9)
    write_decision(store, "r1a", True, decided_us=START_US + 1)
    write_decision(store, "r1b", True, decided_us=START_US + 2)
    done = remove_runs(store, ["r1a", "r3a", "r3b", "l1", "unknown"])
    assert (done.runs, done.finished) == (4, True)
    assert shown(History(store)) == expected(EVERY - {"r1a", "r3a", "r3b"} | {"l2"})
    assert set(History(store).decisions()) == {"r1b"}
    for entry in store.files("metrics", recursive=True):
        ids = set(pq.read_table(store.open(entry.name))["run_id"].to_pylist())
        assert not ids & {"r1a", "r3a", "r3b", "l1"}, "nothing of them is left in any file"


def test_a_file_whose_runs_all_go_is_deleted(store: MemoryStore) -> None:
    done = remove_runs(store, ["r0a", "r0b"])
    assert (done.runs, done.finished) == (2, True)
    assert done.bytes_freed > 0
    assert len(names(store)) == 4
    assert all(name.startswith("2025") for name in names(store))
    assert remove_runs(store, EVERY).runs == 8
    assert not store.content


def test_runs_that_are_not_there_are_removed_at_no_cost(store: MemoryStore) -> None:
    before = dict(store.content)
    assert remove_runs(store, ["unknown"]) == Removed(0, 0, True)
    assert store.content == before


def test_remains_of_runs_that_went_are_not_shown_and_go_after_a_day(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = next(entry.name for entry in store.files("metrics/runs") if "-s2." in entry.name)
    del store.content[gone]
    left = EVERY - {"r2a", "r2b"}
    assert shown(History(store)) == expected(left)
    assert History(store).spans(run_ids=["r2a"]).num_rows == 0
    monkeypatch.setattr(compaction.time, "time_ns", lambda: (store.now_us + DAY_US // 2) * 1_000)
    remove_runs(store, [])
    assert len(names(store)) == 5, "their session may be about to write its runs"
    monkeypatch.setattr(compaction.time, "time_ns", lambda: (store.now_us + 2 * DAY_US) * 1_000)
    remove_runs(store, [])
    assert len(names(store)) == 4
    assert shown(History(store)) == expected(left)


def test_merging_leaves_old_remains_out(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = next(entry.name for entry in store.files("metrics/runs") if "-s2." in entry.name)
    del store.content[gone]
    monkeypatch.setattr(compaction.time, "time_ns", lambda: (store.now_us + 2 * DAY_US) * 1_000)
    compact(store, everything=True)
    (entry,) = store.files("metrics/spans")
    assert pq.read_metadata(store.open(entry.name)).num_rows == 24


def test_with_damaged_runs_nothing_counts_as_remains(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = next(entry.name for entry in store.files("metrics/runs") if "-s2." in entry.name)
    store.content[broken] = b"PAR1"
    monkeypatch.setattr(compaction.time, "time_ns", lambda: (store.now_us + 2 * DAY_US) * 1_000)
    with pytest.warns(VizartWarning, match="s2"):
        compact(store, everything=True)
    (entry,) = store.files("metrics/spans")
    assert pq.read_metadata(store.open(entry.name)).num_rows == 30
    assert broken in store.content
    with pytest.warns(VizartWarning, match="s2"):
        assert History(store).spans(run_ids=["r2a"]).num_rows == 3, "what is left of the run is shown"
