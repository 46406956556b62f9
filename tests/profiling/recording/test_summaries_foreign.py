"""Values of other libraries, and objects that do not want to be looked at."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pytest_vizart.profiling.recording.summaries import summarise, tables
from pytest_vizart.profiling.recording.summaries.checksum import BLOCK_BYTES
from pytest_vizart.profiling.recording.summaries.walk import MAX_DEPTH
from pytest_vizart.records.profile import OutputSummary


def summary(value: object) -> OutputSummary:
    return summarise(value, stage="detect", sample_id=None)


def digest(value: object) -> str | None:
    return summary(value).digest


# --- objects that do not want to be looked at


def _raises(*_: Any, **__: Any) -> Any:
    raise RuntimeError("not for you")


def _never_ends(*_: Any) -> Iterator[int]:
    while True:
        yield 0


class Refusing:
    __len__ = __iter__ = __array__ = __getattr__ = __getattribute__ = __repr__ = __str__ = __eq__ = _raises
    __hash__ = __bool__ = __float__ = __int__ = __index__ = __reduce__ = __enter__ = __getitem__ = _raises
    __class__ = property(_raises)  # type: ignore[assignment]


class Endless:
    __iter__ = __array__ = _never_ends

    def __len__(self) -> int:
        return sys.maxsize

    def __getattr__(self, name: str) -> Any:
        return Endless()

    def __getitem__(self, key: object) -> Any:
        return Endless()


class RefusingList(list[Any]):
    __len__ = __iter__ = __getitem__ = __repr__ = __eq__ = __getattribute__ = _raises
    __hash__ = None  # type: ignore[assignment]


class RefusingDict(dict[Any, Any]):
    __len__ = __iter__ = __getitem__ = __repr__ = keys = items = values = __getattribute__ = _raises  # type: ignore[assignment]


class RefusingText(str):
    __len__ = __iter__ = __getitem__ = __repr__ = __str__ = encode = __getattribute__ = __eq__ = _raises  # type: ignore[assignment]
    __hash__ = str.__hash__


def of_refusing_class() -> object:
    def refuse(cls: type, name: str) -> Any:
        raise RuntimeError(name)

    return type("Meta", (type,), {"__getattribute__": refuse})("Thing", (), {})()


@pytest.mark.parametrize(
    "make", [Refusing, Endless, of_refusing_class, MagicMock, object, lambda: _raises, lambda: sys, lambda: Refusing]
)
def test_of_an_unknown_object_only_the_type_is_told(make: Callable[[], object]) -> None:
    value = make()
    found = summary(value)
    assert (found.kind, found.digest) == ("object", None)
    assert found.text in ("Refusing", "Endless", "Thing", "MagicMock", "object", "function", "module", "type")
    inside = summary([1, value])
    assert inside.digest == digest([1, make()])
    assert inside.text.endswith("the digest leaves out what has none")


def test_subclasses_are_read_past_their_own_methods() -> None:
    assert digest(RefusingList([1, 2])) == digest([1, 2])
    assert digest(RefusingDict(a=1)) == digest({"a": 1})
    assert digest(RefusingText("ab")) == digest("ab")


def test_iterators_are_not_consumed() -> None:
    stream = io.BytesIO(b"abc")
    for iterator in (iter([1, 2]), (n for n in [1, 2]), map(str, [1]), zip([1], [2], strict=True), stream):
        assert summary(iterator).kind == "object"
        assert summary([iterator]).kind == "list"
        assert len(list(iterator)) > 0


def test_cycles_and_depth() -> None:
    one: list[Any] = [1]
    one.append(one)
    other: list[Any] = [1]
    other.append(other)
    assert digest(one) == digest(other) is not None
    assert summary(one).text.endswith("contains itself")
    both: dict[str, Any] = {}
    both["self"] = SimpleNamespace(around=both)
    assert "contains itself" in summary(both).text
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert summary(deep).text.endswith(f"nested deeper than {MAX_DEPTH} levels; the digest leaves out what has none")


def test_a_stack_that_is_all_but_used_up() -> None:
    def dig(depth: int) -> OutputSummary:
        try:
            return dig(depth + 1)
        except RecursionError:
            return summary([[1, {"a": np.ones(3)}]])

    assert dig(0).stage == "detect"


def test_nothing_is_changed() -> None:
    values = {"a": [np.zeros(3), {1, 2}], "b": bytearray(b"ab")}
    before = str(values)
    summary(values)
    values["b"].extend(b"c")  # type: ignore[attr-defined] # no view of it is left open
    assert str(values) == before.replace("b'ab'", "b'abc'")


def test_texts_of_users_are_one_short_line() -> None:
    text = summary({"a\nb" * 1_000: 1, "c" * 1_000: 2}).text
    assert len(text) <= 200
    assert "\n" not in text


# --- images and matrices


def test_images() -> None:
    image = Image.new("RGB", (4, 3), (255, 0, 0))
    found = summary(image)
    assert (found.kind, found.shape, found.dtype, found.high) == ("image", (3, 4, 3), "uint8", 255.0)
    assert digest(image.copy()) == found.digest
    image.putpixel((3, 2), (254, 0, 0))
    assert digest(image) != found.digest
    indexed = Image.new("P", (2, 2))
    other = indexed.copy()
    other.putpalette([9, 9, 9])
    assert len({digest(indexed), digest(other), digest(indexed.convert("L"))}) == 3


def test_an_image_that_was_not_decoded_stays_so() -> None:
    file = io.BytesIO()
    Image.new("L", (4, 3)).save(file, "PNG")
    with Image.open(io.BytesIO(file.getvalue())) as image:
        place = image.fp.tell()  # type: ignore[union-attr]
        found = summary(image)
        assert (found.kind, found.shape, found.digest, found.text) == ("image", (3, 4), None, "L, not decoded yet")
        assert image.fp is not None
        assert image.fp.tell() == place
        image.load()
        assert digest(image) == digest(Image.new("L", (4, 3)))


def test_sparse_matrices_are_equal_where_the_dense_ones_are() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.array([[0, 2.0, 0], [1, 0, 3]])
    doubled = sparse.coo_array(([1.0, 1, 1, 3, 0], ([0, 0, 1, 1, 0], [1, 1, 0, 2, 0])), shape=(2, 3))
    values = [doubled, *(make(dense) for make in (sparse.csr_matrix, sparse.csc_array, sparse.lil_array))]
    assert len({digest(value) for value in values}) == 1
    assert doubled.nnz == 5
    assert summary(values[1]).text == "sparse float64 (2, 3), 3 stored"
    assert digest(sparse.csr_matrix(dense * 2)) != digest(values[1])


# --- tables


def test_tables_of_arrow() -> None:
    table = pa.table({"a": [1, None, 3], "b": ["x", "", None], "c": [[1], [], None], "d": [1.5, float("nan"), -0.0]})
    found = summary(table)
    assert (found.kind, found.shape) == ("table", (3, 4))
    assert found.text == "3 rows, 4 columns: a int64, b string, c list<item: int64>, d double"
    assert digest(pa.concat_tables([table.slice(0, 1), table.slice(1)])) == found.digest
    assert digest(pa.concat_tables([table, table]).slice(3)) == found.digest
    assert digest(table.to_batches()[0]) == found.digest
    for column, values in {"a": [1, 0, 3], "b": ["x", "", ""], "c": [[1], None, None], "d": [1.5, 0.0, 0.0]}.items():
        number = table.schema.get_field_index(column)
        changed = table.set_column(number, column, pa.array(values, table.schema.types[number]))
        assert digest(changed) != found.digest, column
    assert digest(table.rename_columns(["a", "b", "c", "e"])) != found.digest
    assert digest(table.select(["b", "a", "c", "d"])) != found.digest


@pytest.mark.parametrize(
    "values, kind",
    [
        ([True, None, False], pa.bool_()),
        ([1, 2, None], pa.uint8()),
        ([0, None, 5], pa.timestamp("us")),
        ([0, 1, None], pa.date32()),
        ([1, 2, 3], pa.duration("s")),
        ([b"ab", None, b""], pa.binary()),
        ([b"abc", None, b"xyz"], pa.binary(3)),
        ([{"x": 1}, None, {"x": 2}], pa.struct([("x", pa.int8())])),
        ([None, None, None], pa.null()),
        ([1, 2, None], pa.decimal128(5, 2)),
        (["a", "b", "a"], pa.dictionary(pa.int8(), pa.string())),
    ],
)
def test_columns_of_arrow(values: list[Any], kind: Any) -> None:
    column = pa.array(values, kind)
    expected = digest(column)
    assert expected is not None
    assert digest(pa.chunked_array([column.slice(0, 1), column.slice(1)])) == expected
    assert digest(pa.concat_arrays([column.slice(1), column]).slice(2)) == expected
    assert digest(column.slice(0, 2)) != expected
    assert digest(pa.chunked_array([], kind)) == digest(pa.array([], kind)) is not None


def test_text_is_the_same_however_arrow_holds_it() -> None:
    texts = pa.array(["a", "bc", None, ""])
    held = [texts, texts.cast(pa.large_string()), texts.dictionary_encode()]
    assert len({digest(column) for column in held}) == 1
    assert digest(pa.array(["ab", "c", None, ""])) != digest(texts)


def test_tables_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": [1, 2], "b": ["x", None], 3: pandas.to_datetime(["2020", "2021"])})
    found = summary(table)
    assert (found.kind, found.shape) == ("table", (2, 3))
    assert digest(table.copy()) == found.digest is not None
    assert digest(table.rename(index={0: 5})) != found.digest
    assert digest(table.rename(columns={3: 4})) != found.digest
    assert digest(table["a"]) not in (None, digest(table["b"]))


def test_tables_of_polars_go_through_arrow() -> None:
    table = type("DataFrame", (), {"__module__": "polars.dataframe.frame", "to_arrow": lambda self: TABLE})
    column = type("Series", (), {"__module__": "polars.series.series", "to_arrow": lambda self: TABLE["a"]})
    lazy = type("LazyFrame", (), {"__module__": "polars.lazyframe.frame", "collect": _raises})
    assert digest(table()) == digest(TABLE)
    assert digest(column()) == digest(TABLE["a"])
    assert summary(lazy()).kind == "object"


TABLE = pa.table({"a": [1, 2]})


def test_a_table_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_arrow_token", _raises)
    found = summary({"table": TABLE})
    assert found.digest is not None
    assert "a part cannot be read" in found.text
    assert summary(TABLE).digest is None


# --- tensors


def test_tensors_are_the_arrays_of_their_values() -> None:
    torch = pytest.importorskip("torch")
    value = np.arange(12, dtype="f4").reshape(3, 4) - 5
    tensor = torch.from_numpy(value)
    found = summary(tensor)
    assert (found.kind, found.shape, found.dtype, found.size_bytes) == ("tensor", (3, 4), "float32", 48)
    assert (found.low, found.high, found.mean) == (-5.0, 6.0, 0.5)
    same = [tensor.requires_grad_() * 1, tensor.T.contiguous().T, torch.nn.Parameter(tensor), (-tensor)._neg_view()]
    assert {digest(each) for each in same} == {found.digest}
    assert digest(value) == found.digest
    assert digest(tensor.double()) != found.digest
    assert digest(torch.tensor([1 + 2j]).conj()) == digest(np.array([1 - 2j], "c8"))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e4m3fn", "int8", "bool", "complex64", "uint16"])
def test_tensors_of_every_type(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    kind = getattr(torch, dtype)
    one, other = torch.tensor([0, 1, 2]).to(kind), torch.tensor([0, 0, 2]).to(kind)
    assert digest(one) == digest(one.clone()) is not None
    assert digest(one) != digest(other)
    assert summary(one).dtype == dtype


def test_brain_floats_have_a_range() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([-3.0, 0.0, 0.5, float("inf"), float("nan")], dtype=torch.bfloat16)
    found = summary(tensor)
    assert (found.low, found.high, found.mean, found.invalid) == (-3.0, 0.5, pytest.approx(-2.5 / 3), 2)
    other = tensor.clone()
    other[1] = -0.0
    assert digest(other) == found.digest


def test_tensors_without_plain_values() -> None:
    torch = pytest.importorskip("torch")
    sparse = torch.eye(3).to_sparse()
    assert digest(sparse) == digest(torch.eye(3).to_sparse()) is not None
    assert digest(sparse) != digest(torch.eye(3))
    empty = summary(torch.empty(2, device="meta"))
    assert (empty.kind, empty.shape, empty.digest) == ("tensor", (2,), None)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "uint8", "int64", "bool"])
def test_what_is_read_on_a_device_is_what_is_read_here(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    from pytest_vizart.profiling.recording.summaries.elements import read_elements
    from pytest_vizart.profiling.recording.summaries.tensors import _as_array, read_on_device

    generator = torch.Generator().manual_seed(3)
    tensor = (torch.randn(3, BLOCK_BYTES // 2 + 77, generator=generator) * 9).to(getattr(torch, dtype))
    if tensor.dtype.is_floating_point:
        tensor[0, 5], tensor[1, 7], tensor[2, 9] = -0.0, float("nan"), float("-inf")
    tensor = tensor.T
    array, form = _as_array(tensor, dtype)
    assert read_on_device(tensor, dtype) == read_elements(array, form)
