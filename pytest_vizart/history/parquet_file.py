"""One Parquet file of the history: its footer, and its columns as today's schema has them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pytest_vizart.history.names import FileName
from pytest_vizart.history.schema import SCHEMA_VERSION, TABLES
from pytest_vizart.storage.store import Entry

VERSION_KEY = "vizart_schema_version"
REPLACES_KEY = "vizart_replaces"
TIMES_KEY = "vizart_run_times"
RUNS_KEY = "vizart_runs"
DIGEST_KEY = "vizart_digest"
OF_COMPACTED = (REPLACES_KEY, TIMES_KEY, RUNS_KEY)
"""What the end of a compacted file tells of all of its rows."""
_FIRST_WITH_CHECKSUMS = 4
_SUMS = 1 << 64
_VALUES_FOR_ONE = 150_000
_NEVER_NULL = frozenset({"run_id", "decided_at"})
_FIRST_US, _LAST_US = 0, 253_402_300_799_999_999  # what Python's datetime can hold, from 1970 on

DAMAGED = (OSError, pa.ArrowException, ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError)
"""What reading a file that is not what it should be raises."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a table. Its content never changes; one that is written anew has another time."""

    table: str
    entry: Entry
    name: FileName

    @property
    def order(self) -> tuple[str, str]:
        """Oldest first."""
        return self.name.first, self.entry.base_name


@dataclass(frozen=True, slots=True)
class RunSet:
    """Which runs a file holds, in two numbers: how many, and the sum of the 64-bit digests of their IDs."""

    count: int
    sum: int

    @classmethod
    def of(cls, run_ids: Collection[str]) -> RunSet:
        """Return the set of these runs, which are all different."""
        return cls(len(run_ids), sum(map(_run_digest, run_ids)) % _SUMS)

    def __add__(self, other: RunSet) -> RunSet:
        return RunSet(self.count + other.count, (self.sum + other.sum) % _SUMS)


@dataclass(frozen=True, slots=True)
class Footer:
    """What the end of a file tells of it.

    run_times: per row group, when the first and the last of its runs started, microseconds; None where not known.
    runs: None where not told.
    """

    metadata: pq.FileMetaData
    rows: int
    version: int
    replaces: frozenset[str]
    run_times: tuple[tuple[int, int] | None, ...]
    runs: RunSet | None


def read_footer(file: pq.ParquetFile) -> Footer:
    """Return the footer of an open file. Raises one of DAMAGED."""
    metadata = file.metadata
    told: dict[bytes, bytes] = metadata.metadata or {}
    groups = metadata.num_row_groups
    times = orjson.loads(told.get(TIMES_KEY.encode(), b"[]"))
    digest = told.get(DIGEST_KEY.encode())
    told_of_all = {key.encode() for key in OF_COMPACTED} & told.keys()
    if digest is not None and told_of_all and digest.decode() != _digest(told):
        raise ValueError("its end is damaged")
    return Footer(
        metadata=metadata,
        rows=metadata.num_rows,
        version=_version(told),
        replaces=frozenset(map(str, orjson.loads(told.get(REPLACES_KEY.encode(), b"[]")))),
        run_times=tuple(None if each is None else (int(each[0]), int(each[1])) for each in times)
        if len(times) == groups
        else (None,) * groups,
        runs=RunSet(*map(int, orjson.loads(told[RUNS_KEY.encode()]))) if RUNS_KEY.encode() in told else None,
    )


def told_of(
    version: int, replaces: Sequence[str], times: Sequence[tuple[int, int] | None], runs: RunSet
) -> dict[str, str]:
    """Return what a compacted file's end tells. A wrong bit there would hide rows, so it has a digest."""
    told = {
        VERSION_KEY: str(version),
        REPLACES_KEY: orjson.dumps(list(replaces)).decode(),
        TIMES_KEY: orjson.dumps(list(times)).decode(),
        RUNS_KEY: orjson.dumps([runs.count, runs.sum]).decode(),
    }
    return {**told, DIGEST_KEY: _digest({key.encode(): value.encode() for key, value in told.items()})}


def _version(told: dict[bytes, bytes]) -> int:
    return int(told.get(VERSION_KEY.encode(), b"1"))


def _digest(told: dict[bytes, bytes]) -> str:
    parts = [told.get(key.encode(), b"") for key in (VERSION_KEY, REPLACES_KEY, TIMES_KEY)]
    parts += [told[key] for key in (RUNS_KEY.encode(),) if key in told]
    return hashlib.blake2b(b"\n".join(parts), digest_size=8).hexdigest()


def _run_digest(run_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(run_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def open_parquet(
    source: pa.NativeFile, *, remote: bool, footer: Footer | None = None, kind: type[pq.ParquetFile] | None = None
) -> pq.ParquetFile:
    """Open a file for reading; a footer that was read before is not read again. Raises one of DAMAGED."""
    return (kind or pq.ParquetFile)(
        source,
        metadata=None if footer is None else footer.metadata,
        pre_buffer=remote,
        page_checksum_verification=True,
    )


class _Flat(pq.ParquetFile):  # type: ignore[misc]  # pyarrow has no types
    """A file whose columns are known by their positions: making out paths of nested ones is a fifth of opening it.

    The method is pyarrow's own business. Under another name it would be called again, and only the time be lost.
    """

    def _build_nested_paths(self) -> dict[str, list[int]]:
        return {}


def read_small(payload: bytes, table: str, columns: tuple[str, ...]) -> pa.Table | None:
    """Return columns of a small file that stand where today's version puts them, None where that needs more care.

    They are not looked at: `are_sound` tells of many at once. Raises one of DAMAGED.
    """
    schema = schema_of(table, columns)
    file = open_parquet(pa.BufferReader(payload), remote=False, kind=_Flat)
    if not has_checksums(file):
        return None
    rows = file.reader.read_all(column_indices=_positions(table, columns), use_threads=False)
    return rows if rows.schema.equals(schema) else None


@cache
def _positions(table: str, columns: tuple[str, ...]) -> list[int]:
    names = TABLES[table].names
    return [names.index(name) for name in columns]


def read_columns(
    file: pq.ParquetFile, table: str, columns: Sequence[str], groups: Sequence[int] | None = None
) -> pa.Table:
    """Return columns as today's schema has them, null where an older file has none. Raises one of DAMAGED."""
    # Starting threads takes longer than reading few values.
    rows = file.metadata.num_rows if groups is None else sum(file.metadata.row_group(at).num_rows for at in groups)
    options: dict[str, Any] = {"columns": list(columns), "use_threads": rows * len(columns) > _VALUES_FOR_ONE}
    read = file.read(**options) if groups is None else file.read_row_groups(list(groups), **options)
    missing = set(columns) - set(read.column_names)
    if missing and _version(file.metadata.metadata or {}) >= SCHEMA_VERSION:
        raise ValueError(f"it has no column {min(missing)}")
    # Before anything is made of it: Arrow takes an index that points beyond its dictionary for one that does not.
    require_sound(read, has_checksums=has_checksums(file))
    return _conformed(read, schema_of(table, tuple(columns)))


def has_checksums(file: pq.ParquetFile) -> bool:
    """Whether a wrong bit in its pages is noticed. Raises ValueError if its end is damaged."""
    return _version(file.metadata.metadata or {}) >= _FIRST_WITH_CHECKSUMS


def require_sound(read: pa.Table, *, has_checksums: bool) -> None:
    """Raise ValueError if columns hold what nobody wrote."""
    if not are_sound([read]):
        raise ValueError("a text or a dictionary is damaged, or a row has no run")
    if not has_checksums:
        for column in (column for column in read.columns if pa.types.is_timestamp(column.type)):
            times = pc.min_max(column.cast(pa.timestamp("us")).cast(pa.int64())).as_py()
            if any(time is not None and not _FIRST_US <= time <= _LAST_US for time in times.values()):
                raise ValueError("a time is not of this era")


def are_sound(tables: Sequence[pa.Table]) -> bool:
    """Whether texts are texts, indices of dictionaries point into them, and each row is of a run.

    Pages have checksums, but not their headers, and not those of older versions.

    Args:
        tables: with the same columns.
    """
    if not tables:
        return True
    try:
        for position, field in enumerate(tables[0].schema):
            chunks = [chunk for table in tables for chunk in table.column(position).chunks]
            if field.name in _NEVER_NULL and any(chunk.null_count for chunk in chunks):
                return False
            if not pa.types.is_primitive(field.type):
                pa.chunked_array(chunks, field.type).validate(full=True)
    except (pa.ArrowException, ValueError, IndexError):
        return False
    return True


@cache
def schema_of(table: str, columns: tuple[str, ...]) -> pa.Schema:
    """Return the schema of some columns of a table, comments left out."""
    full = TABLES[table]
    return pa.schema([full.field(name).remove_metadata() for name in columns])


def _conformed(read: pa.Table, schema: pa.Schema) -> pa.Table:
    if read.schema.equals(schema):
        return read.replace_schema_metadata(None)
    there = dict(zip(read.column_names, read.columns, strict=True))
    arrays = []
    for field in schema:
        column = there.get(field.name)
        if column is None:
            column = pa.chunked_array([pa.nulls(read.num_rows, field.type)])
        arrays.append(column if column.type == field.type else column.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)
