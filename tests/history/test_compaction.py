"""Files that are merged hold the same rows, and what is not to be merged stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.history import merge_plans
from pytest_vizart.history.compaction import Compacted, Removed, compact, remove_runs
from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.parquet_file import KeptFile
from pytest_vizart.history.reader import History
from pytest_vizart.history.schema import SCHEMA_VERSION
from pytest_vizart.history.writer import write_tables
from pytest_vizart.storage.folder import FolderStore
from pytest_vizart.storage.lock import exclusive
from tests.history.builders import START_US
from tests.history.five_sessions import EVERY, five_sessions, names
from tests.history.memory_store import MemoryStore
from tests.history.sessions import expected, keep_session, session_rows, shown


@pytest.fixture
def store() -> MemoryStore:
    return five_sessions()


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


def test_files_that_cannot_be_merged_do_not_have_others_merged_at_once(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for entry in store.files("metrics/spans"):
        store.write(entry.name, b"PAR1")
    before = dict(store.content)
    with pytest.warns(VizartWarning, match="spans"):
        compact(store, min_loose=16)
    assert store.content == before
    keep_session(store, "one more", ["r9"], second=9)
    with pytest.warns(VizartWarning, match="spans"):
        compact(store, min_loose=16)
    assert [len(names(store, table)) for table in ("runs", "stages", "accuracy")] == [1, 1, 1]


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
