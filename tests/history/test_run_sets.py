"""IDs of runs are not read in other tables where the ends of files tell enough, and only there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.history.compaction import compact, remove_runs
from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.parquet_file import RunSet
from pytest_vizart.history.reader import History
from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.run_sets import each_row_counts
from pytest_vizart.history.writer import write_tables
from pytest_vizart.profiling.analysis.stats import stage_stats
from tests.history.builders import START_US, a_run, a_session
from tests.history.memory_store import MemoryStore
from tests.history.sessions import ROWS_OF, keep_session


@pytest.fixture
def store() -> MemoryStore:
    """Three sessions, compacted, and one that lies loose."""
    kept = MemoryStore()
    for number in range(3):
        keep_session(kept, f"s{number}", [f"r{number}a", f"r{number}b"], second=number)
    compact(kept, everything=True)
    keep_session(kept, "s3", ["r3"], second=3)
    return kept


def loose_name(store: MemoryStore, table: str) -> str:
    return next(entry.name for entry in store.files(f"metrics/{table}") if "/c" not in entry.name)


def stages_of(count: int) -> int:
    return count * ROWS_OF["stages"]


def columns_read(history: History, monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], int]:
    """Return the columns that a question for the names of all stages reads, and the number of rows it has."""
    seen: set[str] = set()
    parquet_file = pq.ParquetFile

    class Watched(parquet_file):  # type: ignore[misc, valid-type]
        def read(self, columns: Sequence[str], **options: object) -> pa.Table:
            if "stage" in columns:
                seen.update(columns)
            return super().read(columns=columns, **options)

    with monkeypatch.context() as patch:
        patch.setattr(pq, "ParquetFile", Watched)
        return seen, history.stages(columns=["stage"]).num_rows


def test_a_set_is_known_by_two_numbers() -> None:
    assert RunSet.of({"a", "b"}) == RunSet.of(["b", "a"]) == RunSet.of({"a"}) + RunSet.of({"b"})
    assert len({RunSet.of(each) for each in ((), ("a",), ("b",), ("a", "b"), ("a", "c"), ("\udc80",))}) == 6


def test_no_ids_are_read_where_the_ends_of_files_tell(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert columns_read(History(store), monkeypatch) == ({"stage"}, stages_of(7))


def _half_removed(store: MemoryStore) -> int:
    """As if it was killed when the runs were gone and their stages were not."""
    (stages,) = (entry.name for entry in store.files("metrics/stages") if "/c" in entry.name)
    payload = store.content[stages]
    remove_runs(store, ["r1a"])
    for entry in store.files("metrics/stages"):
        if "/c" in entry.name:
            store.delete([entry.name])
    store.write(stages, payload)
    return 6


def _without_runs_loose(store: MemoryStore) -> int:
    store.delete([loose_name(store, "runs")])
    return 6


def _brought_twice(store: MemoryStore) -> int:
    """The same session once more, as a copy of a folder has it."""
    for table in ("runs", "stages"):
        name = loose_name(store, table)
        store.write(name.replace(".parquet", "x.parquet"), store.read(name))
    return 7


def _runs_compacted_alone(store: MemoryStore) -> int:
    stages = loose_name(store, "stages")
    payload = store.content[stages]
    store.delete([stages])
    compact(store, everything=True)
    store.write(stages.replace(".parquet", "x.parquet"), payload)
    return 7


def _unreadable_runs(store: MemoryStore) -> int:
    (runs,) = (entry.name for entry in store.files("metrics/runs") if "/c" in entry.name)
    store.write(runs, store.read(runs)[:-8])
    return 7


@pytest.mark.filterwarnings("ignore::pytest_vizart.errors.VizartWarning")
@pytest.mark.parametrize(
    "change", [_half_removed, _without_runs_loose, _brought_twice, _runs_compacted_alone, _unreadable_runs]
)
def test_else_ids_are_read_and_each_row_of_a_kept_run_is_shown_once(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, change: Callable[[MemoryStore], int]
) -> None:
    runs = change(store)
    read, rows = columns_read(History(store), monkeypatch)
    assert "run_id" in read
    assert rows == stages_of(runs)


def test_a_run_in_two_files_of_other_times_is_shown_once(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """As two imports that overlap leave it: names of files are no proof."""
    for entry in store.files("metrics", recursive=True):
        if "-s3." in entry.name:
            store.write(entry.name.replace("20250615T150643-s3.", "20250616T000000-s9."), store.read(entry.name))
    read, rows = columns_read(History(store), monkeypatch)
    assert "run_id" in read
    assert rows == stages_of(7)
    compact(store, min_loose=2)
    assert columns_read(History(store), monkeypatch)[1] == stages_of(7)


def test_what_is_told_is_asked_of_the_files_that_are_read(store: MemoryStore) -> None:
    """A clean-up may write between two listings: those that were replaced must not pass for the new ones."""
    files = TableFiles(store)
    live = files.listing("stages").live
    assert each_row_counts(files, live)
    remove_runs(store, ["r1a"])
    assert not each_row_counts(files, live)
    assert each_row_counts(files, files.listing("stages").live)
    assert not each_row_counts(files, files.listing("leaks").live), "which has no rows of these runs"


def test_stages_that_turn_out_to_be_damaged_are_made_up_from_spans_at_once() -> None:
    store = MemoryStore()
    for session in (a_session("s1"), a_session("s2", started_us=START_US + 1_000_000)):
        run = a_run(f"r{session.session_id}", session.session_id)
        tables = session_tables(session, [replace(run, stages=stage_stats(run.spans))])
        write_tables(store, tables, session_id=session.session_id, started_us=session.started_us)
    before = History(store).stages(columns=["run_id", "wall_median_ns"])
    compact(store, everything=True)
    (stages,) = (entry.name for entry in store.files("metrics/stages"))
    payload = bytearray(store.read(stages))
    group = pq.read_metadata(store.open(stages)).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    (damaged,) = (column for column in columns if column.path_in_schema == "wall_median_ns")
    payload[damaged.data_page_offset + damaged.total_compressed_size - 1] ^= 0xFF
    store.write(stages, bytes(payload))
    history = History(store)
    with pytest.warns(VizartWarning, match="cannot be read"):
        first = history.stages(columns=["run_id", "wall_median_ns"])
    assert first.to_pylist() == history.stages(columns=["run_id", "wall_median_ns"]).to_pylist() == before.to_pylist()


def test_rows_without_columns_are_counted(store: MemoryStore) -> None:
    assert History(store).stages(columns=[]).num_rows == stages_of(7)


def test_a_wrong_bit_in_what_is_told_is_noticed(store: MemoryStore) -> None:
    (stages,) = (entry.name for entry in store.files("metrics/stages") if "/c" in entry.name)
    payload = store.read(stages)
    at = payload.index(b"vizart_runs") + len("vizart_runs") + 4
    store.write(stages, payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :])
    with pytest.warns(VizartWarning, match="its end is damaged"):
        assert History(store).stages().num_rows == stages_of(1)
