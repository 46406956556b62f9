"""A JSON list parsed piece by piece gives what it gives as a whole."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.json_pieces import list_pieces

FILE = Path("results.json")


def pieces(content: bytes, size: int = 1) -> list[list[Any]]:
    return list(list_pieces(content, FILE, hint="do this", piece_bytes=size))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["}, {", "},{", '"', "]", "ä", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "},{"]), inner, max_size=3),
    max_leaves=6,
)


@given(rows=st.lists(VALUES, max_size=8), indent=st.sampled_from([None, 1]), size=st.sampled_from([1, 7, 40, 1 << 16]))
def test_all_pieces_together_are_the_list(rows: list[Any], indent: int | None, size: int) -> None:
    content = json.dumps(rows, indent=indent, ensure_ascii=False).encode()
    assert list(chain.from_iterable(pieces(content, size))) == rows


@given(content=st.text(alphabet='[]{},":1 \n', max_size=30), size=st.sampled_from([1, 7]))
def test_what_is_accepted_is_a_json_list(content: str, size: int) -> None:
    try:
        parsed = orjson.loads(content)
    except json.JSONDecodeError:
        parsed = None
    if isinstance(parsed, list):
        assert list(chain.from_iterable(pieces(content.encode(), size))) == parsed
    else:
        with pytest.raises(GoldenFormatError):
            pieces(content.encode(), size)


def test_rows_are_cut_apart_where_they_end() -> None:
    assert pieces(b' [ {"a": 1} , {"a": 2},\n{"a": 3} ] ') == [[{"a": 1}], [{"a": 2}], [{"a": 3}]]
    assert pieces(b"[ ]") == []


@pytest.mark.parametrize(
    "content, place",
    [
        (b'[{"a": 1},\n {"a": NaN}]', "line 2, column 8"),
        (b'[{"a": 1}, {"a": NaN}]', "line 1, column 18"),
        (b'[{"a": 1},\n\n\n{"a": 2}, {"b" 3}]', "line 4, column 16"),
        (b'[{"a": 1}', "line 1"),
        (b'[{"a": 1}]]', "line 1"),
        (b"[]]", "line 1, column 3"),
        (b"", "line 1"),
    ],
)
def test_a_fault_is_told_by_its_place_in_the_file(content: bytes, place: str) -> None:
    with pytest.raises(GoldenFormatError, match="not JSON") as caught:
        pieces(content)
    assert caught.value.place is not None
    assert caught.value.place.startswith(place)


def test_another_value_is_told_from_a_list() -> None:
    with pytest.raises(GoldenFormatError, match=r"not a list.*keys \['a'\].*do this"):
        pieces(b'{"a": [1]}')
