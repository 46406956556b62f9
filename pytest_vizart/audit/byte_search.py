"""Finding bytes in a buffer: by glibc's `memmem` where there is one, else by Python.

For the ID of a run in a day's log memmem takes a third of the time that `bytearray.find` takes: 1.4 ms for 4.6, 27 MB.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

Find: TypeAlias = Callable[[bytes, int, int], int]
"""find(needle, start, stop): as `bytes.find` does."""

_Memmem: TypeAlias = Callable[[int, int, bytes, int], "int | None"]


def finder_in(data: bytes | bytearray) -> Find:
    """Return what finds bytes in this buffer. A bytearray cannot change its size as long as that is kept."""
    memmem = _memmem()
    if memmem is None or not isinstance(data, bytearray) or not data:
        return data.find
    import ctypes

    # It holds on to the buffer, which stays where it is for as long as `find` is there.
    first, size = ctypes.c_char.from_buffer(data), len(data)

    def find(needle: bytes, start: int, stop: int) -> int:
        stop = min(stop, size)
        if not 0 <= start <= stop:
            return data.find(needle, start, stop)
        address = ctypes.addressof(first)
        at = memmem(address + start, stop - start, needle, len(needle))
        return -1 if at is None else at - address

    return find


@cache
def _memmem() -> _Memmem | None:
    """The C function; None where there is no glibc: nobody has measured the others'."""
    if "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", {}):
        return None
    try:
        import ctypes

        # PyDLL keeps the interpreter's lock, as find() does. Without it each call would wait for other threads.
        function = ctypes.PyDLL(None).memmem
    except (ImportError, OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    function.restype = ctypes.c_void_p
    return function
