"""Reading: `History` gives the tables back as Arrow tables. A damaged file is named once and the rest is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from os import PathLike
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pytest_vizart.errors import HistoryError, UsageError
from pytest_vizart.history.aggregates import SPAN_COLUMNS
from pytest_vizart.history.columns import chosen, distinct, joined, rows_with, strings
from pytest_vizart.history.computed_stages import ComputedStages
from pytest_vizart.history.decisions import Decision
from pytest_vizart.history.files import TableFiles, until_settled
from pytest_vizart.history.parquet_file import schema_of
from pytest_vizart.history.run_index import RunIndex
from pytest_vizart.history.runs_table import RunsTable
from pytest_vizart.history.schema import TABLES
from pytest_vizart.history.selection import Wanted, read_rows
from pytest_vizart.storage.opening import open_store
from pytest_vizart.storage.store import Store

__all__ = ["Decision", "History"]

T = TypeVar("T")
Texts = Collection[str] | None


class History:
    """The kept runs of one output folder or object store.

    Each method returns an Arrow table with the columns of `docs/storage.md`; a filter that is None filters nothing.
    Filters and `columns` spare reading what is of no interest. All methods raise HistoryError if the place cannot be
    listed, and UsageError for a column that is none; files that are damaged are warned of once and left out.

    Args:
        place: a folder, a URL as `--vizart-output` takes it, or a Store.
    """

    def __init__(self, place: str | PathLike[str] | Store = ".vizart") -> None:
        self.store = open_store(place)
        self._files = TableFiles(self.store)
        self._index = RunIndex(self._files)
        self._runs = RunsTable(self._files, self._index)
        self._computed = ComputedStages(self._files)

    def runs(
        self,
        *,
        test_id: str | None = None,
        fingerprint: str | None = None,
        run_ids: Texts = None,
        session_ids: Texts = None,
        branches: Texts = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One row per run, oldest first; decisions of `vizart baseline accept` are worked into the accepted columns."""
        one = {"test_id": test_id, "fingerprint": fingerprint}
        several = {"run_id": run_ids, "session_id": session_ids, "branch": branches}
        values: dict[str, Collection[str]] = {name: [value] for name, value in one.items() if value is not None}
        values |= {name: list(allowed) for name, allowed in several.items() if allowed is not None}
        names = _columns("runs", columns)
        return self._told(lambda: self._runs.read(names, values))

    def last_accepted(
        self,
        test_id: str,
        *,
        fingerprint: str | None = None,
        branches: Texts = None,
        count: int = 10,
        latency: bool = False,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """The last runs of a test that may serve as a baseline, newest last, on one machine and some branches.

        Args:
            latency: only runs whose times may serve, too.
        """
        names = _columns("runs", columns)
        needed = ("run_id", "accepted", "accepted_latency")
        rows = self.runs(test_id=test_id, fingerprint=fingerprint, branches=branches, columns=needed)
        mask = rows["accepted"].fill_null(False)
        if latency:
            mask = pc.and_(mask, rows["accepted_latency"].fill_null(False))
        rows = rows.filter(mask)
        rows = rows.slice(max(rows.num_rows - count, 0))
        # The other columns of a few runs only: there are thirty.
        return (
            rows.select(list(names))
            if set(names) <= set(needed)
            else self.runs(run_ids=rows["run_id"].to_pylist(), columns=names)
        )

    def stages(
        self,
        *,
        run_ids: Texts = None,
        session_ids: Texts = None,
        stage: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One row per run and stage: its order statistics. Of runs that older versions kept they are computed."""
        names = _columns("stages", columns)
        return self._told(lambda: self._stages(run_ids, session_ids, stage, names))

    def spans(
        self,
        *,
        run_ids: Texts = None,
        session_ids: Texts = None,
        stage: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One row per span."""
        return self._read("spans", run_ids, session_ids, columns, stage=stage)

    def accuracy(
        self,
        *,
        run_ids: Texts = None,
        session_ids: Texts = None,
        stage: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One row per run, stage and metric."""
        return self._read("accuracy", run_ids, session_ids, columns, stage=stage)

    def subsets(
        self,
        *,
        run_ids: Texts = None,
        session_ids: Texts = None,
        stage: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One row per run, stage, class or tag, and metric."""
        return self._read("subsets", run_ids, session_ids, columns, stage=stage)

    def outcomes(
        self,
        *,
        run_ids: Texts = None,
        session_ids: Texts = None,
        stage: str | None = None,
        status: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One row per run, stage and sample."""
        return self._read("outcomes", run_ids, session_ids, columns, stage=stage, status=status)

    def measures(
        self,
        *,
        run_ids: Texts = None,
        session_ids: Texts = None,
        stage: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One row per reading of a gauge, addition to a counter, and wait on an external service."""
        return self._read("measures", run_ids, session_ids, columns, stage=stage)

    def outputs(
        self,
        *,
        run_ids: Texts = None,
        session_ids: Texts = None,
        stage: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One row per summarised output."""
        return self._read("outputs", run_ids, session_ids, columns, stage=stage)

    def leaks(
        self, *, run_ids: Texts = None, session_ids: Texts = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """One row per run and resource whose growth was measured."""
        return self._read("leaks", run_ids, session_ids, columns)

    def gpu(
        self, *, run_ids: Texts = None, session_ids: Texts = None, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """One row per reading of the GPU's driver."""
        return self._read("gpu", run_ids, session_ids, columns)

    def decisions(self) -> dict[str, Decision]:
        """Return, by run ID, what somebody decided of it. The latest word on each question holds."""
        return self._told(self._runs.decisions)

    def files(self, table: str) -> list[str]:
        """Return the files, as paths or URLs, that hold the rows of a table: what other programs are to read."""
        if table not in TABLES:
            raise UsageError("no such table", expected=", ".join(TABLES), found=table)
        listing = self._told(lambda: self._files.listing(table))
        return [self.store.where(file.entry.name) for file in listing.live]

    def _read(
        self, table: str, run_ids: Texts, session_ids: Texts, columns: Sequence[str] | None, **values: str | None
    ) -> pa.Table:
        names = _columns(table, columns)
        given = {name: [value] for name, value in values.items() if value is not None}
        return self._told(lambda: self._rows(table, run_ids, session_ids, names, given))

    def _rows(
        self, table: str, run_ids: Texts, session_ids: Texts, columns: tuple[str, ...], values: dict[str, list[str]]
    ) -> pa.Table:
        every = run_ids is None and session_ids is None
        choice = None if every else self._index.choose(run_ids, session_ids)
        return read_rows(self._files, self._index, Wanted(table, columns, choice, values))

    def _stages(self, run_ids: Texts, session_ids: Texts, stage: str | None, columns: tuple[str, ...]) -> pa.Table:
        every = run_ids is None and session_ids is None
        choice = None if every else self._index.choose(run_ids, session_ids)
        asked = self._computed.candidates() if choice is None else choice.run_ids
        if not len(asked):
            values = {} if stage is None else {"stage": [stage]}
            rows = read_rows(self._files, self._index, Wanted("stages", columns, choice, values))
            asked = self._computed.candidates() if choice is None else asked  # reading may have met a damaged file
            if not len(asked):
                return rows
        needed = tuple(dict.fromkeys((*columns, "run_id", "stage")))
        rows = read_rows(self._files, self._index, Wanted("stages", needed, choice))
        without = asked.filter(pc.invert(pc.is_in(asked, value_set=distinct(rows["run_id"]))))
        if len(without):
            computed = self._computed.of(without, self._spans_of)
            if computed is not None:
                rows = joined([rows, computed.select(list(needed))], schema_of("stages", needed))
        if stage is not None:
            rows = chosen(rows, rows_with(rows["stage"], strings([stage])))
        return rows.select(list(columns))

    def _spans_of(self, run_ids: pa.Array) -> pa.Table:
        choice = self._index.choose(run_ids.to_pylist(), None)
        return read_rows(self._files, self._index, Wanted("spans", SPAN_COLUMNS, choice))

    def _told(self, work: Callable[[], T]) -> T:
        try:
            return until_settled(work)
        except (OSError, pa.ArrowException, UnicodeError, OverflowError) as error:
            raise HistoryError(
                f"the history cannot be read ({getattr(error, 'strerror', None) or error})",
                file=str(self.store),
                hint="check that the place is there and may be read",
            ) from error


def _columns(table: str, columns: Sequence[str] | None) -> tuple[str, ...]:
    names = TABLES[table].names
    if columns is None:
        return tuple(names)
    for name in columns:
        if name not in names:
            raise UsageError(f"{table} has no such column", expected=", ".join(names), found=name)
    return tuple(columns)
