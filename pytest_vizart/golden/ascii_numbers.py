"""Numbers in the text part of cloud files, read in blocks: a Python object for each word would fill the memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError

MAX_TEXT_BYTES = 64_000_000
"""Larger clouds in text are refused: their numbers could take four times as much memory."""

_BLOCK_BYTES = 1 << 20
_SPACE = re.compile(rb"\s")
_WORD = re.compile(rb"\S+")


def ascii_words(text: bytes, start: int) -> Iterator[bytes]:
    """Yield the words of a text that are separated by white space, from the byte `start` on.

    Raises ValueError where one has an underscore, while it is read.
    """
    return chain.from_iterable(block.split() for block in _blocks(text, start))


def _blocks(text: bytes, start: int) -> Iterator[bytes]:
    while start < len(text):
        space = _SPACE.search(text, min(start + _BLOCK_BYTES, len(text)))
        end = space.start() if space else len(text)
        block = text[start:end]
        if b"_" in block:  # float() takes 1_000, which no cloud has
            raise ValueError("a word with an underscore")
        yield block
        start = end


def require_readable(text: bytes, *, file: Path) -> None:
    """Raise GoldenFormatError where a cloud in text is too large to read."""
    if len(text) > MAX_TEXT_BYTES:
        raise GoldenFormatError(
            "cloud is too large for text",
            file=file,
            expected=f"at most {MAX_TEXT_BYTES:,} bytes",
            found=f"{len(text):,} bytes",
            hint="save it as binary",
        )


def may_hold(text: bytes, count: int, start: int) -> bool:
    """Whether a text could hold so many words: each takes a byte, and one between it and the next."""
    return count <= (len(text) - start + 1) // 2


def take_numbers(words: Iterator[bytes], count: int) -> NDArray[np.float64]:
    """Return the next `count` numbers, fewer where the words end; ValueError for a word that is no number.

    The array grows with the words, whatever `count` claims.
    """
    return np.fromiter(map(float, islice(words, count)), dtype=np.float64)


def _number(word: bytes) -> float:
    if b"_" in word:
        raise ValueError(f"could not convert string to float: {word!r}")
    return float(word)


def not_a_number(text: bytes, start: int, *, file: Path) -> GoldenFormatError:
    """Return the error for the first word from `start` on that is no number, with its line in the file."""
    for word in _WORD.finditer(text, start):
        try:
            _number(word[0])
        except ValueError:
            line = len((text[: word.start()] + b"-").splitlines())
            return GoldenFormatError(
                "not a number",
                file=file,
                place=f"line {line}",
                expected="numbers separated by white space",
                found=repr(word[0][:40]),
                hint="is the file damaged?",
            )
    raise AssertionError("called after a word was no number")


def as_declared(column: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return numbers in the type that the header declares; as they are where it could not hold them."""
    with np.errstate(invalid="ignore", over="ignore"):
        cast = column.astype(dtype)
    return cast if dtype.kind == "f" or np.array_equal(cast, column) else column
