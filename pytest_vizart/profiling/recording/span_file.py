"""The span journal: fixed-size records in memory that is mapped from a file, and one JSON line for everything rarer.

What was written is in the file at once, whatever kills the process: a record is begun when its span begins, so that
the span under way is known afterwards, with its sample. Records are little-endian:

    0   stage number + 1 (0: no record)      4   place: number of the sample and pass
    8   parent: offset of its record, NO_PARENT, or FOREIGN - offset for a record of the file this process came from
    16  start, ns of the monotonic clock    24  wall time, ns
    32  number of the error + 1             36  GROUPS that were measured; 0 until the span has ended
    40  ... the values of the groups, 8 bytes each

The lines beside it (`.jsonl`) name stages, places and errors by their numbers, and hold the measures.
"""

from __future__ import annotations

import json
import mmap
import os
from contextlib import suppress
from itertools import count
from pathlib import Path
from struct import Struct
from typing import Any

from pytest_vizart.errors import warn

RECORD_BYTES = 168
NO_PARENT = -1
FOREIGN = -2

OPENED = Struct("<IIq")
ENDED_AT = 16
TIMED = Struct("<qqII")
CLOCKED = Struct("<qqIIqq")
DETAILED = Struct("<qqIIqqqqqqq")

ENDED, CPU, RSS, USAGE, PEAK, EXACT, IO, GPU, PAUSED = (1 << bit for bit in range(9))

GROUPS: dict[int, tuple[int, tuple[str, ...]]] = {
    CPU: (40, ("cpu_ns", "process_cpu_ns")),
    RSS: (56, ("rss_before", "rss_after")),
    USAGE: (72, ("minor_faults", "voluntary_switches", "involuntary_switches")),
    PEAK: (96, ("rss_peak",)),
    IO: (104, ("read_bytes", "written_bytes")),
    GPU: (120, ("gpu_ns", "gpu_before", "gpu_after", "gpu_peak", "gpu_reserved")),
    PAUSED: (160, ("paused_ns",)),
}
"""Group bit -> where its values stand in a record, and which columns of a SpanTable they are."""

NONE = -(2**63)
"""A value of a group that was measured but for this one."""

_FIRST_RECORDS = 4_096
_MORE_RECORDS = 16_384
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, Linux 5.14, unknown to Python
_ERROR = Struct("<I")
_START = Struct("<q")
_names = count(1)
_told: list[bool] = []


class SpanFile:
    """The journal of one process of one run.

    `buffer` takes the records. Without a folder, or where the folder cannot be written, it is plain memory and nothing
    outlives the process.
    """

    def __init__(self, folder: Path | None, name: str, header: dict[str, Any]) -> None:
        self.name = name
        self.lines: list[list[Any]] = []
        self.buffer: mmap.mmap | bytearray
        self._records: int | None = None
        self._log: int | None = None
        self.path: Path | None = None
        self._size = _FIRST_RECORDS * RECORD_BYTES
        self.full = False
        try:
            if folder is None:
                raise OSError
            self._open(folder, is_child=header.get("parent") is not None)
        except TimeoutError:  # of the pipeline's own: a signal struck here
            self._give_up()
            raise
        except OSError as error:
            if folder is not None:
                self._warn_once(folder, error)
            self._give_up()
            self.buffer = self._in_memory(self._size)
        self.header = {**header, "name": name}
        self.write("header", self.header)

    @classmethod
    def not_begun(cls) -> SpanFile:
        """Return a journal without room, for a process that may never have a span."""
        journal = cls.__new__(cls)
        journal.name, journal.path, journal.full, journal.lines, journal.header = "", None, False, [], {}
        journal.buffer, journal._records, journal._log, journal._size = bytearray(0), None, None, 0
        return journal

    def write(self, kind: str, *values: Any) -> None:
        """Add a line: `["stage", 3, "detect"]`."""
        line = [kind, *values]
        self.lines.append(line)
        if self._log is not None:
            try:
                os.write(self._log, json.dumps(line).encode() + b"\n")
            except TimeoutError:
                raise
            except OSError as error:  # the disk is full: what is in memory is still counted
                self._warn_once(self.path, error)
                self._give_up_log()

    def grow(self) -> None:
        """Make room for more records. Those written so far stay; spans under way end in the new buffer."""
        start, end = self._size, self._size + _MORE_RECORDS * RECORD_BYTES
        if self._records is not None:
            try:
                _reserve(self._records, start, end)
                larger = mmap.mmap(self._records, end)
            except TimeoutError:
                raise
            except OSError as error:
                self._warn_once(self.path, error)
                self._give_up()
            else:
                _touch(larger, start, end)
                self.buffer, self._size = larger, end
                return
        memory = self._in_memory(end)
        if not self.full:
            memory[:start] = self.buffer[:start]
            self.buffer, self._size = memory, end

    def _in_memory(self, size: int) -> mmap.mmap | bytearray:
        """Return plain memory; where there is none left, the journal is full, and further spans are let pass."""
        try:
            return _mapped_at_once(-1, size)
        except TimeoutError:
            raise
        except (OSError, MemoryError):
            self.full = True
            warn("there is no memory left to record stages in: what runs from here on is not measured")
            return bytearray(0)

    @staticmethod
    def _warn_once(place: Path | None, error: OSError) -> None:
        """A full disk is told once, and not by every run that meets it."""
        if not _told:
            _told.append(True)
            reason = error.strerror or str(error)
            warn(f"{place}: spans are kept in memory only ({reason}); a process that is killed loses them")

    def abandon(self) -> None:
        """In a process that was forked off: let go of the parent's file, which stays untouched."""
        self._give_up()
        self.path = None

    def close(self) -> None:
        """Let go of descriptors and memory; the file stays until `remove`."""
        self._give_up()
        self.buffer = bytearray(0)  # the mapping keeps a descriptor of its own, and goes with the last reference to it

    def remove(self) -> None:
        """Delete the files, when what they hold is kept elsewhere."""
        if self.path is not None:
            for path in (self.path, self.path.with_suffix(".jsonl")):
                with suppress(OSError):
                    path.unlink()

    def _open(self, folder: Path, *, is_child: bool) -> None:
        if not is_child:  # one that outlives its run must not make the folder anew
            folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.spans"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self._records = os.open(path, flags, 0o666)
        self.path = path
        _reserve(self._records, 0, self._size)
        self.buffer = _mapped_at_once(self._records, self._size)
        log_flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._log = os.open(path.with_suffix(".jsonl"), log_flags, 0o666)

    def _give_up(self) -> None:
        if self._records is not None:
            with suppress(OSError):
                os.close(self._records)
        self._records = None
        self._give_up_log()

    def _give_up_log(self) -> None:
        if self._log is not None:
            with suppress(OSError):
                os.close(self._log)
        self._log = None


def set_error(buffer: mmap.mmap | bytearray, offset: int, number: int) -> None:
    """Write the number of the error that left a span."""
    _ERROR.pack_into(buffer, offset + 32, number + 1)


def set_groups(buffer: mmap.mmap | bytearray, offset: int, bits: int, *values: int) -> None:
    """Add measured groups to an ended span; with values, those of the one group in `bits`."""
    _ERROR.pack_into(buffer, offset + 36, _ERROR.unpack_from(buffer, offset + 36)[0] | bits)
    if values:
        Struct(f"<{len(values)}q").pack_into(buffer, offset + GROUPS[bits][0], *values)


def set_pauses(buffer: mmap.mmap | bytearray, offset: int, start_ns: int, paused_ns: int) -> None:
    """Write when an ended span really began, and for how long it did not run."""
    _START.pack_into(buffer, offset + ENDED_AT, start_ns)
    set_groups(buffer, offset, PAUSED, paused_ns)


def new_name(token: str) -> str:
    """Return a file name that no other process and no other recorder has."""
    return f"{token}-{os.getpid()}-{next(_names)}"


def _mapped_at_once(descriptor: int, size: int) -> mmap.mmap:
    """Map memory whose pages are there already: a first touch would count among the page faults of a stage."""
    if not hasattr(mmap, "MAP_POPULATE"):
        return mmap.mmap(descriptor, size)
    anonymous = mmap.MAP_ANONYMOUS if descriptor < 0 else 0
    return mmap.mmap(descriptor, size, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE | anonymous)


def _touch(buffer: mmap.mmap, start: int, end: int) -> None:
    """The same for the new part of what was made longer; the old part is not touched, and so no longer resident."""
    if hasattr(mmap, "MAP_POPULATE"):
        start -= start % mmap.PAGESIZE
        with suppress(OSError, ValueError):  # an older kernel
            buffer.madvise(_POPULATE_WRITE, start, end - start)


def _reserve(descriptor: int, start: int, end: int) -> None:
    """Make the file longer with blocks behind it: writing to a mapped hole on a full disk would kill the process.

    Raises:
        OSError: there is no room.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, start, end - start)
        return
    os.lseek(descriptor, start, os.SEEK_SET)
    os.write(descriptor, bytes(end - start))
