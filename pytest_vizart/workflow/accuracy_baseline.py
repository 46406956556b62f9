"""The accuracy that a run is compared with: the committed baseline of its dataset or, without one, the history's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from pytest_vizart.gating.baseline import BaselineRow, select_baseline_runs
from pytest_vizart.golden.committed import BASELINE_NAME, read_committed
from pytest_vizart.history.reader import History
from pytest_vizart.records.baseline import AccuracyBaseline


class KeptRun(BaselineRow, Protocol):
    """What is needed of a row of the history's `runs`."""

    @property
    def session_id(self) -> str: ...
    @property
    def commit(self) -> str | None: ...


def accuracy_baseline(
    history: History,
    rows: Sequence[KeptRun],
    test_id: str,
    branches: Sequence[str],
    branch: str | None,
    dataset_root: Path | None,
) -> AccuracyBaseline | None:
    """Return the baseline of a test, None if there is none yet.

    Raises:
        GoldenFormatError: the committed baseline cannot be read.
    """
    if dataset_root is not None:
        committed = read_committed(dataset_root / BASELINE_NAME, test_id)
        if committed is not None:
            return committed
    chosen = select_baseline_runs(rows, base_branches=branches, branch=branch, kind="accuracy", count=1)
    return kept_baseline(history, chosen[-1]) if chosen else None


def kept_baseline(history: History, row: KeptRun) -> AccuracyBaseline:
    """Return metrics and outcomes of a kept run."""
    only: dict[str, Any] = {"run_ids": [row.run_id], "session_ids": [row.session_id]}
    metrics: dict[str, dict[str, float | None]] = {}
    for entry in history.accuracy(**only).select(["stage", "metric", "value"]).to_pylist():
        metrics.setdefault(entry["stage"], {})[entry["metric"]] = entry["value"]
    outcomes = history.outcomes(**only)
    return AccuracyBaseline(
        run_id=row.run_id,
        branch=row.branch,
        commit=row.commit,
        metrics=metrics,
        outcomes=_by_stage(outcomes, "status"),
        label_digests=_by_stage(outcomes, "label_digest"),
        missed=_by_stage(outcomes, "missed"),
        false_positives=_by_stage(outcomes, "false_positives"),
    )


def _by_stage(outcomes: pa.Table, column: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for entry in outcomes.select(["stage", "sample_id", column]).to_pylist():
        found.setdefault(entry["stage"], {})[entry["sample_id"]] = entry[column]
    return found
