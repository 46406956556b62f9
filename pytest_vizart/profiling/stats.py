"""From spans to the numbers that people read: order statistics per stage."""

from __future__ import annotations

from collections import Counter
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
    rows: dict[str, list[int]] = {name: [] for name in spans.stage_names()}
    errors: Counter[str] = Counter()
    nested_ns: Counter[str] = Counter()
    for row, name in enumerate(spans.stage):
        if spans.warmup[row] or name not in rows:
            continue
        if spans.error[row] is not None:
            errors[name] += 1
            continue
        rows[name].append(row)
        parent = spans.parent[row]
        if parent is not None and parent != name:
            nested_ns[parent] += spans.wall_ns[row]
    # What its nested stages took is theirs, and counts once.
    own_ns = {name: max(sum(spans.wall_ns[row] for row in rows[name]) - nested_ns[name], 0) for name in rows}
    total_ns = sum(own_ns.values())
    return tuple(
        _one_stage(spans, name, rows[name], errors[name], own_ns[name] / total_ns if total_ns else 0.0) for name in rows
    )


def _one_stage(spans: SpanTable, name: str, rows: Sequence[int], errors: int, share: float) -> StageStats:
    return StageStats(
        name=name,
        spans=len(rows) + errors,
        errors=errors,
        wall_ms=_distribution([spans.wall_ns[row] for row in rows]),
        cpu_ms=_distribution([spans.cpu_ns[row] for row in rows]),
        memory_mb=_memory(spans, rows),
        share=share,
    )


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
        after=max(max(pair) for pair in known) / _MB,
        growth=max(after - before for before, after in known) / _MB,
    )
