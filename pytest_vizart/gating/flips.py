"""Samples and objects that changed sides since the baseline, and what that says about data not in the set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_vizart.accuracy.flips import newly_wrong, object_changes
from pytest_vizart.records.baseline import AccuracyBaseline
from pytest_vizart.records.outcome import ObjectChanges, Outcome


@dataclass(frozen=True, slots=True)
class Flips:
    """Samples of one stage: correct in the baseline and wrong or invalid now, and the reverse; in this run's order."""

    newly_wrong: tuple[str, ...] = ()
    newly_fixed: tuple[str, ...] = ()
    objects: Mapping[str, ObjectChanges] = field(default_factory=dict)  # sample ID -> what changed, where anything did
    compared: int = 0  # samples that both sides have, with a label
    objects_compared: int = 0  # of these, samples whose objects could be told one by one

    @property
    def negative_flip_rate(self) -> float | None:
        """Share of the samples that both sides have which became wrong (arXiv 2011.09161)."""
        return len(self.newly_wrong) / self.compared if self.compared else None

    @property
    def newly_missed(self) -> int:
        """Objects, over all samples."""
        return sum(len(changes.newly_missed) for changes in self.objects.values())

    @property
    def newly_found(self) -> int:
        return sum(len(changes.newly_found) for changes in self.objects.values())

    @property
    def new_false_positives(self) -> int:
        return sum(len(changes.new_false_positives) for changes in self.objects.values())

    @property
    def p_value(self) -> float:
        """Exact two-sided McNemar test: the chance of so lopsided a split if both sides were equally likely."""
        wrong, fixed = len(self.newly_wrong), len(self.newly_fixed)
        as_lopsided = sum(math.comb(wrong + fixed, count) for count in range(min(wrong, fixed) + 1))
        # Both are whole numbers of any size; their quotient is rounded once.
        return min(1.0, 2 * as_lopsided / (1 << (wrong + fixed)))


def flips(outcomes: Iterable[Outcome], baseline: AccuracyBaseline | None) -> dict[str, Flips]:
    """Return the flips of each stage in `outcomes`; samples that only one side has, or without a label, never flip."""
    now: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        now.setdefault(outcome.stage, {})[outcome.sample_id] = outcome
    return {stage: _flips_of(stage, samples, baseline) for stage, samples in now.items()}


def _flips_of(stage: str, samples: Mapping[str, Outcome], baseline: AccuracyBaseline | None) -> Flips:
    if baseline is None:
        return Flips()
    before = baseline.outcomes.get(stage, {})
    wrong, fixed = newly_wrong(before, {sample: outcome.status for sample, outcome in samples.items()})
    compared = [sample for sample, outcome in samples.items() if _labelled(before.get(sample), outcome.status)]
    changes = {sample: _changes(stage, samples[sample], baseline) for sample in compared}
    return Flips(
        wrong,
        fixed,
        objects={sample: changed for sample, changed in changes.items() if changed not in (None, ObjectChanges())},
        compared=len(compared),
        objects_compared=sum(changed is not None for changed in changes.values()),
    )


def _labelled(before: str | None, now: str) -> bool:
    return before not in (None, "unlabeled") and now != "unlabeled"


def _changes(stage: str, outcome: Outcome, baseline: AccuracyBaseline) -> ObjectChanges | None:
    """None where the label is another one, or where either side has no prediction to speak of, or not all objects."""
    sample = outcome.sample_id
    digest = baseline.label_digests.get(stage, {}).get(sample)
    same = digest is not None and digest == outcome.label_digest
    if not same or "invalid" in (outcome.status, baseline.outcomes[stage][sample]):
        return None
    missed = baseline.missed.get(stage, {}).get(sample, ())
    spare = baseline.false_positives.get(stage, {}).get(sample, ())
    if missed is None or spare is None:
        return None
    return object_changes(missed, spare, outcome.missed, outcome.false_positives)
