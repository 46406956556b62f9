"""Which class is taken for which: a table of few classes, squares and the most frequent pairs of many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pytest_vizart.report.charts_accuracy import HeatCell, heat_chart
from pytest_vizart.report.wording import compact, percent

TABLE_UP_TO_CLASSES = 15
_MOST_PAIRS = 12
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """`width` of the bar in per cent of the most frequent pair's, `share` of all that is the true class."""

    truth: str
    predicted: str
    count: str
    share: str
    width: str


@dataclass(frozen=True, slots=True)
class Cell:
    """`heat` from 0 to 100 is the share of the row."""

    text: str
    title: str
    heat: int
    right: bool


@dataclass(frozen=True, slots=True)
class ConfusionView:
    """`head` and `rows` for up to TABLE_UP_TO_CLASSES classes, `chart` and `names` for more; pairs for more, too."""

    facts: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    pairs: tuple[ConfusedPair, ...]
    chart: Markup | None
    names: tuple[str, ...]


def confusion_view(details: Mapping[str, Any]) -> ConfusionView | None:
    """None when there is no matrix, or nothing in it."""
    names = [str(name) for name in details.get("classes", ())]
    if not names:
        pairs = [(str(truth), NOTHING if said is None else str(said), int(count), 0)
                 for truth, said, count in details.get("pairs", ())]  # fmt: skip
        return ConfusionView(_facts(pairs), (), (), _shown(pairs), None, ()) if pairs else None
    matrix = [[int(count) for count in row] for row in details["matrix"]]
    missing = [int(count) for count in details.get("missing", [0] * len(names))]
    totals = [sum(row) + lost for row, lost in zip(matrix, missing, strict=True)]
    pairs = sorted(_wrong(names, matrix, missing, totals), key=lambda pair: -pair[2])
    if not any(totals):
        return None
    if len(names) <= TABLE_UP_TO_CLASSES:
        head = (*names, NOTHING) if any(missing) else tuple(names)
        return ConfusionView(_facts(pairs), head, _rows(names, matrix, missing, totals, head), (), None, ())
    cells = (
        HeatCell(row, column, count / totals[row], _told(names[row], names[column], count, totals[row]))
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        if count
    )
    return ConfusionView(_facts(pairs), (), (), _shown(pairs), heat_chart(cells, len(names)), tuple(names))


_Pair = tuple[str, str, int, int]  # truth, predicted, count, all of the true class or 0 where that is not known


def _wrong(
    names: Sequence[str], matrix: Sequence[Sequence[int]], missing: Sequence[int], totals: Sequence[int]
) -> Iterator[_Pair]:
    for row, counts in enumerate(matrix):
        for column, count in enumerate(counts):
            if count and row != column:
                yield names[row], names[column], count, totals[row]
        if missing[row]:
            yield names[row], NOTHING, missing[row], totals[row]


def _facts(pairs: Sequence[_Pair]) -> str:
    if not pairs:
        return "nothing was confused"
    truth, predicted, count, _ = pairs[0]
    return f"most often {truth} for {predicted}, {count:,} times" if count > 1 else f"{truth} for {predicted}, once"


def _shown(pairs: Sequence[_Pair]) -> tuple[ConfusedPair, ...]:
    most = max((count for _, _, count, _ in pairs), default=1)
    return tuple(
        ConfusedPair(
            truth, predicted, f"{count:,}", percent(count / total) if total else "", f"{100 * count / most:.1f}"
        )
        for truth, predicted, count, total in pairs[:_MOST_PAIRS]
    )


def _rows(
    names: Sequence[str],
    matrix: Sequence[Sequence[int]],
    missing: Sequence[int],
    totals: Sequence[int],
    head: Sequence[str],
) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    rows = []
    for number, name in enumerate(names):
        counts = [*matrix[number], missing[number]][: len(head)]
        cells = (
            _cell(name, said, count, totals[number], right=column == number)
            for column, (said, count) in enumerate(zip(head, counts, strict=True))
        )
        rows.append((name, tuple(cells)))
    return tuple(rows)


def _cell(truth: str, predicted: str, count: int, total: int, *, right: bool) -> Cell:
    if not count:
        return Cell("", "", 0, right)
    return Cell(compact(count), _told(truth, predicted, count, total), max(round(100 * count / total), 1), right)


def _told(truth: str, predicted: str, count: int, total: int) -> str:
    return f"{truth}, predicted {predicted}: {count:,}, {percent(count / total)} of {truth}"
