"""Reading: `History` gives the tables back as Arrow tables. A damaged file is named once and the rest is read."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pytest_vizart.errors import warn
from pytest_vizart.history.schema import TABLES


_SMALL_TABLES = ("runs", "decisions")


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
    ) -> pa.Table:
        """One row per span. `session_ids` spares reading the files of other sessions."""
        return self._read("spans", {"run_id": run_ids, "stage": stage}, session_ids)

    def accuracy(
        self,
        *,
        run_ids: Sequence[str] | None = None,
        session_ids: Sequence[str] | None = None,
        stage: str | None = None,
    ) -> pa.Table:
        """One row per run, stage and metric."""
        return self._read("accuracy", {"run_id": run_ids, "stage": stage}, session_ids)

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

    def _read(
        self, name: str, filters: dict[str, str | Sequence[str] | None], session_ids: Sequence[str] | None = None
    ) -> pa.Table:
        schema = TABLES[name]
        wanted = {
            column: [value] if isinstance(value, str) else list(value)
            for column, value in filters.items()
            if value is not None
        }
        sessions = None if session_ids is None else set(session_ids)
        tables = [schema.empty_table()]
        for path in sorted((self.output / "metrics" / name).glob("*.parquet")):
            # A file is called <time>-<session>.parquet, and a time has no dash in it.
            if sessions is not None and path.stem.partition("-")[2] not in sessions:
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
                return _conformed(file.read(), schema)
        except (OSError, pa.ArrowException) as error:
            if path not in self._damaged:
                self._damaged.add(path)
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                warn(
                    f"{path}: this part of the history cannot be read and is left out ({reason}); hint: delete the file"
                )
            return None

    def decisions(self) -> dict[str, bool]:
        """Return the runs that somebody decided on: run ID -> whether it is a baseline. The latest decision holds."""
        table = self._read("decisions", {}).sort_by([("decided_at", "ascending")])
        return dict(zip(table["run_id"].to_pylist(), table["accepted"].to_pylist(), strict=True))

    def _with_decisions(self, runs: pa.Table) -> pa.Table:
        decided = self.decisions()
        if not decided:
            return runs
        ids = runs["run_id"].to_pylist()
        for column in ("accepted", "accepted_latency"):
            values = [decided.get(run_id, value) for run_id, value in zip(ids, runs[column].to_pylist(), strict=True)]
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
