"""LZF decompression against a compressor made for the test, and against damage."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.golden.lzf import decompress
from tests.golden.lzf_encoder import compress


@pytest.mark.parametrize(
    "data, unpacked",
    [
        (b"\x02abc", b"abc"),
        (b"\x00a\x20\x00", b"aaaa"),  # 3 bytes from 1 back: a copy that reads what it writes
        (b"\x01ab\xe0\x00\x01", b"ababababab" + b"a"),  # 9 bytes, the shortest of the long form
        (b"\x02abc\x40\x02", b"abcabca"),
        (b"", b""),
    ],
)
def test_runs_by_hand(data: bytes, unpacked: bytes) -> None:
    assert decompress(data, len(unpacked)) == unpacked


@pytest.mark.parametrize(
    "data, size, problem",
    [
        (b"\x02ab", 3, "2 bytes instead of 3"),
        (b"\x02abc", 4, "3 bytes instead of 4"),
        (b"\x02abc", 2, "more than"),
        (b"\x00a\x20", 4, "end within a run"),
        (b"\x00a\xe0", 4, "end within a run"),
        (b"\x00a\xe0\x00", 4, "end within a run"),
        (b"\x00a\x20\x01", 4, "before the beginning"),
        (b"\x20\x00", 3, "before the beginning"),
        (b"\x00a" + b"\xe0\xff\x00" * 100, 1000, "more than"),  # stops when there is enough
    ],
)
def test_damage_is_a_value_error(data: bytes, size: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        decompress(data, size)


@given(
    st.binary(max_size=300) | st.lists(st.sampled_from([b"aaaa", b"abc", b"x" * 300, b"\0"]), max_size=60).map(b"".join)
)
def test_round_trip(data: bytes) -> None:
    assert decompress(compress(data), len(data)) == data


@given(st.binary(max_size=200), st.integers(0, 2000))
def test_any_bytes_unpack_to_the_size_or_are_refused(data: bytes, size: int) -> None:
    with suppress(ValueError):
        assert len(decompress(data, size)) == size
