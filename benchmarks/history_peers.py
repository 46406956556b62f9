"""Ways to keep the same sessions, each asked the same questions: ours, and what it is compared with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from history_data import KeptSession
from history_databases import DuckDb, Sqlite
from history_json import JsonFiles, JsonLines
from history_keeper import Keeper, Medians, Percentiles, medians_of, percentiles_of
from history_parquet import OneParquetFile

from pytest_vizart.history.reader import History
from pytest_vizart.history.writer import write_tables


class Ours(Keeper):
    """The history of this project."""

    name = "ours"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._history = History(folder)

    def prepared(self, session: KeptSession) -> Any:
        return session

    def keep(self, prepared: Any) -> None:
        write_tables(self._folder, prepared.tables, session_id=prepared.session_id, started_us=prepared.started_us)

    def sync(self, on: bool) -> bool:
        os.fsync = _fsync if on else _no_fsync
        return True

    def close(self) -> None:
        self._history = History(self._folder)

    def one_run(self, run_id: str) -> tuple[str, int, int]:
        run, stages, spans = (
            ask(run_ids=[run_id]) for ask in (self._history.runs, self._history.stages, self._history.spans)
        )
        return run["test_id"][0].as_py(), stages.num_rows, spans.num_rows

    def stages_of(self, run_id: str) -> Medians:
        return medians_of(self._history.stages(run_ids=[run_id]))

    def percentiles(self) -> Percentiles:
        return percentiles_of(self._history.stages(columns=("stage", "wall_median_ns")))

    def last_accepted(self, test_id: str, fingerprint: str, branch: str) -> list[str]:
        runs = self._history.last_accepted(test_id, fingerprint=fingerprint, branches=[branch], latency=True)
        return list(runs["run_id"].to_pylist())

    def trend(self, test_id: str) -> tuple[int, int]:
        runs = self._history.runs(test_id=test_id, columns=("run_id", "started_at"))
        stages = self._history.stages(run_ids=runs["run_id"].to_pylist(), columns=("run_id", "stage", "wall_median_ns"))
        return stages.num_rows, pc.sum(stages["wall_median_ns"]).as_py()


_fsync = os.fsync


def _no_fsync(descriptor: int) -> None:
    pass


PEERS: tuple[type[Keeper], ...] = (OneParquetFile, Sqlite, JsonFiles, JsonLines, DuckDb)
