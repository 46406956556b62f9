"""Which stage a leak comes from: what each leaves allocated, read off the C library's heap on some of the samples.

Resident memory cannot tell: a stage that keeps memory may be given what another one has freed, and then it is the
other one that grows the process. Bytes in use are exact; they take some microseconds to read, so that one sample in
sixteen is looked at.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Mapping

EVERY = 16
MOST_NS = 100_000  # the C library walks its free blocks: on a heap in pieces that would take too long
_MAIN_ARENA_FIELDS = (
    "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
)  # fmt: skip


class _MallInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [(name, ctypes.c_size_t) for name in _MAIN_ARENA_FIELDS]


def heap_reader() -> Callable[[], int] | None:
    """Return a function that tells the bytes in use on the heap (glibc 2.33 and newer), None where nothing does."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (OSError, AttributeError, TypeError):
        return None
    mallinfo2.restype, mallinfo2.argtypes = _MallInfo, []

    def in_use() -> int:
        info = mallinfo2()
        return int(info.uordblks) + int(info.hblkhd)

    return in_use


def heap_trimmer() -> Callable[[], None] | None:
    """Return a function that gives free memory of the heap back to the system (glibc), None where nothing does."""
    try:
        malloc_trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    malloc_trim.restype, malloc_trim.argtypes = ctypes.c_int, [ctypes.c_size_t]

    def trim() -> None:
        malloc_trim(0)

    return trim


class HeapWatch:
    """What the stages of one run leave on the heap, summed over the samples that are looked at.

    Args:
        in_use: bytes on the heap.
    """

    def __init__(self, in_use: Callable[[], int]) -> None:
        self._in_use = in_use
        self._thread = threading.get_ident()
        self._open: list[list[int]] = []
        self._samples = 0
        self._slow = False
        self._looked: dict[bool, int] = {False: 0, True: 0}  # samples, in later passes, in the first one
        self._grown: dict[bool, dict[int, int]] = {False: {}, True: {}}
        self._first_pass = True

    def looks(self, *, first_pass: bool, warmup: bool, items: int = 1) -> bool:
        """Return whether the sample that begins, or the batch of so many `items`, is one to look at."""
        self._open.clear()
        if warmup or self._slow:
            return False
        self._samples += 1
        self._first_pass = first_pass
        looks = self._samples % EVERY == 1
        self._looked[first_pass] += items if looks else 0
        return looks

    def enter(self) -> list[int] | None:
        """A stage begins; returns what `leave` wants, None in other threads, whose heap is everybody's."""
        if threading.get_ident() != self._thread:
            return None
        start_ns = time.perf_counter_ns()
        begun = [self._in_use(), 0]
        self._slow = self._slow or time.perf_counter_ns() - start_ns > MOST_NS
        self._open.append(begun)
        return begun

    def leave(self, number: int, begun: list[int] | None) -> None:
        """A stage ended: what it left is its own, less what stages inside of it left."""
        if begun is None or not any(begun is each for each in self._open):
            return
        grown = self._in_use() - begun[0]
        while self._open and self._open.pop() is not begun:
            pass
        if self._open:
            self._open[-1][1] += grown
        sums = self._grown[self._first_pass]
        sums[number] = sums.get(number, 0) + grown - begun[1]

    def per_sample(self) -> Mapping[int, float]:
        """Return, by stage number, the bytes left per sample; of the first pass, which fills caches, only alone."""
        first_pass = not self._looked[False]
        looked = self._looked[first_pass]
        return {number: grown / looked for number, grown in self._grown[first_pass].items()} if looked else {}
