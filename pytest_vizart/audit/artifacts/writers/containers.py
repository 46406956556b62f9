"""Dicts and lists: of arrays an archive, of rows a table, of anything else plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_vizart.audit.artifacts.registry import CannotWriteError, Encoded, Wish
from pytest_vizart.audit.artifacts.writers.plain import encode_json

_SMALL = 1_000
"""Elements of arrays that may stand among other values in JSON."""
_NO_CSV = "CSV takes tables, lists of flat dicts with the same keys, and lists of plain values of one type"
_CELLS = (str, int, float, bool, type(None))


def encode_mapping(value: Mapping[Any, Any], wish: Wish) -> Encoded:
    """Write arrays by name as NPZ, with `rest.json` for what stands beside them; small ones among others as JSON."""
    if wish.suffix == ".csv":
        raise CannotWriteError(_NO_CSV)
    arrays = {key: each for key, each in value.items() if is_array(each)}
    if not arrays or not all(isinstance(key, str) for key in value):
        return encode_json(value)
    rest = {key: each for key, each in value.items() if key not in arrays}
    if rest and sum(_elements(each) for each in arrays.values()) <= _SMALL:
        return encode_json(value)
    from pytest_vizart.audit.artifacts.writers.arrays import encode_arrays

    return encode_arrays(arrays, rest)


def encode_sequence(value: Any, wish: Wish) -> Encoded:
    """Write a list of arrays as NPZ (`arr_0`, `arr_1`, ...), a list of flat dicts as a table, others as JSON.

    As CSV, where that is asked for: rows, and plain values as one column.
    """
    if hasattr(value, "_fields"):
        return encode_mapping(dict(zip(value._fields, value, strict=True)), wish)
    if wish.suffix == ".csv":
        return _csv(value, wish)
    if value and all(is_array(each) for each in value):
        from pytest_vizart.audit.artifacts.writers.arrays import encode_arrays

        return encode_arrays({f"arr_{position}": each for position, each in enumerate(value)})
    if _are_rows(value):
        from pytest_vizart.audit.artifacts.writers.tables import encode_rows

        try:
            return encode_rows(value, wish)
        except CannotWriteError:  # a column of mixed types is none
            return encode_json(value)
    return encode_json(value)


def _csv(value: Any, wish: Wish) -> Encoded:
    from pytest_vizart.audit.artifacts.writers.tables import encode_rows

    if value and all(isinstance(each, _CELLS) for each in value):
        value = [{"value": each} for each in value]
    if not _are_rows(value):
        raise CannotWriteError(_NO_CSV)
    return encode_rows(value, wish)


def encode_model(value: Any, wish: Wish) -> Encoded:
    return encode_mapping(value.model_dump(), wish)


def is_array(value: object) -> bool:
    """Tell arrays and tensors by their class's name, so that nothing is imported to look."""
    return any(
        (base.__module__.partition(".")[0], base.__name__) in (("numpy", "ndarray"), ("torch", "Tensor"))
        for base in type(value).__mro__
    )


def _elements(array: Any) -> int:
    size = array.size
    return int(size if isinstance(size, int) else array.numel())


def _are_rows(value: Any) -> bool:
    if not value or not all(type(row) is dict for row in value):
        return False
    names = value[0].keys()
    return bool(names) and all(
        row.keys() == names and all(isinstance(name, str) and isinstance(cell, _CELLS) for name, cell in row.items())
        for row in value
    )
