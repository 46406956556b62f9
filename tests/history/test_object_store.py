"""A history in an object store: written, read, compacted and cleaned, against a real S3 server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pytest_vizart.errors import HistoryError, VizartWarning
from pytest_vizart.history.compaction import compact, remove_runs
from pytest_vizart.history.reader import History
from pytest_vizart.history.rows import session_tables
from pytest_vizart.history.writer import write_decision, write_tables
from pytest_vizart.storage.object_store import ObjectStore
from tests.history.builders import START_US, a_run, a_session
from tests.history.sessions import expected, keep_session, shown
from tests.storage.s3_server import S3Server, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as started:
        yield started


def test_a_session_is_kept_and_read_by_url(server: S3Server, tmp_path: Path) -> None:
    url = server.url("session")
    tables = session_tables(a_session(), [a_run()])
    written = write_tables(url, tables, session_id="s1", started_us=START_US)
    assert written[-1].startswith("s3://kept/session/metrics/runs/20250615T150640-s1.")
    write_decision(url, "r1", False, pinned=True, decided_us=START_US + 1)
    write_tables(tmp_path, tables, session_id="s1", started_us=START_US)
    history, local = History(url), History(tmp_path)
    assert history.decisions()["r1"] == (False, START_US + 1, True)
    assert history.runs()["accepted"].to_pylist() == [False]
    for table in ("spans", "accuracy", "outcomes"):
        assert getattr(history, table)().to_pylist() == getattr(local, table)().to_pylist()


def test_it_is_compacted_and_cleaned(server: S3Server) -> None:
    store = ObjectStore(server.url("compacted"))
    for number in range(2):
        keep_session(store, f"s{number}", [f"r{number}", f"q{number}"], second=number)
    before = History(store).spans().to_pylist()
    assert compact(store, everything=True).files_after == 4
    assert History(store).spans().to_pylist() == before
    assert remove_runs(store, ["r1", "q0"]).runs == 2
    assert shown(History(store)) == expected({"r0", "q1"})
    (path,) = History(store).files("spans")
    assert path.startswith("s3://kept/compacted/metrics/spans/c1-")


def test_readers_see_each_row_once_while_it_is_compacted(server: S3Server) -> None:
    store = ObjectStore(server.url("beside"))
    keep_session(store, "first", ["f"])
    runs = {"f"}
    seen: list[object] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            history = History(server.url("beside"))
            counted = [len(set(ids)) * 3 == len(ids) for ids in (history.spans()["run_id"].to_pylist(),)]
            seen.extend(counted)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2):
        keep_session(store, f"s{number}", [f"r{number}"], second=number)
        runs.add(f"r{number}")
        compact(store, everything=True)
    stop.set()
    reader.join()
    assert seen
    assert all(seen)
    assert shown(History(store)) == expected(runs)


def test_a_damaged_object_is_told_and_the_rest_is_read(server: S3Server) -> None:
    store = ObjectStore(server.url("damaged"))
    for number in range(3):
        keep_session(store, f"s{number}", [f"r{number}"], second=number)
    name = store.files("metrics/spans")[1].name
    store.write(name, store.read(name)[:500])
    with pytest.warns(VizartWarning, match="s3://kept/damaged/metrics/spans/.*-s1"):
        assert set(History(store).spans()["run_id"].to_pylist()) == {"r0", "r2"}


def test_an_empty_prefix_is_an_empty_history(server: S3Server) -> None:
    assert History(server.url("nothing")).runs().num_rows == 0
    assert compact(ObjectStore(server.url("nothing")), everything=True).files_after == 0


def test_a_bucket_that_is_not_there_is_told(server: S3Server) -> None:
    url = server.url("x", bucket="absent")
    with pytest.raises(HistoryError, match=r"s3://absent/x/metrics/runs: the history cannot be listed .*no bucket"):
        History(url).runs()
    with pytest.raises(HistoryError, match="s3://absent/x/metrics"):
        write_decision(url, "r1", True, decided_us=START_US)
    with pytest.raises(HistoryError, match="s3://absent/x"):
        compact(ObjectStore(url))


def test_a_server_that_goes_away_is_told() -> None:
    with s3_server() as other:
        store = ObjectStore(f"{other.url('x')}&connect_timeout=1")
        keep_session(store, "s1", ["r1"])
        history = History(store)
        assert history.runs().num_rows == 1
        other.stop()
        for attempt in (history.runs, History(store).spans, lambda: keep_session(store, "s2", ["r2"])):
            with pytest.raises(HistoryError, match="s3://kept/x"):
                attempt()
        with pytest.raises(HistoryError, match="s3://kept/x"):
            compact(store)


def test_what_lies_there_is_plain_parquet(server: S3Server) -> None:
    store = ObjectStore(server.url("plain"))
    keep_session(store, "s1", ["r1"])
    with store.open(store.files("metrics/runs")[0].name) as file:
        assert pq.read_table(file)["run_id"].to_pylist() == ["r1"]
