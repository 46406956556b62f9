"""What the C library finds is what Python finds, whatever is looked for and wherever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.audit import byte_search
from pytest_vizart.audit.byte_search import finder_in

# Few letters, so that needles are there, also over and over, and the zero that ends C's texts.
_TEXT = st.text("ab\0\n", max_size=60).map(str.encode)


@given(
    text=_TEXT, needle=_TEXT.filter(lambda needle: len(needle) < 6), start=st.integers(0, 70), stop=st.integers(0, 70)
)
def test_finds_what_find_finds(text: bytes, needle: bytes, start: int, stop: int) -> None:
    expected = text.find(needle, start, stop)
    assert finder_in(bytearray(text))(needle, start, stop) == expected
    assert finder_in(text)(needle, start, stop) == expected


@given(before=st.binary(max_size=300), needle=st.binary(min_size=1, max_size=80), after=st.binary(max_size=300))
def test_finds_long_needles_at_their_first_place(before: bytes, needle: bytes, after: bytes) -> None:
    text = before + needle + after
    assert finder_in(bytearray(text))(needle, 0, len(text)) == text.find(needle)
    assert finder_in(bytearray(text))(needle, 0, len(text) + 1_000) == text.find(needle)
    assert finder_in(bytearray(text))(needle, 0, len(before) + len(needle) - 1) == text.find(
        needle, 0, len(before) + len(needle) - 1
    )


def test_nothing_behind_the_end_is_looked_at() -> None:
    data = bytearray(b"x" * 100 + b"needle")
    assert finder_in(data)(b"needle", 0, 100) == -1
    assert finder_in(data)(b"needle", 0, 105) == -1
    assert finder_in(data)(b"needle", 101, 106) == -1


def test_the_buffer_cannot_shrink_under_it() -> None:
    data = bytearray(b"x" * 100)
    find = finder_in(data)
    if byte_search._memmem() is not None:
        with pytest.raises(BufferError):
            data.clear()
    assert find(b"y", 0, 100) == -1
    del find
    data.clear()


def test_without_the_function_python_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_search, "_memmem", lambda: None)
    data = bytearray(b"abcabc")
    assert finder_in(data)(b"c", 3, 6) == 5
    data.clear()
