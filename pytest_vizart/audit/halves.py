"""A large log file in two halves, of which a second thread searches the later one meanwhile.

Most of the time it takes to find a run in a day's log goes into copying the file from the system's cache, which two
processors do in two thirds of the time.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from pytest_vizart.audit.blocks import Block, forward
from pytest_vizart.audit.criteria import Line

_LARGE_BYTES = 8 << 20
_LINE_BYTES = 1 << 16
_MOST_LINES = 1_000

Search = Callable[[Block], Iterable[Line]]


@dataclass(frozen=True, slots=True)
class _Ahead:
    """Lines that were found in the later half, and where to go on: it is not all kept where much is found."""

    lines: list[Line]
    resume_at: int | None


def search_halves(path: Path, search: Search) -> Iterator[Line] | None:
    """Return what is found in a file's blocks, in their order; None if it is too small for two.

    Args:
        search: finds lines in a block; called from two threads.

    Raises:
        OSError: now or later; FileNotFoundError only now.
    """
    if path.stat().st_size < _LARGE_BYTES:
        return None
    with ExitStack() as opened:
        halves = [opened.enter_context(path.open("rb", buffering=0)) for _ in range(2)]
        middle = _middle(halves[0]) if os.path.sameopenfile(*(file.fileno() for file in halves)) else None
        if middle is None:  # or it was renamed between the two
            return None
        return _found(halves[0], halves[1], middle, search, opened.pop_all())


def _found(first: io.FileIO, second: io.FileIO, middle: int, search: Search, opened: ExitStack) -> Iterator[Line]:
    enough = Event()
    with opened, ThreadPoolExecutor(1, "vizart-log") as pool:
        later = pool.submit(_ahead, second, middle, search, enough)
        try:
            for block in forward(first, 0, middle):
                yield from search(block)
        except BaseException:  # GeneratorExit too: who asked has what they wanted
            enough.set()
            raise
        ahead = later.result()
        yield from ahead.lines
        if ahead.resume_at is not None:
            for block in forward(second, ahead.resume_at):
                yield from search(block)


def _ahead(file: io.FileIO, start: int, search: Search, enough: Event) -> _Ahead:
    lines: list[Line] = []
    for block in forward(file, start):
        if enough.is_set() or len(lines) >= _MOST_LINES:
            return _Ahead(lines, block.offset)
        lines += search(block)
    return _Ahead(lines, None)


def _middle(file: io.FileIO) -> int | None:
    """Where a line begins, near the middle of a file; None if none does."""
    about = os.fstat(file.fileno()).st_size // 2
    file.seek(about)
    end = file.read(_LINE_BYTES).find(b"\n") + 1
    return about + end if end else None
