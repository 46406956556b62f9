"""The lines of the audit log that the other log lacks, into files of their own: nobody else writes to those.

Equal lines of one log are counted, not dropped: a line that stands there twice stands in the target twice.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import IO, Any

import orjson

from pytest_vizart.audit.log_names import FOLDER, LogName, parse_name, to_read
from pytest_vizart.storage.store import Store

_LONGEST_LINE = 16_000_000  # ours are shorter than 1 MB; what is longer is no line of a log
_TIME = 50  # bytes with which a line begins: its time is among them
_PART_BYTES = 64_000_000
_DAMAGED = (OSError, EOFError, zlib.error)


@dataclass(slots=True)
class JoinedLog:
    """How many lines came, and what could not be read."""

    lines: int = 0
    written_bytes: int = 0
    problems: list[str] = field(default_factory=list)


def join_logs(source: Store, target: Store) -> JoinedLog:
    """Write the lines that `target` lacks into `logs/{date}.merged-{digest}.jsonl` there.

    Raises:
        OSError: the target cannot be read or written, or one of them cannot be listed.
    """
    joined = JoinedLog()
    theirs, there = _by_date(source), _by_date(target)
    for day, names in theirs.items():
        known: Counter[bytes] = Counter()
        for name in there.get(day, ()):
            known.update(_digest(line) for line in _lines(target, name, joined.problems))
        part = _Part(target, day, joined)
        for name in names:
            for line in _lines(source, name, joined.problems):
                digest = _digest(line)
                if known[digest]:
                    known[digest] -= 1
                else:
                    part.add(line)
        part.write()
    return joined


class _Part:
    """New lines of one day."""

    def __init__(self, target: Store, day: date, joined: JoinedLog) -> None:
        self._target, self._day, self._joined = target, day, joined
        self._lines: list[bytes] = []
        self._size = 0

    def add(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size >= _PART_BYTES:
            self.write()

    def write(self) -> None:
        if not self._lines:
            return
        ordered: list[bytes] = sorted(self._lines, key=lambda line: line[:_TIME])
        payload = b"\n".join(ordered) + b"\n"
        digest = hashlib.blake2b(payload, digest_size=6).hexdigest()
        self._target.write(f"{FOLDER}/{self._day.isoformat()}.merged-{digest}.jsonl", payload)
        self._joined.lines += len(self._lines)
        self._joined.written_bytes += len(payload)
        self._lines, self._size = [], 0


def _by_date(store: Store) -> dict[date, list[LogName]]:
    found: dict[date, list[LogName]] = {}
    names = (parse_name(entry.base_name) for entry in store.files(FOLDER))
    for name in to_read(name for name in names if name is not None):
        found.setdefault(name.date, []).append(name)
    return found


def _lines(store: Store, name: LogName, problems: list[str]) -> Iterator[bytes]:
    """Yield the lines of a log without their ends. Damage is told of, and what stands before it counts."""
    place = f"{FOLDER}/{name}"
    try:
        with store.open(place) as opened:
            plain: Any = gzip.GzipFile(fileobj=opened, mode="rb") if name.compressed else opened
            yield from _split(plain)
    except FileNotFoundError:
        return  # compressed or cleaned away meanwhile
    except _TooLongError:
        _tell(problems, f"{store.where(place)}: a line of more than {_LONGEST_LINE // 10**6} MB; the rest is left out")
    except _DAMAGED as error:
        reason = str(error) or type(error).__name__
        _tell(problems, f"{store.where(place)}: this log cannot be read to its end ({reason})")


class _TooLongError(Exception):
    """What is no line of a log."""


def _split(file: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := file.read(1_000_000):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.rstrip(b"\r") for line in lines if line.strip())
        if len(rest) > _LONGEST_LINE:
            raise _TooLongError
    # A line without an end is being written at this moment, or its writer was killed: it counts if it is whole.
    if rest.strip() and _is_whole(rest):
        yield rest.rstrip(b"\r")


def _is_whole(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=12).digest()


def _tell(problems: list[str], problem: str) -> None:
    if problem not in problems:
        problems.append(problem)
