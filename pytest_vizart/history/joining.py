"""From one history into another: what the other one lacks, run by run.

Files of which the other knows no run are copied as they are; of others the unknown rows. `runs` comes last, so that a
run is seen when all of it is there. Joining that was interrupted is simply done again: file names are derived from what
is in the files, so that the same rows get the same file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import count

import pyarrow as pa
import pyarrow.compute as pc

from pytest_vizart.history.encoding import parquet_bytes
from pytest_vizart.history.files import VanishedError, until_settled
from pytest_vizart.history.kept import replaced_names
from pytest_vizart.history.names import SUFFIX, parse_name
from pytest_vizart.history.parquet_file import (
    DAMAGED,
    OF_COMPACTED,
    has_checksums,
    open_parquet,
    read_footer,
    require_sound,
)
from pytest_vizart.storage.store import Store

_FOLDER = "metrics"
_RUNS = "runs"
_DECISIONS = "decisions"
_NAME = re.compile(r"[A-Za-z0-9][\w.@-]{0,200}\.parquet", re.ASCII)


@dataclass(slots=True)
class Joined:
    """What came from a history. `runs` are new ones, `known` were there; `problems` name what could not be read."""

    runs: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    decisions: int = 0
    files: int = 0
    written_bytes: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Head:
    """What a file of one table holds, without its rows. `run_ids` is None in tables that are not of runs."""

    base_name: str
    run_ids: frozenset[str] | None
    replaces: frozenset[str]


def join_history(source: Store, target: Store, *, on_file: Callable[[], None] = lambda: None) -> Joined:
    """Copy the runs that `target` lacks, and decisions about runs. The caller holds the lock of `target`.

    Args:
        source: a history, which is only read.
        target: another one.
        on_file: called after each file that is written.

    Raises:
        OSError: the target cannot be written, or one of them cannot be listed.
    """
    joined = Joined()
    there = _run_ids(target, joined.problems)
    theirs = _run_ids(source, joined.problems)
    joined.known, joined.runs = theirs & there, theirs - there
    for name in sorted(_tables(source), key=lambda name: name == _RUNS):
        until_settled(_Table(name, source, target, joined, on_file).join)
    return joined


def unreadable_files(store: Store, table: str) -> list[str]:
    """Return, for people, which files of a table cannot be read, and why. Raises: OSError, HistoryError."""
    problems: list[str] = []
    until_settled(lambda: _visible(store, table, problems))
    return problems


def _tables(store: Store) -> set[str]:
    """The names of the tables that are there, those of newer versions too."""
    found = (entry.name.split("/") for entry in store.files(_FOLDER, recursive=True))
    return {parts[1] for parts in found if len(parts) == 3 and re.fullmatch(r"[a-z]\w*", parts[1], re.ASCII)}


class _Table:
    """One table on its way."""

    def __init__(self, name: str, source: Store, target: Store, joined: Joined, on_file: Callable[[], None]) -> None:
        self._name = name
        self._folder = f"{_FOLDER}/{name}"
        self._source, self._target = source, target
        self._joined, self._on_file = joined, on_file

    def join(self) -> None:
        wanted = [head for head in _visible(self._source, self._name, self._joined.problems) if self._is_wanted(head)]
        if not wanted:
            return
        there = _visible(self._target, self._name, self._joined.problems)
        decisions = self._decisions(there) if self._name == _DECISIONS else set()
        for head in wanted:
            read = self._read_from(self._source, head)
            if read is not None:
                self._copy(head, *read, there, decisions)

    def _is_wanted(self, head: _Head) -> bool:
        of_runs = head.run_ids is not None and self._name != _DECISIONS
        return not of_runs or not self._joined.runs.isdisjoint(head.run_ids or ())

    def _copy(
        self, head: _Head, payload: bytes, table: pa.Table, there: list[_Head], decisions: set[tuple[object, ...]]
    ) -> None:
        new = self._new_rows(head, payload, table, there, decisions)
        if not new.num_rows:
            return
        if new.num_rows == table.num_rows and self._keeps_its_name(head, payload, there):
            name, written = head.base_name, pa.py_buffer(payload)
        else:
            written = parquet_bytes(self._name, _of_its_own(new))
            taken = replaced_names(self._target, self._name)
            names = _derived_names(head.base_name, written.to_pybytes())
            name = next(name for name in names if name not in taken)
        self._target.write(f"{self._folder}/{name}", written)
        self._joined.files += 1
        self._joined.written_bytes += written.size
        if self._name == _DECISIONS:
            self._joined.decisions += new.num_rows
            decisions.update(_rows(new))
        self._on_file()

    def _new_rows(
        self, head: _Head, payload: bytes, table: pa.Table, there: list[_Head], decisions: set[tuple[object, ...]]
    ) -> pa.Table:
        if self._name == _DECISIONS:
            return table.filter(pa.array([row not in decisions for row in _rows(table)], pa.bool_()))
        if head.run_ids is None:
            return table.slice(0, 0) if self._same_there(head, payload, there) else table
        # Rows of new runs that are there, and not seen as yet, were left by a joining that was interrupted.
        left = {run_id for other in there if other.run_ids for run_id in other.run_ids & self._joined.runs}
        return _of_runs(table, self._joined.runs - left)

    def _keeps_its_name(self, head: _Head, payload: bytes, there: list[_Head]) -> bool:
        """Whether a copy may be called as the file is, and hide what it hides.

        A compacted file hides those that it replaces: here they may hold rows that it has lost since.
        """
        listed = {entry.base_name for entry in self._target.files(self._folder)}
        hidden = replaced_names(self._target, self._name)
        free = head.base_name not in listed or self._same_there(head, payload, there)
        return free and head.base_name not in hidden and listed.isdisjoint(head.replaces)

    def _same_there(self, head: _Head, payload: bytes, there: list[_Head]) -> bool:
        """Whether the file is there as it is, under its own name."""
        named = any(other.base_name == head.base_name for other in there)
        return named and self._target.read(f"{self._folder}/{head.base_name}") == payload

    def _read_from(self, store: Store, head: _Head) -> tuple[bytes, pa.Table] | None:
        """The file's bytes and rows; None, and told, if it is damaged."""
        name = f"{self._folder}/{head.base_name}"
        try:
            payload = store.read(name)
            # All columns, although a copy would not need them: damage is told of here, where its source is.
            with open_parquet(pa.BufferReader(payload), remote=False) as file:
                rows = file.read()
                require_sound(rows, has_checksums=has_checksums(file))
                return payload, rows
        except FileNotFoundError as error:
            raise VanishedError(name) from error
        except DAMAGED as error:
            _tell(self._joined.problems, _damaged(store, name, error))
            return None

    def _decisions(self, there: list[_Head]) -> set[tuple[object, ...]]:
        known: set[tuple[object, ...]] = set()
        for head in there:
            read = self._read_from(self._target, head)
            known.update(() if read is None else _rows(read[1]))
        return known


def _visible(store: Store, table: str, problems: list[str]) -> list[_Head]:
    """Return what the files of a table hold that no compacted one replaces. What cannot be read is told."""
    heads = []
    for entry in store.files(f"{_FOLDER}/{table}"):
        if not entry.name.endswith(SUFFIX):
            continue
        if _NAME.fullmatch(entry.base_name) is None:
            _tell(problems, f"{store.where(entry.name)}: no file of a history is called so; it is left out")
            continue
        try:
            heads.append(_head(store, entry.name, entry.base_name))
        except FileNotFoundError as error:
            raise VanishedError(entry.name) from error
        except DAMAGED as error:
            _tell(problems, _damaged(store, entry.name, error))
    replaced = {name for head in heads for name in head.replaces}
    return [head for head in heads if head.base_name not in replaced]


def _head(store: Store, name: str, base_name: str) -> _Head:
    with store.open(name) as source, open_parquet(source, remote=store.local is None) as file:
        has_runs = "run_id" in file.schema_arrow.names
        run_ids = frozenset(_ids(file.read(columns=["run_id"]))) if has_runs else None
        return _Head(base_name, run_ids, read_footer(file).replaces)


def _damaged(store: Store, name: str, error: Exception) -> str:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"{store.where(name)}: this part of the history cannot be read and is left out ({reason})"


def _run_ids(store: Store, problems: list[str]) -> set[str]:
    heads = until_settled(lambda: _visible(store, _RUNS, problems))
    return {run_id for head in heads for run_id in head.run_ids or ()}


def _ids(table: pa.Table) -> set[str]:
    return {run_id for run_id in pc.unique(table["run_id"].cast(pa.string())).to_pylist() if run_id is not None}


def _of_runs(table: pa.Table, run_ids: Collection[str]) -> pa.Table:
    wanted = pc.is_in(table["run_id"].cast(pa.string()), value_set=pa.array(sorted(run_ids), pa.string()))
    return table.filter(wanted)


def _rows(decisions: pa.Table) -> list[tuple[object, ...]]:
    """Decisions that can be compared, whatever version wrote them."""
    decisions = decisions.set_column(
        decisions.schema.get_field_index("decided_at"), "decided_at", decisions["decided_at"].cast(pa.int64())
    )
    nulls = [None] * decisions.num_rows
    columns = [
        decisions[name].to_pylist() if name in decisions.column_names else nulls
        for name in ("run_id", "accepted", "decided_at", "pinned")
    ]
    return list(zip(*columns, strict=True))


def _of_its_own(table: pa.Table) -> pa.Table:
    """The rows without what the footer says of the file that they come from."""
    metadata = {key: value for key, value in (table.schema.metadata or {}).items() if key.decode() not in OF_COMPACTED}
    return table.replace_schema_metadata(metadata)


def _derived_names(base_name: str, payload: bytes) -> Iterator[str]:
    """Names of the same kind that tell the content, so that the same rows are called the same."""
    for number in count():
        digest = hashlib.blake2b(payload, digest_size=8, salt=number.to_bytes(4, "little")).hexdigest()
        if parse_name(base_name).level:
            yield f"{base_name.rpartition('-')[0]}-{digest}{SUFFIX}"
        else:
            yield f"{base_name.partition('.')[0]}.{digest[:6]}{SUFFIX}"


def _tell(problems: list[str], problem: str) -> None:
    if problem not in problems:
        problems.append(problem)
