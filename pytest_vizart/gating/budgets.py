"""Absolute latency budgets: percentiles of wall time over the counted spans, held to a number of milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pytest_vizart.gating.limits import LatencyLimit, pick
from pytest_vizart.gating.times import RunTimes, StageTimes
from pytest_vizart.gating.wording import beside, listed
from pytest_vizart.records.verdict import Verdict

_NS_PER_MS = 1e6

BUDGETS: tuple[tuple[str, str, float, Callable[[LatencyLimit], float | None]], ...] = (
    ("median_ms", "median", 50.0, lambda limit: limit.median_ms),
    ("p95_ms", "p95", 95.0, lambda limit: limit.p95_ms),
    ("p99_ms", "p99", 99.0, lambda limit: limit.p99_ms),
)


def judge_budgets(test_id: str, run: RunTimes, limits: Sequence[LatencyLimit], *, contended: bool) -> list[Verdict]:
    """Return one verdict for each budget of each stage: pass or fail; inconclusive beside other workers."""
    verdicts = []
    for stage, times in run.stages.items():
        for metric, label, percent, read in BUDGETS:
            limit_ms = pick(limits, stage, read)
            if limit_ms is not None:
                verdict = _one(test_id, run, stage, times, metric, label, percent, limit_ms, contended)
                verdicts.append(verdict)
    return verdicts


def _one(
    test_id: str, run: RunTimes, stage: str, times: StageTimes, metric: str, label: str, percent: float,
    limit_ms: float, contended: bool,
) -> Verdict:  # fmt: skip
    if not len(times.span_wall_ns):
        message = f"{stage} {label} has no value: no span of it ended without an error"
        return Verdict(test_id, stage, "latency", metric, "fail", message, limit=limit_ms)
    value_ms = float(np.percentile(times.span_wall_ns, percent)) / _NS_PER_MS
    if contended:
        message = f"{stage} {label} {value_ms:.3g} ms, not held to {limit_ms:g} ms: measured beside other workers"
        return Verdict(test_id, stage, "latency", metric, "inconclusive", message, limit=limit_ms, value=value_ms)
    if value_ms <= limit_ms:
        message = f"{stage} {label} {beside(value_ms, limit_ms, 3)} ms <= {limit_ms:g} ms"
        return Verdict(test_id, stage, "latency", metric, "pass", message, limit=limit_ms, value=value_ms)
    samples = _over(run, times, limit_ms * _NS_PER_MS)
    places = f" on {listed(samples)}" if samples else ""
    message = f"{stage} {label} {beside(value_ms, limit_ms, 3)} ms > {limit_ms:g} ms{places}"
    return Verdict(test_id, stage, "latency", metric, "fail", message, limit=limit_ms, value=value_ms, samples=samples)


def _over(run: RunTimes, times: StageTimes, limit_ns: float) -> tuple[str, ...]:
    """Return the samples with a span over the limit, the slowest first."""
    slowest: dict[str, float] = {}
    for row, ns in zip(times.span_sample.tolist(), times.span_wall_ns.tolist(), strict=True):
        sample = run.samples[row]
        if sample and ns > limit_ns:
            slowest[sample] = max(slowest.get(sample, 0.0), ns)
    return tuple(sorted(slowest, key=lambda sample: -slowest[sample]))
