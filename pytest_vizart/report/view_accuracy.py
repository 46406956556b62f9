"""The accuracy of one stage as the template needs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pytest_vizart.records.outcome import ObjectChanges
from pytest_vizart.records.score import ErrorCount, Score
from pytest_vizart.report.error_kinds import KIND_MEANING, cost_facts, cost_metric
from pytest_vizart.report.view_cases import CasesView
from pytest_vizart.report.view_confusion import ConfusionView, confusion_view
from pytest_vizart.report.view_curves import CurvesView, ReliabilityView, curves_view, reliability_view
from pytest_vizart.report.view_tables import Table, arrow, class_table, plain_table, tag_table
from pytest_vizart.report.wording import encodable, encodable_throughout, figure, listed, percent, plural

_MOST_SAMPLES = 60
_MOST_OBJECTS = 4  # of one sample
_MOST_ROWS = 1500
_MOST_CURVES = 300
_MOST_DETAIL = 4000  # characters
_BETTER = {"↑": "higher is better", "↓": "lower is better", "": ""}
_SHOWN_ELSEWHERE = ("confusion", "pr_curve", "curves", "reliability", "tide", "keypoints")


@dataclass(frozen=True, slots=True)
class SampleLink:
    sample: str
    case: int | None


@dataclass(frozen=True, slots=True)
class MetricView:
    name: str
    arrow: str  # as of `view_tables.arrow`
    better: str  # "higher is better"
    value: str


@dataclass(frozen=True, slots=True)
class ErrorView:
    """One kind of error; `link` leads to its cases, empty when there are none."""

    kind: str
    meaning: str
    count: str
    samples: str
    cost: str
    width: str  # of the bar, per cent
    link: str


@dataclass(frozen=True, slots=True)
class ChangesView:
    """Objects that changed since the baseline: a sentence, and the samples that have them."""

    facts: str
    rows: tuple[tuple[SampleLink, str, str, str], ...]  # newly missed, newly found, new false positives
    more: int


@dataclass(frozen=True, slots=True)
class AccuracyView:
    stage: str
    task: str
    recorded: bool
    headline: MetricView
    metrics: tuple[MetricView, ...]
    counts: tuple[tuple[str, str, str], ...]  # status, number, width in per cent
    newly_wrong: tuple[SampleLink, ...]
    newly_wrong_count: int
    flip_rate: str
    newly_fixed: tuple[str, ...]
    newly_fixed_count: int
    changes: ChangesView | None
    errors: tuple[ErrorView, ...]
    error_facts: str
    tables: tuple[Table, ...]
    confusion: ConfusionView | None
    curves: CurvesView | None
    reliability: ReliabilityView | None
    details: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def accuracy_view(score: Score, test_id: str, cases: CasesView, number: int, place: str) -> AccuracyView:
    """One stage.

    Args:
        number: of the run on the page: later ones show fewer classes.
        place: "0-1", part of the IDs of the elements.
    """
    most_rows = max(60, _MOST_ROWS // (number + 1))
    links = [_link(name, score, test_id, cases) for name in score.newly_wrong[:_MOST_SAMPLES]]
    tables = (class_table(score, most_rows), tag_table(score, most_rows), _keypoint_table(score))
    return AccuracyView(
        stage=score.stage,
        task=score.task,
        recorded=score.recorded,
        headline=_metric(score, score.headline),
        metrics=tuple(_metric(score, name) for name in score.metrics if name != score.headline),
        counts=_counts(score),
        newly_wrong=tuple(links),
        newly_wrong_count=len(score.newly_wrong),
        flip_rate="" if not score.negative_flip_rate else percent(score.negative_flip_rate),
        newly_fixed=score.newly_fixed[:_MOST_SAMPLES],
        newly_fixed_count=len(score.newly_fixed),
        changes=_changes(score, test_id, cases),
        errors=_errors(score, test_id, cases),
        error_facts=cost_facts(score.details.get("tide") or {}, score.task) if score.errors else "",
        tables=tuple(table for table in tables if table is not None),
        confusion=confusion_view(score.details.get("confusion") or {}),
        curves=curves_view(score.details, f"curves-{place}", max(20, _MOST_CURVES // (number + 1))),
        reliability=reliability_view(score.details),
        details=_details(score.details),
        notes=score.notes,
    )


def _link(sample: str, score: Score, test_id: str, cases: CasesView) -> SampleLink:
    return SampleLink(sample, cases.numbers.get((test_id, score.stage, sample)))


def _metric(score: Score, name: str) -> MetricView:
    sign = arrow(name, score)
    value, info = score.metrics.get(name), score.info.get(name)
    unit = f"\u00a0{info.unit}" if info is not None and info.unit and value is not None else ""
    return MetricView(name, sign, _BETTER[sign], f"{figure(value)}{unit}")


def _counts(score: Score) -> tuple[tuple[str, str, str], ...]:
    counts = score.counts
    amounts = {
        "correct": counts.correct,
        "wrong": counts.wrong,
        "invalid": counts.invalid,
        "unlabeled": counts.unlabeled,
    }
    total = sum(amounts.values()) or 1
    return tuple((name, f"{amount:,}", f"{100 * amount / total:.2f}") for name, amount in amounts.items())


def _errors(score: Score, test_id: str, cases: CasesView) -> tuple[ErrorView, ...]:
    """Dearest first, where costs are known; else the most frequent ones first."""
    most = max((each.count for each in score.errors), default=1) or 1
    metric = cost_metric(score.task, score.headline)
    dearest = sorted(score.errors, key=lambda each: (-(each.cost or 0.0), -each.count))
    return tuple(
        ErrorView(
            kind=each.kind,
            meaning=KIND_MEANING.get(each.kind, ""),
            count=f"{each.count:,}",
            samples=plural(each.samples, "sample"),
            cost=_cost(each, metric),
            width=f"{100 * each.count / most:.1f}",
            link=_kind_link(each.kind, score.stage, test_id)
            if (test_id, score.stage, each.kind) in cases.kinds
            else "",
        )
        for each in dearest
    )


def _cost(each: ErrorCount, metric: str) -> str:
    return "" if each.cost is None else f"{each.cost:+.3f} {metric} if mended"


def _kind_link(kind: str, stage: str, test_id: str) -> str:
    wanted = {"test": test_id, "stage": stage, "type": kind, "sort": "severity"}
    return "#" + urlencode({key: encodable(value) for key, value in wanted.items()})


def _changes(score: Score, test_id: str, cases: CasesView) -> ChangesView | None:
    objects = {sample: found for sample, found in score.objects.items() if _changed(found)}
    if not objects:
        return None
    missed, found, spare = (
        sum(len(getattr(each, name)) for each in objects.values())
        for name in ("newly_missed", "newly_found", "new_false_positives")
    )
    parts = [f"{missed:,} newly missed", f"{found:,} newly found", plural(spare, "new false positive")]
    rows = tuple(
        (
            _link(sample, score, test_id, cases),
            listed(each.newly_missed, _MOST_OBJECTS),
            listed(each.newly_found, _MOST_OBJECTS),
            listed(each.new_false_positives, _MOST_OBJECTS),
        )
        for sample, each in list(objects.items())[:_MOST_SAMPLES]
    )
    return ChangesView(f"{', '.join(parts)} in {plural(len(objects), 'sample')}", rows, len(objects) - len(rows))


def _changed(changes: ObjectChanges) -> bool:
    return bool(changes.newly_missed or changes.newly_found or changes.new_false_positives)


def _keypoint_table(score: Score) -> Table | None:
    figures = {
        str(each.get("name", number)): {key: value for key, value in each.items() if key != "name"}
        for number, each in enumerate(score.details.get("keypoints") or ())
    }
    return plain_table("Per keypoint", "keypoint", figures, score) if figures else None


def _details(details: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Whatever has no chart or table of its own, as JSON."""
    shown = []
    for name, value in details.items():
        if name not in _SHOWN_ELSEWHERE:
            text = json.dumps(encodable_throughout(value), indent=1, default=str, ensure_ascii=False)
            more = f"\n… and {len(text) - _MOST_DETAIL:,} more characters" if len(text) > _MOST_DETAIL else ""
            shown.append((name, text[:_MOST_DETAIL] + more))
    return tuple(shown)
