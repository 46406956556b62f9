"""The rows of `runs`, which are asked for again and again: read once, each run once, oldest first."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pytest_vizart.history.columns import chosen, first_rows, joined, rows_with, strings
from pytest_vizart.history.decisions import ACCEPTED_COLUMNS, Decision, latest_decisions, with_decisions
from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.parquet_file import KeptFile, schema_of
from pytest_vizart.history.run_index import COLUMNS, RunIndex, names_of
from pytest_vizart.history.schema import TABLES
from pytest_vizart.history.selection import Wanted, read_files

Values = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Columns of all rows of some files, each run once, oldest first."""

    files: tuple[KeptFile, ...]
    rows: pa.Table

    def has(self, files: tuple[KeptFile, ...], columns: Collection[str]) -> bool:
        return self.files == files and set(columns) <= set(self.rows.column_names)


class RunsTable:
    """The tables `runs` and `decisions` of a history."""

    def __init__(self, files: TableFiles, index: RunIndex) -> None:
        self._files = files
        self._index = index
        self._snapshot = _Snapshot((), pa.table({}))
        self._asked: tuple[KeptFile, ...] | None = None
        self._decisions: tuple[tuple[KeptFile, ...], dict[str, Decision]] = ((), {})

    def read(self, columns: tuple[str, ...], values: Values) -> pa.Table:
        """Return columns of the runs whose columns have one of the values, oldest first. Raises: VanishedError."""
        needed = dict.fromkeys(("run_id", *columns))
        if set(columns) & set(ACCEPTED_COLUMNS):
            needed["contended"] = None
        live = self._live(values.get("session_id"))
        if "run_id" in values or (values and live not in (self._snapshot.files, self._asked)):
            # Few files hold a few runs. Who asks once, as a command does, has it at once; who asks for other things
            # again, as a session does, has it all kept.
            self._asked = live
            rows = self._searched(live, needed, values)
        else:
            rows = self._wanted(self._whole(live, {*needed, *values}), values)
        if "contended" in needed and rows.num_rows:
            rows = with_decisions(rows, self.decisions())
        return rows.select(list(columns))

    def decisions(self) -> dict[str, Decision]:
        """Return, by run ID, what somebody decided of it. Raises: VanishedError."""
        live = self._files.listing("decisions").live
        if live != self._decisions[0]:
            self._files.fetch(live)
            names = tuple(TABLES["decisions"].names)
            tables = self._files.read_all_small(live, names)
            self._files.forget_fetched()
            self._decisions = (live, latest_decisions(joined(tables, schema_of("decisions", names))))
        return self._decisions[1]

    def _live(self, session_ids: Collection[str] | None) -> tuple[KeptFile, ...]:
        live = self._files.listing("runs").live
        if session_ids is None:
            return live
        names = names_of(session_ids)
        return tuple(file for file in live if file.name.session is None or file.name.session in names)

    def _wanted(self, rows: pa.Table, values: Values) -> pa.Table:
        mask = np.ones(rows.num_rows, np.bool_)
        for name, allowed in values.items():
            mask &= rows_with(rows[name], strings(allowed))
        return chosen(rows, mask)

    def _searched(self, live: tuple[KeptFile, ...], needed: Collection[str], values: Values) -> pa.Table:
        """Read what is asked for and no more."""
        columns = tuple(dict.fromkeys((*needed, *COLUMNS)))
        wanted = Wanted("runs", columns, values=values)
        choice = self._index.remembered(live, values["run_id"]) if "run_id" in values else None
        if choice is not None:  # runs that were among those of an earlier answer: where they lie is known
            wanted = replace(wanted, runs=choice)
            live = tuple(file for file in live if choice.may_be_of(file.name.session))
        rows = read_files(self._files, wanted, live).each_run_once().rows
        if choice is None:
            self._index.remember(live, rows)
        return _oldest_first(rows)

    def _whole(self, live: tuple[KeptFile, ...], needed: Collection[str]) -> pa.Table:
        """Columns, at least these, of all rows of the files, each run once, oldest first."""
        if not self._snapshot.has(live, needed):
            before = self._snapshot.rows.column_names if self._snapshot.files == live else ()
            names = tuple(sorted({*COLUMNS, *needed, *before}))
            self._snapshot = _Snapshot(live, self._read(live, names))
            self._index.remember(live, self._snapshot.rows)
        return self._snapshot.rows

    def _read(self, live: tuple[KeptFile, ...], names: tuple[str, ...]) -> pa.Table:
        self._files.fetch(live)
        tables = self._files.read_all_small(live, names)
        self._files.forget_fetched()
        rows = joined(tables, schema_of("runs", names))
        if pc.count_distinct(rows["run_id"]).as_py() != rows.num_rows:
            rows = chosen(rows, first_rows(rows["run_id"]))
        return _oldest_first(rows)


def _oldest_first(rows: pa.Table) -> pa.Table:
    started = rows["started_at"].cast(pa.int64()).combine_chunks()
    steps = np.diff(started.to_numpy(zero_copy_only=False))
    return rows if not started.null_count and (steps >= 0).all() else rows.sort_by([("started_at", "ascending")])
