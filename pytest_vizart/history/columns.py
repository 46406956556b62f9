"""Arrow columns: which rows have wanted values, which values there are, dictionaries that fit."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.bool_]
_CHUNK_ROWS = 4_096  # each piece takes time of its own, and smaller ones are quickly copied into one
_SURROGATE = re.compile("[\ud800-\udfff]")


def rows_with(column: pa.ChunkedArray, values: pa.Array) -> Mask:
    """Return (N,) which rows have one of the values. A dictionary is looked at once, not row by row."""
    parts = [_chunk_with(chunk, values) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.zeros(0, np.bool_)


def _chunk_with(chunk: pa.Array, values: pa.Array) -> Mask:
    if not pa.types.is_dictionary(chunk.type):
        return _plain(pc.is_in(chunk, value_set=values))
    wanted = _plain(pc.is_in(chunk.dictionary, value_set=values))
    if not wanted.any():
        return np.zeros(len(chunk), np.bool_)
    # One more, for rows without a value.
    indices = chunk.indices.fill_null(len(wanted)) if chunk.null_count else chunk.indices
    found: Mask = np.append(wanted, False)[indices.to_numpy(zero_copy_only=False)]
    return found


def _plain(values: pa.Array) -> Mask:
    found: Mask = values.to_numpy(zero_copy_only=False).astype(np.bool_)
    return found


def chosen(table: pa.Table, mask: Mask) -> pa.Table:
    """Return the rows of a mask; of neighbours nothing is copied."""
    rows = np.flatnonzero(mask)
    if len(rows) == table.num_rows:
        return table
    if not len(rows):
        return table.slice(0, 0)
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 == len(rows):
        return table.slice(first, len(rows))
    return table.take(pa.array(rows))


def distinct(column: pa.ChunkedArray) -> pa.Array:
    """Return the values that rows of a column really have, as strings without null."""
    parts = [_distinct_of_chunk(chunk) for chunk in column.chunks]
    if len(parts) == 1:
        return parts[0]
    return pc.unique(pa.concat_arrays(parts)) if parts else pa.array([], pa.string())


def _distinct_of_chunk(chunk: pa.Array) -> pa.Array:
    if not pa.types.is_dictionary(chunk.type):
        return pc.unique(chunk.cast(pa.string())).drop_null()
    return chunk.dictionary.take(pc.unique(chunk.indices).drop_null()).cast(pa.string())


def codes_of(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return (N,) a number for each row, equal for equal values."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    chunks = column.unify_dictionaries().chunks
    return np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in chunks]).astype(np.int64)


def strings(values: Iterable[str]) -> pa.Array:
    """Return strings as a value set. What is no Unicode text stands in no file."""
    several = list(values)
    "".join(several)  # raises for what is no text, which Arrow may take
    try:
        return pa.array(several, pa.string())
    except UnicodeError:
        return pa.array([value for value in several if not _SURROGATE.search(value)], pa.string())


def first_rows(ids: pa.ChunkedArray) -> Mask:
    """Return (N,) which rows are the first with their value."""
    codes = pc.dictionary_encode(ids.cast(pa.string()).combine_chunks()).indices.to_numpy(zero_copy_only=False)
    mask = np.zeros(len(codes), np.bool_)
    mask[np.unique(codes, return_index=True)[1]] = True
    return mask


def joined(tables: Collection[pa.Table], schema: pa.Schema) -> pa.Table:
    """Return tables as one. Grouping over differing dictionaries fails, so they are unified."""
    filled = [table for table in tables if table.num_rows]
    if not filled:
        return schema.empty_table()
    if len(filled) == 1 and _chunks(filled[0]) < 2:
        return filled[0]
    table = pa.concat_tables(filled).unify_dictionaries()
    if table.num_rows < _CHUNK_ROWS * _chunks(table):
        table = table.combine_chunks()
    return table.replace_schema_metadata(None)


def _chunks(table: pa.Table) -> int:
    return max((column.num_chunks for column in table.columns), default=0)


def with_fitting_dictionaries(table: pa.Table) -> pa.Table:
    """Return a table in one piece whose dictionaries hold what its rows use and no more."""
    arrays = [
        pc.dictionary_encode(column.cast(column.type.value_type).combine_chunks()).cast(column.type)
        if pa.types.is_dictionary(column.type)
        else column.combine_chunks()
        for column in table.columns
    ]
    return pa.Table.from_arrays(arrays, schema=table.schema)
