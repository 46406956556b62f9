"""Tables (pandas, Polars, Arrow) as arrays by column, so that they can be recorded and compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, time
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import UsageError

Array = NDArray[Any]

_EXACT_UP_TO = 2**53  # whole numbers from here on are not all exact as floats
_TOO_LARGE = "null beside whole numbers above 2^53"
_NULLS = ("NAType", "NaTType")


def is_series(value: Any) -> bool:
    """Whether it is a column of pandas, with an index."""
    return hasattr(value, "iloc") and hasattr(value, "index") and not hasattr(value, "columns")


def is_table(value: Any) -> bool:
    """Whether it is a table of pandas, Polars or Arrow."""
    arrow = hasattr(value, "column_names") and hasattr(value, "column")
    return arrow or (hasattr(value, "columns") and hasattr(value, "shape") and not isinstance(value, np.ndarray))


def table_columns(table: Any) -> dict[str, Array]:
    """Return the columns of a table by name.

    An index that is named, or tells more than the rows' positions, is the first column. Raises as `column` does, and
    UsageError for two columns of one name.
    """
    if hasattr(table, "column_names"):
        names: Sequence[Any] = table.column_names
        return _named((name, table.column(position)) for position, name in enumerate(names))
    if hasattr(table, "iloc"):
        columns = [(name, table.iloc[:, position]) for position, name in enumerate(table.columns)]
        return _named([*_index(table.index, {str(name) for name, _ in columns}), *columns])
    return _named((name, table[name]) for name in table.columns)


def series_columns(series: Any) -> Array | dict[str, Array]:
    """Return a column of pandas; with its index, where that tells more than the rows' positions."""
    name = "values" if series.name is None else str(series.name)
    index = _index(series.index, {name})
    return _named([*index, (name, series)]) if index else column(name, series)


def column(name: str, values: Any) -> Array:
    """Return a column as numbers, booleans or text.

    Times are text in ISO 8601, durations seconds. What is null is "" in text, NaN among numbers.

    Raises:
        UsageError: masked values, lists, bytes or objects.
    """
    try:
        array = plain_array(name, _decoded(values))
    except UsageError:
        raise
    except Exception as error:  # a library of tables raises what it likes
        raise _refused(name, f"{type(values).__name__}: {error}") from error
    kind = array.dtype.kind
    if kind == "f" and _is_whole(values) and np.abs(array).max(initial=0, where=~np.isnan(array)) >= _EXACT_UP_TO:
        raise _refused(name, _TOO_LARGE)
    if kind in "biufU":
        return array
    if kind == "M":
        return np.array([_without_zeros(text) for text in np.datetime_as_string(array).tolist()], dtype=str)
    if kind == "m":
        return np.asarray(array / np.timedelta64(1, "s"))
    if kind in "OT" and array.ndim == 1:
        plain = [cell.item() if isinstance(cell, np.generic) else cell for cell in array.tolist()]
        return _of_cells(name, [None if _is_null(cell) else cell for cell in plain])
    raise _refused(name, str(array.dtype))


def plain_array(name: str, values: Any) -> Array:
    """Return numpy's array of values; UsageError where some are masked: what lies under a mask is no output."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise UsageError(
            "masked values cannot be recorded",
            place=f"array {name!r}" if name else "array",
            expected="an array without a mask",
            found=f"{int(np.ma.getmaskarray(values).sum()):,} masked values",
            hint="fill them: array.filled(numpy.nan)",
        )
    return np.asarray(values)


def _decoded(values: Any) -> Any:
    """Arrow gives numpy the first word of a dictionary where there is none."""
    arrow = hasattr(values, "to_pylist") and str(values.type).startswith("dictionary")
    return values.cast(values.type.value_type) if arrow else values


def _is_whole(values: Any) -> bool:
    """Whether a library's type is of whole numbers: numpy gets floats of it where some are null."""
    kind = values.dtype if hasattr(values, "dtype") else getattr(values, "type", "")
    return str(kind).lower().startswith(("int", "uint"))


def _named(columns: Iterable[tuple[Any, Any]]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for key, values in columns:
        name = str(key)
        if name in found:
            raise UsageError(
                "two columns have one name", place=f"column {name!r}", expected="a name for each", found=key,
                hint="rename one",
            )  # fmt: skip
        found[name] = column(name, values)
    return found


def _index(index: Any, taken: set[str]) -> list[tuple[str, Any]]:
    count = getattr(index, "nlevels", 1)
    named = any(name is not None for name in index.names)
    if count == 1 and not named and np.array_equal(np.asarray(index), np.arange(len(index))):
        return []
    levels = []
    for level, given in enumerate(index.names):
        name = str(given) if given is not None else "index" if count == 1 else f"index {level}"
        levels.append((f"{name} (index)" if name in taken else name, index.get_level_values(level)))
    return levels


def _of_cells(name: str, cells: list[Any]) -> Array:
    there = [cell for cell in cells if cell is not None]
    if all(isinstance(cell, str) for cell in there):
        return np.array([cell or "" for cell in cells], dtype=str)
    if all(isinstance(cell, Real) and not isinstance(cell, bool) for cell in there):
        return _numbers(name, cells)
    if all(isinstance(cell, bool) for cell in there) and len(there) == len(cells):
        return np.array(cells, dtype=bool)
    return np.array([_as_text(name, cell) for cell in cells], dtype=str)


def _numbers(name: str, cells: list[Any]) -> Array:
    if None in cells:
        if any(isinstance(cell, int) and abs(cell) >= _EXACT_UP_TO for cell in cells):
            raise _refused(name, _TOO_LARGE)
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    array = np.array(cells)
    return array if array.dtype.kind in "iuf" else np.array([str(cell) for cell in cells])


def _as_text(name: str, cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, date | time):  # a datetime, or a Timestamp of pandas, is a date too
        return cell.isoformat()
    if isinstance(cell, str | Real | Decimal):
        return str(cell)
    raise _refused(name, type(cell).__name__)


def _is_null(cell: Any) -> bool:
    return cell is None or type(cell).__name__ in _NULLS or (isinstance(cell, float) and cell != cell)


def _without_zeros(text: str) -> str:
    """A time in the same words whatever its unit: libraries changed theirs from nano- to microseconds."""
    return "" if text == "NaT" else text.rstrip("0").rstrip(".") if "." in text else text


def _refused(name: str, found: str) -> UsageError:
    return UsageError(
        "such a column cannot be recorded",
        place=f"column {name!r}",
        expected="numbers, booleans, text or times",
        found=found,
        hint="convert it, or leave it out",
    )
