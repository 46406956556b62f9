"""What a query touches, and what it finds whatever happens beside it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import HistoryError, UsageError
from pytest_vizart.history import encoding, reader
from pytest_vizart.history.compaction import compact
from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.names import choose_stem
from pytest_vizart.history.reader import History
from pytest_vizart.history.schema import TABLES
from pytest_vizart.history.writer import write_decision, write_tables
from tests.history.builders import START_US
from tests.history.memory_store import MemoryStore
from tests.history.sessions import ROWS_OF, expected, keep_session, rows, session_rows, shown, touched

FIXTURES = Path(__file__).parent / "fixtures"


def test_a_session_by_name_opens_its_files_alone(store: MemoryStore) -> None:
    found = History(store).spans(run_ids=["r2b"], session_ids=["s2"])
    assert found["run_id"].to_pylist() == ["r2b"] * 3
    assert (touched(store, "spans"), touched(store, "runs")) == ({"s2"}, {"s2"})


def test_runs_of_an_earlier_answer_are_looked_for_where_they_lie(store: MemoryStore) -> None:
    history = History(store)
    for each in ("test_0", "test_1"):
        history.runs(test_id=each)
    store.opened.clear()
    assert history.runs(run_ids=["r2b"])["session_id"].to_pylist() == ["s2"]
    assert touched(store, "runs") == {"s2"}


def test_files_that_somebody_renamed_are_looked_into_too(store: MemoryStore) -> None:
    for entry in store.files("metrics", recursive=True):
        if "-s2." in entry.name:
            store.write(entry.name.replace("-s2.", "-mine."), store.read(entry.name))
            store.delete([entry.name])
    history = History(store)
    for _ in range(2):
        assert history.runs(run_ids=["r2b"]).num_rows == 1
        assert history.stages(run_ids=["r2b"]).num_rows == 2
        assert history.runs().num_rows == 18
    assert "r2b" in history.last_accepted("test_1")["run_id"].to_pylist()


def test_a_run_is_looked_up_and_opens_the_files_of_its_session(store: MemoryStore) -> None:
    assert History(store).spans(run_ids=["r2b", "r4a", "unknown"]).num_rows == 6
    assert touched(store, "spans") == {"s2", "s4"}
    assert History(store).spans(run_ids=["unknown"]).num_rows == 0
    assert History(store).spans(run_ids=[]).num_rows == 0


def test_only_row_groups_of_the_time_in_question_are_read(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(encoding._ROWS_A_GROUP, "spans", 9)
    compact(store, everything=True)
    read: list[tuple[Any, ...]] = []
    plain = reader.read_rows.__globals__["read_columns"]

    def spy(file: pq.ParquetFile, table: str, columns: Any, groups: Any = None) -> Any:
        read.append((table, groups))
        return plain(file, table, columns, groups)

    monkeypatch.setitem(reader.read_rows.__globals__, "read_columns", spy)
    assert History(store).spans(run_ids=["r2b"])["run_id"].to_pylist() == ["r2b"] * 3
    assert [groups for table, groups in read if table == "spans"] == [[2], [2]]


def test_columns_and_values_are_chosen(store: MemoryStore) -> None:
    for compacted in (False, True):
        if compacted:
            compact(store, everything=True)
        history = History(store)
        found = history.spans(run_ids=["r1a", "r3c"], stage="stage_1", columns=("wall_ns", "run_id"))
        assert found.column_names == ["wall_ns", "run_id"]
        assert found.to_pylist() == [{"wall_ns": 1, "run_id": "r1a"}, {"wall_ns": 1, "run_id": "r3c"}]
        assert history.stages(columns=["stage"], stage="stage_1").num_rows == 18
        assert history.runs(columns=["test_id"], run_ids=["r1b"]).to_pylist() == [{"test_id": "test_1"}]
        assert history.runs(session_ids=["s5"], test_id="test_2")["run_id"].to_pylist() == ["r5c"]
        assert history.runs(branches=["other"]).num_rows == 0
        assert history.runs(run_ids=["r4a", "r0c"]).column_names == TABLES["runs"].names
        assert history.runs(run_ids=["r4a", "r0c"])["run_id"].to_pylist() == ["r0c", "r4a"]
    with pytest.raises(UsageError, match="colour"):
        history.spans(columns=["colour"])


def test_compacted_and_loose_files_are_searched_together(store: MemoryStore) -> None:
    compact(store, everything=True)
    keep_session(store, "s7", ["r7a", "r7b"], second=700)
    for history in (History(store), History(store)):
        for _ in range(2):
            found = history.runs(test_id="test_1", fingerprint="f", columns=["started_at", "run_id"])
            assert found["run_id"].to_pylist() == [*(f"r{number}b" for number in range(6)), "r7b"]
        spans = history.spans(run_ids=found["run_id"].to_pylist(), stage="stage_2", columns=["wall_ns", "run_id"])
        assert spans["run_id"].to_pylist() == found["run_id"].to_pylist()
        assert history.stages(run_ids=["r7a", "r1c"], stage="stage_0")["run_id"].to_pylist() == ["r1c", "r7a"]


def test_runs_come_oldest_first_whatever_the_files_are_called(tmp_path: Path) -> None:
    keep_session(TableFiles(History(tmp_path).store).store, "late", ["r1"], second=50)
    tables = session_rows("early", ["r0"], START_US - 5_000_000)
    write_tables(tmp_path, tables, session_id="early", started_us=START_US + 99_000_000)
    assert History(tmp_path).runs()["run_id"].to_pylist() == ["r0", "r1"]


def test_the_last_accepted_runs_of_a_test(store: MemoryStore) -> None:
    write_decision(store, "r3a", False, decided_us=START_US + 10**9)
    write_decision(store, "r3a", pinned=True, decided_us=START_US + 2 * 10**9)
    about = {"test_id": "test_0", "accepted": True, "branch": "feature", "session_id": "s9"}
    more = [
        {**about, "run_id": "f1", "started_at": START_US + 10**9, "fingerprint": "f"},
        {**about, "run_id": "m1", "started_at": START_US + 10**9, "fingerprint": "other", "branch": "main"},
        {**about, "run_id": "u1", "started_at": START_US + 2 * 10**9, "fingerprint": "f", "accepted": None},
    ]
    write_tables(store, {"runs": rows("runs", more)}, session_id="s9", started_us=START_US + 10**9)
    history = History(store)
    for _ in range(2):
        assert history.last_accepted("test_0")["run_id"].to_pylist() == ["r0a", "r1a", "r2a", "r4a", "r5a", "f1", "m1"]
        of_machine = history.last_accepted("test_0", fingerprint="f", branches=["main"], count=2, columns=["run_id"])
        assert of_machine.to_pylist() == [{"run_id": "r4a"}, {"run_id": "r5a"}]
        assert history.last_accepted("test_0", latency=True)["run_id"].to_pylist()[-1] == "r5a"
        assert history.last_accepted("unknown").num_rows == 0
        compact(store, everything=True)


def test_each_question_has_its_latest_decision(store: MemoryStore) -> None:
    write_decision(store, "r1a", pinned=True, decided_us=START_US + 1)
    write_decision(store, "r1a", True, decided_us=START_US + 2)
    write_decision(store, "r2a", False, pinned=True, decided_us=START_US + 3)
    write_decision(store, "r2a", pinned=False, decided_us=START_US + 4)
    decisions = History(store).decisions()
    assert decisions["r1a"] == (True, START_US + 2, True)
    assert decisions["r2a"] == (False, START_US + 3, False)


def test_what_is_kept_meanwhile_is_seen(store: MemoryStore) -> None:
    history = History(store)
    assert history.runs().num_rows == history.runs(test_id="test_0").num_rows * 3 == 18
    keep_session(store, "s7", ["new"], second=700)
    assert history.runs().num_rows == 19
    assert history.runs(test_id="test_0")["run_id"].to_pylist()[-1] == "new"
    compact(store, everything=True)
    assert history.runs().num_rows == 19
    assert shown(history) == shown(History(store))


def test_files_read_once_are_not_read_again(store: MemoryStore) -> None:
    history = History(store)
    for number in range(2):
        history.runs(test_id=f"test_{number}")
    store.opened.clear()
    history.runs(test_id="test_2", columns=["run_id", "started_at"])
    history.decisions()
    assert store.opened == []


@pytest.mark.parametrize("table", ["runs", "spans", "stages"])
def test_files_that_vanish_while_they_are_read_were_replaced(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    history = History(store)
    plain = store.files
    compactions = 0

    def listed_before_a_compaction(folder: str, *, recursive: bool = False) -> Any:
        nonlocal compactions
        found = plain(folder, recursive=recursive)
        if folder.endswith(table) and compactions < 3:
            compactions += 1
            with monkeypatch.context() as once:
                once.setattr(store, "files", plain)
                keep_session(store, f"more{compactions}", [f"more{compactions}"], second=1_000)
                compact(store, everything=True)
        return found

    monkeypatch.setattr(store, "files", listed_before_a_compaction)
    counted = Counter(getattr(history, table)()["run_id"].to_pylist())
    assert compactions == 3
    assert {f"r{number}{letter}" for number in range(6) for letter in "abc"} <= counted.keys()
    assert set(counted.values()) == {ROWS_OF[table]}


def test_files_that_are_listed_and_never_there_are_told(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "read", lambda name: (_ for _ in ()).throw(FileNotFoundError(name)))
    monkeypatch.setattr(store, "open", lambda name: (_ for _ in ()).throw(FileNotFoundError(name)))
    with pytest.raises(HistoryError, match="is listed, but is not there"):
        History(store).runs()


def test_long_lists_of_files_are_made_twice(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_vizart.history.files._LISTED_AT_ONCE", 3)
    plain, cut = store.files, [True]

    def torn_at_first(folder: str, *, recursive: bool = False) -> Any:
        return plain(folder)[3:] if cut and cut.pop() else plain(folder)

    monkeypatch.setattr(store, "files", torn_at_first)
    assert History(store).runs().num_rows == 18


def test_a_place_that_cannot_be_listed_is_told(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: str, *, recursive: bool = False) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store, "files", refuse)
    with pytest.raises(HistoryError, match=r"memory://kept/metrics/runs: the history cannot be listed.*Permission"):
        History(store).runs()


def test_rows_of_sessions_that_bear_another_name_are_found(tmp_path: Path) -> None:
    tables = session_rows("inside", ["r1"], START_US)
    (path, *_) = write_tables(tmp_path, tables, session_id="outside", started_us=START_US)
    assert "-@outside." in path
    history = History(tmp_path)
    assert history.spans(run_ids=["r1"]).num_rows == history.spans(session_ids=["inside"]).num_rows == 3
    assert history.spans(session_ids=["outside"]).num_rows == 0
    assert history.runs(session_ids=["inside"]).num_rows == 1


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=300), st.integers(-(2**62), 2**62))
def test_any_session_gets_names_that_tell_of_it(session_id: str, started_us: int) -> None:
    stem = choose_stem(session_id, started_us)
    assert re.fullmatch(r"\d{8}T\d{6}-[A-Za-z0-9_-]{1,100}\.[0-9a-f]{6}", stem)
    store = MemoryStore()
    write_tables(store, {"runs": rows("runs", [{"run_id": "r", "session_id": session_id, "started_at": 1}]),
                         "spans": rows("spans", [{"run_id": "r", "span_id": 1}])},
                 session_id=session_id, started_us=started_us)  # fmt: skip
    history = History(store)
    assert history.spans(run_ids=["r"]).num_rows == history.spans().num_rows == 1


def test_a_stem_names_the_files_and_writing_again_replaces_them(tmp_path: Path) -> None:
    for _ in range(2):
        tables = session_rows("s1", ["r1"], START_US)
        write_tables(tmp_path, tables, session_id="s1", started_us=START_US, stem="20250615T150640-s1.abcdef")
    assert [path.name for path in (tmp_path / "metrics" / "runs").iterdir()] == ["20250615T150640-s1.abcdef.parquet"]
    assert shown(History(tmp_path)) == expected({"r1"})


def test_names_of_all_kinds_are_kept_and_found(tmp_path: Path) -> None:
    hostile = ["../up", "new\nline", "\x1b[31mred", "a|b", "x" * 300, "\udce9 half", "ünï", "'; drop table", ""]
    values = [
        {"run_id": f"r{at}", "session_id": "s", "test_id": name, "stage": name} for at, name in enumerate(hostile)
    ]
    started = [{**value, "started_at": START_US} for value in values]
    tables = {"runs": rows("runs", started), "stages": rows("stages", values)}
    write_tables(tmp_path, tables, session_id="s", started_us=START_US)
    for _ in range(2):
        history = History(tmp_path)
        for at, name in enumerate(hostile):
            shown_name = name if at != 5 else "\\udce9 half"
            assert history.runs(test_id=shown_name)["run_id"].to_pylist() == [f"r{at}"]
            assert history.stages(stage=shown_name)["run_id"].to_pylist() == [f"r{at}"]
        assert history.stages(stage="\udce9").num_rows == 0
        keep_session(history.store, "t", ["more"], second=5)
        compact(history.store, everything=True)


def test_the_files_of_a_table_are_told_for_other_programs(tmp_path: Path) -> None:
    store = History(tmp_path).store
    keep_session(store, "s1", ["r1"])
    keep_session(store, "s2", ["r2"], second=1)
    compact(store, everything=True)
    keep_session(store, "s3", ["r3"], second=2)
    files = History(tmp_path).files("runs")
    assert [pq.read_metadata(path).num_rows for path in files] == [2, 1]
    assert History(tmp_path).files("gpu") == []
    with pytest.raises(UsageError, match="no such table"):
        History(tmp_path).files("colours")


def test_the_examples_of_the_storage_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb")
    page = (Path(__file__).parents[2] / "docs" / "storage.md").read_text(encoding="utf-8")
    own, by_duckdb, *_ = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    store = History(tmp_path / ".vizart").store
    keep_session(store, "s1", ["r1"])
    compact(store, everything=True)
    for path in (FIXTURES / "v3" / "metrics").rglob("*.parquet"):
        copy = tmp_path / ".vizart" / path.relative_to(FIXTURES / "v3")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    keep_session(store, "s2", ["r2"], second=9)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"History": History}
    exec(own, names)
    assert names["stages"].column_names == ["run_id", "stage", "wall_p95_ns"]
    found = by_duckdb.replace("duckdb.execute(", "found = duckdb.execute(")
    exec(found, names)
    assert [stage for stage, _ in names["found"]] == ["stage_0", "stage_1"]


def test_small_files_are_opened_without_making_out_nested_columns(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The method that is left out is pyarrow's own: under another name nothing would be left out any more."""
    made_out: list[int] = []
    plain = pq.ParquetFile._build_nested_paths
    monkeypatch.setattr(pq.ParquetFile, "_build_nested_paths", lambda file: made_out.append(1) or plain(file))
    assert History(store).spans().num_rows == 54
    assert not made_out
    compact(store, everything=True)
    assert History(store).spans().num_rows == 54
    assert made_out
