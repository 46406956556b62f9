"""A GPU that was slowed down, by heat or by power, says nothing of the code: its times are not judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_vizart.records.profile import GpuReading
from pytest_vizart.records.stage import StageStats
from pytest_vizart.records.verdict import Verdict

# Cards in data centres run at their power cap all day: that is their usual speed.
_USUAL = frozenset({"sw_power_cap"})


def throttled(
    verdicts: Sequence[Verdict], readings: Sequence[GpuReading], stages: Sequence[StageStats]
) -> list[Verdict]:
    """Return the latency verdicts of a run, inconclusive where the stage or the pipeline used a GPU that was throttled.

    What is absolute and failed stays failed: the budget was missed, for whatever reason.
    """
    reasons = sorted({reason for reading in readings for reason in reading.throttled} - _USUAL)
    on_gpu = {stage.name for stage in stages if stage.gpu is not None}
    if not reasons or not on_gpu:
        return list(verdicts)
    return [
        replace(
            verdict, status="inconclusive", message=f"{verdict.message}; the GPU was throttled: {', '.join(reasons)}"
        )
        if _compared(verdict) and (verdict.stage in on_gpu or verdict.stage.startswith("("))
        else verdict
        for verdict in verdicts
    ]


def _compared(verdict: Verdict) -> bool:
    return bool(verdict.baseline) and verdict.status not in ("learning", "no-baseline", "inconclusive")
