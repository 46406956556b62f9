"""Charts as SVG, drawn here: no library is needed to read the report's first view.

SVG holds shapes only; names and numbers stand in HTML beside them, where they keep their size on a narrow screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Point = tuple[float, float]

_MOST_POINTS = 240


@dataclass(frozen=True, slots=True)
class TrendMark:
    """One run on a trend line. `label` is shown on hover; `value` None leaves a gap."""

    value: float | None
    label: str
    present: bool = False
    failed: bool = False


def stage_bar(median: float, p95: float, cpu: float | None, longest: float) -> Markup:
    """A bar for the median, a lighter one within it for CPU time, and a whisker to the 95th percentile.

    Args:
        longest: the value at the right edge, shared by the bars of one table.
    """
    scale = 100.0 / longest if longest > 0 else 0.0
    width, reach = median * scale, min(max(p95, median) * scale, 100.0)
    cpu_bar = (
        "" if cpu is None else f'<rect class="bar-cpu" x="0" y="11" width="{min(cpu * scale, 100):.2f}" height="4"/>'
    )
    return Markup(
        f'<svg class="bar" viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<rect class="bar-wall" x="0" y="3" width="{max(width, 0.4):.2f}" height="7"/>{cpu_bar}'
        f'<path class="whisker" d="M{width:.2f} 6.5H{reach:.2f}M{reach:.2f} 3V10"/></svg>'
    )


def memory_chart(before: Sequence[float], after: Sequence[float]) -> Markup:
    """Resident memory before and after each span of a stage, in the order in which they ran.

    Args:
        before, after: MB, equally long; thinned to what a screen can show.
    """
    kept_before, kept_after = thinned(before), thinned(after)
    low, high = min(*kept_before, *kept_after), max(*kept_before, *kept_after)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return Markup(
        f'<svg class="plot" viewBox="0 0 600 90" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<path class="grid" d="M0 4H600M0 45H600M0 86H600"/>'
        f'<path class="line-before" d="{_path(kept_before, low, high, 600, 90)}"/>'
        f'<path class="line-after" d="{_path(kept_after, low, high, 600, 90)}"/></svg>'
    )


def trend_chart(marks: Sequence[TrendMark], title: str) -> Markup:
    """A line over runs, the present run ringed, failed runs crossed."""
    kept = list(marks)[-_MOST_POINTS:]
    known = [mark.value for mark in kept if mark.value is not None]
    if not known:
        return Markup("")
    low, high = min(known), max(known)
    if high - low < 1e-12:
        low, high = low - max(abs(low) * 0.05, 1e-6), high + max(abs(high) * 0.05, 1e-6)
    places = [_place(index, mark.value, len(kept), low, high) for index, mark in enumerate(kept)]
    dots = "".join(_dot(mark, place) for mark, place in zip(kept, places, strict=True) if place is not None)
    line = _polyline(places)
    return Markup(
        f'<svg class="trend" viewBox="0 0 260 64" role="img" aria-label="{escape(title)}" focusable="false">'
        f'<path class="grid" d="M6 8H254M6 56H254"/><path class="trend-line" d="{line}"/>{dots}</svg>'
    )


def timeline_chart(
    lines: Mapping[str, Sequence[Point]], marks: Sequence[float], bounds: tuple[float, float, float, float]
) -> Markup:
    """Lines over time, with a dashed upright at each mark.

    Args:
        lines: class of the line -> points (x, y) in the order of x; thinned to what a screen can show.
        bounds: x at the left and right edge, y at the bottom and top.
    """
    left, right, low, high = bounds
    across, up = 600 / ((right - left) or 1.0), 132 / ((high - low) or 1.0)

    def place(point: Point) -> str:
        return f"{(point[0] - left) * across:.1f} {136 - (point[1] - low) * up:.1f}"

    uprights = "".join(f"M{(mark - left) * across:.1f} 0V140" for mark in marks)
    paths = "".join(
        f'<path class="{escape(kind)}" d="M{"L".join(place(point) for point in thinned_points(points))}"/>'
        for kind, points in lines.items()
        if points
    )
    return Markup(
        f'<svg class="plot timeline" viewBox="0 0 600 140" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false"><path class="grid" d="M0 4H600M0 70H600M0 136H600"/>'
        f'<path class="upright" d="{uprights}"/>{paths}</svg>'
    )


def spark_chart(values: Sequence[float]) -> Markup:
    """One line over its readings, in the order in which they came."""
    kept = thinned(values)
    low, high = min(kept), max(kept)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5
    return Markup(
        f'<svg class="spark" viewBox="0 0 260 48" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<path class="grid" d="M0 4H260M0 44H260"/>'
        f'<path class="line-after" d="{_path(kept, low, high, 260, 48)}"/></svg>'
    )


def thinned_points(points: Sequence[Point], most: int = 4 * _MOST_POINTS) -> list[Point]:
    """At most about `most` points; of every bucket the lowest and the highest stay, so that no peak is lost."""
    if len(points) <= most:
        return list(points)
    size = -(-2 * len(points) // most)
    kept: list[Point] = []
    for start in range(0, len(points), size):
        bucket = points[start : start + size]
        kept += sorted((min(bucket, key=_height), max(bucket, key=_height)))
    return kept


def _height(point: Point) -> float:
    return point[1]


def thinned(values: Sequence[float], most: int = 2 * _MOST_POINTS) -> list[float]:
    """At most about `most` values; of every bucket its lowest and highest stay, so that no peak is lost."""
    if len(values) <= most:
        return list(values)
    size = -(-2 * len(values) // most)
    kept: list[float] = []
    for start in range(0, len(values), size):
        bucket = values[start : start + size]
        kept += sorted((min(bucket), max(bucket)), key=bucket.index)
    return kept


def _path(values: Sequence[float], low: float, high: float, width: int, height: int) -> str:
    if len(values) == 1:
        values = [values[0], values[0]]
    step = width / (len(values) - 1)
    scale = (height - 8) / (high - low)
    points = (f"{index * step:.1f} {height - 4 - (value - low) * scale:.1f}" for index, value in enumerate(values))
    return "M" + "L".join(points)


def _place(index: int, value: float | None, count: int, low: float, high: float) -> tuple[float, float] | None:
    if value is None:
        return None
    x = 130.0 if count == 1 else 10 + index * 240 / (count - 1)
    return x, 56 - (value - low) / (high - low) * 48


def _polyline(places: Sequence[tuple[float, float] | None]) -> str:
    parts, pen_down = [], False
    for place in places:
        if place is None:
            pen_down = False
            continue
        parts.append(f"{'L' if pen_down else 'M'}{place[0]:.1f} {place[1]:.1f}")
        pen_down = True
    return "".join(parts)


def _dot(mark: TrendMark, place: tuple[float, float]) -> str:
    x, y = place
    title = f"<title>{escape(mark.label)}</title>"
    if mark.present:
        kind, centre = "mark-failed" if mark.failed else "mark-present", f'cx="{x:.1f}" cy="{y:.1f}"'
        ring = f'<circle class="present-ring" {centre} r="6"/><circle {centre} r="3"/>'
        return f'<g class="{kind}">{ring}{title}</g>'
    if mark.failed:
        arms = f"M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6"
        return f'<path class="mark-cross" d="{arms}">{title}</path>'
    return f'<circle class="mark-dot" cx="{x:.1f}" cy="{y:.1f}" r="2">{title}</circle>'
