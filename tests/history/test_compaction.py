"""Whatever is merged and taken out, in whatever order, and wherever it is interrupted: each row is there once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import HistoryError, VizartWarning
from pytest_vizart.history import compaction, merge_plans
from pytest_vizart.history.compaction import Compacted, Removed, compact, remove_runs
from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.parquet_file import KeptFile
from pytest_vizart.history.reader import History
from pytest_vizart.history.schema import SCHEMA_VERSION
from pytest_vizart.history.writer import write_decision, write_tables
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.lock import exclusive
from tests.history.builders import START_US
from tests.history.memory_store import MemoryStore
from tests.history.sessions import expected, keep_session, session_rows, shown

DAY_US = 86_400_000_000


@pytest.fixture
def store() -> MemoryStore:
    """Five sessions of two runs each."""
    kept = MemoryStore()
    for number in range(5):
        keep_session(kept, f"s{number}", [f"r{number}a", f"r{number}b"], second=number)
    return kept


EVERY = {f"r{number}{letter}" for number in range(5) for letter in "ab"}


def names(store: MemoryStore | FolderStore, table: str = "spans") -> list[str]:
    return [entry.base_name for entry in store.files(f"metrics/{table}")]


def test_many_files_become_one_and_hold_the_same_rows_in_the_same_order(store: MemoryStore) -> None:
    before = {table: getattr(History(store), table)() for table in ("runs", "stages", "spans", "accuracy")}
    done = compact(store, everything=True)
    assert (done.files_before, done.files_after, done.finished) == (20, 4, True)
    assert done.bytes_after < done.bytes_before
    for table, rows in before.items():
        (name,) = names(store, table)
        assert name.startswith("c1-20250615T150640-20250615T150644-")
        assert getattr(History(store), table)().to_pylist() == rows.to_pylist()
    assert compact(store, everything=True) == Compacted(4, 4, done.bytes_after, done.bytes_after, True)


def test_few_loose_files_are_left_alone(store: MemoryStore) -> None:
    before = dict(store.content)
    assert compact(store, min_loose=21).finished
    assert store.content == before
    compact(store, min_loose=20)  # of all tables together
    assert [len(names(store, table)) for table in ("runs", "stages", "spans", "accuracy")] == [1, 1, 1, 1]


def test_ten_files_of_a_level_become_one_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge_plans, "FAN", 3)
    kept = MemoryStore()
    for number in range(18):
        keep_session(kept, f"s{number}", [f"r{number}"], second=number)
        compact(kept, min_loose=2)
    assert [name[:2] for name in names(kept)] == ["c3"]
    assert shown(History(kept)) == expected({f"r{number}" for number in range(18)})


def test_files_are_bounded_in_rows(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge_plans.Bounds, "within", classmethod(lambda cls, seconds: cls(rows=13)))
    monkeypatch.setattr(merge_plans, "MAX_ROWS", 13)
    compact(store, min_loose=2)
    entries = store.files("metrics/spans")
    assert sorted(pq.read_metadata(store.open(entry.name)).num_rows for entry in entries) == [6, 12, 12]
    assert shown(History(store)) == expected(EVERY)


def test_row_groups_know_when_their_runs_started(store: MemoryStore) -> None:
    compact(store, everything=True)
    for table in ("runs", "stages", "spans", "accuracy"):
        told = pq.read_metadata(store.open(store.files(f"metrics/{table}")[0].name)).metadata
        assert json.loads(told[b"vizart_run_times"]) == [[START_US, START_US + 5_000_000]]
        assert len(json.loads(told[b"vizart_replaces"])) == 5


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


def test_a_run_that_was_brought_here_twice_is_shown_once_and_merged_to_one(store: MemoryStore) -> None:
    for name in list(store.content):
        if "-s1." in name:
            store.content[name.replace("-s1.", "-s1.copy")] = store.content[name]
            store.modified_us[name.replace("-s1.", "-s1.copy")] = 1
    keep_session(store, "other", ["r3b", "new"], second=7)
    assert len(names(store)) == 7
    assert shown(History(store)) == expected(EVERY | {"new"})
    compact(store, everything=True)
    assert shown(History(store)) == expected(EVERY | {"new"})
    (entry,) = store.files("metrics/spans")
    assert pq.read_metadata(store.open(entry.name)).num_rows == 33


def test_replaced_files_that_still_lie_there_are_not_read_and_go_the_next_time(store: MemoryStore) -> None:
    before = dict(store.content)
    compact(store, everything=True)
    for name in before:  # as if killed before the first deletion
        store.content[name], store.modified_us[name] = before[name], 1
    assert shown(History(store)) == expected(EVERY)
    assert compact(store).finished
    assert len(names(store)) == 1


def test_files_that_cannot_be_deleted_stay_replaced_for_ever(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(names: Any) -> None:
        raise PermissionError(13, "in use")

    with monkeypatch.context() as held_open:
        held_open.setattr(store, "delete", refuse)
        for number in range(5, 8):
            assert not compact(store, everything=True).finished
            assert shown(History(store)) == expected(EVERY | {f"r{each}" for each in range(5, number)})
            keep_session(store, f"s{number}", [f"r{number}"], second=number)
    assert compact(store, everything=True).finished
    assert len(names(store)) == 1
    assert shown(History(store)) == expected(EVERY | {"r5", "r6", "r7"})


def test_sessions_under_way_are_left_alone(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for number in range(4):
        keep_session(store, f"s{number}", [f"r{number}"], second=number)
    (tmp_path / "journal" / "s1").mkdir(parents=True)
    (tmp_path / "journal" / "s2.taken-over-4711").mkdir()
    compact(store, everything=True)
    loose = [name for name in names(store) if name.startswith("2025")]
    assert [name.split(".")[0][-2:] for name in loose] == ["s1", "s2"]
    assert remove_runs(store, ["r1", "r3"]).runs == 1
    assert shown(History(store)) == expected({"r0", "r1", "r2"})


def test_files_of_newer_versions_are_read_and_left_alone(store: MemoryStore) -> None:
    tables = session_rows("newer", ["n1"], START_US + 60_000_000)
    write_tables(store, tables, session_id="newer", started_us=START_US + 60_000_000)
    newer = [name for name in store.content if "-newer." in name]
    for name in newer:
        table = pq.read_table(store.open(name))
        told = {**(table.schema.metadata or {}), b"vizart_schema_version": str(SCHEMA_VERSION + 1).encode()}
        sink = pa.BufferOutputStream()
        more = table.append_column("of_tomorrow", pa.array(["?"] * table.num_rows)).replace_schema_metadata(told)
        pq.write_table(more, sink)
        store.content[name] = sink.getvalue().to_pybytes()
    compact(store, everything=True)
    assert all(name in store.content for name in newer)
    assert shown(History(store)) == expected(EVERY | {"n1"})
    assert remove_runs(store, ["n1", "r0a"]).runs == 1
    assert shown(History(store)) == expected(EVERY - {"r0a"} | {"n1"})


def test_unknown_tables_and_files_are_left_alone(store: MemoryStore) -> None:
    for name in (
        "metrics/of_tomorrow/20250615T150640-s1.abc.parquet",
        "metrics/spans/notes.txt",
        "metrics/spans/mine.parquet",
    ):
        store.content[name], store.modified_us[name] = store.content[store.files("metrics/spans")[0].name], 1
    compact(store, everything=True)
    remove_runs(store, ["r0a"])
    assert "metrics/of_tomorrow/20250615T150640-s1.abc.parquet" in store.content
    assert {"notes.txt", "mine.parquet"} < set(names(store))


def test_a_damaged_file_is_left_alone_and_the_rest_is_merged(store: MemoryStore) -> None:
    broken = store.files("metrics/spans")[2].name
    store.content[broken] = store.content[broken][:200]
    with pytest.warns(VizartWarning, match="s2"):
        compact(store, everything=True)
    assert len(names(store)) == 2
    assert broken in store.content


def test_a_file_whose_data_are_damaged_is_left_alone(store: MemoryStore) -> None:
    broken = store.files("metrics/spans")[2].name
    content = bytearray(store.content[broken])
    content[content.index(b"r2a")] ^= 0x10
    store.content[broken] = bytes(content)
    with pytest.warns(VizartWarning, match="s2"):
        compact(store, everything=True)
    assert len(names(store)) == 2
    assert broken in store.content


def test_without_time_nothing_is_begun_and_the_next_one_goes_on(store: MemoryStore) -> None:
    before = dict(store.content)
    assert not compact(store, everything=True, budget_s=0).finished
    assert not remove_runs(store, ["r0a"], budget_s=0).finished
    assert store.content == before
    assert compact(store, everything=True, budget_s=60).finished


def test_only_one_at_a_time(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    keep_session(store, "s1", ["r1"])
    keep_session(store, "s2", ["r2"])
    with exclusive(store):
        assert compact(FolderStore(tmp_path), everything=True) == Compacted()
        assert remove_runs(FolderStore(tmp_path), ["r1"]) == Removed()
    assert compact(store, everything=True).files_after == 4


def test_an_absent_folder_is_no_trouble(tmp_path: Path) -> None:
    assert compact(FolderStore(tmp_path / "absent"), everything=True).files_after == 0
    assert remove_runs(FolderStore(tmp_path / "absent"), ["r1"]).runs == 0


def test_older_files_are_upgraded(tmp_path: Path) -> None:
    fixtures = Path(__file__).parent / "fixtures"
    for version in ("v1", "v2", "v3"):
        for path in (fixtures / version / "metrics").rglob("*.parquet"):
            copy = tmp_path / path.relative_to(fixtures / version)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    tables = ("runs", "stages", "spans", "accuracy", "subsets", "outcomes", "measures", "outputs", "leaks", "gpu")
    before = {table: getattr(History(tmp_path), table)().to_pylist() for table in tables}
    decisions = History(tmp_path).decisions()
    compact(FolderStore(tmp_path), everything=True)
    for path in (tmp_path / "metrics").rglob("c1-*.parquet"):
        assert pq.read_metadata(path).metadata[b"vizart_schema_version"] == str(SCHEMA_VERSION).encode()
    assert len(list((tmp_path / "metrics" / "spans").iterdir())) == 1
    assert {table: getattr(History(tmp_path), table)().to_pylist() for table in tables} == before
    assert History(tmp_path).decisions() == decisions


# Any sequence, interrupted anywhere.


@st.composite
def steps(draw: st.DrawFn) -> Iterator[tuple[str, Any, int | None, bool]]:
    kind = draw(st.sampled_from(["write", "write", "compact", "everything", "remove", "copy"]))
    argument = draw(st.integers(0, 3)) if kind != "remove" else draw(st.lists(st.integers(0, 11), max_size=4))
    failing = draw(st.none() | st.integers(1, 9)) if kind != "copy" else None
    return kind, argument, failing, draw(st.booleans())  # type: ignore[return-value]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps(), max_size=7))
def test_any_sequence_interrupted_anywhere_shows_each_run_once_and_whole(taken: list[Any]) -> None:
    store = MemoryStore()
    there: set[str] = set()
    written = 0
    for second, (kind, argument, failing, after) in enumerate(taken):
        store.fail_at, store.after, store.steps = failing, after, 0
        unsure: set[str] = set()
        try:
            if kind == "write":
                new = [f"r{written + each}" for each in range(argument + 1)]
                written += argument + 1
                unsure = set(new)
                # The time goes back now and then.
                keep_session(store, f"s{second}", new, second=second if argument else -second)
            elif kind == "remove":
                unsure = {f"r{number}" for number in argument} & there
                remove_runs(store, {f"r{number}" for number in argument})
            elif kind == "copy":
                loose = [name for name in store.content if "/c" not in name][: argument * 4]
                for name in loose:
                    store.content[name.replace(".parquet", "x.parquet")] = store.content[name]
                    store.modified_us[name.replace(".parquet", "x.parquet")] = 1
            else:
                compact(store, everything=kind == "everything", min_loose=argument + 2)
        except HistoryError:
            assert failing is not None
        store.fail_at = None
        history = History(store)
        seen = set(history.runs()["run_id"].to_pylist())
        if failing is None:
            there = there - unsure if kind == "remove" else there | unsure
            assert seen == there
        else:  # interrupted: each of the runs in question is there or not
            assert there - unsure <= seen <= there | unsure
            there = seen
        assert shown(history) == expected(there)
        assert history.stages(columns=["stage"]).num_rows == sum(expected(there)["stages"].values())
    remove_runs(store, there)
    assert History(store).spans().num_rows == 0


def test_what_is_written_under_a_replaced_name_is_seen(store: MemoryStore) -> None:
    tables = session_rows("back", ["b0"], START_US)
    about = {"session_id": "back", "started_us": START_US, "stem": "20250615T150640-back.abcdef"}
    write_tables(store, tables, **about)
    store.delete([f"metrics/runs/{about['stem']}.parquet"])  # killed before it wrote its runs
    compact(store, everything=True)
    assert f"{about['stem']}.parquet" not in names(store)
    write_tables(store, tables, **about)
    assert shown(History(store)) == expected({*EVERY, "b0"})
    write_tables(store, tables, **about)  # killed again, and done again: the same files
    assert len([name for name in names(store) if "back" in name]) == 1
    compact(store, everything=True)
    assert shown(History(store)) == expected({*EVERY, "b0"})


def test_a_short_time_is_for_few_files_and_no_others_are_opened(store: MemoryStore) -> None:
    for number in range(5, 20):
        keep_session(store, f"s{number}", [f"r{number}"], second=number)
    live = TableFiles(store).listing("spans").live
    asked = []

    def rows_of(file: KeptFile) -> int:
        asked.append(file)
        return 3

    short = merge_plans.Bounds.within(0.03)
    plan = merge_plans.next_plan(live, rows_of, min_loose=5, everything=False, bounds=short)
    assert plan is not None
    assert plan.sources == live[:3]
    assert set(asked) <= set(live[:5])
