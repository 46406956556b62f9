"""Which runs there are, in which session, and when they started: what other tables are searched by."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pytest_vizart.history.columns import chosen, distinct, rows_with, strings
from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.names import are_plain, session_in_name
from pytest_vizart.history.parquet_file import KeptFile

COLUMNS = ("run_id", "session_id", "started_at")
_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class RunChoice:
    """Runs that are asked for, as far as they are known.

    sessions: as names of files have them; None: any. started_us: sorted; None: not known of each.
    """

    run_ids: pa.Array
    sessions: frozenset[str] | None = None
    started_us: tuple[int, ...] | None = None

    def may_be_of(self, session: str | None) -> bool:
        """Whether files of a session, None for several, can hold one of them."""
        return session is None or self.sessions is None or session in self.sessions

    def may_be_in(self, times: tuple[int, int] | None) -> bool:
        """Whether a row group whose runs started between these times can hold one of them."""
        if times is None or self.started_us is None:
            return True
        at = bisect_left(self.started_us, times[0])
        return at < len(self.started_us) and self.started_us[at] <= times[1]


@dataclass(frozen=True, slots=True)
class _Found:
    rows: pa.Table
    session: str | None  # in the name of the file


@dataclass(frozen=True, slots=True)
class _Remembered:
    """Runs of an earlier answer. strangers: sessions in names of files that none of these runs is of: somebody may have
    renamed those files."""

    rows: pa.Table
    strangers: frozenset[str]


class RunIndex:
    """The runs of a history. Rows of other tables whose run is not among them are not shown."""

    def __init__(self, files: TableFiles) -> None:
        self._files = files
        self._remembered: tuple[tuple[KeptFile, ...], list[_Remembered]] = ((), [])

    def choose(self, run_ids: Collection[str] | None, session_ids: Collection[str] | None) -> RunChoice:
        """Return the runs that have one of these IDs and are of one of these sessions; None: any.

        Raises:
            VanishedError: a file went away meanwhile.
        """
        live = self._files.listing("runs").live
        if run_ids is not None:
            known = self.remembered(live, run_ids, session_ids)
            if known is not None:
                return known
        if session_ids is not None:
            names = names_of(session_ids)
            live = tuple(file for file in live if file.name.session is None or file.name.session in names)
        self._files.fetch(live)
        wanted_ids = None if run_ids is None else strings(run_ids)
        wanted_sessions = None if session_ids is None else strings(session_ids)
        texts = [each for each in (run_ids, session_ids) if each is not None]
        found = []
        for file in live:
            if not self._files.has_small(file, COLUMNS) and not self._files.may_hold(file, texts):
                continue
            table = self._files.read_small(file, COLUMNS)
            if table is not None:
                found.append(_Found(_rows_of(table, wanted_ids, wanted_sessions), file.name.session))
            elif wanted_ids is not None:
                # A damaged file may have had them: their rows in other tables are still worth showing.
                return RunChoice(wanted_ids)
        self._files.forget_fetched()
        return _choice([each for each in found if each.rows.num_rows])

    def remember(self, live: tuple[KeptFile, ...], runs: pa.Table) -> None:
        """Keep rows of runs that were read from these files, with the columns of COLUMNS: who asks for runs often asks
        next for what belongs to them."""
        new = _Remembered(runs.select(COLUMNS), _strangers(live, runs["session_id"]))
        before = self._remembered[1] if self._remembered[0] == live else ()
        self._remembered = (live, [*before, new][-_REMEMBERED:])

    def remembered(
        self, live: tuple[KeptFile, ...], run_ids: Collection[str], session_ids: Collection[str] | None = None
    ) -> RunChoice | None:
        """Return these runs, as far as they are of these sessions, if all of them are remembered of these files."""
        if self._remembered[0] != live:
            return None
        wanted = strings(set(run_ids))
        for each in reversed(self._remembered[1]):
            found = chosen(each.rows, rows_with(each.rows["run_id"], wanted))
            if found.num_rows == len(wanted):
                own = None if session_ids is None else strings(session_ids)
                choice = _choice([_Found(_rows_of(found, None, own), None)])
                return choice if choice.sessions is None else replace(choice, sessions=choice.sessions | each.strangers)
        return None

    def unknown(self, run_ids: pa.Array) -> pa.Array:
        """Return those of these IDs that are no runs; none where a damaged file may have had them.

        Raises:
            VanishedError: a file went away meanwhile.
        """
        left = run_ids
        live = self._files.listing("runs").live
        # Few files hold most runs: the others are read only if something is not in those.
        for loose in (False, True):
            files = [file for file in live if (file.name.level == 0) is loose] if len(left) else []
            self._files.fetch(files)
            for file in files:
                there = self._files.read_small(file, ("run_id",))
                if there is None:
                    return left.slice(0, 0)
                left = left.filter(pc.invert(pc.is_in(left, value_set=distinct(there["run_id"]))))
        return left


def _rows_of(table: pa.Table, run_ids: pa.Array | None, session_ids: pa.Array | None) -> pa.Table:
    mask = np.ones(table.num_rows, np.bool_)
    if run_ids is not None:
        mask &= rows_with(table["run_id"], run_ids)
    if session_ids is not None:
        mask &= rows_with(table["session_id"], session_ids)
    return chosen(table, mask)


def _choice(found: list[_Found]) -> RunChoice:
    if not any(each.rows.num_rows for each in found):
        return RunChoice(strings([]), frozenset(), ())
    rows = pa.concat_tables([each.rows for each in found])
    starts = rows["started_at"].cast(pa.int64())
    sessions = names_of(distinct(rows["session_id"]).to_pylist())
    return RunChoice(
        run_ids=distinct(rows["run_id"]),
        sessions=None
        if rows["session_id"].null_count
        else sessions | {each.session for each in found if each.session is not None},
        started_us=None if starts.null_count else tuple(sorted(starts.to_pylist())),
    )


def _strangers(live: Collection[KeptFile], session_ids: pa.ChunkedArray) -> frozenset[str]:
    in_names = {file.name.session for file in live if file.name.session is not None}
    own = distinct(session_ids)
    if not in_names or pc.all(pc.is_in(strings(in_names), value_set=own)).as_py():
        return frozenset()
    return frozenset(in_names - names_of(own.to_pylist()))


def names_of(session_ids: Collection[str]) -> frozenset[str]:
    """Return sessions as names of files have them, those of older versions included."""
    if are_plain(session_ids):
        return frozenset(session_ids)
    return frozenset(
        name for session_id in session_ids for name in (session_in_name(session_id), session_id.partition(".")[0])
    )
