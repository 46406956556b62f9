"""What is written with the tuned encodings is what is read, here and by others."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.history.encoding import SEARCHABLE, may_hold, parquet_bytes
from pytest_vizart.history.schema import TABLES

HOSTILE = ["", "a|b", "../../etc", "\x1b[31mred\n", "é" * 300, "\x00", '"; drop table runs', "\U0001f600"]

_VALUES: dict[Any, st.SearchStrategy[Any]] = {
    pa.string(): st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.timestamp("us", tz="UTC"): st.integers(-(2**60), 2**60),
}


def _values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_list(kind):
        return st.none() | st.lists(_values(kind.value_type), max_size=3)
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return st.none() | _VALUES[kind]


@st.composite
def tables(draw: st.DrawFn, name: str) -> pa.Table:
    count = draw(st.integers(0, 5))
    columns = [draw(st.lists(_values(field.type), min_size=count, max_size=count)) for field in TABLES[name]]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, TABLES[name], strict=True)]
    return pa.Table.from_arrays(arrays, schema=TABLES[name])


@cache
def _many(name: str, rows: int) -> pa.Table:
    """Rows enough for several row groups; every third value is null."""

    def value(kind: pa.DataType, row: int) -> Any:
        if row % 3 == 2:
            return None
        if pa.types.is_list(kind):
            return [value(kind.value_type, each) for each in range(row % 2)]
        if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
            return HOSTILE[row // 7 % len(HOSTILE)]
        return bool(row % 2) if pa.types.is_boolean(kind) else row * 4_096

    arrays = [pa.array([value(field.type, row) for row in range(rows)], field.type) for field in TABLES[name]]
    return pa.Table.from_arrays(arrays, schema=TABLES[name])


def _plain(table: pa.Table) -> dict[str, list[Any]]:
    """Times as numbers: not each is a datetime of Python's."""
    columns = zip(table.column_names, table.columns, strict=True)
    return {
        name: (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        for name, column in columns
    }


def _read(table_name: str, table: pa.Table) -> pa.Table:
    return pq.read_table(pa.BufferReader(parquet_bytes(table_name, table)))


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_is_written_is_read(name: str, data: st.DataObject) -> None:
    table = data.draw(tables(name))
    read = _read(name, table)
    assert read.schema.equals(table.schema)  # dictionaries and time zones too
    assert _plain(read) == _plain(table)


@pytest.mark.parametrize("name", ["spans", "stages", "runs", "outcomes"])
def test_many_rows_are_read_as_they_were(name: str) -> None:
    table = _many(name, 5_000)
    assert _plain(_read(name, table)) == _plain(table)


def test_a_row_group_has_no_names_but_its_own() -> None:
    rows = 40_000
    names = pa.array([f"{row:036}" for row in range(rows)]).dictionary_encode()
    run_ids = pa.DictionaryArray.from_arrays(names.indices, names.dictionary)
    columns = [run_ids if field.name == "run_id" else pa.nulls(rows, field.type) for field in TABLES["spans"]]
    table = pa.Table.from_arrays([*columns], schema=TABLES["spans"])
    file = pq.ParquetFile(pa.BufferReader(parquet_bytes("spans", table)))
    assert file.metadata.num_row_groups > 1
    sizes = [file.metadata.row_group(at).column(0).total_uncompressed_size for at in range(2)]
    assert max(sizes) < rows * 36 / 2
    statistics = [file.metadata.row_group(at).column(0).statistics for at in range(2)]
    assert statistics[0].max < statistics[1].min  # a query leaves groups out by them
    assert file.read(["run_id"])["run_id"].cast(pa.string()).to_pylist() == [f"{row:036}" for row in range(rows)]


def test_comments_stay_out_and_the_metadata_of_the_file_stay_in() -> None:
    table = _many("runs", 3).replace_schema_metadata({"vizart_schema_version": "4", "vizart_replaces": '["a"]'})
    schema = pq.read_schema(pa.BufferReader(parquet_bytes("runs", table)))
    assert schema.metadata is not None
    assert {b"vizart_schema_version": b"4", b"vizart_replaces": b'["a"]'}.items() <= schema.metadata.items()
    assert all(b"comment" not in (field.metadata or {}) for field in schema)


def test_columns_of_a_newer_version_are_written_as_well() -> None:
    newer = _many("stages", 4).append_column("tint", pa.array(["red", None, "red", ""]))
    newer = newer.append_column("shades", pa.array([[1.5], None, [], [2.5]]))
    assert _plain(_read("stages", newer)) == _plain(newer)
    assert _plain(_read("colours", newer)) == _plain(newer)


def test_small_files_are_written_fast_and_large_ones_small() -> None:
    small, large = (parquet_bytes("spans", _many("spans", rows)) for rows in (50, 5_000))
    assert set(_codecs(small).values()) == {"SNAPPY", "UNCOMPRESSED"}
    assert set(_codecs(large).values()) == {"ZSTD"}
    assert large.size / 5_000 < small.size / 50


@pytest.mark.parametrize("table", ["runs", "stages"])
def test_columns_of_few_values_are_read_without_zstd(table: str) -> None:
    codecs = _codecs(parquet_bytes(table, _many(table, 5_000)))
    assert {name for name, codec in codecs.items() if codec == "SNAPPY"} >= {"test_id", *_OF_FEW_VALUES[table]}
    assert {codecs[name] for name in ("run_id", *_OF_MANY_VALUES[table])} == {"ZSTD"}


_OF_FEW_VALUES = {"runs": {"branch", "accepted", "samples"}, "stages": {"stage", "spans"}}
_OF_MANY_VALUES = {"runs": {"session_id", "commit", "started_at", "error"}, "stages": {"wall_median_ns", "rss_growth"}}


def _codecs(payload: pa.Buffer) -> dict[str, str]:
    group = pq.ParquetFile(pa.BufferReader(payload)).metadata.row_group(0)
    columns = [group.column(at) for at in range(group.num_columns)]
    return {column.path_in_schema: column.compression for column in columns}


@given(texts=st.lists(_VALUES[pa.string()].filter(bool), min_size=1, max_size=8), sought=_VALUES[pa.string()])
@settings(max_examples=40, deadline=None)
def test_a_text_that_a_small_file_has_is_among_its_bytes(texts: list[str], sought: str) -> None:
    for name in ("runs", "stages"):
        columns = [texts if field.name in SEARCHABLE else [None] * len(texts) for field in TABLES[name]]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, TABLES[name], strict=True)]
        payload = parquet_bytes(name, pa.Table.from_arrays(arrays, schema=TABLES[name])).to_pybytes()
        assert all(may_hold(payload, [text]) for text in texts)
        assert may_hold(payload, ["nobody has this one", texts[0]])
        assert not may_hold(payload, [f"nobody has {sought} here"])


def test_files_that_cannot_be_searched_may_hold_anything() -> None:
    assert may_hold(parquet_bytes("runs", _many("runs", 5_000)).to_pybytes(), ["nobody has this one"])
    assert may_hold(b"", ["x"])


@pytest.mark.parametrize("name", TABLES)
def test_every_encoding_is_one_that_spark_and_trino_read(name: str) -> None:
    file = pq.ParquetFile(pa.BufferReader(parquet_bytes(name, _many(name, 5_000))))
    group = file.metadata.row_group(0)
    used = {encoding for at in range(group.num_columns) for encoding in group.column(at).encodings}
    widely_read = {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY"}
    assert used <= widely_read | {"DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY"}


@pytest.mark.parametrize("name", TABLES)
def test_duckdb_reads_it(name: str, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    table = _many(name, 5_000)
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet_bytes(name, table))
    read = duckdb.connect().sql(f"select * from read_parquet('{path}')").to_arrow_table()
    assert _plain(read) == _plain(table)


@pytest.mark.parametrize("name", TABLES)
def test_polars_reads_it(name: str, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    table = _many(name, 5_000)
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet_bytes(name, table))
    read = polars.read_parquet(path)
    for field in TABLES[name]:
        if not pa.types.is_timestamp(field.type):
            assert read[field.name].to_list() == table[field.name].to_pylist(), field.name
