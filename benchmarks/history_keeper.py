"""What every way to keep sessions can do, and what several of them need for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa
from history_data import KeptSession

from pytest_vizart.history.schema import TABLES

Rows = list[dict[str, Any]]
Percentiles = dict[str, list[float]]
Medians = dict[str, int]
SHARES = (50, 95, 99)
OF_SESSION = (
    "session_id", "dataset", "dataset_digest", "profile", "fingerprint", "cpu", "cores", "memory_gb", "system",
    "python", "gpu", "libraries", "commit", "branch", "dirty", "version", "models",
)  # fmt: skip
OF_RUN = tuple(name for name in TABLES["runs"].names if name not in OF_SESSION)
OF_STAGE = tuple(name for name in TABLES["stages"].names if name not in ("run_id", "test_id"))
OF_SPAN = tuple(name for name in TABLES["spans"].names if name not in ("run_id", "test_id"))


class Keeper(Protocol):
    """A way to keep sessions. What questions return is for comparing, and alike for all."""

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        """Open it, with nothing remembered of earlier questions."""

    def prepared(self, session: KeptSession) -> Any:
        """Return a session in the form in which it is kept; not timed."""

    def keep(self, prepared: Any) -> None:
        """Keep one more session, synchronised with the disk where `sync` is on."""

    def keep_all(self, prepared: Sequence[Any]) -> None:
        """Keep many, as fast as that goes."""
        for each in prepared:
            self.keep(each)

    def sync(self, on: bool) -> bool:
        """Turn waiting for the disk on or off; False if that cannot be."""

    def close(self) -> None:
        """Let go of files."""

    def one_run(self, run_id: str) -> tuple[str, int, int]:
        """Return test, number of stages, number of spans: all columns of all are read."""

    def stages_of(self, run_id: str) -> Medians:
        """Return the stages of one run with their medians, in nanoseconds; all columns of them are read."""

    def percentiles(self) -> Percentiles:
        """Return the percentiles of the medians of all runs, per stage."""

    def last_accepted(self, test_id: str, fingerprint: str, branch: str) -> list[str]:
        """Return the IDs of the last 10 runs that may be compared with, oldest first."""

    def trend(self, test_id: str) -> tuple[int, int]:
        """Return how many points a test has over all its runs and stages, and the sum of its medians."""


def medians_of(stages: pa.Table) -> Medians:
    """Return the medians by stage, of Arrow's columns."""
    return dict(zip(stages["stage"].to_pylist(), stages["wall_median_ns"].to_pylist(), strict=True))


def of_stages(rows: Iterable[tuple[str, int]]) -> Percentiles:
    """Return the percentiles by stage, of rows of stage and median."""
    medians: dict[str, list[int]] = {}
    for stage, median in rows:
        medians.setdefault(stage, []).append(median)
    return {stage: np.percentile(each, SHARES).tolist() for stage, each in medians.items()}


def percentiles_of(stages: pa.Table) -> Percentiles:
    """Return the percentiles by stage, of Arrow's columns."""
    names = stages["stage"].unify_dictionaries().combine_chunks()
    names = names if pa.types.is_dictionary(names.type) else names.dictionary_encode()
    medians, of_row = stages["wall_median_ns"].to_numpy(), names.indices.to_numpy()
    return {
        name: np.percentile(medians[of_row == number], SHARES).tolist()
        for number, name in enumerate(names.dictionary.to_pylist())
    }
