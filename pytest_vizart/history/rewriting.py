"""Several files of a table become one: written whole first, then the others are deleted.

Whoever is killed at it leaves both, and the new file names those that it replaces. One row group of them is in memory
at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from pytest_vizart.history.columns import chosen, distinct, rows_with, strings, with_fitting_dictionaries
from pytest_vizart.history.encoding import write_options
from pytest_vizart.history.files import TableFiles
from pytest_vizart.history.names import compacted_name
from pytest_vizart.history.parquet_file import KeptFile, RunSet, schema_of, told_of
from pytest_vizart.history.schema import SCHEMA_VERSION, TABLES

WITHOUT_RUNS = frozenset({"decisions"})
"""Tables whose rows are not part of a run."""

_GRACE_US = 86_400_000_000


class DamagedSourceError(Exception):
    """A file that was to be merged cannot be read."""


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Rows that are left out.

    removed: runs that go. known: runs that there are; rows of others are remains of runs that went, unless their file
    is younger than a day, for then its session may be about to write its runs. None: not known.
    """

    removed: Collection[str] = ()
    known: Collection[str] | None = None
    now_us: int = 0

    def includes(self, run_id: str, file: KeptFile) -> bool:
        return run_id in self.removed or (self.known is not None and run_id not in self.known and self._is_old(file))

    def _is_old(self, file: KeptFile) -> bool:
        modified_us = file.entry.modified_us
        return modified_us is not None and modified_us < self.now_us - _GRACE_US


def rewrite(
    files: TableFiles,
    table: str,
    sources: Sequence[KeptFile],
    *,
    level: int,
    unwanted: Unwanted,
    started_us: Mapping[str, int],
    still_there: Collection[str],
) -> bool:
    """Put the rows of `sources` into one new file, and delete them; return whether they are gone.

    Args:
        started_us: when runs started, as far as known.
        still_there: replaced files that could not be deleted; the new file has to go on replacing them.

    Raises:
        DamagedSourceError: one of them cannot be read; nothing was changed.
        VanishedError: one of them is gone; nothing was changed.
        OSError: the new file cannot be written; nothing was changed.
    """
    replaced = _replaced_by(files, sources, still_there)
    output = _Output(table, sum(_rows(files, file) for file in sources), started_us)
    for rows in _wanted_rows(files, table, sources, unwanted):
        output.add(rows)
    payload = output.closed(replaced)
    if output.rows or len(replaced) > len(sources):
        _check(payload, output.rows)
        first, last = sources[0].name.first, max(file.name.last for file in sources)
        files.store.write(f"metrics/{table}/{compacted_name(level, first, last)}", payload)
    return delete(files, sources)


def _check(payload: pa.Buffer, rows: int) -> None:
    """What replaces others is looked at before they go."""
    written = pq.read_metadata(pa.BufferReader(payload)).num_rows
    if written != rows:
        raise OSError(f"{written} rows were written instead of {rows}")


def delete(files: TableFiles, unneeded: Sequence[KeptFile]) -> bool:
    """Delete files; return whether all of them are gone. The next one to compact tries again."""
    try:
        files.store.delete([file.entry.name for file in unneeded])
    except OSError:  # somebody has one open, on Windows
        return False
    return True


def _replaced_by(files: TableFiles, sources: Sequence[KeptFile], still_there: Collection[str]) -> list[str]:
    inherited: set[str] = set()
    for file in sources:
        footer = files.footer(file)
        inherited |= footer.replaces if footer is not None else frozenset()
    return sorted({file.entry.base_name for file in sources} | (inherited & set(still_there)))


def _rows(files: TableFiles, file: KeptFile) -> int:
    footer = files.footer(file)
    if footer is None:
        raise DamagedSourceError(file.entry.name)
    return footer.rows


def _wanted_rows(files: TableFiles, table: str, sources: Sequence[KeptFile], unwanted: Unwanted) -> Iterator[pa.Table]:
    """Yield the rows of each row group that stay. A run that is in two files stays as the first one has it."""
    seen: dict[str, int] = {}
    for number, file in enumerate(sources):
        footer = files.footer(file)
        for group in range(footer.metadata.num_row_groups if footer is not None else 0):
            rows = files.read(file, TABLES[table].names, [group])
            if rows is None:
                raise DamagedSourceError(file.entry.name)
            dropped = []
            for run_id in distinct(rows["run_id"]).to_pylist():
                owner = number if table in WITHOUT_RUNS else seen.setdefault(run_id, number)
                if owner != number or unwanted.includes(run_id, file):
                    dropped.append(run_id)
            yield chosen(rows, ~rows_with(rows["run_id"], strings(dropped))) if dropped else rows


@dataclass(slots=True)
class _Output:
    """A Parquet file that grows by row groups."""

    table: str
    expected_rows: int
    started_us: Mapping[str, int]
    rows: int = 0
    _waiting: list[pa.Table] = field(default_factory=list)
    _waiting_rows: int = 0
    _times: list[tuple[int, int] | None] = field(default_factory=list)
    _run_ids: set[str] = field(default_factory=set)
    _sink: pa.BufferOutputStream = field(default_factory=pa.BufferOutputStream)
    _group_rows: int = 0
    _writer: pq.ParquetWriter = field(init=False)

    def __post_init__(self) -> None:
        schema = schema_of(self.table, tuple(TABLES[self.table].names))
        options = write_options(self.table, schema, rows=self.expected_rows)
        self._group_rows = options.pop("row_group_size")
        self._writer = pq.ParquetWriter(self._sink, schema, **options)

    def add(self, rows: pa.Table) -> None:
        self.rows += rows.num_rows
        while rows.num_rows:
            part = rows.slice(0, self._group_rows - self._waiting_rows)
            self._waiting.append(part)
            self._waiting_rows += part.num_rows
            rows = rows.slice(part.num_rows)
            if self._waiting_rows == self._group_rows:
                self._write_group()

    def closed(self, replaced: Sequence[str]) -> pa.Buffer:
        """Return the whole file, which tells which ones it replaces."""
        if self._waiting:
            self._write_group()
        self._writer.add_key_value_metadata(told_of(SCHEMA_VERSION, replaced, self._times, RunSet.of(self._run_ids)))
        self._writer.close()
        return self._sink.getvalue()

    def _write_group(self) -> None:
        group = with_fitting_dictionaries(pa.concat_tables(self._waiting).unify_dictionaries())
        self._writer.write_table(group, row_group_size=self._group_rows)
        run_ids = distinct(group["run_id"]).to_pylist()
        self._run_ids.update(run_ids)
        self._times.append(self._times_of(run_ids))
        self._waiting, self._waiting_rows = [], 0

    def _times_of(self, run_ids: Sequence[str]) -> tuple[int, int] | None:
        """When the first and the last of these runs started; None if that is not known of each."""
        times = [self.started_us.get(run_id) for run_id in run_ids]
        known = [time for time in times if time is not None]
        return (min(known), max(known)) if known and len(known) == len(times) else None
