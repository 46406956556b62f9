"""Limits of metrics: a floor or, where lower is better, a ceiling; for all samples, a class or a tag."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_vizart.accuracy.custom import registered_metrics
from pytest_vizart.accuracy.metric_names import METRICS, beyond
from pytest_vizart.gating.accuracy_limits import AccuracyLimit
from pytest_vizart.gating.flips import Flips
from pytest_vizart.gating.limits import pick
from pytest_vizart.gating.wording import beside
from pytest_vizart.records.baseline import AccuracyBaseline
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.score import Score
from pytest_vizart.records.verdict import Verdict, VerdictStatus

EVERY_CLASS = "*"


@dataclass(frozen=True, slots=True)
class AccuracyCase:
    """What is judged against what."""

    test_id: str
    outcomes: tuple[Outcome, ...]
    baseline: AccuracyBaseline | None
    limits: tuple[AccuracyLimit, ...]
    flips: Mapping[str, Flips]

    def verdict(self, stage: str, metric: str, status: VerdictStatus, message: str) -> Verdict:
        return Verdict(self.test_id, stage, "accuracy", metric, status, message)

    def bounds_of(self, score: Score) -> dict[str, float]:
        """The bounds of one stage; one that no stage is named for holds where its metric is measured."""
        found: dict[str, float] = {}
        for metric in dict.fromkeys(metric for limit in self.limits for metric in limit.bounds):
            bound = pick(self.limits, score.stage, lambda limit, metric=metric: limit.bounds.get(metric))  # type: ignore[misc]
            named = any(limit.stage == score.stage and metric in limit.bounds for limit in self.limits)
            if bound is not None and (named or metric in score.metrics):
                found[metric] = bound
        return found


@dataclass(frozen=True, slots=True)
class _Bound:
    """One bound of one metric: of all samples, or of what `subset` names ("class coin", "tag night")."""

    metric: str
    limit: float
    values: Mapping[str, float | None]
    subset: str | None = None

    @property
    def key(self) -> str:
        return self.metric if self.subset is None else f"{self.metric} of {self.subset}"


def unmeasured_bounds(case: AccuracyCase, scores: Sequence[Score]) -> list[Verdict]:
    """A bound for "every stage" whose metric, or whose class or tag, no stage measures would check nothing."""
    everywhere = [metric for limit in case.limits if limit.stage is None for metric in limit.bounds]
    measured = list(dict.fromkeys(metric for score in scores for metric in score.metrics))
    verdicts = [
        case.verdict(
            "(all)",
            metric,
            "fail",
            f"{metric} has a {_side_name(metric)}, but no stage measures it; {_choices(metric, measured)}",
        )
        for metric in dict.fromkeys(everywhere)
        if metric not in measured
    ]
    for kind in _KINDS:
        verdicts += _unmeasured_subsets(case, scores, kind)
    return verdicts


def judge_bounds(case: AccuracyCase, score: Score) -> list[Verdict]:
    """Return one verdict for each bound of a stage."""
    verdicts = [
        _judged(case, score, _Bound(metric, limit, score.metrics)) for metric, limit in case.bounds_of(score).items()
    ]
    for kind in _KINDS:
        measured = _measured(score, kind)
        for name, bounds in _subset_bounds(case, score, kind):
            verdicts += _judge_subset(case, score, kind, name, bounds, measured)
    return verdicts


_KINDS = ("class", "tag")


def _declared(limit: AccuracyLimit, kind: str) -> Mapping[str, Mapping[str, float]]:
    return limit.per_class if kind == "class" else limit.per_tag


def _measured(score: Score, kind: str) -> Mapping[str, Mapping[str, float | None]]:
    return score.per_class if kind == "class" else score.per_tag


def _unmeasured_subsets(case: AccuracyCase, scores: Sequence[Score], kind: str) -> list[Verdict]:
    verdicts = []
    for limit in case.limits:
        for name, bounds in _declared(limit, kind).items() if limit.stage is None else ():
            for metric in bounds:
                held = [score for score in scores if _fits(score, kind, name, metric)]
                if not held:
                    occurring = list(dict.fromkeys(one for score in scores for one in _measured(score, kind)))
                    what = f"{metric} of every {kind}" if name == EVERY_CLASS else f"{metric} of {kind} {name}"
                    listed = f"there are {', '.join(occurring[:20])}" if occurring else f"there is no {kind}"
                    verdicts.append(
                        case.verdict("(all)", what, "fail", f"{what} has a limit, but no stage measures it; {listed}")
                    )
    return verdicts


def _fits(score: Score, kind: str, name: str, metric: str) -> bool:
    measured = _measured(score, kind)
    names = measured if name == EVERY_CLASS else [name]
    return any(metric in measured.get(one, {}) for one in names)


def _subset_bounds(case: AccuracyCase, score: Score, kind: str) -> Iterator[tuple[str, dict[str, float]]]:
    """The bounds of each class or tag, the closest marker's first; what names it goes before what names all.

    A limit that names no stage holds where its metric is measured, as limits of metrics do.
    """
    measured = _measured(score, kind)
    found: dict[str, dict[str, float]] = {}
    for exact in (True, False):
        for limit in case.limits:
            for given, bounds in _declared(limit, kind).items() if limit.stage in (None, score.stage) else ():
                for name in _names(given, measured) if (given != EVERY_CLASS) is exact else ():
                    kept = found.setdefault(name, {})
                    for metric, bound in bounds.items():
                        if metric not in kept and (limit.stage is not None or metric in measured.get(name, {})):
                            kept[metric] = bound
    yield from ((name, bounds) for name, bounds in found.items() if bounds)


def _names(given: str, measured: Mapping[str, object]) -> Sequence[str]:
    """The classes or tags that a limit names; "*" itself where there is none, which is told."""
    return (given,) if given != EVERY_CLASS else list(measured) or (given,)


def _judge_subset(
    case: AccuracyCase,
    score: Score,
    kind: str,
    name: str,
    bounds: Mapping[str, float],
    measured: Mapping[str, Mapping[str, float | None]],
) -> list[Verdict]:
    if name not in measured:
        close = difflib.get_close_matches(name, measured, n=1)
        listing = f"there are {', '.join(list(measured)[:20])}" if measured else f"no {kind} is measured"
        hint = f"; did you mean {close[0]}?" if close else ""
        what = (
            f"every {kind}, of which there is none" if name == EVERY_CLASS else f"{kind} {name}, which does not occur"
        )
        message = f"{score.stage} has limits for {what}; {listing}{hint}"
        return [case.verdict(score.stage, f"{kind} {name}", "fail", message)]
    return [
        _judged(case, score, _Bound(metric, limit, measured[name], f"{kind} {name}"))
        for metric, limit in bounds.items()
    ]


def _judged(case: AccuracyCase, score: Score, bound: _Bound) -> Verdict:
    side = "floor" if score.direction(bound.metric) == "higher" else "ceiling"
    value, limit, named = bound.values.get(bound.metric), bound.limit, f"{score.stage} {bound.key}"
    status: VerdictStatus = "fail"
    if bound.metric not in bound.values:
        message = f"{score.stage} does not measure {bound.key}; {_choices(bound.metric, list(bound.values))}"
    elif value is None:
        message = f"{named} is not defined on this data, but has a {side} of {limit:g}"
    elif beyond(value, limit, score.direction(bound.metric)):
        message = f"{named} {beside(value, limit)} {'<' if side == 'floor' else '>'} {limit:g}, its {side}"
    else:
        status = "pass"
        shown = f"{value:.4g}" if math.isclose(value, limit, rel_tol=1e-9) else beside(value, limit)
        message = f"{named} {shown} {'>=' if side == 'floor' else '<='} {limit:g}, its {side}"
    effect = None if value is None else value - limit
    samples = _culprits(case, score.stage, bound.subset) if status == "fail" else ()
    return Verdict(
        case.test_id, score.stage, "accuracy", bound.key, status, message, effect, None, limit, value, {}, samples
    )


def _culprits(case: AccuracyCase, stage: str, subset: str | None) -> tuple[str, ...]:
    """The samples to look at first: those that turned wrong, or else those that are, the worst ones first."""
    bad = [each for each in case.outcomes if each.stage == stage and each.status in ("wrong", "invalid")]
    concerned = [
        outcome.sample_id for outcome in sorted(bad, key=lambda each: each.score or 0.0) if _in(subset, outcome)
    ]
    newly_wrong = case.flips.get(stage, Flips()).newly_wrong
    flipped = tuple(sample for sample in newly_wrong if sample in set(concerned))
    return flipped or tuple(concerned)


def _in(subset: str | None, outcome: Outcome) -> bool:
    if subset is None:
        return True
    kind, _, name = subset.partition(" ")
    if kind == "tag":
        return name in outcome.tags
    return not outcome.errors or any(name in (error.truth, error.predicted) for error in outcome.errors)


def _side_name(metric: str) -> str:
    own = registered_metrics().get(metric)
    info = METRICS.get(metric) if own is None else own.info
    return "ceiling" if info is not None and info.direction == "lower" else "floor"


def _choices(metric: str, measured: Sequence[str]) -> str:
    close = difflib.get_close_matches(metric, measured, n=1)
    listing = f"measured: {', '.join(measured)}" if measured else "nothing is: no stage was compared with ground truth"
    return listing + (f"; did you mean {close[0]}?" if close else "")
