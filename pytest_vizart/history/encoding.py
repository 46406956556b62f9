"""How each column is encoded in Parquet: what takes the least room and still opens everywhere.

Measured on 10,000 runs of 8 stages and 1,000,000 spans. Nanoseconds are mostly noise: as they are they take less room
under zstd than as deltas, which are not aligned to bytes. A dictionary of anything else than names and small counts is
larger than what it stands for. BYTE_STREAM_SPLIT would save another 6 % of the spans, but Spark and Trino do not read
it in integers. Statistics stand where a query can leave something out by them, which of a small file it cannot.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

# With fewer rows zstd takes twice the time of all else in writing and reading, and saves next to nothing.
_SMALL = 4_096
# A query for one run reads one group of each table: larger ones take longer, smaller ones more room.
_ROWS_A_GROUP = {"runs": 4_096, "stages": 8_192, "spans": 16_384}
_ROWS_A_GROUP_ELSE = 32_768

_PRUNED_BY = frozenset({"run_id", "session_id", "test_id", "started_at", "started_us", "at_us", "decided_at"})

SEARCHABLE = frozenset({"run_id", "session_id", "test_id", "fingerprint", "branch", "stage", "status"})
"""Columns that stand uncompressed in small files, so that `may_hold` can tell from the bytes."""
_SEARCHABLE_KEY = "vizart_searchable"
_FOOTER_BYTES = 32_768

# Whole numbers of few distinct values: counts and levels.
_FEW_VALUES = {
    "runs": frozenset({"cores", "memory_gb", "samples", "passes", "warmup"}),
    "stages": frozenset({"spans", "errors", "items", "rss_growth", "rss_peak"}),
    "spans": frozenset(
        {
            "process",
            "pass_index",
            "items",
            "minor_faults",
            "voluntary_switches",
            "involuntary_switches",
            "read_bytes",
            "written_bytes",
        }
    ),
    "measures": frozenset({"pass_index"}),
    "leaks": frozenset({"points"}),
    "gpu": frozenset({"sm_clock_mhz", "temperature_c"}),
}
# Numbers that rise by nearly the same from row to row.
_RISING = frozenset({"span_id", "parent_id", "started_us", "started_at", "finished_at", "decided_at", "at_us"})
# With a dictionary too, but one that grows with the number of runs.
_MORE_WITH_MORE_RUNS = frozenset({"run_id", "commit", "rss_growth"})
# Texts that are all different.
_UNIQUE = {"runs": frozenset({"run_id"}), "decisions": frozenset({"run_id"})}


def write_options(table_name: str, schema: pa.Schema, *, rows: int) -> dict[str, Any]:
    """Return the keyword arguments with which `pyarrow.parquet.write_table` writes a table of the history.

    Args:
        schema: of the table that is written, columns of newer versions included.
        rows: how many the file will have; small files are written and read often, large ones have to be small.
    """
    few = _FEW_VALUES.get(table_name, frozenset())
    unique = _UNIQUE.get(table_name, frozenset())
    with_dictionary, encodings = [], {}
    for field in schema:
        if field.name in unique and pa.types.is_string(field.type):
            encodings[field.name] = "DELTA_LENGTH_BYTE_ARRAY"
        elif field.name in _RISING and (pa.types.is_int64(field.type) or pa.types.is_timestamp(field.type)):
            encodings[field.name] = "DELTA_BINARY_PACKED"
        elif field.name in few or _is_text(field.type):
            with_dictionary.append(_leaf(field))
    return {
        "compression": _codecs(schema) if rows < _SMALL else _codecs_of_large(table_name, schema),
        "compression_level": None if rows < _SMALL else _levels(table_name, schema),
        "use_dictionary": with_dictionary or False,
        "column_encoding": encodings or None,
        "write_statistics": rows >= _SMALL and ([name for name in schema.names if name in _PRUNED_BY] or False),
        "write_page_checksum": True,
        "row_group_size": _ROWS_A_GROUP.get(table_name, _ROWS_A_GROUP_ELSE),
    }


def _codecs(schema: pa.Schema) -> dict[str, str]:
    return {_leaf(field): "none" if field.name in SEARCHABLE else "snappy" for field in schema}


def _codecs_of_large(table_name: str, schema: pa.Schema) -> dict[str, str]:
    return {_leaf(field): "snappy" if _is_done_without_zstd(table_name, field) else "zstd" for field in schema}


def _levels(table_name: str, schema: pa.Schema) -> dict[str, int]:
    # Half of the small tables are run IDs, random and so incompressible but for their being hexadecimal. The times of
    # `stages` have few digits that matter, which only the highest level finds.
    rounded = "wall_median_ns" in schema.names
    thorough = {name for name in schema.names if name == "run_id" or (rounded and name.endswith("_ns"))}
    with_zstd = [field for field in schema if not _is_done_without_zstd(table_name, field)]
    return {_leaf(field): 19 if field.name in thorough else 9 for field in with_zstd}


def _is_done_without_zstd(table_name: str, field: pa.Field) -> bool:
    """Whether it is a column of few distinct values in `runs` or `stages`."""
    # zstd takes 40 us to begin, twice what reading such a column takes, and makes it hardly smaller. A query for one
    # run reads thirty of them.
    if table_name not in ("runs", "stages") or field.name in _MORE_WITH_MORE_RUNS:
        return False
    few = field.name in _FEW_VALUES[table_name]
    return bool(few or pa.types.is_dictionary(field.type) or pa.types.is_boolean(field.type))


def parquet_bytes(table_name: str, table: pa.Table) -> pa.Buffer:
    """Return the Parquet file of a table of the history; the metadata of its schema are the file's."""
    plain = _without_comments(table)
    if plain.num_rows < _SMALL:
        plain = plain.replace_schema_metadata({**(plain.schema.metadata or {}), _SEARCHABLE_KEY: "1"})
    options = write_options(table_name, plain.schema, rows=plain.num_rows)
    rows_a_group = options.pop("row_group_size")
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, plain.schema, **options) as writer:
        for start in range(0, max(plain.num_rows, 1), rows_a_group):
            writer.write_table(_with_own_dictionaries(plain.slice(start, rows_a_group)), row_group_size=rows_a_group)
    return sink.getvalue()


def may_hold(payload: bytes, texts: Iterable[str]) -> bool:
    """Whether a file may have a row with one of these texts in a column of SEARCHABLE; it does not if not.

    It is a hundred times faster than opening the file. Files that others wrote may have anything.
    """
    if _SEARCHABLE_KEY.encode() not in payload[-_FOOTER_BYTES:]:
        return True
    return any(text.encode("utf-8", "surrogatepass") in payload for text in texts)


def _without_comments(table: pa.Table) -> pa.Table:
    # In every file they would take more room than the rows of a session.
    plain = [field.remove_metadata() for field in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(plain, metadata=table.schema.metadata))


def _with_own_dictionaries(table: pa.Table) -> pa.Table:
    """The rows with dictionaries of what is in them: Arrow writes all of a dictionary into every row group."""
    columns = [
        _encoded_anew(column, field.type) if pa.types.is_dictionary(field.type) else column
        for column, field in zip(table.columns, table.schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _encoded_anew(column: pa.ChunkedArray, kind: pa.DictionaryType) -> pa.ChunkedArray:
    return column.cast(kind.value_type).combine_chunks().dictionary_encode().cast(kind)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_dictionary(kind))


def _leaf(field: pa.Field) -> str:
    """The name of the column in the file; a list's values are a column inside of it."""
    return f"{field.name}.list.{field.type.value_field.name}" if pa.types.is_list(field.type) else field.name
