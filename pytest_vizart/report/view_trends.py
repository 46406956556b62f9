"""The history of each test as small charts, and as columns for the interactive one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from markupsafe import Markup

from pytest_vizart.records.run import RunResult, SessionResult, TrendPoint
from pytest_vizart.report.charts import TrendMark, trend_chart
from pytest_vizart.report.wording import megabytes, metric_value, milliseconds, plural

_MOST_TILES = 12  # of one test
_MOST_TILES_OF_PAGE = 96
_OPEN_TESTS = 4
_MOST_RUNS = 1000  # of one test in the interactive chart
_MOST_VALUES = 300_000  # in the interactive chart, over all tests

Reader = Callable[[TrendPoint], float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """One quantity of one stage over the runs of a test."""

    kind: str  # "accuracy", "wall", "cpu" or "memory"
    stage: str
    quantity: str
    unit: str
    read: Reader
    show: Callable[[float | None], str]


@dataclass(frozen=True, slots=True)
class TileView:
    title: str
    quantity: str
    now: str
    change: str
    low: str
    high: str
    chart: Markup


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The trends of one test."""

    test_id: str
    facts: str
    open: bool
    tiles: tuple[TileView, ...]
    more: str


@dataclass(frozen=True, slots=True)
class TrendsView:
    """`interactive` is the JSON of the chart that is drawn on demand; empty when there is no history."""

    tests: tuple[HistoryView, ...] = ()
    interactive: dict[str, Any] = field(default_factory=dict)


def trends_view(result: SessionResult, trends: Sequence[TrendPoint]) -> TrendsView:
    """Trends of the tests of this session that ran before; tests without an earlier run have none."""
    present = {run.info.run_id for run in result.runs}
    histories: dict[str, list[TrendPoint]] = {}
    for point in sorted(trends, key=lambda point: point.started_us):
        histories.setdefault(point.test_id, []).append(point)
    runs = {run.info.test_id: run for run in result.runs}
    shown = [(run, histories[name]) for name, run in runs.items() if len(histories.get(name, ())) > 1]
    budget = max(_MOST_TILES_OF_PAGE // max(len(shown), 1), 3)
    tests = tuple(
        _history(run, points, present, number < _OPEN_TESTS, min(budget, _MOST_TILES))
        for number, (run, points) in enumerate(shown)
    )
    return TrendsView(tests, _interactive(shown, present) if shown else {})


def _series(run: RunResult) -> list[Series]:
    """What is worth a line, most telling first: headline metrics, wall time by share, memory, CPU."""
    by_share = [stats.name for stats in sorted(run.stages, key=lambda stats: -stats.share)]
    found = [
        Series("accuracy", score.stage, score.headline, "", _metric(score.stage, score.headline), metric_value)
        for score in run.scores
    ]
    found += [Series("wall", name, "wall", "ms", _stage_value("wall_ms", name), milliseconds) for name in by_share]
    found += [Series("memory", name, "memory", "MB", _stage_value("rss_mb", name), megabytes) for name in by_share[:1]]
    found += [Series("cpu", name, "CPU", "ms", _stage_value("cpu_ms", name), milliseconds) for name in by_share]
    found += [Series("memory", name, "memory", "MB", _stage_value("rss_mb", name), megabytes) for name in by_share[1:]]
    return found


def _metric(stage: str, metric: str) -> Reader:
    return lambda point: _finite(point.metrics.get(stage, {}).get(metric))


def _stage_value(column: str, stage: str) -> Reader:
    return lambda point: _finite(getattr(point, column).get(stage))


def _finite(value: float | None) -> float | None:
    return value if value is not None and value - value == 0 else None


def _history(
    run: RunResult, points: Sequence[TrendPoint], present: set[str], is_open: bool, most_tiles: int
) -> HistoryView:
    tiles = [tile for series in _series(run) if (tile := _tile(series, points, present)) is not None]
    hidden = len(tiles) - most_tiles
    first, last = _day(points[0].started_us), _day(points[-1].started_us)
    return HistoryView(
        test_id=run.info.test_id,
        facts=f"{plural(len(points), 'run')} · {first if first == last else f'{first} to {last}'}",
        open=is_open,
        tiles=tuple(tiles[:most_tiles]),
        more=f"{plural(hidden, 'more line')} in the interactive chart" if hidden > 0 else "",
    )


def _tile(series: Series, points: Sequence[TrendPoint], present: set[str]) -> TileView | None:
    values = [series.read(point) for point in points]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    marks = [
        TrendMark(value, _mark_label(point, series, value), point.run_id in present, point.status != "passed")
        for point, value in zip(points, values, strict=True)
    ]
    unit = f" {series.unit}" if series.unit else ""
    now = next(
        (value for point, value in zip(reversed(points), reversed(values), strict=True) if point.run_id in present),
        None,
    )
    return TileView(
        title=series.stage,
        quantity=series.quantity,
        now=f"{series.show(now)}{unit}" if now is not None else "",
        change=_change(series, now, known),
        low=series.show(min(known)),
        high=series.show(max(known)),
        chart=trend_chart(marks, f"{series.quantity} of {series.stage} over {plural(len(known), 'run')}"),
    )


def _change(series: Series, now: float | None, known: Sequence[float]) -> str:
    """Against the median of up to ten runs before the last one."""
    earlier = list(known[:-1])[-10:]
    if now is None or not earlier:
        return ""
    usual = median(earlier)
    if series.kind == "accuracy" or usual == 0:
        return f"{now - usual:+.3f}"
    return f"{(now - usual) / usual * 100:+.1f} %"


def _mark_label(point: TrendPoint, series: Series, value: float | None) -> str:
    commit = f", {point.commit[:10]}" if point.commit else ""
    unit = f" {series.unit}" if series.unit else ""
    return f"{series.show(value)}{unit} · {_day(point.started_us)}{commit}, {point.status}"


def _interactive(shown: Sequence[tuple[RunResult, list[TrendPoint]]], present: set[str]) -> dict[str, Any]:
    lines = sum(len(_series(run)) for run, _ in shown)
    most_runs = max(50, min(_MOST_RUNS, _MOST_VALUES // max(lines, 1)))
    longest = max(len(points) for _, points in shown)
    return {
        "note": f"The last {most_runs:,} runs of each test." if longest > most_runs else "",
        "tests": [_columns(run, points[-most_runs:], present) for run, points in shown],
    }


def _columns(run: RunResult, points: Sequence[TrendPoint], present: set[str]) -> dict[str, Any]:
    return {
        "test_id": run.info.test_id,
        "started_ms": [point.started_us // 1000 for point in points],
        "commit": [(point.commit or "")[:10] for point in points],
        "status": [point.status for point in points],
        "present": [int(point.run_id in present) for point in points],
        "series": [
            {
                "kind": series.kind,
                "stage": series.stage,
                "quantity": series.quantity,
                "unit": series.unit,
                "values": [_five_digits(series.read(point)) for point in points],
            }
            for series in _series(run)
        ],
    }


def _five_digits(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _day(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d")
