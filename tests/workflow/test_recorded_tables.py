from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest

from pytest_vizart.errors import UsageError
from pytest_vizart.workflow.recorded import as_plain, tolerances_of

MIDNIGHT = datetime(2024, 1, 1)


def plain(value):
    found = as_plain(value)
    if isinstance(found, dict):
        return {name: (array.dtype.kind, array.tolist()) for name, array in found.items()}
    return found.dtype.kind, found.tolist()


@pytest.mark.parametrize(
    "values, expected",
    [
        ([1, 2], ("i", [1, 2])),
        (["a", None], ("U", ["a", ""])),
        (pa.array(["a", "b", None]).dictionary_encode(), ("U", ["a", "b", ""])),
        ([True, False], ("b", [True, False])),
        ([True, None], ("U", ["True", ""])),
        ([MIDNIGHT, None], ("U", ["2024-01-01T00:00:00", ""])),
        (pa.array([MIDNIGHT], pa.timestamp("ns")), ("U", ["2024-01-01T00:00:00"])),
        (pa.array([datetime(2024, 1, 1, 0, 0, 0, 500_000)], pa.timestamp("us")), ("U", ["2024-01-01T00:00:00.5"])),
        ([date(2024, 1, 1)], ("U", ["2024-01-01"])),
        ([timedelta(seconds=1.5)], ("f", [1.5])),
        (pa.array([Decimal("1.50")]), ("U", ["1.50"])),
        ([None, None], ("U", ["", ""])),
        (pa.array([], pa.string()), ("U", [])),
    ],
)
def test_columns_of_arrow(values, expected):
    assert plain(pa.table({"x": values})) == {"x": expected}


def test_numbers_with_nulls_are_floats():
    (found,) = as_plain(pa.table({"x": [1, None]})).values()
    np.testing.assert_array_equal(found, [1.0, np.nan])


def test_whole_numbers_that_no_float_holds_are_not_rounded():
    assert plain(pa.table({"x": [2**53 + 1]})) == {"x": ("i", [2**53 + 1])}
    with pytest.raises(UsageError, match=r"column 'x': .*found null beside whole numbers above 2\^53"):
        as_plain(pa.table({"x": [2**53 + 1, None]}))


@pytest.mark.parametrize("values", [[[1], [2]], [{"a": 1}], [b"x"]])
def test_a_column_that_cannot_be_recorded_is_named(values):
    with pytest.raises(UsageError, match="column 'x': such a column cannot be recorded"):
        as_plain(pa.table({"x": values}))
    assert plain(pa.table({"y": [1]})) == {"y": ("i", [1])}


def test_two_columns_of_one_name_are_told():
    with pytest.raises(UsageError, match="column 'a': two columns have one name"):
        as_plain(pa.table([[1], [2]], names=["a", "a"]))


@pytest.mark.parametrize("value", [{}, pa.table({})])
def test_nothing_is_no_output(value):
    with pytest.raises(UsageError, match="there is nothing to compare"):
        as_plain(value)


def test_masked_values_are_refused_and_a_mask_without_any_is_none():
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    for value in (masked, {"a": masked}):
        with pytest.raises(UsageError, match=r"found 1 masked values; hint: fill them: array.filled\(numpy.nan\)"):
            as_plain(value)
    assert plain(np.ma.array([1, 2])) == ("i", [1, 2])


def test_an_index_of_pandas_is_kept_where_it_tells_something():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = pandas.DataFrame({"a": [1.0, 2.0, 3.0], "s": ["x", None, "z"]})
    assert list(plain(table)) == ["a", "s"]
    assert plain(table[1:]) == {"index": ("i", [1, 2]), "a": ("f", [2.0, 3.0]), "s": ("U", ["", "z"])}
    assert list(plain(table.set_index("s"))) == ["s", "a"]
    assert list(plain(table.rename_axis("a"))) == ["a (index)", "a", "s"]
    levels = table[["a"]].set_index([pandas.Index([1, 1, 2]), pandas.Index(["p", "q", "r"])])
    assert plain(levels)["index 1"] == ("U", ["p", "q", "r"])
    assert plain(table["a"]) == ("f", [1.0, 2.0, 3.0])
    assert plain(table["a"][1:]) == {"index": ("i", [1, 2]), "a": ("f", [2.0, 3.0])}
    assert plain({"k": table["s"]}) == {"k": ("U", ["x", "", "z"])}


def test_columns_that_only_pandas_has():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = pandas.DataFrame(
        {
            "n": pandas.array([1, None], dtype="Int64"),
            "c": pandas.Categorical(["u", "v"]),
            "z": [datetime(2024, 1, 1, tzinfo=UTC), None],
            "mixed": pandas.Series(["a", 1], dtype=object),
        }
    )
    found = plain(table)
    np.testing.assert_array_equal(found.pop("n")[1], [1.0, np.nan])
    assert found == {
        "c": ("U", ["u", "v"]),
        "z": ("U", ["2024-01-01T00:00:00+00:00", ""]),
        "mixed": ("U", ["a", "1"]),
    }
    with pytest.raises(UsageError, match="found null beside whole numbers above 2"):
        as_plain(pandas.DataFrame({"n": pandas.array([2**53 + 1, None], dtype="Int64")}))


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.int64(2), Fraction(1, 2), 0])
def test_numbers_of_any_kind_are_tolerances(value):
    assert tolerances_of(value, None, {"cer": value}) == {"rtol": float(value), "cer": float(value)}


@pytest.mark.parametrize("value", [True, np.True_, -1, np.float32("nan"), float("inf"), "0.1", 10**400, np.array([1])])
def test_what_is_no_tolerance(value):
    with pytest.raises(UsageError, match=r"golden\(atol=...\): not a tolerance"):
        tolerances_of(None, value, {})
