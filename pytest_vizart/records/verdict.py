"""Verdicts: what the gate says of one metric of one stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

VerdictStatus = Literal["pass", "fail", "suspect", "inconclusive", "learning", "provisional", "no-baseline"]
VerdictKind = Literal["accuracy", "latency", "memory"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judgement.

    `effect` and `interval` are relative for latency (0.147 = 14.7 % slower), absolute differences for accuracy, MB for
    memory. `limit` is the bound it was held to, in the unit of the metric. `baseline` says what it was compared with:
    {"runs": int, "branch": str | None, "run_ids": [...], "value": float | None}; empty for absolute limits.
    """

    test_id: str
    stage: str
    kind: VerdictKind
    metric: str
    status: VerdictStatus
    message: str  # "detect slower by 14.7 % [11.6 .. 17.8], CPU; 10 baseline runs of main; would see >= 3.3 % here"
    effect: float | None = None
    interval: tuple[float, float] | None = None
    limit: float | None = None
    value: float | None = None
    baseline: dict[str, Any] = field(default_factory=dict)
    samples: tuple[str, ...] = ()  # the samples that made it so, worst first
