"""One Parquet file for each table, written anew for every session: what is read fastest, and kept slowest."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from history_data import KeptSession
from history_keeper import Keeper, Medians, Percentiles, medians_of, percentiles_of


class OneParquetFile(Keeper):
    """pyarrow's reader and writer as they come, zstd at level 9, questions as filters."""

    name = "one Parquet file"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sync = False

    def prepared(self, session: KeptSession) -> Any:
        return session.tables

    def keep(self, prepared: Any) -> None:
        self.keep_all([prepared])

    def keep_all(self, prepared: Sequence[Any]) -> None:
        for name in prepared[0]:
            path = self._path(name)
            before = [pq.read_table(path)] if path.exists() else []
            table = pa.concat_tables([*before, *(tables[name] for tables in prepared)])
            written = path.with_suffix(".new")
            with written.open("wb") as file:
                pq.write_table(table, file, compression="zstd", compression_level=9)
                if self._sync:
                    os.fsync(file.fileno())
            written.replace(path)

    def sync(self, on: bool) -> bool:
        self._sync = on
        return True

    def close(self) -> None:
        pass

    def one_run(self, run_id: str) -> tuple[str, int, int]:
        run, stages, spans = (self._read(name, [("run_id", "=", run_id)]) for name in ("runs", "stages", "spans"))
        return run["test_id"][0].as_py(), stages.num_rows, spans.num_rows

    def stages_of(self, run_id: str) -> Medians:
        return medians_of(self._read("stages", [("run_id", "=", run_id)]))

    def percentiles(self) -> Percentiles:
        return percentiles_of(self._read("stages", None, ["stage", "wall_median_ns"]))

    def last_accepted(self, test_id: str, fingerprint: str, branch: str) -> list[str]:
        about = [("test_id", "=", test_id), ("fingerprint", "=", fingerprint), ("branch", "=", branch)]
        runs = self._read("runs", [*about, ("accepted_latency", "=", True)], ["run_id", "started_at"])
        found: list[str] = runs.sort_by("started_at")["run_id"].to_pylist()
        return found[-10:]

    def trend(self, test_id: str) -> tuple[int, int]:
        stages = self._read("stages", [("test_id", "=", test_id)], ["run_id", "stage", "wall_median_ns"])
        return stages.num_rows, pc.sum(stages["wall_median_ns"]).as_py()

    def _read(self, name: str, filters: Any, columns: list[str] | None = None) -> pa.Table:
        path = self._path(name)
        return pq.read_table(path, columns=columns, filters=filters) if path.exists() else pa.table({})

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.parquet"
