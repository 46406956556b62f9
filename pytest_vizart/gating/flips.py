"""Samples that changed sides since the baseline, and what that says about data not in the set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_vizart.accuracy.flips import newly_wrong
from pytest_vizart.records.outcome import Outcome


@dataclass(frozen=True, slots=True)
class AccuracyBaseline:
    """An accepted run: stage -> metric -> value; stage -> sample ID -> outcome status, and digest of its label."""

    run_id: str
    branch: str | None
    commit: str | None
    metrics: Mapping[str, Mapping[str, float | None]]
    outcomes: Mapping[str, Mapping[str, str]]
    label_digests: Mapping[str, Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class Flips:
    """Samples of one stage: correct in the baseline and wrong or invalid now, and the reverse; in this run's order."""

    newly_wrong: tuple[str, ...] = ()
    newly_fixed: tuple[str, ...] = ()

    @property
    def p_value(self) -> float:
        """Exact two-sided McNemar test: the chance of so lopsided a split if both sides were equally likely."""
        wrong, fixed = len(self.newly_wrong), len(self.newly_fixed)
        as_lopsided = sum(math.comb(wrong + fixed, count) for count in range(min(wrong, fixed) + 1))
        # Both are whole numbers of any size; their quotient is rounded once.
        return min(1.0, 2 * as_lopsided / (1 << (wrong + fixed)))


def flips(outcomes: Iterable[Outcome], baseline: AccuracyBaseline | None) -> dict[str, Flips]:
    """Return the flips of each stage in `outcomes`; samples that only one side has, or without a label, never flip."""
    now: dict[str, dict[str, str]] = {}
    for outcome in outcomes:
        now.setdefault(outcome.stage, {})[outcome.sample_id] = outcome.status
    before = {} if baseline is None else baseline.outcomes
    return {stage: Flips(*newly_wrong(before.get(stage, {}), statuses)) for stage, statuses in now.items()}
