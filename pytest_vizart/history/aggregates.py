"""Median, p95 and p99 of each stage across runs, on Arrow columns.

A percentile is numpy's `linear` (type 7 of Hyndman and Fan, 1996): the value at position q (n - 1) of the sorted ones,
on a straight line between neighbours. Warm-up, spans that an exception left and calibration count nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pytest_vizart.history.schema import STAGES
from pytest_vizart.records.span import CALIBRATION_STAGE

SHARES = (0.5, 0.95, 0.99)
RUN_COLUMNS = ("run_id", "test_id", "stage", "spans", "errors", "wall_median_ns", "cpu_median_ns", "rss_highest")
"""Columns of `stages` that `across_runs` needs."""
SPAN_COLUMNS = (
    "run_id", "test_id", "stage", "parent", "warmup", "error", "items", "wall_ns", "cpu_ns", "rss_before", "rss_after",
    "rss_peak", "gpu_peak",
)  # fmt: skip
"""Columns of `spans` that `across_spans` and `stages_of_spans` need."""

_MB = 1e6
_NS_PER_MS = 1e6
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Order statistics of one quantity."""

    median: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class StageAggregate:
    """One stage of one test across runs; None where nothing was measured.

    Of `across_runs`, each run counts once, with its median; of `across_spans`, each span.
    """

    test_id: str
    stage: str
    runs: int
    spans: int  # warm-up left out, errors included
    errors: int
    wall_ms: Percentiles | None
    cpu_ms: Percentiles | None
    rss_mb: Percentiles | None  # highest resident memory of the run, or of the span


def places_of_stages(names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the place of each test and stage in a list: tests and their stages as first seen, but those that differ
    in numbers only beside each other, 2 before 10.
    """
    stages: dict[str, list[str]] = {}
    for test_id, stage in dict.fromkeys(names):
        stages.setdefault(test_id, []).append(stage)
    ordered = [(test_id, stage) for test_id in _naturally(stages) for stage in _naturally(stages[test_id])]
    return {pair: place for place, pair in enumerate(ordered)}


def _naturally(names: Iterable[str]) -> list[str]:
    first: dict[str, int] = {}
    keys = {}
    for name in names:
        place = first.setdefault(_NUMBER.sub("#", name), len(first))
        keys[name] = (place, [float(digits) for digits in _NUMBER.findall(name)])
    return sorted(keys, key=keys.__getitem__)


def across_runs(stages: pa.Table) -> list[StageAggregate]:
    """Return what rows of `stages` tell of each test and stage, in the order of `places_of_stages`."""
    groups = _Groups.by(stages, "test_id", "stage")
    return groups.aggregates(
        runs=groups.sizes,
        spans=groups.sums(_numbers(stages["spans"])),
        errors=groups.sums(_numbers(stages["errors"])),
        wall_ns=groups.percentiles(stages["wall_median_ns"]),
        cpu_ns=groups.percentiles(stages["cpu_median_ns"]),
        rss=groups.percentiles(stages["rss_highest"]),
    )


def across_spans(spans: pa.Table) -> list[StageAggregate]:
    """Return what rows of `spans` tell of each test and stage, every span counting as one."""
    spans = _counted(spans)
    groups = _Groups.by(spans, "test_id", "stage")
    raised = spans["error"].is_valid()
    return groups.aggregates(
        runs=groups.distinct(_codes(spans["run_id"])[0]),
        spans=groups.sizes,
        errors=groups.sums(_numbers(raised)),
        wall_ns=groups.percentiles(_unless(raised, spans["wall_ns"])),
        cpu_ns=groups.percentiles(_unless(raised, spans["cpu_ns"])),
        rss=groups.percentiles(_unless(raised, _highest(spans))),
    )


def stages_of_spans(spans: pa.Table) -> pa.Table:
    """Return the rows that `stages` would have of these spans: files before schema version 4 have no such table."""
    spans = _counted(spans)
    groups = _Groups.by(spans, "run_id", "test_id", "stage")
    first = spans.take(pa.array(groups.first))
    raised = spans["error"].is_valid()
    wall, before = _unless(raised, spans["wall_ns"]), spans["rss_before"]
    columns: dict[str, Any] = {name: first[name] for name in ("run_id", "test_id", "stage", "parent")}
    columns |= {
        "spans": groups.sizes,
        "errors": groups.sums(_numbers(raised)),
        "items": groups.sums(_numbers(_unless(raised, spans["items"]))),
        **dict(zip(("wall_median_ns", "wall_p95_ns", "wall_p99_ns"), groups.percentiles(wall), strict=True)),
        "wall_min_ns": groups.percentiles(wall, (0.0,))[0],
        "wall_max_ns": groups.percentiles(wall, (1.0,))[0],
        "cpu_median_ns": groups.percentiles(_unless(raised, spans["cpu_ns"]))[0],
        "rss_highest": groups.percentiles(_highest(spans), (1.0,))[0],
        "rss_growth": groups.percentiles(pc.subtract(spans["rss_after"], before), (1.0,))[0],
        "rss_peak": groups.percentiles(pc.subtract(spans["rss_peak"], before), (1.0,))[0],
        "gpu_peak": groups.percentiles(spans["gpu_peak"], (1.0,))[0],
    }
    return pa.table([_column(columns[field.name], field.type) for field in STAGES], schema=STAGES)


@dataclass(frozen=True, slots=True)
class _Groups:
    """Rows that share their names. Groups are numbered in the order of their first rows.

    names: a row for each group. code: (N,) group of each row. sizes, first: (G,) rows, and first row.
    """

    names: pa.Table
    code: Ints
    sizes: Ints
    first: Ints

    @classmethod
    def by(cls, table: pa.Table, *columns: str) -> _Groups:
        code = np.zeros(table.num_rows, np.int64)
        for column in columns:
            codes, count = _codes(table[column])
            code = _dense(code * count + codes)
        first = _first_rows(code)
        order = np.argsort(first)
        number = np.empty_like(order)
        number[order] = np.arange(len(order))
        code, first = number[code], first[order]
        names = table.select(list(columns)).take(pa.array(first))
        return cls(names, code, np.bincount(code, minlength=len(first)), first)

    def sums(self, values: Floats) -> Ints:
        sums: Ints = np.bincount(
            self.code, weights=np.where(np.isnan(values), 0, values), minlength=len(self.first)
        ).astype(np.int64)
        return sums

    def distinct(self, codes: Ints) -> Ints:
        """Return how many different codes each group has."""
        count = int(codes.max(initial=0)) + 1
        return np.bincount(np.unique(self.code * count + codes) // count, minlength=len(self.first))

    def percentiles(self, column: pa.ChunkedArray, shares: tuple[float, ...] = SHARES) -> list[Floats]:
        """Return for each share the percentile of each group, (G,), NaN where a group has no value."""
        known = column.is_valid()
        values = _numbers(column.drop_null())
        code = self.code[_numbers(known).astype(bool)] if column.null_count else self.code
        counts = np.bincount(code, minlength=len(self.first))
        ordered = _sorted_by_group(code, values)
        start = np.cumsum(counts) - counts
        return [_at(ordered, start, counts, share) for share in shares]

    def aggregates(
        self, *, runs: Ints, spans: Ints, errors: Ints, wall_ns: list[Floats], cpu_ns: list[Floats], rss: list[Floats]
    ) -> list[StageAggregate]:
        counts = zip(runs.tolist(), spans.tolist(), errors.tolist(), strict=True)
        figures = zip(_records(wall_ns, _NS_PER_MS), _records(cpu_ns, _NS_PER_MS), _records(rss, _MB), strict=True)
        # Out of a dictionary, a list of names takes ten times as long.
        names = (column.cast(pa.string()).to_pylist() for column in self.names.columns)
        found = [
            StageAggregate(test_id, stage, *counted, *measured)
            for test_id, stage, counted, measured in zip(*names, counts, figures, strict=True)
        ]
        places = places_of_stages((one.test_id, one.stage) for one in found)
        return sorted(found, key=lambda one: places[one.test_id, one.stage])


def _counted(spans: pa.Table) -> pa.Table:
    """The spans that statistics count: no warm-up, no calibration; errors included."""
    calibration = pc.equal(spans["stage"].cast(pa.string()), CALIBRATION_STAGE)
    return spans.filter(pc.invert(pc.or_(calibration, spans["warmup"])))


def _codes(column: pa.ChunkedArray) -> tuple[Ints, int]:
    """A number for each row, equal for equal names, and how many numbers there are at most."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    joined = column.unify_dictionaries().combine_chunks()
    # What a filter leaves of a table without rows has no chunk, of others one.
    array = joined.chunk(0) if isinstance(joined, pa.ChunkedArray) else joined
    codes: Ints = array.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, max(len(array.dictionary), 1)


def _dense(code: Ints) -> Ints:
    """Codes that count up to no more than a few times their number."""
    if int(code.max(initial=0)) < 4 * len(code) + 1_000:
        return code
    dense: Ints = np.unique(code, return_inverse=True)[1].reshape(-1)
    return dense


def _first_rows(code: Ints) -> Ints:
    """Number the codes anew, without gaps, in place; return the first row of each."""
    rows = np.full(int(code.max(initial=-1)) + 1, len(code), np.int64)
    rows[code[::-1]] = np.arange(len(code))[::-1]  # the last one written stays: the first row
    there = rows < len(code)
    number = np.cumsum(there) - 1
    code[:] = number[code]
    return rows[there]


def _sorted_by_group(code: Ints, values: Floats) -> Floats:
    """The values, group by group, sorted within each."""
    highest = int(values.max(initial=0.0))
    bits = highest.bit_length()
    if values.min(initial=0.0) < 0 or bits + int(code.max(initial=0)).bit_length() > 62:
        return values[np.lexsort((values, code))]
    # Group and value in one integer: sorting integers once is ten times as fast as sorting by two keys.
    keys = (code << bits) | values.astype(np.int64)
    keys.sort()
    return (keys & ((1 << bits) - 1)).astype(np.float64)


def _at(ordered: Floats, start: Ints, counts: Ints, share: float) -> Floats:
    """The percentile of each group of sorted values."""
    if not len(ordered):
        return np.full(len(counts), np.nan)
    position = share * (counts - 1)
    below = np.floor(position).astype(np.int64)
    part = position - below
    last = len(ordered) - 1  # an empty group behind the end looks at any value; its result is not used
    low = ordered[np.clip(start + below, 0, last)]
    high = ordered[np.clip(start + np.minimum(below + 1, counts - 1), 0, last)]
    between = np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1 - part))
    return np.where(counts > 0, between, np.nan)


def _unless(raised: pa.ChunkedArray, column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(raised, pa.scalar(None, column.type), column)


def _highest(spans: pa.Table) -> pa.ChunkedArray:
    return pc.max_element_wise(spans["rss_before"], spans["rss_after"], spans["rss_peak"])


def _numbers(column: pa.ChunkedArray) -> Floats:
    numbers: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _column(values: Any, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """Whole numbers, null for NaN; names as they are."""
    if isinstance(values, np.ndarray):
        unknown = np.isnan(values)
        return pa.array(np.where(unknown, 0, np.rint(values)).astype(np.int64), kind, mask=unknown)
    return values.cast(kind)


def _records(figures: list[Floats], unit: float) -> list[Percentiles | None]:
    columns = [(values / unit).tolist() for values in figures]
    return [None if row[0] != row[0] else Percentiles(*row) for row in zip(*columns, strict=True)]
