"""Stage times of one run as arrays: the form in which the gate compares runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.records.span import CALIBRATION_STAGE, SPAN_COLUMNS, SpanTable

FloatArray = NDArray[np.float64]

OUTSIDE_SAMPLES = ""
"""Sample under which spans are kept that ran outside of every sample."""


@dataclass(frozen=True, slots=True)
class StageTimes:
    """One stage of one run, nanoseconds; several executions within one sample and pass are summed.

    wall_ns, cpu_ns (of the thread), process_cpu_ns, voluntary_switches: (samples, passes) float64, NaN where there is
    no span or one of them raised; None where it was never measured. span_wall_ns: (N,) wall time of every counted span
    by itself. span_sample: (N,) int64, its row in the other arrays.
    """

    wall_ns: FloatArray
    cpu_ns: FloatArray | None
    process_cpu_ns: FloatArray | None
    voluntary_switches: FloatArray | None
    span_wall_ns: FloatArray
    span_sample: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RunTimes:
    """The stages of one run. `samples` names the rows of every array; a batch keeps its joined ID as its sample.

    `parents` names the stage that each stage ran inside of; None, or absent, at the top.
    """

    run_id: str
    samples: tuple[str, ...]
    passes: int
    stages: Mapping[str, StageTimes]
    calibration: StageTimes | None
    parents: Mapping[str, str | None] = field(default_factory=dict)

    @classmethod
    def from_spans(cls, run_id: str, spans: SpanTable) -> Self:
        """Return the times of a run; warm-up spans and spans that raised are left out."""
        return cls.from_columns(run_id, {name: getattr(spans, name) for name in SPAN_COLUMNS})

    @classmethod
    def from_columns(cls, run_id: str, columns: Mapping[str, Sequence[Any]]) -> Self:
        """Return the times of a run from equally long columns with SpanTable's names.

        `stage`, `sample_id`, `pass_index` and `wall_ns` are needed; the others count as not measured when absent.
        """
        table = _Columns(columns)
        stages = {name: table.stage_times(name) for name in table.stage_names}
        calibration = stages.pop(CALIBRATION_STAGE, None)
        return cls(run_id, table.samples, table.passes, stages, calibration, table.parents())


class _Columns:
    """The counted spans of one run, stage and sample names replaced by numbers."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        size = len(columns["stage"])
        parents: Sequence[str | None] = columns.get("parent") or [None] * size
        errors = columns.get("error") or [None] * size
        warmup = columns.get("warmup") or [False] * size
        # A stage that calls itself is already timed by its outermost span.
        rows = [row for row in range(size) if not warmup[row] and parents[row] != columns["stage"][row]]
        stages = [columns["stage"][row] for row in rows]
        samples = [OUTSIDE_SAMPLES if columns["sample_id"][row] is None else columns["sample_id"][row] for row in rows]
        self.stage_names: dict[str, int] = {name: number for number, name in enumerate(dict.fromkeys(stages))}
        self._parents = [parents[row] for row in rows]
        self._sample_numbers: dict[str, int] = {name: number for number, name in enumerate(dict.fromkeys(samples))}
        self.samples = tuple(self._sample_numbers)
        self._rows = np.asarray(rows, dtype=np.int64)
        self._stage = np.asarray([self.stage_names[name] for name in stages], dtype=np.int64)
        self._sample = np.asarray([self._sample_numbers[name] for name in samples], dtype=np.int64)
        self._pass = np.asarray([columns["pass_index"][row] for row in rows], dtype=np.int64)
        self._raised = np.asarray([errors[row] is not None for row in rows], dtype=np.bool_)
        self.passes = int(self._pass.max()) + 1 if rows else 0
        self._columns = columns

    def parents(self) -> dict[str, str | None]:
        first: dict[str, str | None] = {}
        for name, row in zip(self.stage_names, np.unique(self._stage, return_index=True)[1], strict=True):
            first[name] = self._parents[row]
        return first

    def stage_times(self, name: str) -> StageTimes:
        of_stage = self._stage == self.stage_names[name]
        sample, raised = self._sample[of_stage], self._raised[of_stage]
        cell = sample * self.passes + self._pass[of_stage]
        wall = self._values("wall_ns", of_stage)
        assert wall is not None

        def grid(column: str) -> FloatArray | None:
            values = self._values(column, of_stage)
            return None if values is None else self._summed(cell, np.where(raised, np.nan, values))

        return StageTimes(
            wall_ns=self._summed(cell, np.where(raised, np.nan, wall)),
            cpu_ns=grid("cpu_ns"),
            process_cpu_ns=grid("process_cpu_ns"),
            voluntary_switches=grid("voluntary_switches"),
            span_wall_ns=wall[~raised],
            span_sample=sample[~raised],
        )

    def _values(self, column: str, of_stage: NDArray[np.bool_]) -> FloatArray | None:
        given = self._columns.get(column)
        if given is None or not len(given):
            return np.zeros(0) if column == "wall_ns" else None
        values = np.asarray([given[row] for row in self._rows[of_stage]], dtype=np.float64)
        return None if column != "wall_ns" and np.isnan(values).all() else values

    def _summed(self, cell: NDArray[np.int64], values: FloatArray) -> FloatArray:
        size = len(self.samples) * self.passes
        total: FloatArray = np.bincount(cell, weights=values, minlength=size).astype(np.float64)
        total[np.bincount(cell, minlength=size) == 0] = np.nan
        return total.reshape(len(self.samples), self.passes)
