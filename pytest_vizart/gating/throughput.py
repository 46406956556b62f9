"""Throughput: the fewest items per second that a stage must do."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_vizart.gating.limits import LatencyLimit, pick
from pytest_vizart.gating.wording import beside
from pytest_vizart.records.stage import StageStats
from pytest_vizart.records.verdict import Verdict

_METRIC = "min_per_second"


def judge_throughput(
    test_id: str, stages: Sequence[StageStats], limits: Sequence[LatencyLimit], *, contended: bool
) -> list[Verdict]:
    """Return one verdict for each stage with such a limit: pass or fail; inconclusive beside other workers.

    Items are samples, also those of a batch; the time is that during which the stage runs, in however many threads.
    """
    verdicts = []
    for stage in stages:
        least = pick(limits, stage.name, lambda limit: limit.min_per_second)
        if least is not None:
            verdicts.append(_one(test_id, stage, least, contended))
    return verdicts


def _one(test_id: str, stage: StageStats, least: float, contended: bool) -> Verdict:
    value, name = stage.per_second, f"{stage.name} throughput"
    if value is None:
        message = f"{name} has no value: no span of it ended without an error"
        return Verdict(test_id, stage.name, "latency", _METRIC, "fail", message, limit=least)
    if contended:
        message = f"{name} {value:.3g} items/s, not held to {least:g}: measured beside other workers"
        return Verdict(test_id, stage.name, "latency", _METRIC, "inconclusive", message, limit=least, value=value)
    shown = beside(value, least, 3)
    if value >= least:
        message = f"{name} {shown} items/s >= {least:g} items/s"
        return Verdict(test_id, stage.name, "latency", _METRIC, "pass", message, limit=least, value=value)
    message = f"{name} {shown} items/s < {least:g} items/s"
    return Verdict(test_id, stage.name, "latency", _METRIC, "fail", message, limit=least, value=value)
