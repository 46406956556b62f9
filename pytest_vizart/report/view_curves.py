"""Precision over recall, ROC and reliability, each as a small chart; a script shows the curve of another class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from markupsafe import Markup

from pytest_vizart.report.charts_accuracy import Bin, Point, curve_chart, curve_path, reliability_chart
from pytest_vizart.report.drawings import gzipped
from pytest_vizart.report.wording import encodable_throughout, metric_value, percent, plural

_AXES = {"pr": ("recall", "precision"), "roc": ("false positive rate", "true positive rate")}
_TITLES = {"pr": "Precision and recall", "roc": "ROC"}


@dataclass(frozen=True, slots=True)
class CurveChart:
    kind: str  # "pr", "roc"
    title: str
    across: str
    up: str
    chart: Markup


@dataclass(frozen=True, slots=True)
class CurvesView:
    """`names` to choose from, the first is drawn; `data` is base64 of gzip of {kind: [path, ...]}, in their order."""

    anchor: str
    names: tuple[str, ...]
    charts: tuple[CurveChart, ...]
    data: str
    note: str


@dataclass(frozen=True, slots=True)
class ReliabilityView:
    facts: str
    chart: Markup
    rows: tuple[tuple[str, str, str, str], ...]  # upper edge, samples, mean score, share that is correct


def curves_view(details: Mapping[str, Any], anchor: str, most: int) -> CurvesView | None:
    """Curves out of `pr_curve` of objects or `curves` of classes: the mean first, then the worst."""
    lines = _of_objects(details.get("pr_curve") or {}) or _of_classes(details.get("curves") or {})
    if not lines:
        return None
    every = sorted(lines, key=lambda name: (name != "all", _height(lines[name].get("pr", ()))))
    names = every[:most]
    kinds = [kind for kind in _AXES if any(kind in lines[name] for name in names)]
    paths = {kind: [curve_path(lines[name].get(kind, ())) for name in names] for kind in kinds}
    return CurvesView(
        anchor=anchor,
        names=tuple(names),
        charts=tuple(
            CurveChart(
                kind, _TITLES[kind], *_AXES[kind], curve_chart(paths[kind][0], _TITLES[kind], diagonal=kind == "roc")
            )
            for kind in kinds
        ),
        data=gzipped(orjson.dumps(encodable_throughout(paths))) if len(names) > 1 else "",
        note=f"The worst {most:,} of {plural(len(every), 'curve')}." if len(every) > most else "",
    )


def reliability_view(details: Mapping[str, Any]) -> ReliabilityView | None:
    """How far scores can be believed; None where there were none."""
    bins = [
        Bin(float(each["to"]), int(each["samples"]), float(each["score"]), float(each["accuracy"]))
        for each in details.get("reliability") or ()
    ]
    if not bins:
        return None
    samples = sum(each.samples for each in bins)
    score, correct = (
        sum(each.samples * value for each, value in zip(bins, values, strict=True)) / samples
        for values in ([each.score for each in bins], [each.accuracy for each in bins])
    )
    return ReliabilityView(
        facts=f"mean score {metric_value(score)}, {percent(correct)} correct",
        chart=reliability_chart(bins),
        rows=tuple(
            (f"{each.upper:.2f}", f"{each.samples:,}", metric_value(each.score), metric_value(each.accuracy))
            for each in bins
        ),
    )


_Lines = dict[str, dict[str, Sequence[Point]]]


def _of_objects(curves: Mapping[str, Any]) -> _Lines:
    return {
        str(name): {"pr": list(zip(curve["recall"], curve["precision"], strict=True))} for name, curve in curves.items()
    }


def _of_classes(curves: Mapping[str, Any]) -> _Lines:
    return {
        str(name): {kind: [(float(x), float(y)) for x, y in points] for kind, points in each.items() if kind in _AXES}
        for name, each in curves.items()
    }


def _height(points: Sequence[Point]) -> float:
    return sum(y for _, y in points) / (len(points) or 1)
