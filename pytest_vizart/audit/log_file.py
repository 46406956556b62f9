"""The file that lines are appended to: one a day, and another one whenever it has grown large.

Every line is one write to a descriptor opened for appending, so that the lines of several processes do not mix. The
descriptor stays open, under a shared lock: whoever compresses or deletes old files can tell that this one is in use.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from threading import RLock
from weakref import WeakSet

from pytest_vizart.audit.file_locks import lock_shared

MAX_BYTES = 64_000_000
_LOOK_S = 0.25
_LOOK_BYTES = 1_000_000
_MOST_NUMBERS = 10_000
_STILL_S = 0.01
_PATIENCE_S = 1.0
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


class LogFile:
    """Appends lines to `{date}[.{part}].jsonl`, beyond `max_bytes` to `{date}[.{part}].2.jsonl`, and so on.

    The first line that a forked process writes opens the file anew there.
    """

    def __init__(self, folder: Path, part: str | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._part = "" if part is None else f".{part}"
        self._max_bytes = max_bytes
        self._descriptor: int | None = None
        self._lock = RLock()  # a signal handler may log within a line
        self._path = folder
        self._day = ""
        self._number = 1
        # The file is looked at again when the time is outside of these, or when that many bytes were written.
        self._from_s = self._until_s = 0.0
        self._looking = False
        self._room = 0
        _files.add(self)

    def append(self, line: bytes, day: str, now_s: float) -> None:
        """Append one line to the file of `day`, "2026-11-20"; `now_s` are seconds since 1970. Raises OSError."""
        with self._lock:
            if self._looking:
                self._append_apart(line, day)
                return
            if day != self._day or not (self._from_s <= now_s < self._until_s) or self._room <= 0:
                self._look(day, now_s)
            self._room -= len(line)
            assert self._descriptor is not None
            try:
                written = os.write(self._descriptor, line)
                while written < len(line):  # a disk that is full takes a part
                    written += os.write(self._descriptor, line[written:])
            except OSError:
                self.close()  # opened anew, what was written of the line is ended before the next one
                raise

    def close(self) -> None:
        descriptor, self._descriptor, self._day = self._descriptor, None, ""
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def forked(self) -> None:
        """In a process that was forked off: begin anew, whatever another thread was at.

        The descriptor is left alone: daemons close them all, and another file may have its number.
        """
        self._lock, self._looking, self._descriptor, self._day = RLock(), False, None, ""

    def _append_apart(self, line: bytes, day: str) -> None:
        """Append a line of a signal handler that struck while the file was being opened."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._folder / f"{day}{self._part}.jsonl", _FLAGS, 0o644)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _look(self, day: str, now_s: float) -> None:
        """See to it that the right file is open, and still where it was."""
        self._looking = True
        try:
            self._look_at(day, now_s)
        finally:
            self._looking = False

    def _look_at(self, day: str, now_s: float) -> None:
        if day != self._day:
            self._number = 1
            self._open(day)
        size = self._size()
        while size is None or size >= self._max_bytes:
            self._number += size is not None
            self._open(day)
            size = self._size()
        self._from_s, self._until_s = now_s, now_s + _LOOK_S
        self._room = min(_LOOK_BYTES, self._max_bytes - size)

    def _size(self) -> int | None:
        """Bytes in the open file, None if it is not the one of that name any more: removed, or set aside."""
        assert self._descriptor is not None
        try:
            own, there = os.fstat(self._descriptor), self._path.stat()
        except OSError:
            return None
        return own.st_size if (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino) else None

    def _open(self, day: str) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        for number in range(self._number, self._number + _MOST_NUMBERS):
            suffix = "" if number == 1 else f".{number}"
            path = self._folder / f"{day}{self._part}{suffix}.jsonl"
            descriptor = os.open(path, _FLAGS, 0o644)
            if lock_shared(descriptor):
                self._descriptor, self._path, self._day, self._number = descriptor, path, day, number
                _end_last_line(descriptor)
                return
            os.close(descriptor)  # it is just being compressed
        raise OSError(f"no free name for {day}{self._part}.jsonl")


_files: WeakSet[LogFile] = WeakSet()


def _forked() -> None:
    for file in _files:
        file.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _end_last_line(descriptor: int) -> None:
    """End a line that a killed process, or a full disk, left in its middle: the next one must not hang on it.

    What another process is just writing is seen to grow page by page; that is no line left in its middle.
    """
    if not hasattr(os, "pread"):
        return
    size, until_s = -1, time.monotonic() + _PATIENCE_S
    while (now := os.fstat(descriptor).st_size) != size and time.monotonic() < until_s:
        size = now
        if not size or os.pread(descriptor, 1, size - 1) == b"\n":
            return
        time.sleep(_STILL_S)
    os.write(descriptor, b"\n")
