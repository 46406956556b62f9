"""Files of earlier schema versions, as their own writers wrote them, stay readable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pytest_vizart.errors import VizartWarning
from pytest_vizart.history.compaction import compact
from pytest_vizart.history.reader import History
from pytest_vizart.history.records import leaks_of, measure_table, span_table
from pytest_vizart.history.rows import as_table
from pytest_vizart.history.schema import TABLES
from pytest_vizart.history.writer import write_decision
from pytest_vizart.records.span import CALIBRATION_STAGE, SpanTable
from pytest_vizart.storage.folder import FolderStore
from tests.history.builders import START_US
from tests.history.sessions import keep_session, rows

V1 = Path(__file__).parent / "fixtures" / "v1"
V2 = Path(__file__).parent / "fixtures" / "v2"
V3 = Path(__file__).parent / "fixtures" / "v3"


@pytest.fixture
def history() -> History:
    return History(V1)


def test_the_files_are_what_they_claim_to_be() -> None:
    for path in (V1 / "metrics").rglob("*.parquet"):
        schema = pq.read_schema(path)
        assert schema.metadata[b"vizart_schema_version"] == b"1"
    columns = set(pq.read_schema(next((V1 / "metrics" / "spans").iterdir())).names)
    assert not columns & {"span_id", "parent_id", "process", "offset_ns", "self_ns", "rss_peak", "gpu_ns"}


def test_every_table_of_version_1_is_read_with_the_columns_of_today(history: History) -> None:
    for name in ("runs", "spans", "accuracy", "outcomes", "measures", "outputs", "leaks", "gpu"):
        assert getattr(history, name)().schema.names == TABLES[name].names
    runs = {row["run_id"]: row["accepted"] for row in history.runs().to_pylist()}
    assert runs == {"v1-run-1": True, "v1-run-2": True}  # the second by a decision
    assert history.accuracy()["metric"].to_pylist() == ["accuracy", "f1", "accuracy", "f1"]
    assert history.outcomes(status="correct").num_rows == 4
    assert history.spans()["rss_peak"].null_count == history.spans().num_rows == 27
    assert history.measures().num_rows == history.outputs().num_rows == history.gpu().num_rows == 0


def _own_spans(history: History) -> SpanTable:
    return span_table(history.spans(run_ids=["v1-run-1"]))


def test_spans_of_version_1_are_numbered_nested_and_placed(history: History) -> None:
    spans = _own_spans(history)
    assert spans.span_id == list(range(25))
    stage_of = dict(zip(spans.span_id, spans.stage, strict=True))
    assert [None if parent is None else stage_of[parent] for parent in spans.parent_id] == spans.parent
    assert [spans.sample_id[row] for row in range(25) if spans.stage[row] == "detect"] == ["a", "a", "b", "a", "b"]
    for row, parent in enumerate(spans.parent_id):
        if parent is not None:
            assert spans.offset_ns[parent] <= spans.offset_ns[row]
            end, outer_end = (spans.offset_ns[at] + spans.wall_ns[at] for at in (row, parent))
            assert end <= outer_end
    detect = spans.stage.index("detect")
    assert spans.self_ns[detect] == 800_000
    assert spans.offset_ns[spans.stage.index(CALIBRATION_STAGE)] == 0
    assert spans.rss_peak == [None] * 25
    assert spans.error[-2:] == ["ValueError", "ValueError"]


def test_what_version_1_never_had_is_empty(history: History) -> None:
    assert len(measure_table(history.measures())) == 0
    assert leaks_of(history.leaks()) == ()


def test_version_2_is_read_with_the_columns_of_today() -> None:
    for path in (V2 / "metrics").rglob("*.parquet"):
        assert pq.read_schema(path).metadata[b"vizart_schema_version"] == b"2"
    history = History(V2)
    for name in ("runs", "spans", "accuracy", "subsets", "outcomes", "measures", "outputs", "leaks", "gpu"):
        assert getattr(history, name)().schema.names == TABLES[name].names
    outcomes = history.outcomes()
    assert outcomes["sample_id"].to_pylist() == ["a", "b"]
    for name in ("severity", "measures", "errors", "missed", "false_positives"):
        assert outcomes[name].null_count == 2
    assert history.subsets().num_rows == 0
    assert len(span_table(history.spans())) == 2
    assert len(leaks_of(history.leaks())) == history.leaks().num_rows > 0


def test_version_3_is_read_with_the_columns_of_today() -> None:
    for path in (V3 / "metrics").rglob("*.parquet"):
        assert pq.read_schema(path).metadata[b"vizart_schema_version"] == b"3"
    history = History(V3)
    for name in ("runs", "spans", "accuracy", "subsets", "outcomes", "measures", "outputs", "leaks", "gpu"):
        assert getattr(history, name)().schema.names == TABLES[name].names
    runs = {row["run_id"]: (row["accepted"], row["models"]) for row in history.runs().to_pylist()}
    assert runs == {"v3-run-1": (True, None), "v3-run-2": (True, None)}  # the second by a decision
    worst = history.outcomes(run_ids=["v3-run-1"], stage="detect").to_pylist()[0]
    assert (worst["severity"], worst["missed"], worst["artifacts"]) == (0.75, ["coin 0 1 9 8"], None)
    spans = span_table(history.spans(run_ids=["v3-run-1"]))
    assert (spans.self_ns[3], spans.paused_ns[3], spans.rss_peak[3]) == (3_000_000, None, 150_000_000)


def test_recursion_keeps_its_levels_apart() -> None:
    columns: dict[str, list[Any]] = {name: [None] * 3 for name in TABLES["spans"].names}
    columns["stage"] = ["walk"] * 3  # the innermost ends first
    columns["parent"] = ["walk", "walk", None]
    columns["started_us"], columns["wall_ns"] = [20, 10, 0], [5_000, 30_000, 50_000]
    spans = span_table(as_table("spans", columns))
    assert spans.parent_id == [1, 2, None]
    assert spans.self_ns == [5_000, 25_000, 20_000]


def _not_text(count: int) -> pa.Array:
    offsets = pa.py_buffer(np.arange(0, 2 * count + 1, 2, dtype=np.int32).tobytes())
    return pa.Array.from_buffers(pa.string(), count, [None, offsets, pa.py_buffer(b"\xff\xfe" * count)])


@pytest.mark.parametrize(
    ("table", "column", "damaged"),
    [
        ("runs", "run_id", _not_text(2)),
        ("runs", "run_id", pa.array(["v3-run-1", None])),
        ("runs", "test_id", pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), _not_text(2), safe=False)),
        ("runs", "branch", _not_text(2)),
        ("decisions", "run_id", _not_text(2)),
        ("decisions", "decided_at", pa.array([2**62, None], pa.timestamp("us", "UTC"))),
    ],
)
def test_a_wrong_bit_in_an_older_file_without_checksums_is_told(
    tmp_path: Path, table: str, column: str, damaged: pa.Array
) -> None:
    keep_session(FolderStore(tmp_path), "s1", ["r1"])
    write_decision(tmp_path, "r1", True, decided_us=START_US)
    path = tmp_path / "metrics" / table / "20250615T150640-old.parquet"
    values = rows(table, [{"run_id": name, "decided_at": START_US, "started_at": START_US} for name in "ab"])
    old = values.set_column(values.schema.get_field_index(column), column, damaged)
    pq.write_table(old.replace_schema_metadata({"vizart_schema_version": "3"}), path)
    history = History(tmp_path)
    with pytest.warns(VizartWarning) as told:
        assert [run["run_id"] for run in history.runs().to_pylist()] == ["r1"]
        assert list(history.decisions()) == ["r1"]
        compact(FolderStore(tmp_path), everything=True)
    assert all(str(path) in str(each.message) for each in told)
    assert len({str(each.message) for each in told}) == 1
    assert path.exists()
