"""Curves, reliability and large confusion matrices as SVG. Shapes only: names and numbers stand in HTML beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

Point = tuple[float, float]

SIDE = 200
"""The unit square of a curve in units of its SVG."""
_CELL = 14


@dataclass(frozen=True, slots=True)
class Bin:
    """Samples whose score is in one bin: their mean score, and the share of them that is correct, both 0 to 1."""

    upper: float
    samples: int
    score: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One cell of a matrix; `share` of its row, 0 to 1. `title` is shown on hover."""

    row: int
    column: int
    share: float
    title: str


def curve_path(points: Iterable[Point]) -> str:
    """The `d` of a path through points of the unit square, (0, 0) at the lower left."""
    places = (f"{_unit(x) * SIDE:.1f} {SIDE - _unit(y) * SIDE:.1f}" for x, y in points)
    path = "L".join(places)
    return f"M{path}" if path else ""


def curve_chart(path: str, title: str, *, diagonal: bool = False) -> Markup:
    """One curve in the unit square. A script may put another one into `.curve-line`."""
    chance = f'<path class="upright" d="M0 {SIDE}L{SIDE} 0"/>' if diagonal else ""
    return Markup(
        f'<svg class="curve" viewBox="-2 -2 {SIDE + 4} {SIDE + 4}" role="img" aria-label="{escape(title)}" '
        f'focusable="false">{_grid()}{chance}<path class="curve-line" d="{escape(path)}"/></svg>'
    )


def reliability_chart(bins: Sequence[Bin]) -> Markup:
    """For each bin of scores a bar as high as the share that is correct, and a tick where its mean score is.

    The more samples a bin has, the darker its bar.
    """
    most = max((each.samples for each in bins), default=1)
    lowest = min((after.upper - before.upper for before, after in pairwise(bins)), default=1 / 15)
    width = SIDE * min(lowest, 1 / 15)
    return Markup(
        f'<svg class="curve" viewBox="-2 -2 {SIDE + 4} {SIDE + 4}" role="img" '
        f'aria-label="share that is correct by score" focusable="false">{_grid()}'
        f'<path class="upright" d="M0 {SIDE}L{SIDE} 0"/>{"".join(_bar(each, width, most) for each in bins)}</svg>'
    )


def heat_chart(cells: Iterable[HeatCell], classes: int) -> Markup:
    """A matrix of many classes: a square for each pair that occurs, the diagonal in another colour."""
    side = classes * _CELL
    squares = "".join(
        f'<rect class="{"heat-right" if cell.row == cell.column else "heat-wrong"}" x="{cell.column * _CELL}" '
        f'y="{cell.row * _CELL}" width="{_CELL - 1}" height="{_CELL - 1}" '
        f'fill-opacity="{0.15 + 0.85 * _unit(cell.share):.2f}"><title>{escape(cell.title)}</title></rect>'
        for cell in cells
    )
    return Markup(
        f'<svg class="heat" width="{side}" height="{side}" viewBox="0 0 {side} {side}" role="img" '
        f'aria-label="confusion matrix of {classes} classes" focusable="false">'
        f'<rect class="heat-ground" width="{side}" height="{side}"/>{squares}</svg>'
    )


def _bar(each: Bin, width: float, most: int) -> str:
    left = max(each.upper * SIDE - width, 0.0)
    height = _unit(each.accuracy) * SIDE
    tick = SIDE - _unit(each.score) * SIDE
    title = f"score {each.score:.2f}, correct {each.accuracy:.2f}, {each.samples:,} samples"
    return (
        f'<g><title>{escape(title)}</title><rect class="reliable" x="{left + 0.5:.1f}" y="{SIDE - height:.1f}" '
        f'width="{width - 1:.1f}" height="{height:.1f}" fill-opacity="{0.25 + 0.75 * each.samples / most:.2f}"/>'
        f'<path class="tick" d="M{left:.1f} {tick:.1f}h{width:.1f}"/></g>'
    )


def _grid() -> str:
    lines = "".join(f"M0 {at}H{SIDE}M{at} 0V{SIDE}" for at in range(0, SIDE + 1, SIDE // 4))
    return f'<path class="grid" d="{lines}"/>'


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)
