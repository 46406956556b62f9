"""Reading the rows of a table that a query wants, touching as little as it can.

Left out are, from the coarse to the fine: files of other sessions by their names, row groups of other times by what
the file's end tells, row groups without a wanted value by reading the columns that are asked about, other columns.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pytest_vizart.history.columns import Mask, chosen, codes_of, distinct, joined, rows_with, strings
from pytest_vizart.history.encoding import SEARCHABLE
from pytest_vizart.history.files import READ_AT_ONCE_BYTES, TableFiles
from pytest_vizart.history.parquet_file import KeptFile, read_columns, schema_of
from pytest_vizart.history.run_index import RunChoice, RunIndex
from pytest_vizart.history.run_sets import each_row_counts
from pytest_vizart.history.schema import TABLES


@dataclass(frozen=True)
class Wanted:
    """Rows of a table: of these runs (None: of all), with one of these values each.

    told_apart: that they are of runs that are kept, and each run in one file, has to be seen from their IDs.
    """

    table: str
    columns: tuple[str, ...]
    runs: RunChoice | None = None
    values: Mapping[str, Collection[str]] = field(default_factory=dict)
    told_apart: bool = True

    @cached_property
    def asked(self) -> dict[str, pa.Array]:
        """Columns that decide whether a row is wanted, and what they may be."""
        of_runs = {} if self.runs is None else {"run_id": self.runs.run_ids}
        return of_runs | {name: strings(values) for name, values in self.values.items()}

    @cached_property
    def needed(self) -> tuple[str, ...]:
        wanted = {*self.columns, *self.asked}
        if self.told_apart or not wanted:  # a table without columns would have no rows
            wanted.add("run_id")
        return tuple(name for name in TABLES[self.table].names if name in wanted)

    @cached_property
    def texts(self) -> list[Collection[str]]:
        """For each column that is asked about, the texts of which one stands in a wanted row."""
        run_ids = [] if self.runs is None else [self.runs.run_ids.to_pylist()]
        return [*run_ids, *(values for name, values in self.values.items() if name in SEARCHABLE)]

    def mask(self, table: pa.Table) -> Mask:
        """Return (N,) which rows are wanted, of a table with the columns that are asked about."""
        mask = np.ones(table.num_rows, np.bool_)
        for name, values in self.asked.items():
            mask &= rows_with(table[name], values)
        return mask


def read_rows(files: TableFiles, index: RunIndex, wanted: Wanted) -> pa.Table:
    """Return the wanted rows, those of the oldest sessions first. Raises: VanishedError, HistoryError."""
    runs = wanted.runs
    if runs is not None and not len(runs.run_ids):
        return schema_of(wanted.table, wanted.columns).empty_table()
    live = files.listing(wanted.table).live
    if runs is not None:
        found = read_files(files, wanted, [file for file in live if runs.may_be_of(file.name.session)])
    elif each_row_counts(files, live):
        return read_files(files, replace(wanted, told_apart=False), live).rows.select(list(wanted.columns))
    else:
        found = read_files(files, wanted, live).of_known_runs(files, index)
    return found.each_run_once().rows.select(list(wanted.columns))


def read_files(files: TableFiles, wanted: Wanted, live: Sequence[KeptFile]) -> Found:
    """Return what these files have of the wanted rows. Raises: VanishedError."""
    if not live:
        return Found((), schema_of(wanted.table, wanted.needed).empty_table(), np.zeros(0, np.int64))
    files.fetch(live)
    live = [file for file in live if files.may_hold(file, wanted.texts)]
    small = [file for file in live if file.name.level == 0 and file.entry.size_bytes <= READ_AT_ONCE_BYTES]
    whole = dict(zip(small, files.read_each(wanted.table, small, wanted.needed), strict=True))
    read = [(file, whole[file] if file in whole else _rows_of(files, file, wanted)) for file in live]
    files.forget_fetched()
    parts = [(file, rows) for file, rows in read if rows is not None and rows.num_rows]
    rows = joined([rows for _, rows in parts], schema_of(wanted.table, wanted.needed))
    file_of = np.repeat(np.arange(len(parts)), [rows.num_rows for _, rows in parts])
    found = Found([file for file, _ in parts], rows, file_of)
    # Small files were read whole: looking at all of them together takes a fraction of the time.
    return found.only(wanted.mask(rows)) if wanted.asked and whole else found


def _rows_of(files: TableFiles, file: KeptFile, wanted: Wanted) -> pa.Table | None:
    footer = files.footer(file)
    if footer is None:
        return None
    groups = [
        number for number, times in enumerate(footer.run_times) if wanted.runs is None or wanted.runs.may_be_in(times)
    ]
    if not groups:
        return None
    if not wanted.asked:
        return files.read(file, wanted.needed)
    return files.read_with(file, lambda opened: _searched(opened, wanted, groups))


def _searched(file: pq.ParquetFile, wanted: Wanted, groups: Sequence[int]) -> pa.Table:
    """Look for rows in the columns that are asked about, then read the others of the row groups that have some."""
    asked = read_columns(file, wanted.table, tuple(wanted.asked), groups)
    mask = wanted.mask(asked)
    ends = np.cumsum([file.metadata.row_group(group).num_rows for group in groups])
    hits, pieces, masks = [], [], []
    for group, end in zip(groups, ends.tolist(), strict=True):
        begin = end - file.metadata.row_group(group).num_rows
        if mask[begin:end].any():
            hits.append(group)
            pieces.append(asked.slice(begin, end - begin))
            masks.append(mask[begin:end])
    if not hits:
        return schema_of(wanted.table, wanted.needed).empty_table()
    found = pa.concat_tables(pieces)
    others = [name for name in wanted.needed if name not in wanted.asked]
    rest = read_columns(file, wanted.table, others, hits) if others else found
    columns = [found[name] if name in wanted.asked else rest[name] for name in wanted.needed]
    rows = pa.Table.from_arrays(columns, schema=schema_of(wanted.table, wanted.needed))
    return chosen(rows, np.concatenate(masks))


@dataclass(frozen=True, slots=True)
class Found:
    """Rows, and (N,) the number of the file in which each stands."""

    files: Sequence[KeptFile]
    rows: pa.Table
    file_of: NDArray[np.int64]

    def only(self, mask: Mask) -> Found:
        return self if mask.all() else Found(self.files, chosen(self.rows, mask), self.file_of[mask])

    def of_known_runs(self, files: TableFiles, index: RunIndex) -> Found:
        """Leave out rows of runs that are not kept: cleaned up half, or not yet written to the end."""
        # Where a session's runs lie loose, all of its rows are theirs.
        loose_runs = {file.entry.base_name for file in files.listing("runs").live if file.name.level == 0}
        doubtful = np.array([file.entry.base_name not in loose_runs for file in self.files], np.bool_)
        if not doubtful.any():
            return self
        in_doubt = doubtful[self.file_of]
        unknown = index.unknown(distinct(chosen(self.rows.select(["run_id"]), in_doubt)["run_id"]))
        return self.only(~(in_doubt & rows_with(self.rows["run_id"], unknown))) if len(unknown) else self

    def each_run_once(self) -> Found:
        """Show a run that was brought here twice once: as the first file has it."""
        if len(self.files) < 2 or not self.rows.num_rows:
            return self
        count = len(self.files)
        codes = codes_of(self.rows["run_id"])
        # Rows of a run stand together: one of them is enough.
        first = np.append(True, (codes[1:] != codes[:-1]) | (self.file_of[1:] != self.file_of[:-1]))
        pairs = np.unique(codes[first] * count + self.file_of[first])
        owners, at = np.unique(pairs // count, return_index=True)
        if len(owners) == len(pairs):
            return self
        return self.only(self.file_of == (pairs[at] % count)[np.searchsorted(owners, codes)])
