"""Compaction: many small files become few large ones, and runs are taken out. No reader sees a row twice or misses one.

A file that is merged is deleted when the one that replaces it stands there whole. Sessions under way or dead, whose
journal may be written again, are left alone, and so are damaged files and those of newer versions.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from pytest_vizart.errors import HistoryError
from pytest_vizart.history.columns import distinct
from pytest_vizart.history.files import TableFiles, VanishedError, until_settled
from pytest_vizart.history.journal import sessions_in
from pytest_vizart.history.merge_plans import MAX_BYTES, MAX_ROWS, Bounds, Plan, next_plan
from pytest_vizart.history.names import parse_name
from pytest_vizart.history.parquet_file import KeptFile
from pytest_vizart.history.rewriting import WITHOUT_RUNS, DamagedSourceError, Unwanted, delete, rewrite
from pytest_vizart.history.run_index import RunIndex, names_of
from pytest_vizart.history.schema import SCHEMA_VERSION, TABLES
from pytest_vizart.storage.lock import exclusive
from pytest_vizart.storage.store import Store

_MOST_MERGES = 1_000  # of one table; only a place where files come and go all the time needs as many


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compaction did. `finished`: False if there was no time left, or somebody else is at it."""

    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken out. `finished`: False if there was no time left, or somebody else is at it."""

    runs: int = 0
    bytes_freed: int = 0
    finished: bool = False


def compact(
    store: Store, *, budget_s: float | None = None, everything: bool = False, min_loose: int = 100
) -> Compacted:
    """Merge files where there are many.

    Args:
        budget_s: seconds after which nothing more is begun; the next one goes on.
        everything: merge whatever can be, also few files.
        min_loose: so many loose files, of all tables together, are worth merging, as far as they can be in that time: a
            question to the history opens those of a table or two.

    Raises:
        HistoryError: the place cannot be listed or written to; nothing is lost by it.
    """
    if _is_absent(store):
        return Compacted(finished=True)
    with _alone(store) as held:
        if not held:
            return Compacted()
        work = _Work(store, budget_s)
        before = work.size()
        enough = 2 if everything or work.has_loose(min_loose) else None
        done = [work.merge(table, everything, enough) for table in TABLES]
        after = work.size()
        return Compacted(before[0], after[0], before[1], after[1], all(done))


def remove_runs(store: Store, run_ids: Collection[str], *, budget_s: float | None = None) -> Removed:
    """Take runs out of every table, with their decisions, and remains of runs that were taken out before.

    Runs of sessions whose journal stands, and of damaged files or newer versions, stay.

    Args:
        budget_s: seconds after which nothing more is begun; the next one goes on.

    Raises:
        HistoryError: the place cannot be listed or written to; nothing else is lost by it.
    """
    if _is_absent(store):
        return Removed(finished=True)
    with _alone(store) as held:
        if not held:
            return Removed()
        work = _Work(store, budget_s)
        removed = frozenset(run_ids)
        bytes_before = work.size()[1]
        there = removed & work.started_us().keys()
        sessions = work.sessions_of(there)
        # First the runs: what is left of a run that is not there is not shown, and goes the next time.
        done = [work.take_out("runs", Unwanted(removed), sessions)]
        left = there & work.started_us().keys()
        gone = replace(work.remains(), removed=removed - left)
        done += [work.take_out(table, gone, sessions) for table in TABLES if table != "runs" and done[0]]
        bytes_after = work.size()[1]
        return Removed(len(there - left), max(bytes_before - bytes_after, 0), all(done))


def _is_absent(store: Store) -> bool:
    return store.local is not None and not store.local.is_dir()


@contextmanager
def _alone(store: Store) -> Iterator[bool]:
    try:
        with exclusive(store) as held:
            yield held
    except OSError as error:
        reason = error.strerror or (str(error).splitlines() or [type(error).__name__])[0]
        raise HistoryError(
            f"the history cannot be compacted ({reason})",
            file=str(store),
            hint="free space, or check that the place may be written to; nothing is lost, and it is done the next time",
        ) from error


class _Work:
    """One pass over a history. The lock is held."""

    def __init__(self, store: Store, budget_s: float | None) -> None:
        self._files = TableFiles(store)
        self._until = None if budget_s is None else time.monotonic() + budget_s
        self._now_us = time.time_ns() // 1_000

    def size(self) -> tuple[int, int]:
        """Return how many files the tables have, and their bytes."""
        entries = [entry for table in TABLES for entry in self._files.store.files(f"metrics/{table}")]
        return len(entries), sum(entry.size_bytes for entry in entries)

    def has_loose(self, count: int) -> bool:
        """Whether there are so many files that were not merged yet, and can be."""
        entries = [entry for table in TABLES for entry in self._files.store.files(f"metrics/{table}")]
        if sum(parse_name(entry.base_name).level == 0 for entry in entries) < count:
            return False
        return sum(map(self._loose_to_merge, TABLES)) >= count

    def _loose_to_merge(self, table: str) -> int:
        bounds = Bounds.within(self._left_s())
        plan = next_plan(
            until_settled(lambda: self._tidied(table)).free, self._rows_of, min_loose=2, everything=False, bounds=bounds
        )
        return 0 if plan is None or any(file.name.level for file in plan.sources) else len(plan.sources)

    def merge(self, table: str, everything: bool, min_loose: int | None) -> bool:
        """Merge files of a table; return whether all that should be is. `min_loose` as of `next_plan`."""
        for _ in range(_MOST_MERGES):
            with suppress(VanishedError, DamagedSourceError):
                tidy = self._tidied(table)
                plan = self._next(tidy, everything, min_loose, Bounds.within(self._left_s()))
                if plan is None:
                    # Of two files it is seen whether there is anything that only the time does not allow.
                    any_left = self._next(tidy, everything, min_loose, Bounds(files=2)) is not None
                    return not any_left and not tidy.still_there
                whole_runs = table in WITHOUT_RUNS or table == "runs"
                self._rewrite(tidy, plan, Unwanted() if whole_runs else self.remains())
        return False

    def _next(self, tidy: _Tidy, everything: bool, min_loose: int | None, bounds: Bounds) -> Plan | None:
        return next_plan(tidy.free, self._rows_of, min_loose=min_loose, everything=everything, bounds=bounds)

    def take_out(self, table: str, unwanted: Unwanted, sessions: Collection[str] | None) -> bool:
        """Leave rows out of a table; return whether none is left.

        Args:
            sessions: of the runs that are to go, as names of files have them; None: not known.
        """
        for _ in range(_MOST_MERGES):
            with suppress(VanishedError, DamagedSourceError):
                tidy = self._tidied(table)
                plan = self._next_with(tidy, unwanted, sessions)
                if plan is None:
                    return not tidy.still_there
                if self._left_s() == 0:
                    return False
                self._rewrite(tidy, plan, unwanted)
        return False

    def sessions_of(self, run_ids: Collection[str]) -> frozenset[str] | None:
        """Return the sessions of runs as names of files have them, None if that is not known of each."""
        return until_settled(lambda: RunIndex(self._files).choose(run_ids, None)).sessions

    def started_us(self) -> dict[str, int]:
        """Return when each run started."""
        return until_settled(self._read_runs)[0]

    def remains(self) -> Unwanted:
        """Return what nobody misses: rows of runs that are not there."""
        started_us, all_read = until_settled(self._read_runs)
        return Unwanted(known=started_us.keys() if all_read else None, now_us=self._now_us)

    def _read_runs(self) -> tuple[dict[str, int], bool]:
        started: dict[str, int] = {}
        live = self._files.listing("runs").live
        self._files.fetch(live)
        tables = self._files.read_all_small(live, ("run_id", "started_at"))
        for rows in tables:
            started |= zip(rows["run_id"].to_pylist(), rows["started_at"].cast("int64").to_pylist(), strict=True)
        return started, len(tables) == len(live)

    def _tidied(self, table: str) -> _Tidy:
        """Finish what an earlier compaction was about to delete, and say what may be merged."""
        listing = self._files.listing(table)
        deleted = not listing.replaced or delete(self._files, listing.replaced)
        # Asked after the listing: whose journal is gone by now had written all of its files.
        local = self._files.store.local
        under_way = names_of(sessions_in(local)) if local is not None else frozenset()
        return _Tidy(
            table,
            free=tuple(
                file for file in listing.live if file.name.level is not None and file.name.session not in under_way
            ),
            still_there=frozenset(() if deleted else (file.entry.base_name for file in listing.replaced)),
        )

    def _rewrite(self, tidy: _Tidy, plan: Plan, unwanted: Unwanted) -> None:
        rewrite(
            self._files,
            tidy.table,
            plan.sources,
            level=plan.level,
            unwanted=unwanted,
            started_us=self.started_us(),
            still_there=tidy.still_there,
        )

    def _next_with(self, tidy: _Tidy, unwanted: Unwanted, sessions: Collection[str] | None) -> Plan | None:
        """The next files that have unwanted rows: a compacted one, or loose ones together."""
        # Where a session's runs lie loose, its other files hold no remains.
        whole = {file.entry.base_name for file in self._files.listing("runs").live}
        of_runs = tidy.table not in WITHOUT_RUNS and sessions is not None
        loose: list[KeptFile] = []
        rows = size = 0
        for file in tidy.free:
            session = file.name.session
            if of_runs and session is not None and session not in (sessions or ()) and file.entry.base_name in whole:
                continue
            if self._rows_of(file) is None or not self._has(file, unwanted):
                continue
            if file.name.level:
                return Plan((file,), file.name.level)
            rows, size = rows + (self._rows_of(file) or 0), size + file.entry.size_bytes
            if loose and (rows > MAX_ROWS or size > MAX_BYTES):
                break
            loose.append(file)
        return Plan(tuple(loose), 1) if loose else None

    def _has(self, file: KeptFile, unwanted: Unwanted) -> bool:
        rows = self._files.read(file, ("run_id",))
        return rows is not None and any(
            unwanted.includes(run_id, file) for run_id in distinct(rows["run_id"]).to_pylist()
        )

    def _rows_of(self, file: KeptFile) -> int | None:
        footer = self._files.footer(file)
        return None if footer is None or footer.version > SCHEMA_VERSION else footer.rows

    def _left_s(self) -> float | None:
        return None if self._until is None else max(self._until - time.monotonic(), 0.0)


@dataclass(frozen=True, slots=True)
class _Tidy:
    """A table without leftovers; `still_there` are replaced files that could not be deleted."""

    table: str
    free: tuple[KeptFile, ...]
    still_there: frozenset[str]
