"""Accuracy: floors, drops against the baseline, and newly wrong samples.

On the same golden samples a deterministic pipeline shows no sampling noise: any change is real, nothing has to be
learned, and one accepted run is a baseline on any machine.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_vizart.gating.flips import AccuracyBaseline, Flips, flips
from pytest_vizart.gating.limits import AccuracyLimit, did_not_run, pick, unknown_stages
from pytest_vizart.gating.wording import beside, counted, listed
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.score import Score
from pytest_vizart.records.verdict import Verdict, VerdictStatus

__all__ = ["DEFAULT_MAX_DROP", "AccuracyBaseline", "Flips", "flips", "judge_accuracy"]

DEFAULT_MAX_DROP = 0.001
_ROUNDING = 1e-9  # 0.85 - 0.80 is a little more than 0.05
_FLIP_KEY = "newly_wrong"
_LABEL_CHANGED = "its label changed since the baseline"


def judge_accuracy(
    test_id: str,
    scores: Sequence[Score],
    outcomes: Sequence[Outcome],
    baseline: AccuracyBaseline | None,
    limits: Sequence[AccuracyLimit] = (),
) -> list[Verdict]:
    """Return the accuracy verdicts of one run.

    For each stage: one for each floor (metric's name, empty `baseline`), one for the headline metric and for each
    metric with a floor against the baseline, one for the newly wrong samples ("newly_wrong"). Stages that limits name
    and that have no ground truth, or no such metric, fail; stages of the baseline that are gone are inconclusive
    ("presence").

    Args:
        scores: one for each stage with ground truth.
        outcomes: of every sample at every such stage.
        baseline: None when no run was accepted yet.
        limits: of the markers, the closest marker first.
    """
    case = _Case(test_id, tuple(outcomes), baseline, tuple(limits), flips(outcomes, baseline))
    names = [score.stage for score in scores]
    verdicts = [
        case.verdict(stage, "presence", "fail", did_not_run(stage, names, "stages with ground truth"))
        for stage in unknown_stages(limits, names)
    ]
    verdicts += _unmeasured_floors(case, scores)
    for score in scores:
        verdicts += _floors(case, score)
        verdicts += _against_baseline(case, score)
    return verdicts + _gone(case, names)


@dataclass(frozen=True, slots=True)
class _Case:
    """What is judged against what."""

    test_id: str
    outcomes: tuple[Outcome, ...]
    baseline: AccuracyBaseline | None
    limits: tuple[AccuracyLimit, ...]
    flips: Mapping[str, Flips]

    def verdict(self, stage: str, metric: str, status: VerdictStatus, message: str) -> Verdict:
        return Verdict(self.test_id, stage, "accuracy", metric, status, message)

    def floors_of(self, score: Score) -> dict[str, float]:
        """The floors of one stage; one that no stage is named for holds where its metric is measured."""
        found: dict[str, float] = {}
        for metric in dict.fromkeys(metric for limit in self.limits for metric in limit.floors):
            floor = pick(self.limits, score.stage, lambda limit, metric=metric: limit.floors.get(metric))  # type: ignore[misc]
            named = any(limit.stage == score.stage and metric in limit.floors for limit in self.limits)
            if floor is not None and (named or metric in score.metrics):
                found[metric] = floor
        return found


def _unmeasured_floors(case: _Case, scores: Sequence[Score]) -> list[Verdict]:
    """A floor for "every stage" whose metric no stage measures would check nothing."""
    everywhere = [metric for limit in case.limits if limit.stage is None for metric in limit.floors]
    measured = list(dict.fromkeys(metric for score in scores for metric in score.metrics))
    return [
        case.verdict(
            "(all)", metric, "fail", f"{metric} has a floor, but no stage measures it; {_choices(metric, measured)}"
        )
        for metric in dict.fromkeys(everywhere)
        if metric not in measured
    ]


def _choices(metric: str, measured: Sequence[str]) -> str:
    close = difflib.get_close_matches(metric, measured, n=1)
    listing = f"measured: {', '.join(measured)}" if measured else "nothing is: no stage was compared with ground truth"
    return listing + (f"; did you mean {close[0]}?" if close else "")


def _floors(case: _Case, score: Score) -> list[Verdict]:
    verdicts = []
    for metric, floor in case.floors_of(score).items():
        value = score.metrics.get(metric)
        status: VerdictStatus = "fail"
        if metric not in score.metrics:
            message = f"{score.stage} does not measure {metric}; {_choices(metric, list(score.metrics))}"
        elif value is None:
            message = f"{score.stage} {metric} is not defined on this data, but has a floor of {floor:g}"
        elif value < floor:
            message = f"{score.stage} {metric} {beside(value, floor)} < {floor:g}, its floor"
        else:
            status, message = "pass", f"{score.stage} {metric} {beside(value, floor)} >= {floor:g}, its floor"
        effect = None if value is None else value - floor
        samples = _culprits(case, score.stage) if status == "fail" else ()
        verdicts.append(
            Verdict(
                case.test_id, score.stage, "accuracy", metric, status, message, effect, None, floor, value, {}, samples
            )
        )
    return verdicts


def _culprits(case: _Case, stage: str) -> tuple[str, ...]:
    """The samples to look at first: those that turned wrong, or else those that are, the worst ones first."""
    newly_wrong = case.flips.get(stage, Flips()).newly_wrong
    if newly_wrong:
        return newly_wrong
    bad = [each for each in case.outcomes if each.stage == stage and each.status in ("wrong", "invalid")]
    return tuple(outcome.sample_id for outcome in sorted(bad, key=lambda each: each.score or 0.0))


def _against_baseline(case: _Case, score: Score) -> list[Verdict]:
    baseline = case.baseline
    if baseline is None:
        message = f"{score.stage} {score.headline} {_shown(score.metrics.get(score.headline))}: no baseline run yet"
        return [case.verdict(score.stage, score.headline, "no-baseline", message)]
    if score.stage not in baseline.metrics:
        message = f"{score.stage} is new: {_named(baseline)} has no accuracy of it"
        return [case.verdict(score.stage, score.headline, "no-baseline", message)]
    metrics = dict.fromkeys([score.headline, *case.floors_of(score)])
    drops = [_drop(case, baseline, score, metric) for metric in metrics if metric in score.metrics]
    return [*drops, _newly_wrong(case, baseline, score)]


def _drop(case: _Case, baseline: AccuracyBaseline, score: Score, metric: str) -> Verdict:
    stage, value = score.stage, score.metrics[metric]
    before = baseline.metrics[stage].get(metric)
    if before is None:
        return case.verdict(
            stage, metric, "no-baseline", f"{stage} {metric} {_shown(value)}: {_named(baseline)} has no value"
        )
    if value is None:
        message = f"{stage} {metric} is not defined on this data; it was {before:.4g} in {_named(baseline)}"
        return case.verdict(stage, metric, "inconclusive", message)
    other = _other_samples(case, baseline, stage)
    if other is not None:
        status, reason = other
        return case.verdict(
            stage, metric, status, f"{stage} {metric} {value:.4g}, not compared with {before:.4g}: {reason}"
        )
    tolerance = pick(case.limits, stage, lambda limit: limit.max_drop)
    tolerance = DEFAULT_MAX_DROP if tolerance is None else tolerance
    change = value - before
    fails = -change > tolerance + _ROUNDING
    message = f"{stage} {metric} {value:.4g}, {_direction(change)} {before:.4g} of {_named(baseline)}"
    if fails:
        fall = f"{beside(-change, tolerance)} below"
        message = f"{stage} {metric} {value:.4g}, {fall} {before:.4g} of {_named(baseline)}"
        message = f"{message}; at most {tolerance:g} lower is allowed"
    return Verdict(
        case.test_id, stage, "accuracy", metric, "fail" if fails else "pass", message, change, None, before - tolerance,
        value, _baseline_of(baseline, before), case.flips.get(stage, Flips()).newly_wrong if fails else (),
    )  # fmt: skip


def _newly_wrong(case: _Case, baseline: AccuracyBaseline, score: Score) -> Verdict:
    stage, changed = score.stage, case.flips.get(score.stage, Flips())
    allowed = pick(case.limits, stage, lambda limit: limit.max_newly_wrong)
    count = len(changed.newly_wrong)
    fails = allowed is not None and count > allowed
    parts = [f"{stage} {counted(count, 'newly wrong sample') if count else 'no newly wrong sample'}"]
    if count:
        parts[0] += f": {listed(changed.newly_wrong, _label_changes(case, baseline, stage))}"
    if fails:
        parts.append(f"{allowed} allowed")
    if changed.newly_fixed:
        parts.append(f"{len(changed.newly_fixed)} newly fixed: {listed(changed.newly_fixed)}")
    if count or changed.newly_fixed:
        parts.append(f"McNemar p = {changed.p_value:.2g}")
    parts.append(f"against {_named(baseline)}")
    return Verdict(
        case.test_id, stage, "accuracy", _FLIP_KEY, "fail" if fails else "pass", "; ".join(parts), float(count), None,
        None if allowed is None else float(allowed), float(count), _baseline_of(baseline, None), changed.newly_wrong,
    )  # fmt: skip


def _label_changes(case: _Case, baseline: AccuracyBaseline, stage: str) -> dict[str, str]:
    before = baseline.label_digests.get(stage, {})
    now = {outcome.sample_id: outcome.label_digest for outcome in case.outcomes if outcome.stage == stage}
    notes = {
        sample: _LABEL_CHANGED
        for sample, digest in now.items()
        if digest is not None and before.get(sample) is not None and before[sample] != digest
    }
    invalid = (outcome for outcome in case.outcomes if outcome.stage == stage and outcome.status == "invalid")
    return notes | {outcome.sample_id: f"invalid: {outcome.error_type}" for outcome in invalid}


def _other_samples(case: _Case, baseline: AccuracyBaseline, stage: str) -> tuple[VerdictStatus, str] | None:
    """Metrics over different samples cannot be compared: say whether this run lacks some, or has others as well."""
    outcomes = baseline.outcomes.get(stage, {})
    before = {sample: status for sample, status in outcomes.items() if status != "unlabeled"}
    now = {each.sample_id for each in case.outcomes if each.stage == stage and each.status != "unlabeled"}
    if not before or before.keys() == now:
        return None
    missing = len(before.keys() - now)
    if missing:
        return (
            "inconclusive",
            f"{missing} of {counted(len(before), 'sample')} of {_named(baseline)} are not labelled in this run",
        )
    return "no-baseline", f"{counted(len(now - before.keys()), 'sample')} are not labelled in {_named(baseline)}"


def _gone(case: _Case, names: Sequence[str]) -> list[Verdict]:
    if case.baseline is None:
        return []
    gone = [stage for stage in case.baseline.metrics if stage not in names]
    message = "{} is gone: {} has accuracy of it, this run has not"
    return [
        case.verdict(stage, "presence", "inconclusive", message.format(stage, _named(case.baseline))) for stage in gone
    ]


def _baseline_of(baseline: AccuracyBaseline, value: float | None) -> dict[str, object]:
    return {"runs": 1, "branch": baseline.branch, "run_ids": [baseline.run_id], "value": value}


def _named(baseline: AccuracyBaseline) -> str:
    branch = f" of {baseline.branch}" if baseline.branch else ""
    commit = f" at {baseline.commit[:10]}" if baseline.commit else ""
    return f"baseline run {baseline.run_id[:8]}{branch}{commit}"


def _direction(change: float) -> str:
    if abs(change) <= _ROUNDING:
        return "the same as"
    return f"{abs(change):.4g} {'above' if change > 0 else 'below'}"


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"
