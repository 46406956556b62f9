"""Accuracy: floors, drops against the baseline, and newly wrong samples.

On the same golden samples a deterministic pipeline shows no sampling noise: any change is real, nothing has to be
learned, and one accepted run is a baseline on any machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_vizart.gating.accuracy_bounds import AccuracyCase, judge_bounds, unmeasured_bounds
from pytest_vizart.gating.accuracy_limits import AccuracyLimit
from pytest_vizart.gating.flips import Flips, flips
from pytest_vizart.gating.limits import did_not_run, pick, unknown_stages
from pytest_vizart.gating.wording import beside, counted, listed
from pytest_vizart.records.baseline import AccuracyBaseline
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.score import Score
from pytest_vizart.records.verdict import Verdict, VerdictStatus

DEFAULT_MAX_DROP = 0.001
_SURELY = 0.05
"""Newly wrong samples without a limit are suspect when McNemar's test gives less: they warn, and are no baseline."""

_ROUNDING = 1e-9  # 0.85 - 0.80 is a little more than 0.05
_FLIP_KEY = "newly_wrong"
RECORDED = "recorded"
"""The verdict on recorded outputs: each is its own limit, also where only a part of the data was used."""
_LABEL_CHANGED = "its label changed since the baseline"


def judge_accuracy(
    test_id: str,
    scores: Sequence[Score],
    outcomes: Sequence[Outcome],
    baseline: AccuracyBaseline | None,
    limits: Sequence[AccuracyLimit] = (),
) -> list[Verdict]:
    """Return the accuracy verdicts of one run.

    For each stage: one for each bound (metric's name, "ap_50 of class coin"; empty `baseline`), one for the headline
    metric and for each metric with a bound against the baseline, one for the newly wrong samples ("newly_wrong") and,
    where a limit asks for them, for objects ("newly_missed", "new_false_positives"). Stages that limits name
    and that have no ground truth, or no such metric, fail; stages of the baseline that are gone are inconclusive
    ("presence").

    Args:
        scores: one for each stage with ground truth.
        outcomes: of every sample at every such stage.
        baseline: None when no run was accepted yet.
        limits: of the markers, the closest marker first.
    """
    case = AccuracyCase(test_id, tuple(outcomes), baseline, tuple(limits), flips(outcomes, baseline))
    names = [score.stage for score in scores]
    verdicts = [
        case.verdict(stage, "presence", "fail", did_not_run(stage, names, "stages with ground truth"))
        for stage in unknown_stages(limits, names)
    ]
    verdicts += unmeasured_bounds(case, scores)
    for score in scores:
        verdicts += judge_bounds(case, score)
        if score.recorded:
            verdicts.append(_recorded(case, score))
            continue
        verdicts += _against_baseline(case, score)
    return verdicts + _gone(case, names)


def _recorded(case: AccuracyCase, score: Score) -> Verdict:
    """Each recorded output must be met: it is its own limit, and its own baseline."""
    counts = score.counts
    bad = [each for each in case.outcomes if each.stage == score.stage and each.status in ("wrong", "invalid")]
    differing = counts.wrong + counts.invalid
    if not bad:
        message = f"{score.stage} equals its recorded output on {counted(counts.correct, 'sample')}"
        return case.verdict(score.stage, RECORDED, "pass", message)
    reasons = {each.sample_id: each.reason for each in bad}
    first = bad[0].sample_id
    message = (
        f"{score.stage} is not as recorded on {differing} of "
        f"{counted(counts.correct + differing, 'sample')}; {first}: {reasons[first]}; "
        f"record what is meant: --vizart-update=failed, or `vizart golden accept RUN`"
    )
    samples = tuple(each.sample_id for each in sorted(bad, key=lambda each: each.score or 0.0))
    return Verdict(
        case.test_id, score.stage, "accuracy", RECORDED, "fail", message, float(differing), None, 0.0,
        float(differing), {}, samples,
    )  # fmt: skip


def _against_baseline(case: AccuracyCase, score: Score) -> list[Verdict]:
    baseline = case.baseline
    if baseline is None:
        message = f"{score.stage} {score.headline} {_shown(score.metrics.get(score.headline))}: no baseline run yet"
        return [case.verdict(score.stage, score.headline, "no-baseline", message)]
    if score.stage not in baseline.metrics:
        message = f"{score.stage} is new: {_named(baseline)} has no accuracy of it"
        return [case.verdict(score.stage, score.headline, "no-baseline", message)]
    metrics = dict.fromkeys([score.headline, *case.bounds_of(score)])
    drops = [_drop(case, baseline, score, metric) for metric in metrics if metric in score.metrics]
    return [*drops, _newly_wrong(case, baseline, score), *_objects(case, baseline, score)]


def _drop(case: AccuracyCase, baseline: AccuracyBaseline, score: Score, metric: str) -> Verdict:
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
    tolerance = DEFAULT_MAX_DROP * max(1.0, abs(before)) if tolerance is None else tolerance
    change, lower_is_better = value - before, score.direction(metric) == "lower"
    worse_by = change if lower_is_better else -change
    fails = worse_by > tolerance + _ROUNDING
    message = f"{stage} {metric} {value:.4g}, {_direction(change)} {before:.4g} of {_named(baseline)}"
    if fails:
        fall = f"{beside(worse_by, tolerance)} {'above' if lower_is_better else 'below'}"
        message = f"{stage} {metric} {value:.4g}, {fall} {before:.4g} of {_named(baseline)}"
        message = f"{message}; at most {tolerance:g} {'higher' if lower_is_better else 'lower'} is allowed"
    bound = before + tolerance if lower_is_better else before - tolerance
    return Verdict(
        case.test_id, stage, "accuracy", metric, "fail" if fails else "pass", message, change, None, bound,
        value, _baseline_of(baseline, before), case.flips.get(stage, Flips()).newly_wrong if fails else (),
    )  # fmt: skip


def _newly_wrong(case: AccuracyCase, baseline: AccuracyBaseline, score: Score) -> Verdict:
    stage, changed = score.stage, case.flips.get(score.stage, Flips())
    allowed = pick(case.limits, stage, lambda limit: limit.max_newly_wrong)
    count = len(changed.newly_wrong)
    fails = allowed is not None and count > allowed
    parts = [f"{stage} {counted(count, 'newly wrong sample') if count else 'no newly wrong sample'}"]
    if count:
        parts[0] += f": {listed(changed.newly_wrong, _label_changes(case, baseline, stage))}"
    if fails:
        parts.append(f"{allowed} allowed")
    if changed.objects:
        parts.append(_object_counts(changed))
    if changed.newly_fixed:
        parts.append(f"{len(changed.newly_fixed)} newly fixed: {listed(changed.newly_fixed)}")
    if count or changed.newly_fixed:
        parts.append(f"McNemar p = {changed.p_value:.2g}")
    worse = allowed is None and count > len(changed.newly_fixed) and changed.p_value < _SURELY
    if worse:
        parts.append("no limit is set: max_newly_wrong=0 would fail")
    parts.append(f"against {_named(baseline)}")
    status: VerdictStatus = "fail" if fails else "suspect" if worse else "pass"
    return Verdict(
        case.test_id, stage, "accuracy", _FLIP_KEY, status, "; ".join(parts), float(count), None,
        None if allowed is None else float(allowed), float(count), _baseline_of(baseline, None), changed.newly_wrong,
    )  # fmt: skip


def _object_counts(changed: Flips) -> str:
    counts = (
        (changed.newly_missed, "newly missed"),
        (changed.newly_found, "newly found"),
        (changed.new_false_positives, "new false positives"),
    )
    return f"in objects: {', '.join(f'{count} {what}' for count, what in counts if count)}"


def _objects(case: AccuracyCase, baseline: AccuracyBaseline, score: Score) -> list[Verdict]:
    """Verdicts on objects, where a limit asks for them."""
    changed = case.flips.get(score.stage, Flips())
    return [
        verdict
        for metric, what, count, allowed, samples in (
            (
                "newly_missed",
                "newly missed object",
                changed.newly_missed,
                pick(case.limits, score.stage, lambda limit: limit.max_newly_missed),
                tuple(sample for sample, objects in changed.objects.items() if objects.newly_missed),
            ),
            (
                "new_false_positives",
                "new false positive",
                changed.new_false_positives,
                pick(case.limits, score.stage, lambda limit: limit.max_new_false_positives),
                tuple(sample for sample, objects in changed.objects.items() if objects.new_false_positives),
            ),
        )
        if (verdict := _object_verdict(case, baseline, score.stage, metric, what, count, allowed, samples)) is not None
    ]


def _object_verdict(
    case: AccuracyCase,
    baseline: AccuracyBaseline,
    stage: str,
    metric: str,
    what: str,
    count: int,
    allowed: int | None,
    samples: tuple[str, ...],
) -> Verdict | None:
    if allowed is None:
        return None
    if not _has_objects(case, stage):
        return case.verdict(stage, metric, "fail", f"{stage} has no objects to count, but a limit of {what}s")
    compared = case.flips.get(stage, Flips()).objects_compared
    if not compared:
        message = (
            f"{stage}: no sample's objects can be compared with {_named(baseline)}: its labels changed, or it has none"
        )
        return case.verdict(stage, metric, "inconclusive", message)
    fails = count > allowed
    message = f"{stage} {counted(count, what) if count else f'no {what}'}"
    if count:
        message += f" on {listed(samples)}"
    if fails:
        message += f"; {allowed} allowed"
    return Verdict(
        case.test_id, stage, "accuracy", metric, "fail" if fails else "pass", f"{message}; against {_named(baseline)}",
        float(count), None, float(allowed), float(count), _baseline_of(baseline, None), samples if fails else (),
    )  # fmt: skip


def _has_objects(case: AccuracyCase, stage: str) -> bool:
    return any("misses" in outcome.measures for outcome in case.outcomes if outcome.stage == stage)


def _label_changes(case: AccuracyCase, baseline: AccuracyBaseline, stage: str) -> dict[str, str]:
    before = baseline.label_digests.get(stage, {})
    now = {outcome.sample_id: outcome.label_digest for outcome in case.outcomes if outcome.stage == stage}
    notes = {
        sample: _LABEL_CHANGED
        for sample, digest in now.items()
        if digest is not None and before.get(sample) is not None and before[sample] != digest
    }
    invalid = (outcome for outcome in case.outcomes if outcome.stage == stage and outcome.status == "invalid")
    return notes | {outcome.sample_id: f"invalid: {outcome.error_type}" for outcome in invalid}


def _other_samples(case: AccuracyCase, baseline: AccuracyBaseline, stage: str) -> tuple[VerdictStatus, str] | None:
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


def _gone(case: AccuracyCase, names: Sequence[str]) -> list[Verdict]:
    if case.baseline is None:
        return []
    gone = [stage for stage in case.baseline.metrics if stage not in names]
    message = "{} is gone: {} has accuracy of it, this run has not"
    return [
        case.verdict(stage, "presence", "inconclusive", message.format(stage, _named(case.baseline))) for stage in gone
    ]


def _baseline_of(baseline: AccuracyBaseline, value: float | None) -> dict[str, object]:
    told: dict[str, object] = {"runs": 1, "branch": baseline.branch, "run_ids": [baseline.run_id], "value": value}
    return told if baseline.source is None else {**told, "file": baseline.source}


def _named(baseline: AccuracyBaseline) -> str:
    if baseline.source is not None:
        return baseline.source
    branch = f" of {baseline.branch}" if baseline.branch else ""
    commit = f" at {baseline.commit[:10]}" if baseline.commit else ""
    return f"baseline run {baseline.run_id[:8]}{branch}{commit}"


def _direction(change: float) -> str:
    if abs(change) <= _ROUNDING:
        return "the same as"
    return f"{abs(change):.4g} {'above' if change > 0 else 'below'}"


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4g}"
