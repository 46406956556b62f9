"""`vizart sql`, and the tables read by other programs as they lie there."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pytest_vizart.cli.sql import sql
from pytest_vizart.history.reader import History
from pytest_vizart.history.schema import TABLES
from pytest_vizart.history.writer import write_decision
from pytest_vizart.storage.folder import FolderStore
from tests.cli.histories import HOSTILE, keep, run_with, vizart
from tests.history.builders import START_US

duckdb = pytest.importorskip("duckdb")

V1 = Path(__file__).parents[1] / "history" / "fixtures" / "v1"
SLOWEST = (
    "select stage, median(wall_median_ns) / 1e6 as ms from stages join runs using (run_id) "
    "where branch = 'main' group by stage order by ms desc"
)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "it's [1] kept*"  # no path is SQL, and none is a pattern
    keep(folder, "s1", run_with("r1", {"decode": 1, "detect": 4}, metrics={"map": 0.5}, statuses={HOSTILE: "wrong"}))
    keep(folder, "s2", run_with("r2", {"decode": 1, "detect": 6}), day=1)
    return folder


def rows(output: Path, query: str) -> list[dict[str, Any]]:
    result = vizart(sql, output, query, "--json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.output)["rows"]
    return found


def test_fr_004_the_tables_are_asked_in_sql(output: Path) -> None:
    (detect, decode) = rows(output, SLOWEST)
    assert detect == {"stage": "detect", "ms": pytest.approx(5, rel=1e-3)}
    assert decode["stage"] == "decode"
    (row,) = rows(output, "select sample_id, input_path from outcomes")
    assert row["sample_id"] == HOSTILE


def test_every_table_is_there_with_all_its_columns_also_without_a_row(output: Path) -> None:
    found = rows(output, "select table_name, list(column_name) as columns from information_schema.columns "
                         "where table_schema = 'main' group by table_name")  # fmt: skip
    assert {row["table_name"]: row["columns"] for row in found} == {name: each.names for name, each in TABLES.items()}
    assert rows(output, "select * from gpu") == []


def test_files_of_older_versions_are_joined_with_new_ones(output: Path) -> None:
    for path in V1.rglob("*.parquet"):
        place = output / path.relative_to(V1)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    (found,) = rows(output, "select count(*) as n, count(models) as m, count(distinct version) as v from runs")
    assert found["n"] > 2
    (spans,) = rows(output, "select count(*) as n, count(span_id) as numbered from spans")
    assert spans["n"] > spans["numbered"] > 0


def test_rows_of_runs_that_are_not_kept_are_not_shown(output: Path) -> None:
    next(path for path in (output / "metrics" / "runs").iterdir() if "-s2." in path.name).unlink()
    assert rows(output, "select distinct run_id from stages") == [{"run_id": "r1"}]


def test_where_runs_are_damaged_other_tables_are_shown(output: Path) -> None:
    for path in (output / "metrics" / "runs").iterdir():
        column = pq.read_metadata(path).row_group(0).column(0)
        payload = bytearray(path.read_bytes())
        payload[column.data_page_offset + column.total_compressed_size - 1] = 0xFF
        path.write_bytes(payload)
    assert rows(output, "select count(*) as n from stages") == [{"n": 4}]


def test_a_table_csv_and_times(output: Path) -> None:
    lines = vizart(sql, output, "select run_id, started_at, samples from runs order by 1").output.splitlines()
    assert lines[1].split() == ["r1", "2025-06-15T15:06:40+00:00", "2"]
    text = vizart(sql, output, "select 1 as a, 2 as a, null as b, sum(samples) as s from runs", "--csv").output
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "a_2", "b", "s"], ["1", "2", "", "4"]]
    assert rows(output, "select sum(samples) as s, 1.5::decimal(9,2) as d, [1, 2] as l from runs") == [
        {"s": 4, "d": 1.5, "l": [1, 2]}
    ]


def test_a_long_answer_is_cut_for_people_only(output: Path) -> None:
    assert (
        vizart(sql, output, "select * from range(500)").output.splitlines()[-1] == "... 300 more rows (--csv, --json)"
    )
    assert len(rows(output, "select * from range(500)")) == 500


@pytest.mark.parametrize(
    "query",
    [
        "copy runs to 'x.csv'", "explain analyze copy runs to 'x.csv'", "create table t (a int)", "drop view runs",
        "select 1; select 2", "", ";", "attach 'x.db'", "install httpfs", "set enable_external_access = true",
        "pragma version", "insert into empty.runs (run_id) values ('x')",
    ],
)  # fmt: skip
def test_nothing_but_one_select(output: Path, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(output)
    before = sorted(output.rglob("*"))
    assert vizart(sql, output, query).exit_code == 2
    assert sorted(output.rglob("*")) == before


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("selec", "syntax error"),
        ("select nope from runs", "nope"),
        ("select * from nowhere", "nowhere"),
        ("select * from '/etc/hostname'", "hostname"),
        ("select * from read_text('/etc/hostname')", "operations are disabled"),
        ("select * from glob('/etc/*')", "operations are disabled"),
        ("select 1 / 0 as x, cast('a' as int)", "'a'"),
    ],
)
def test_what_goes_wrong_is_one_line(output: Path, query: str, message: str) -> None:
    result = vizart(sql, output, query)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert message in result.output
    assert "Traceback" not in result.output


def test_what_is_no_valid_utf_8_is_taken_as_its_escape(output: Path) -> None:
    assert rows(output, "select '\udcff' as a") == [{"a": "\\udcff"}]


def test_without_duckdb_the_remedy_is_told(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    result = vizart(sql, output, "select 1")
    assert (result.exit_code, "pip install 'pytest-vizart[query]'" in result.output) == (2, True)


def test_a_damaged_file_is_told_by_name(output: Path) -> None:
    path = next((output / "metrics" / "stages").iterdir())
    path.write_bytes(b"PAR1 no more")
    result = vizart(sql, output, "select * from stages")
    assert "Traceback" not in result.output
    assert path.name in result.output


def test_what_lies_in_an_object_store_is_fetched(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_decision(output, "r1", True, pinned=True, decided_us=START_US)
    store = FolderStore(output)
    store.local = None  # what an object store is to its readers
    monkeypatch.setattr("pytest_vizart.cli.common.open_store", lambda place: store)
    assert rows(output, SLOWEST)[0]["ms"] == pytest.approx(5, rel=1e-3)
    (decision,) = rows(output, "select * from DECISIONS")
    assert (decision["run_id"], decision["accepted"], decision["pinned"]) == ("r1", True, True)
    assert decision["decided_at"].startswith("2025-06-15T15:06:40")


def test_duckdb_reads_the_files_as_docs_say(output: Path) -> None:
    files = History(output).files("stages")
    found = duckdb.sql(
        "select stage, median(wall_median_ns) / 1e6 as ms from read_parquet(?, union_by_name = true) group by stage "
        "order by ms desc",
        params=[[path.replace("[", "[[]").replace("*", "[*]") for path in files]],
    ).fetchall()
    assert [stage for stage, _ in found] == ["detect", "decode"]


def test_polars_reads_the_files_as_docs_say(output: Path) -> None:
    polars = pytest.importorskip("polars")
    stages = polars.concat(
        [polars.read_parquet(path, glob=False) for path in History(output).files("stages")], how="diagonal_relaxed"
    )
    found = stages.group_by("stage").agg(polars.col("wall_median_ns").median()).sort("wall_median_ns")
    assert found["stage"].to_list() == ["decode", "detect"]


def test_the_files_are_plain_parquet(output: Path) -> None:
    for path in History(output).files("runs"):
        assert pq.read_table(path).num_rows == 1


def test_a_table_that_has_no_room_is_told_one_column_a_line(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = vizart(sql, output, "select * from runs order by run_id").output.splitlines()
    assert lines[0] == "row 1"
    assert lines[1].split() == ["run_id", "r1"]
    assert len(lines) == 2 * (1 + len(TABLES["runs"]))
    few = vizart(sql, output, f"select '{'x' * 200}' as a, 1234567 as b").output.splitlines()
    assert (len(few), max(map(len, few)), few[1].endswith(" 1234567")) == (2, 100, True)


def test_a_run_that_is_in_two_files_counts_once(output: Path) -> None:
    for path in list((output / "metrics").rglob("*.parquet")):
        if "-s1." in path.name:
            path.with_name(path.name.replace("-s1.", "-s0.")).write_bytes(path.read_bytes())  # by hand
    (found,) = rows(output, "select (select count(*) from runs) as r, (select count(*) from stages) as s, "
                            "(select count(*) from outcomes) as o")  # fmt: skip
    history = History(output)
    assert found == {"r": 2, "s": history.stages().num_rows, "o": history.outcomes().num_rows}
    assert len(rows(output, "select * from runs")[0]) == len(TABLES["runs"])


NESTED = (
    "select [1.5::decimal(9,2)] as l, {'a': date '2025-01-02', 'b': 'x'::blob} as s, map {'k': 2::hugeint} as m, "
    "interval 1 day as i, 170141183460469231731687303715884105727 as h, timestamp '290000-01-01' as far, "
    "timestamp_ns '2025-01-01 00:00:00.123456789' as ns, 'nan'::double as n"
)


def test_values_inside_of_others(output: Path) -> None:
    (found,) = rows(output, NESTED)
    assert (found["l"], found["s"], found["m"]) == ([1.5], {"a": "2025-01-02", "b": "78"}, [["k", 2]])
    assert found["h"] == "170141183460469231731687303715884105727"
    assert (found["n"], type(found["far"]), found["ns"][-9:]) == (None, str, "123456789")
    for arguments in ([], ["--csv"]):
        result = vizart(sql, output, NESTED, *arguments)
        assert result.exit_code == 0, result.output
        assert "Decimal" not in result.output
