"""Tables and their columns: pyarrow, polars through pyarrow, pandas. A lazy table is never computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pytest_vizart.profiling.recording.summaries.arrays import describe_elements
from pytest_vizart.profiling.recording.summaries.containers import tokens_of
from pytest_vizart.profiling.recording.summaries.plain import int_token
from pytest_vizart.profiling.recording.summaries.walk import Description, Walk, sealed, type_name

_SHOWN_COLUMNS = 8
_MOST_COLUMNS = 10_000
_INDEX = "(index)"


def describe_arrow_table(value: Any, walk: Walk) -> Description:
    """Describe a pyarrow Table or RecordBatch. How it is cut into chunks makes no difference."""
    names = [str(name) for name in value.schema.names]
    columns = (_arrow_token(value.column(number), walk) for number in range(min(len(names), _MOST_COLUMNS)))
    types = [str(kind) for kind in value.schema.types]
    return _table((value.num_rows, len(names)), names, types, columns, int(value.nbytes), walk)


def describe_arrow_array(value: Any, walk: Walk) -> Description:
    """Describe a pyarrow Array or ChunkedArray."""
    return _column(_arrow_token(value, walk), len(value), str(value.type), int(value.nbytes))


def describe_polars_table(value: Any, walk: Walk) -> Description:
    return describe_arrow_table(value.to_arrow(), walk)


def describe_polars_column(value: Any, walk: Walk) -> Description:
    return describe_arrow_array(value.to_arrow(), walk)


def describe_pandas_table(value: Any, walk: Walk) -> Description:
    """Describe a pandas DataFrame: its columns in their order, and its index."""
    labels = list(value.columns)[:_MOST_COLUMNS]
    parts = [value.index, *(value.iloc[:, number] for number in range(len(labels)))]
    types = ["", *(str(part.dtype) for part in parts[1:])]
    size = int(value.memory_usage(index=True, deep=False).sum())
    return _table(value.shape, [_INDEX, *labels], types, (_pandas_token(part, walk) for part in parts), size, walk)


def describe_pandas_column(value: Any, walk: Walk) -> Description:
    """Describe a pandas Series or Index."""
    return _column(_pandas_token(value, walk), len(value), str(value.dtype), int(value.nbytes))


def _table(
    shape: tuple[int, ...], labels: list[Any], types: list[str], columns: Iterable[bytes], size: int, walk: Walk
) -> Description:
    """labels: text, and in pandas anything; the type of one without a name of its own is shown."""
    if shape[1] > _MOST_COLUMNS:
        walk.cut()
    tokens = [
        token for label, column in zip(labels, columns, strict=False) for token in (*walk.parts([label])[0], column)
    ]
    shown = [
        f"{label if isinstance(label, str) else type_name(label):.40} {kind:.40}"
        for label, kind in zip(labels, types, strict=False)
        if label is not _INDEX
    ]
    listed = ", ".join(shown[:_SHOWN_COLUMNS]) + (", ..." if len(shown) > _SHOWN_COLUMNS else "")
    rows, count = (int(length) for length in shape)
    token = sealed("table", int_token(rows), int_token(count), *tokens)
    text = f"{rows:,} rows, {count:,} columns: {listed}"
    return Description("table", token, text, shape=(rows, count), size_bytes=size)


def _column(token: bytes, count: int, dtype: str, size: int) -> Description:
    text = f"column of {count:,} {dtype[:80]}"
    return Description("table", sealed("column", token), text, shape=(count,), dtype=dtype[:80], size_bytes=size)


def _pandas_token(column: Any, walk: Walk) -> bytes:
    kind = str(column.dtype)
    array = column.to_numpy()
    if array.dtype.hasobject:
        return sealed(
            "column", kind.encode(), int_token(array.size), *tokens_of(array.reshape(-1), array.size, walk)[0]
        )
    return sealed("column", kind.encode(), describe_elements(array, array.dtype.name, walk).token)


def _arrow_token(column: Any, walk: Walk) -> bytes:
    """Return what stands for an arrow column: which values are there, and those as numbers, text or parts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # of old releases, where it holds no or too much text
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    name = str(kind).removeprefix("large_").removesuffix("_view")
    there = describe_elements(_numpy(column.is_valid()), "bool", walk).token if column.null_count else b"all"
    if _is_text(pa.types, kind):
        lengths, data = _text_parts(pa, pc, column)
        tokens = [describe_elements(part, part.dtype.name, walk).token for part in (lengths, data)]
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        filled = _numpy(column.fill_null(False if pa.types.is_boolean(kind) else 0) if column.null_count else column)
        tokens = [describe_elements(filled, filled.dtype.name, walk).token]
    elif pa.types.is_temporal(kind) and kind.bit_width in (32, 64):
        integers = column.view(pa.int32() if kind.bit_width == 32 else pa.int64())
        filled = _numpy(integers.fill_null(0) if column.null_count else integers)
        tokens = [describe_elements(filled, filled.dtype.name, walk).token]
    else:  # lists, structs, decimals: as Python objects
        tokens, _ = tokens_of(_Scalars(column), len(column), walk)
    return sealed("column", name.encode(), int_token(len(column)), there, *tokens)


def _is_text(types: Any, kind: Any) -> bool:
    checks = ("is_string", "is_large_string", "is_binary", "is_large_binary", "is_string_view", "is_binary_view")
    return any(getattr(types, check)(kind) for check in checks if hasattr(types, check))


def _text_parts(pa: Any, pc: Any, column: Any) -> tuple[Any, Any]:
    """Return the length of every value, and the bytes of all of them one after the other."""
    values = column.cast(pa.large_string()) if "string" in str(column.type) else column
    values = values.cast(pa.large_binary())
    values = values.fill_null(b"") if values.null_count else values
    _, offsets_buffer, data_buffer = values.buffers()
    if not len(values) or data_buffer is None:
        return np.zeros(len(values), np.int64), np.zeros(0, np.uint8)
    offsets = np.frombuffer(offsets_buffer, np.int64)[values.offset : values.offset + len(values) + 1]
    return np.diff(offsets), np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]


def _numpy(column: Any) -> Any:
    return column.to_numpy(zero_copy_only=False)


class _Scalars:
    """The values of an arrow column as Python objects, by number."""

    def __init__(self, column: Any) -> None:
        self._column = column

    def __getitem__(self, number: int) -> Any:
        return self._column[number].as_py()
