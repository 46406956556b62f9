"""Damage to files: cut off, bits flipped, bytes overwritten, pieces doubled or taken out."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError

_WORDS = (b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0" * 4, b"\xff" * 8, b"-1 ", b"9" * 12, b"nan", b"\n", b" ")


@st.composite
def damaged(draw: st.DrawFn, contents: Sequence[bytes], *, near: int = 400) -> bytes:
    """One of the contents with 1 to 4 injuries; half of them in the first `near` bytes, where headers are."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _ in range(draw(st.integers(1, 4))):
        end = min(near, len(content)) if draw(st.booleans()) else len(content)
        place = draw(st.integers(0, max(end - 1, 0)))
        match draw(st.sampled_from(["cut", "flip", "byte", "word", "double", "out"])):
            case "cut":
                del content[place:]
            case "flip" if content:
                content[place] ^= 1 << draw(st.integers(0, 7))
            case "byte":
                content[place : place + 1] = bytes([draw(st.integers(0, 255))])
            case "word":
                word = draw(st.sampled_from(_WORDS))
                content[place : place + len(word)] = word
            case "double":
                content[place:place] = content[place : place + 20]
            case "out":
                del content[place : place + draw(st.integers(1, 40))]
    return bytes(content)


def read_in_bounds(read: Callable[[Path], object], path: Path, content: bytes, *, peak_mb: float = 100) -> object:
    """Return what is read, or the GoldenFormatError; any other exception, or a peak of memory above, fails."""
    path.write_bytes(content)
    tracemalloc.start()
    try:
        return read(path)
    except GoldenFormatError as error:
        return error
    finally:
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak_bytes < peak_mb * 1e6, f"{peak_bytes:,} bytes for a file of {len(content):,}"
