"""From spans to the numbers that people read: order statistics per stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytest_vizart.records.score import Distribution, MemoryStats, StageStats
from pytest_vizart.records.span import SpanTable

_MB = 1e6
_NS_PER_MS = 1e6


def stage_stats(spans: SpanTable) -> tuple[StageStats, ...]:
    """Return the statistics of each stage, in the order in which the stages first ended.

    Warm-up spans count nowhere; spans that raised count as errors and their times are left out.
    """
    own_wall_ns = {name: _own_wall_ns(spans, name) for name in spans.stage_names()}
    total_ns = sum(own_wall_ns.values())
    return tuple(
        _one_stage(spans, name, own_wall_ns[name] / total_ns if total_ns else 0.0) for name in spans.stage_names()
    )


def _one_stage(spans: SpanTable, name: str, share: float) -> StageStats:
    rows = list(spans.measured_rows(name))
    errors = sum(
        1 for row, stage in enumerate(spans.stage) if stage == name and not spans.warmup[row] and spans.error[row]
    )
    return StageStats(
        name=name,
        spans=len(rows) + errors,
        errors=errors,
        wall_ms=_distribution([spans.wall_ns[row] for row in rows]),
        cpu_ms=_distribution([spans.cpu_ns[row] for row in rows]),
        memory_mb=_memory(spans, rows),
        share=share,
    )


def _own_wall_ns(spans: SpanTable, name: str) -> int:
    """Wall time spent in a stage itself: what its nested stages took is theirs."""
    own = sum(spans.wall_ns[row] for row in spans.measured_rows(name))
    nested = sum(
        spans.wall_ns[row]
        for row, parent in enumerate(spans.parent)
        if parent == name and spans.stage[row] != name and not spans.warmup[row] and spans.error[row] is None
    )
    return max(own - nested, 0)


def _distribution(values_ns: Sequence[int | None]) -> Distribution | None:
    known = [value for value in values_ns if value is not None]
    if not known:
        return None
    median, p95, p99 = np.percentile(known, [50, 95, 99]) / _NS_PER_MS
    return Distribution(
        median=float(median), p95=float(p95), p99=float(p99), min=min(known) / _NS_PER_MS, max=max(known) / _NS_PER_MS
    )


def _memory(spans: SpanTable, rows: Sequence[int]) -> MemoryStats | None:
    pairs = [(spans.rss_before[row], spans.rss_after[row]) for row in rows]
    known = [(before, after) for before, after in pairs if before is not None and after is not None]
    if not known:
        return None
    return MemoryStats(
        before=known[0][0] / _MB,
        after=max(after for _, after in known) / _MB,
        growth=max(after - before for before, after in known) / _MB,
    )
