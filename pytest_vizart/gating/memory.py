"""Memory: absolute limits from the markers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_vizart.gating.limits import MemoryLimit, did_not_run, pick, unknown_stages
from pytest_vizart.records.score import MemoryStats, StageStats
from pytest_vizart.records.verdict import Verdict

_LIMITS: tuple[tuple[str, str, Callable[[MemoryLimit], float | None], Callable[[MemoryStats], float]], ...] = (
    ("max_rss_mb", "resident memory", lambda limit: limit.max_rss_mb, lambda memory: max(memory.before, memory.after)),
    ("max_growth_mb", "memory growth", lambda limit: limit.max_growth_mb, lambda memory: memory.growth),
)


def judge_memory(test_id: str, stages: Sequence[StageStats], limits: Sequence[MemoryLimit] = ()) -> list[Verdict]:
    """Return one verdict for each limit of each stage; a limit on what did not run or was not measured fails."""
    names = [stage.name for stage in stages]
    verdicts = [
        Verdict(test_id, stage, "memory", "presence", "fail", did_not_run(stage, names, "stages that ran"))
        for stage in unknown_stages(limits, names)
    ]
    for stage in stages:
        for metric, label, read_limit, read_value in _LIMITS:
            limit_mb = pick(limits, stage.name, read_limit)
            if limit_mb is not None:
                value_mb = None if stage.memory_mb is None else read_value(stage.memory_mb)
                verdicts.append(_one(test_id, stage.name, metric, label, limit_mb, value_mb))
    return verdicts


def _one(test_id: str, stage: str, metric: str, label: str, limit_mb: float, value_mb: float | None) -> Verdict:
    if value_mb is None:
        message = f"{stage} {label} is not measured, but limited to {limit_mb:g} MB; hint: --vizart-profile=detailed"
        return Verdict(test_id, stage, "memory", metric, "fail", message, limit=limit_mb)
    if value_mb <= limit_mb:
        message = f"{stage} {label} {value_mb:.1f} MB <= {limit_mb:g} MB"
        return Verdict(test_id, stage, "memory", metric, "pass", message, limit=limit_mb, value=value_mb)
    over_mb = value_mb - limit_mb
    message = f"{stage} {label} {value_mb:.1f} MB > {limit_mb:g} MB, {over_mb:.3g} MB over"
    return Verdict(test_id, stage, "memory", metric, "fail", message, effect=over_mb, limit=limit_mb, value=value_mb)
