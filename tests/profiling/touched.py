"""Memory that is the system's again when it is let go."""

from __future__ import annotations

import mmap


def touched(size_bytes: int) -> mmap.mmap:
    """Return so much resident memory.

    Not from the heap: what earlier tests have left free there would be used, and nothing would grow.
    """
    block = mmap.mmap(-1, size_bytes)
    block[:: mmap.PAGESIZE] = b"x" * len(range(0, size_bytes, mmap.PAGESIZE))
    return block
