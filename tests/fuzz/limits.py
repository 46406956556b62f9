"""Bounds of one case: seconds, and memory that the process may grow by."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class TookTooLong(BaseException):
    """Not an Exception: readers catch those of decoders."""


@contextmanager
def seconds(limit: float) -> Iterator[None]:
    """Raise TookTooLong in the block when it takes longer."""

    def ring(_: int, __: FrameType | None) -> None:
        raise TookTooLong(f"more than {limit:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def growth(limit_mb: float) -> Iterator[None]:
    """Fail if resident memory, at its peak, grew by more in the block; nothing is measured where there is no /proc."""
    if not os.access(_CLEAR, os.W_OK):
        yield
        return
    _CLEAR.write_text("5")  # the peak is now what is resident
    before_mb = _peak_mb()
    yield
    grown_mb = _peak_mb() - before_mb
    assert grown_mb <= limit_mb, f"memory grew by {grown_mb:,.0f} MB"


def _peak_mb() -> float:
    line = next(one for one in _STATUS.read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1000
