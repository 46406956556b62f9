"""Figures by class, by tag, by keypoint: tables that a script sorts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_vizart.records.score import Score
from pytest_vizart.report.wording import figure, plural

FOLDED_ROWS = 12
"""Rows that a longer table shows before it is unfolded."""

_PRIMARY = ("ap", "ap_distance", "iou", "pq", "f1", "matching")
_COUNTS = ("support", "objects", "predictions", "compared")
_LOWER = ("ate", "ase", "aoe", "error", "max_abs_error", "max_rel_error", "rmse", "ece", "log_loss")
_UNITS = {"ate": "m", "aoe": "rad"}

Figures = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True, slots=True)
class Column:
    """One figure, see `arrow`."""

    name: str
    arrow: str
    unit: str


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    cells: tuple[str, ...]
    whole: bool = False  # over everything: stays on top


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    first: str  # head of the column of names
    facts: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    folded: bool
    note: str


def class_table(score: Score, most_rows: int) -> Table | None:
    """The classes, worst first by the figure that says most; None without any."""
    columns = _columns(score.per_class, score)
    if not columns:
        return None
    primary = columns[0]
    sign = -1.0 if primary.arrow == "↓" else 1.0

    def place(name: str) -> tuple[bool, float]:
        value = score.per_class[name].get(primary.name)
        known = value is not None and value - value == 0
        return (not known, sign * value if known and value is not None else 0.0)

    names = sorted(score.per_class, key=place)
    worst = score.per_class[names[0]].get(primary.name)
    noun = ("array", "arrays") if score.task == "array" else ("class", "classes")
    return Table(
        title=f"Per {noun[0]}",
        first=noun[0],
        facts=f"{plural(len(names), *noun)}, {primary.name} from {figure(worst)}" if worst is not None
        else plural(len(names), *noun),
        columns=columns,
        rows=tuple(_row(name, score.per_class[name], columns) for name in names[:most_rows]),
        folded=min(len(names), most_rows) > FOLDED_ROWS,
        note=f"The worst {most_rows:,} of {len(names):,}; the JSON report has all." if len(names) > most_rows else "",
    )  # fmt: skip


def tag_table(score: Score, most_rows: int) -> Table | None:
    """The tags, worst first by the headline metric, under the figures over all samples; None without tags."""
    known = {tag: figures for tag, figures in score.per_tag.items() if figures}
    columns = _columns(known, score)
    if not columns:
        return None
    sign = -1.0 if columns[0].arrow == "↓" else 1.0

    def place(tag: str) -> tuple[bool, float]:
        value = known[tag].get(columns[0].name)
        return (value is None, sign * value if value is not None else 0.0)

    tags = sorted(known, key=place)[:most_rows]
    whole = Row("all samples", _cells(score.metrics, columns), whole=True)
    return Table(
        title="Per tag",
        first="tag",
        facts=plural(len(known), "tag"),
        columns=columns,
        rows=(whole, *(_row(tag, known[tag], columns) for tag in tags)),
        folded=len(tags) >= FOLDED_ROWS,
        note=f"{len(tags):,} of {len(known):,}." if len(known) > len(tags) else "",
    )


def plain_table(title: str, first: str, figures: Figures, score: Score) -> Table | None:
    """Figures by name in the order given."""
    columns = _columns(figures, score)
    rows = tuple(_row(name, each, columns) for name, each in figures.items())
    return Table(title, first, plural(len(rows), "row"), columns, rows, len(rows) > FOLDED_ROWS, "") if rows else None


def _columns(figures: Figures, score: Score) -> tuple[Column, ...]:
    """Metrics that are known of anything: the one that says most first, counts last."""
    names = dict.fromkeys(name for each in figures.values() for name, value in each.items() if value is not None)
    first = next((name for name in (score.headline, *_PRIMARY) if name in names), next(iter(names), ""))
    ordered: Sequence[str] = sorted(names, key=lambda name: (name in _COUNTS, name != first))
    return tuple(_column(name, score) for name in ordered)


def arrow(name: str, score: Score) -> str:
    """↑ where higher is better, ↓ where lower is, empty for counts and thresholds."""
    if name in _COUNTS or name.endswith("_threshold"):
        return ""
    lower = score.direction(name) == "lower" or (name in _LOWER and name not in score.info)
    return "↓" if lower else "↑"


def _column(name: str, score: Score) -> Column:
    info = score.info.get(name)
    return Column(name, arrow(name, score), info.unit if info else _UNITS.get(name, ""))


def _row(name: str, figures: Mapping[str, float | None], columns: Sequence[Column]) -> Row:
    return Row(name, _cells(figures, columns))


def _cells(figures: Mapping[str, float | None], columns: Sequence[Column]) -> tuple[str, ...]:
    return tuple(_cell(column, figures.get(column.name)) for column in columns)


def _cell(column: Column, value: float | None) -> str:
    if column.name in _COUNTS and value is not None and value - value == 0:
        return f"{value:,.0f}"
    return figure(value)
