"""Which files are merged next: loose ones, or ten compacted ones of a level, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pytest_vizart.history.parquet_file import KeptFile

MAX_ROWS = 1_000_000
MAX_BYTES = 200_000_000
FAN = 10
# On a slow machine; more than the time left allows is not begun.
_ROWS_A_SECOND = 200_000
_FILES_A_SECOND = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """Files, oldest first, that become one of a level."""

    sources: tuple[KeptFile, ...]
    level: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one file may hold, and be made of at once."""

    rows: int = MAX_ROWS
    bytes: int = MAX_BYTES
    files: int | None = None

    @classmethod
    def within(cls, seconds: float | None) -> Bounds:
        """Return the bounds of what can be merged in a time."""
        if seconds is None:
            return cls()
        return cls(rows=min(MAX_ROWS, int(seconds * _ROWS_A_SECOND)), files=int(seconds * _FILES_A_SECOND))


RowsOf = Callable[[KeptFile], int | None]


def next_plan(
    files: Sequence[KeptFile], rows_of: RowsOf, *, min_loose: int | None, everything: bool, bounds: Bounds
) -> Plan | None:
    """Return what is merged next, None if there is nothing to gain.

    Args:
        files: those that may be merged, oldest first.
        rows_of: a file's rows, None if it may not be merged.
        min_loose: so many loose files are worth merging; None: however many, they are left alone.
    """
    by_level: dict[int, list[KeptFile]] = {}
    for file in files:
        if file.name.level is not None:
            by_level.setdefault(0 if everything else file.name.level, []).append(file)
    for level in sorted(by_level):
        enough = 2 if everything else (FAN if level else min_loose)
        if enough is None or len(by_level[level]) < enough:
            continue
        # Asking for a file's rows opens it: no more are asked than are needed.
        if len(list(islice(_with_room(by_level[level], rows_of), enough))) == enough:
            sources = first_within(_with_room(by_level[level], rows_of), rows_of, bounds)
            if len(sources) > 1:
                return Plan(tuple(sources), 1 + max(file.name.level or 0 for file in sources))
    return None


def first_within(files: Iterable[KeptFile], rows_of: RowsOf, bounds: Bounds) -> list[KeptFile]:
    """Return the first neighbours, two at least, that are within the bounds together; none without any."""
    taken: list[KeptFile] = []
    rows = size = 0
    for file in files:
        if bounds.files is not None and len(taken) >= bounds.files:
            break
        more, larger = rows + (rows_of(file) or 0), size + file.entry.size_bytes
        if more <= bounds.rows and larger <= bounds.bytes:
            taken.append(file)
            rows, size = more, larger
        elif len(taken) > 1:
            break
        else:
            taken, rows, size = [file], rows_of(file) or 0, file.entry.size_bytes
            if rows > bounds.rows or size > bounds.bytes:
                taken, rows, size = [], 0, 0
    return taken if len(taken) > 1 else []


def _with_room(files: Iterable[KeptFile], rows_of: RowsOf) -> Iterator[KeptFile]:
    """Yield those with which another file of their size would go."""
    for file in files:
        if file.entry.size_bytes <= MAX_BYTES // 2:
            rows = rows_of(file)
            if rows is not None and rows <= MAX_ROWS // 2:
                yield file
