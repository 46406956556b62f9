"""Stages of runs that older versions kept, computed from their spans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_vizart.history.compaction import compact
from pytest_vizart.history.reader import History
from pytest_vizart.history.records import span_table
from pytest_vizart.history.rows import rounded_time, session_tables
from pytest_vizart.history.schema import TABLES
from pytest_vizart.history.writer import write_tables
from pytest_vizart.profiling.analysis.stats import stage_stats
from tests.history.builders import START_US, a_run, a_session
from tests.history.memory_store import MemoryStore
from tests.history.sessions import keep_session, rows, touched

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_stages_of_older_versions_are_computed_from_spans(version: str) -> None:
    history = History(FIXTURES / version)
    for row in history.runs(columns=["run_id", "session_id"]).to_pylist():
        found = history.stages(run_ids=[row["run_id"]])
        assert found.num_rows > 0
        assert found.schema.names == TABLES["stages"].names
    assert set(history.stages()["run_id"].to_pylist()) == set(history.runs()["run_id"].to_pylist())


def test_computed_stages_are_what_would_have_been_kept() -> None:
    spans = span_table(History(FIXTURES / "v3").spans(run_ids=["v3-run-1"]))
    run = replace(a_run("v3-run-1", "v3-session"), spans=spans, stages=stage_stats(spans))
    kept = session_tables(a_session("v3-session"), [run])["stages"].to_pylist()
    computed = History(FIXTURES / "v3").stages(run_ids=["v3-run-1"]).to_pylist()
    assert computed == kept
    assert History(FIXTURES / "v3").stages(stage="decode")["wall_median_ns"][0].as_py() == rounded_time(1_000_000)


def test_stages_of_older_and_newer_runs_stand_side_by_side(tmp_path: Path) -> None:
    for path in (FIXTURES / "v3" / "metrics").rglob("*.parquet"):
        copy = tmp_path / path.relative_to(FIXTURES / "v3")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    store = History(tmp_path).store
    keep_session(store, "new", ["n1"], second=500)
    for _ in range(2):
        history = History(tmp_path)
        assert set(history.stages()["run_id"].to_pylist()) == {"v3-run-1", "v3-run-2", "n1"}
        assert set(history.stages(run_ids=["n1", "v3-run-2"])["run_id"].to_pylist()) == {"v3-run-2", "n1"}
        assert history.stages(stage="detect")["run_id"].to_pylist() == ["v3-run-1", "v3-run-2"]
        compact(store, everything=True)


def test_that_a_run_has_no_stages_is_found_out_once(store: MemoryStore) -> None:
    write_tables(store, {"runs": rows("runs", [{"run_id": "bare", "session_id": "b", "started_at": START_US}])},
                 session_id="b", started_us=START_US)  # fmt: skip
    history = History(store)
    assert history.stages(run_ids=["bare"]).num_rows == 0
    store.opened.clear()
    assert history.stages(run_ids=["bare"]).num_rows == 0
    assert not touched(store, "spans")
