"""Leaks: does memory go on growing from sample to sample, how fast, and in which stage.

Resident memory moves in steps and plateaus, fills caches, falls when garbage is collected, wanders with the allocator's
fragmentation. Its values depend on each other, so a confidence interval of a regression line is far too narrow. What
is looked at instead are the increments between the medians of successive blocks: those of a random walk, the worst
case, are next to independent, those of anything that stays where it is cancel out, and a few large steps are outliers
that rank statistics do not mind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.profiling.analysis.timeline import Timeline, concurrent_spans
from pytest_vizart.records.profile import Leak, MemoryPoint
from pytest_vizart.records.span import CALIBRATION_STAGE, SpanTable

FloatArray = NDArray[np.float64]

MIN_POINTS = 30
MIN_GROWTH_BYTES = 1e6
MIN_BYTES_PER_SAMPLE = 2e3
_SETTLING = 5  # of a single pass, the first fifth is left out
_BLOCKS = 21
_BLOCKS_OF_FEW = 15  # so that a block has two points at least
_INTERVAL_TAIL = 1e-3  # a side; slopes between a random walk's medians are correlated: it covers 99 % there
_FOUND_TAIL = 1e-4  # "surely": hundreds of runs a day must not raise an alarm
_LAST_HALF = 0.6  # a cache that fills grows ever slower
_LAST_QUARTER = 0.5
_KB = 1e3


def find_leak(
    points: Sequence[MemoryPoint], resource: Literal["cpu", "gpu"], spans: SpanTable | None = None
) -> Leak | None:
    """Return how memory moves from sample to sample, None with fewer than 30 points to tell from.

    A point stands before each sample, or before each batch of samples: the slope is per sample all the same.

    Left out are the warm-up and the first pass, in which every sample is new and fills caches; of a single pass, the
    first fifth. Slope and interval are those of Hodges and Lehmann (1963), over the slopes from block to block: unlike
    Theil's and Sen's, they are not bent by a few large steps. `found` demands more than an interval above zero: a bound
    at 1e-4 above zero, growth of 1 MB in all and 2 kB a sample, and that the second half grows by 0.6 of the first
    half's pace or more, the last quarter by half of the whole's. Samples sorted by size, in one pass, can look like a
    leak; a second pass tells them apart.

    Args:
        points: memory before samples or batches, in their order.
        resource: "gpu" goes by the torch allocator where it is known, else by what the driver tells.
        spans: of the same run; the stage that grows is looked for in them.
    """
    counted = _settled([point for point in points if not point.warmup])
    values = _bytes_of(counted, resource)
    known = ~np.isnan(values)
    if known.sum() < MIN_POINTS:
        return None
    items = np.array([point.items for point in counted], np.float64)
    before = (np.cumsum(items) - items)[known]
    slopes = _slopes(values[known], before)
    means = _pair_means(slopes)
    pace, beyond = float(np.median(means)), _signed_rank_quantile(len(slopes), _INTERVAL_TAIL)
    grown = pace * float(before[-1] - before[0])
    found = pace >= MIN_BYTES_PER_SAMPLE and grown >= MIN_GROWTH_BYTES and _surely_goes_on(slopes, means, pace)
    return Leak(
        resource=resource,
        kb_per_sample=pace / _KB,
        low=float(means[beyond]) / _KB,
        high=float(means[-1 - beyond]) / _KB,
        points=int(items[known].sum()),
        found=found,
        stage=leaking_stage(spans, grown, resource) if found and spans is not None else None,
    )


def leaking_stage(spans: SpanTable, grown_bytes: float, resource: Literal["cpu", "gpu"] = "cpu") -> str | None:
    """Return the stage inside of which most of a leak happens, None where that cannot be told.

    What a stage grows by is summed over its counted spans, less what its nested stages grow by. It explains a leak
    when that is between half and twice of what leaked: a stage that makes what others free grows by far more. Stages
    that run at the same time see each other's memory, and nothing is said of them.
    """
    columns = (spans.rss_before, spans.rss_after) if resource == "cpu" else (spans.gpu_before, spans.gpu_after)
    rows = _settled_rows(spans)
    if not all(columns) or not rows or _any_concurrent(spans, rows):
        return None
    grown: dict[str, float] = {}
    for row in rows:
        before, after = (column[row] for column in columns)
        if before is not None and after is not None:
            for stage, size in ((spans.stage[row], after - before), (spans.parent[row], before - after)):
                if stage is not None:
                    grown[stage] = grown.get(stage, 0.0) + size
    explaining = {stage: size for stage, size in grown.items() if 0.5 * grown_bytes <= size <= 2 * grown_bytes}
    return max(explaining, key=lambda stage: explaining[stage]) if explaining else None


def stage_that_keeps(left_bytes: Mapping[str, float], leaked_bytes: float) -> str | None:
    """Return the stage that leaves between half and twice of a leak on the heap, None where none or several do.

    Args:
        left_bytes: by stage, bytes per sample, less what nested stages leave.
        leaked_bytes: per sample.
    """
    keeping = [stage for stage, size in left_bytes.items() if 0.5 * leaked_bytes <= size <= 2 * leaked_bytes]
    return keeping[0] if len(keeping) == 1 else None


def _settled(points: Sequence[MemoryPoint]) -> Sequence[MemoryPoint]:
    if not points:
        return points
    first = points[0].pass_index
    later = [point for point in points if point.pass_index != first]
    return later or points[len(points) // _SETTLING :]


def _bytes_of(points: Sequence[MemoryPoint], resource: Literal["cpu", "gpu"]) -> FloatArray:
    """Return, (N,), the bytes at each point, NaN where they are not known."""
    if resource == "cpu":
        return np.array([point.rss for point in points], np.float64)
    allocated = np.array([point.gpu for point in points], np.float64)
    held = np.array([point.device for point in points], np.float64)
    return allocated if np.isnan(allocated).sum() <= np.isnan(held).sum() else held


def _slopes(values: FloatArray, before: FloatArray) -> FloatArray:
    """From the median of each block of points to that of the next, per sample. before: samples ahead of each point."""
    blocks = _BLOCKS if len(values) >= 3 * _BLOCKS else _BLOCKS_OF_FEW
    edges = np.linspace(0, len(values), blocks + 1).round().astype(int)
    levels = [np.median(values[a:b]) for a, b in pairwise(edges.tolist())]
    places = [np.mean(before[a:b]) for a, b in pairwise(edges.tolist())]
    slopes: FloatArray = np.diff(levels) / np.diff(places)
    return slopes


def _pair_means(values: FloatArray) -> FloatArray:
    """Walsh averages: the sorted means of all pairs, each value with itself too."""
    first, second = np.triu_indices(len(values))
    return np.sort((values[first] + values[second]) / 2)


@cache
def _signed_rank_quantile(count: int, tail: float) -> int:
    """How many pair means may lie beyond a bound: Wilcoxon's signed rank distribution, exactly."""
    sums = np.zeros(count * (count + 1) // 2 + 1)
    sums[0] = 1.0
    for rank in range(1, count + 1):
        sums[rank:] = sums[rank:] + sums[:-rank]
    return int(np.searchsorted(np.cumsum(sums) / 2.0**count, tail, side="right"))


def _surely_goes_on(slopes: FloatArray, means: FloatArray, pace: float) -> bool:
    """Whether memory surely grows, at a pace that does not die away."""
    if means[_signed_rank_quantile(len(slopes), _FOUND_TAIL)] <= 0:
        return False
    half, quarter = len(slopes) // 2, len(slopes) // 4
    halves = (float(np.median(slopes[:half])), float(np.median(slopes[half:])))
    return halves[1] >= _LAST_HALF * halves[0] and float(np.median(slopes[-quarter:])) >= _LAST_QUARTER * pace


def _settled_rows(spans: SpanTable) -> list[int]:
    """The counted spans of this process in the part of the run that leaks are looked for in."""
    rows = [
        row
        for row, stage in enumerate(spans.stage)
        if stage != CALIBRATION_STAGE and not spans.warmup[row] and spans.error[row] is None
    ]
    if len(spans.process) == len(spans) and rows:
        own = spans.process[0]  # spans of other processes stand behind
        rows = [row for row in rows if spans.process[row] == own]
    first = min((spans.pass_index[row] for row in rows), default=0)
    later = [row for row in rows if spans.pass_index[row] != first]
    return later or rows[len(rows) // _SETTLING :]


def _any_concurrent(spans: SpanTable, rows: Sequence[int]) -> bool:
    timeline = Timeline.of(spans)
    if timeline is None:
        return False
    elsewhere = timeline.process != timeline.process[rows[0]]
    calibration = np.array([stage == CALIBRATION_STAGE for stage in spans.stage], np.bool_)
    return bool(concurrent_spans(timeline, ignored=elsewhere | calibration)[list(rows)].any())
