"""Reading: `History` gives the tables back as Arrow tables. A damaged file is named once and the rest is read."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pytest_vizart.errors import warn
from pytest_vizart.history.schema import TABLES

_SMALL_TABLES = ("runs", "decisions")


class Decision(NamedTuple):
    """Whether a run is a baseline from then on, as somebody decided by hand."""

    accepted: bool
    decided_us: int


class History:
    """The kept runs of one output folder.

    Each method returns an Arrow table with the columns of `docs/storage.md`; None filters nothing.
    """

    def __init__(self, output: str | PathLike[str] = ".vizart") -> None:
        self.output = Path(output)
        self._damaged: set[Path] = set()
        self._kept: dict[Path, pa.Table | None] = {}

    def runs(self, *, test_id: str | None = None, fingerprint: str | None = None) -> pa.Table:
        """One row per run, oldest first; decisions of `vizart baseline accept` are worked into the accepted columns."""
        table = self._read("runs", {"test_id": test_id, "fingerprint": fingerprint})
        return self._with_decisions(table).sort_by([("started_at", "ascending")])

    def spans(
        self,
        *,
        run_ids: Sequence[str] | None = None,
        session_ids: Sequence[str] | None = None,
        stage: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """One row per span. `session_ids` and `columns` spare reading the files and columns of no interest."""
        return self._read("spans", {"run_id": run_ids, "stage": stage}, session_ids, columns)

    def accuracy(
        self,
        *,
        run_ids: Sequence[str] | None = None,
        session_ids: Sequence[str] | None = None,
        stage: str | None = None,
    ) -> pa.Table:
        """One row per run, stage and metric."""
        return self._read("accuracy", {"run_id": run_ids, "stage": stage}, session_ids)

    def subsets(
        self,
        *,
        run_ids: Sequence[str] | None = None,
        session_ids: Sequence[str] | None = None,
        stage: str | None = None,
    ) -> pa.Table:
        """One row per run, stage, class or tag, and metric."""
        return self._read("subsets", {"run_id": run_ids, "stage": stage}, session_ids)

    def outcomes(
        self,
        *,
        run_ids: Sequence[str] | None = None,
        session_ids: Sequence[str] | None = None,
        stage: str | None = None,
        status: str | None = None,
    ) -> pa.Table:
        """One row per run, stage and sample."""
        return self._read("outcomes", {"run_id": run_ids, "stage": stage, "status": status}, session_ids)

    def measures(
        self,
        *,
        run_ids: Sequence[str] | None = None,
        session_ids: Sequence[str] | None = None,
        stage: str | None = None,
    ) -> pa.Table:
        """One row per gauge reading, count and wait on an external service."""
        return self._read("measures", {"run_id": run_ids, "stage": stage}, session_ids)

    def outputs(
        self,
        *,
        run_ids: Sequence[str] | None = None,
        session_ids: Sequence[str] | None = None,
        stage: str | None = None,
    ) -> pa.Table:
        """One row per run, stage and sample: what the stage's output was."""
        return self._read("outputs", {"run_id": run_ids, "stage": stage}, session_ids)

    def leaks(self, *, run_ids: Sequence[str] | None = None, session_ids: Sequence[str] | None = None) -> pa.Table:
        """One row per run and resource: how memory moved from sample to sample."""
        return self._read("leaks", {"run_id": run_ids}, session_ids)

    def gpu(self, *, run_ids: Sequence[str] | None = None, session_ids: Sequence[str] | None = None) -> pa.Table:
        """One row per reading of the GPU's driver."""
        return self._read("gpu", {"run_id": run_ids}, session_ids)

    def _read(
        self,
        name: str,
        filters: dict[str, str | Sequence[str] | None],
        session_ids: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        schema = TABLES[name] if columns is None else pa.schema([TABLES[name].field(column) for column in columns])
        wanted = {
            column: [value] if isinstance(value, str) else list(value)
            for column, value in filters.items()
            if value is not None
        }
        sessions = None if session_ids is None else set(session_ids)
        tables = [schema.empty_table()]
        for path in sorted((self.output / "metrics" / name).glob("*.parquet")):
            # A file is called <time>-<session>.parquet, and a time has no dash in it.
            if sessions is not None and path.name.partition("-")[2].partition(".")[0] not in sessions:
                continue
            table = (self._read_small_file if name in _SMALL_TABLES else self._read_file)(path, schema)
            if table is not None:
                tables.append(_filtered(table, wanted))
        # Files bring dictionaries of their own: grouping over differing ones fails, so they are unified.
        return pa.concat_tables(tables).unify_dictionaries()

    def _read_small_file(self, path: Path, schema: pa.Schema) -> pa.Table | None:
        """Read a file of which a session asks again and again; files are immutable, so once is enough."""
        if path not in self._kept:
            self._kept[path] = self._read_file(path, schema)
        return self._kept[path]

    def _read_file(self, path: Path, schema: pa.Schema) -> pa.Table | None:
        try:
            with pq.ParquetFile(path) as file:
                there = [name for name in schema.names if name in file.schema_arrow.names]
                return _conformed(file.read(columns=there), schema)
        except (OSError, pa.ArrowException) as error:
            if path not in self._damaged:
                self._damaged.add(path)
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                warn(
                    f"{path}: this part of the history cannot be read and is left out ({reason}); hint: delete the file"
                )
            return None

    def decisions(self) -> dict[str, Decision]:
        """Return, by run ID, what somebody decided of it. The latest decision holds."""
        table = self._read("decisions", {}).sort_by([("decided_at", "ascending")])
        columns = (
            table["run_id"].to_pylist(),
            table["accepted"].to_pylist(),
            table["decided_at"].cast("int64").to_pylist(),
        )
        return {run_id: Decision(accepted, decided_us) for run_id, accepted, decided_us in zip(*columns, strict=True)}

    def _with_decisions(self, runs: pa.Table) -> pa.Table:
        decided = self.decisions()
        if not decided:
            return runs
        ids, contended = runs["run_id"].to_pylist(), runs["contended"].to_pylist()
        for column in ("accepted", "accepted_latency"):
            values = [
                # Nobody can decide that times measured beside other workers are sound.
                decided[run_id].accepted and not (column == "accepted_latency" and beside)
                if run_id in decided
                else value
                for run_id, value, beside in zip(ids, runs[column].to_pylist(), contended, strict=True)
            ]
            runs = runs.set_column(
                runs.schema.get_field_index(column), runs.schema.field(column), pa.array(values, pa.bool_())
            )
        return runs


def _conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly the schema's columns: null where an older file has none, newer columns left out."""
    if table.schema.equals(schema):
        return table.replace_schema_metadata(None)
    arrays = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _filtered(table: pa.Table, wanted: dict[str, list[str]]) -> pa.Table:
    for column, values in wanted.items():
        plain = table[column].cast(pa.string())
        table = table.filter(pc.is_in(plain, value_set=pa.array(values, pa.string())))
    return table
