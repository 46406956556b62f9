"""Samples that changed sides since the baseline, and what that says about data not in the set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_vizart.records.outcome import Outcome

_BAD = ("wrong", "invalid")


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
    wrong: dict[str, list[str]] = {}
    fixed: dict[str, list[str]] = {}
    for outcome in outcomes:
        newly_wrong, newly_fixed = wrong.setdefault(outcome.stage, []), fixed.setdefault(outcome.stage, [])
        before = None if baseline is None else baseline.outcomes.get(outcome.stage, {}).get(outcome.sample_id)
        if before == "correct" and outcome.status in _BAD:
            newly_wrong.append(outcome.sample_id)
        elif before in _BAD and outcome.status == "correct":
            newly_fixed.append(outcome.sample_id)
    return {stage: Flips(tuple(wrong[stage]), tuple(fixed[stage])) for stage in wrong}
