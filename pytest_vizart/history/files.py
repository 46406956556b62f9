"""Which files a table is made of at this moment, and reading them.

A compacted file names the files that it replaces. They are left out, whether they still lie there or not. A file that
is gone when it is opened was replaced meanwhile: `VanishedError` is raised, and who reads lists the files again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pytest_vizart.errors import HistoryError, warn
from pytest_vizart.history.encoding import may_hold
from pytest_vizart.history.names import SUFFIX, parse_name
from pytest_vizart.history.parquet_file import (
    DAMAGED,
    Footer,
    KeptFile,
    are_sound,
    open_parquet,
    read_columns,
    read_footer,
    read_small,
)
from pytest_vizart.storage.store import Entry, Store

_LISTED_AT_ONCE = 200  # so many names come from the system in one piece
_ATTEMPTS = 20
READ_AT_ONCE_BYTES = 200_000
_FETCHED_WHOLE_BYTES = 1_000_000
_CONNECTIONS = 16
_FEW_TEXTS = 20

T = TypeVar("T")
Key = tuple[str, int, int | None]


class VanishedError(Exception):
    """A file that was listed is no longer there."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of one table. `replaced` still lie there although a compacted file has their rows."""

    live: tuple[KeptFile, ...]  # oldest first
    replaced: tuple[KeptFile, ...] = ()


class TableFiles:
    """The files of a history's tables, with what was read of them: they are immutable, so once is enough."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._footers: dict[Key, Footer | None] = {}
        self._small: dict[Key, dict[str, pa.ChunkedArray]] = {}
        self._fetched: dict[Key, bytes] = {}
        self._damaged: set[Key] = set()

    def listing(self, table: str) -> Listing:
        """Return the files of a table.

        Raises:
            HistoryError: the place cannot be listed.
            VanishedError: a compacted file went away meanwhile.
        """
        folder = f"metrics/{table}"
        files = [KeptFile(table, entry, parse_name(entry.base_name)) for entry in self._entries(folder)]
        self._forget_gone(folder, files)
        replaced: set[str] = set()
        for file in files:
            if file.name.level:
                footer = self.footer(file)
                replaced |= footer.replaces if footer is not None else frozenset()
        live = [file for file in files if file.entry.base_name not in replaced]
        left = [file for file in files if file.entry.base_name in replaced]
        return Listing(tuple(sorted(live, key=lambda file: file.order)), tuple(left))

    def footer(self, file: KeptFile) -> Footer | None:
        """Return a file's footer; None if it is damaged, which is told once. Raises: VanishedError."""
        key = _key(file)
        if key in self._damaged:
            return None
        if key not in self._footers:
            self._footers[key] = self._attempt(file, read_footer)
        return self._footers[key]

    def read(self, file: KeptFile, columns: Sequence[str], groups: Sequence[int] | None = None) -> pa.Table | None:
        """Return columns of a file; None if it is damaged, which is told once. Raises: VanishedError."""
        return self._attempt(file, lambda opened: read_columns(opened, file.table, columns, groups))

    def read_each(self, table: str, files: Sequence[KeptFile], columns: tuple[str, ...]) -> list[pa.Table | None]:
        """Do the same for many small files, with as little as can be done for each of them.

        Raises:
            VanishedError: one of them is gone.
        """
        plain = [self._read_plainly(file, columns) for file in files]
        if not are_sound([rows for rows in plain if rows is not None]):
            plain = [None] * len(plain)
        return [self.read(file, columns) if rows is None else rows for file, rows in zip(files, plain, strict=True)]

    def _read_plainly(self, file: KeptFile, columns: tuple[str, ...]) -> pa.Table | None:
        """Return columns as they stand there, None where that needs more care."""
        key = _key(file)
        if key in self._damaged:
            return None
        try:
            return read_small(self._fetched.get(key) or self.store.read(file.entry.name), file.table, columns)
        except FileNotFoundError as error:
            raise VanishedError(file.entry.name) from error
        except (*DAMAGED, AttributeError):  # or a pyarrow whose reader is another one
            return None

    def read_with(self, file: KeptFile, work: Callable[[pq.ParquetFile], T]) -> T | None:
        """Return what `work` makes of the open file; None if it is damaged, which is told once.

        Raises:
            VanishedError: it is gone.
        """
        return self._attempt(file, work)

    def read_all_small(self, files: Sequence[KeptFile], columns: Sequence[str]) -> list[pa.Table]:
        """Return columns of those files of one table that are not damaged, and keep them. Raises: VanishedError."""
        loose = [file for file in files if file.name.level == 0 and file.entry.size_bytes <= READ_AT_ONCE_BYTES]
        new = [file for file in loose if not self.has_small(file, columns)]
        missing = {name for file in new for name in columns if name not in self._small.get(_key(file), {})}
        if len(new) > 1:
            names = tuple(sorted(missing))
            for file, rows in zip(new, self.read_each(new[0].table, new, names), strict=True):
                if rows is not None:
                    self._small.setdefault(_key(file), {}).update(zip(names, rows.columns, strict=True))
        return [table for file in files if (table := self.read_small(file, columns)) is not None]

    def read_small(self, file: KeptFile, columns: Sequence[str]) -> pa.Table | None:
        """The same of a file whose columns are asked for again and again: what was read once is kept."""
        kept = self._small.setdefault(_key(file), {})
        missing = [name for name in columns if name not in kept]
        if missing:
            read = self.read(file, missing)
            if read is None:
                return None
            kept |= dict(zip(missing, read.columns, strict=True))
        return pa.table({name: kept[name] for name in columns})

    def has_small(self, file: KeptFile, columns: Collection[str]) -> bool:
        """Whether `read_small` has kept these columns of a file."""
        return set(columns) <= self._small.get(_key(file), {}).keys()

    def may_hold(self, file: KeptFile, texts: Iterable[Collection[str]]) -> bool:
        """Whether a small file may have a row with one text of each of these; its bytes tell, without opening it.

        Raises:
            VanishedError: it is gone.
        """
        short = [each for each in texts if len(each) <= _FEW_TEXTS]
        key = _key(file)
        if not short or file.name.level != 0 or file.entry.size_bytes > _FETCHED_WHOLE_BYTES:
            return True
        if key not in self._fetched:
            try:
                self._fetched[key] = self.store.read(file.entry.name)
            except FileNotFoundError as error:
                raise VanishedError(file.entry.name) from error
            except OSError:
                return True  # reading it tells why
        return all(may_hold(self._fetched[key], each) for each in short)

    def fetch(self, files: Iterable[KeptFile]) -> None:
        """Bring small files here, many at once: in an object store each of them is a request or three."""
        if self.store.local is not None:
            return
        known = self._small.keys() | self._fetched.keys()
        wanted = [file for file in files if file.entry.size_bytes <= _FETCHED_WHOLE_BYTES and _key(file) not in known]
        if len(wanted) < 2:
            return
        with ThreadPoolExecutor(min(_CONNECTIONS, len(wanted))) as pool:
            for file, payload in zip(wanted, pool.map(self._fetched_or_none, wanted), strict=True):
                if payload is not None:
                    self._fetched[_key(file)] = payload

    def forget_fetched(self) -> None:
        """Let go of the bytes of files that were read."""
        self._fetched.clear()

    def _fetched_or_none(self, file: KeptFile) -> bytes | None:
        try:
            return self.store.read(file.entry.name)
        except OSError:
            return None  # reading it tells why

    def _entries(self, folder: str) -> list[Entry]:
        try:
            found = self._list(folder)
            for _ in range(_ATTEMPTS):
                if len(found) < _LISTED_AT_ONCE:
                    break
                # A long list comes in pieces; between two of them files may have been replaced. Two equal ones agree.
                again = self._list(folder)
                if again == found:
                    break
                found = again
        except OSError as error:
            raise HistoryError(
                f"the history cannot be listed ({_reason(error)})",
                file=self.store.where(folder),
                hint="check that the place is there and may be read",
            ) from error
        return found

    def _list(self, folder: str) -> list[Entry]:
        return [entry for entry in self.store.files(folder) if entry.base_name.endswith(SUFFIX)]

    def _forget_gone(self, folder: str, files: Sequence[KeptFile]) -> None:
        there = {_key(file) for file in files}
        for kept in (self._small, self._footers):
            for key in [key for key in kept if key[0].startswith(f"{folder}/") and key not in there]:
                del kept[key]

    def _attempt(self, file: KeptFile, work: Callable[[pq.ParquetFile], T]) -> T | None:
        key = _key(file)
        if key in self._damaged:
            return None
        footer = self._footers.get(key)
        try:
            try:
                payload = self._fetched.get(key)
                source = self.store.open(file.entry.name) if payload is None else pa.BufferReader(payload)
                with source, open_parquet(source, remote=payload is None and self._remote, footer=footer) as opened:
                    return work(opened)
            except FileNotFoundError:
                raise
            except OSError:
                if not self._remote:
                    raise
                # Either the way to the file is broken, or the file is.
                with open_parquet(pa.BufferReader(self._download(file)), remote=False) as opened:
                    return work(opened)
        except FileNotFoundError as error:
            raise VanishedError(file.entry.name) from error
        except DAMAGED as error:
            self._give_up(file, error)
            return None

    @property
    def _remote(self) -> bool:
        return self.store.local is None

    def _download(self, file: KeptFile) -> bytes:
        try:
            return self.store.read(file.entry.name)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise HistoryError(
                f"the history cannot be read ({_reason(error)})",
                file=self.store.where(file.entry.name),
                hint="check the connection and the credentials, then do it again",
            ) from error

    def _give_up(self, file: KeptFile, error: BaseException) -> None:
        self._damaged.add(_key(file))
        warn(
            f"{self.store.where(file.entry.name)}: this part of the history cannot be read and is left out "
            f"({_reason(error)}); hint: delete the file"
        )


def until_settled(work: Callable[[], T]) -> T:
    """Do it again while files vanish under it: somebody compacts.

    Raises:
        HistoryError: they vanish again and again.
    """
    for _ in range(_ATTEMPTS):
        try:
            return work()
        except VanishedError as error:
            last = error
    raise HistoryError(
        "a file of the history is listed, but is not there",
        file=str(last),
        hint="several programs may be compacting or cleaning here at once; try again",
    ) from last


def _key(file: KeptFile) -> Key:
    return file.entry.name, file.entry.size_bytes, file.entry.modified_us


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
