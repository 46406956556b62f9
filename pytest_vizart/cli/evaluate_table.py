"""An evaluation as text of at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_vizart.records.outcome import Outcome
from pytest_vizart.report.terminal_lines import wrapped
from pytest_vizart.report.wording import NOT_MEASURED, metric_value, plural, printable, shortened
from pytest_vizart.workflow.evaluation.limits import Judged
from pytest_vizart.workflow.evaluation.result import Evaluation

WIDTH = 80
_ACROSS = 3
_SHOWN_CLASSES = 20
_SHOWN_SAMPLES = 20
_CLASS_WIDTH = 18
_FIGURE_WIDTH = 10
_FIGURES = 6
_WITH_OBJECTS = frozenset({"boxes", "oriented_boxes", "instances", "keypoints"})
_COUNTED = frozenset({"objects", "predictions", "support", "points", "pixels", "segments"})

_MEANING: dict[str, str] = {
    "Cls": "right place, wrong class",
    "Loc": "right class, wrong place",
    "Both": "wrong class, wrong place",
    "Dupe": "found already",
    "Bkg": "nothing is there",
    "Miss": "not found",
    "label-suspect": "confident, no label explains it",
    "confused": "one class for another",
    "region": "worst places",
    "difference": "out of tolerance",
    "shape": "another shape",
}


def table(
    evaluation: Evaluation, judged: Sequence[Judged] = (), *, all_classes: bool = False, samples: bool = False
) -> Iterator[str]:
    """Yield the lines: what was compared, the metrics, classes worst first, errors dearest first, notes, limits."""
    yield from _wrapped(f"{evaluation.task}: {evaluation.predictions} against {evaluation.labels}")
    yield from _counts(evaluation)
    yield ""
    yield from _metrics(evaluation)
    yield from _classes(evaluation.per_class, _SHOWN_CLASSES if not all_classes else None)
    yield from _errors(evaluation)
    if samples:
        yield from _samples(evaluation.outcomes)
    if evaluation.notes:
        yield ""
        yield "not in these figures, or not seen in them"
        for note in evaluation.notes:
            yield from _wrapped(note, indent=2)
    if judged:
        yield ""
    for one in judged:
        yield from _wrapped(_verdict(one))


def _counts(evaluation: Evaluation) -> Iterator[str]:
    counts = evaluation.counts
    if counts is None:
        return
    parts = [f"{counts.correct:,} correct", f"{counts.wrong:,} wrong"]
    parts += [f"{counts.invalid:,} invalid"] if counts.invalid else []
    parts += [f"{counts.unlabeled:,} unlabeled"] if counts.unlabeled else []
    whole = counts.correct + counts.wrong + counts.invalid + counts.unlabeled
    spec = evaluation.spec
    at = f" (score {spec.score_threshold:g}, IoU {spec.iou_threshold:g})" if spec.task in _WITH_OBJECTS else ""
    yield from _wrapped(f"{plural(whole, 'sample')}: {', '.join(parts)}{at}")


def _metrics(evaluation: Evaluation) -> Iterator[str]:
    values = {printable(name): _value(name, evaluation) for name in evaluation.metrics}
    width = max((len(name) + 2 + len(value) for name, value in values.items()), default=0)
    across = max(1, min(_ACROSS, WIDTH // (width + 2)))
    cells = [f"{name}{value:>{width - len(name)}}" for name, value in values.items()]
    for start in range(0, len(cells), across):
        yield f"  {'  '.join(cells[start : start + across])}"


def _value(name: str, evaluation: Evaluation) -> str:
    unit = evaluation.info[name].unit if name in evaluation.info else ""
    value = metric_value(evaluation.metrics[name])
    return f"{value} {unit}" if unit and value != NOT_MEASURED else value


def _classes(per_class: Mapping[str, Mapping[str, float | None]], shown: int | None) -> Iterator[str]:
    """The classes, worst first by their first figure; those that have none, having no objects, last."""
    rows = {name: figures for name, figures in per_class.items() if figures}
    if not rows:
        return
    columns = _columns(rows)
    widths = _widths(columns)
    first = next((column for column in columns if column not in _COUNTED), columns[0])
    order = sorted(rows, key=lambda name: _sort_key(rows[name].get(first)))
    yield ""
    yield f"  {'class, worst first':<{_CLASS_WIDTH}}" + "".join(
        f"{shortened(name, width - 1):>{width}}" for name, width in zip(columns, widths, strict=True)
    )
    for name in order[:shown]:
        figures = [_figure(column, rows[name].get(column)) for column in columns]
        label = shortened(printable(name), _CLASS_WIDTH - 1)
        yield f"  {label:<{_CLASS_WIDTH}}" + "".join(
            f"{value:>{width}}" for value, width in zip(figures, widths, strict=True)
        )
    if shown is not None and len(order) > shown:
        yield f"  and {plural(len(order) - shown, 'more class', 'more classes')} (--per-class)"


def _columns(rows: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """The figures that fit: the first ones, and how many objects there are."""
    every = list(dict.fromkeys(column for figures in rows.values() for column in figures))
    counted = [column for column in every if column in _COUNTED][:1]
    others = [column for column in every if column not in _COUNTED]
    return [*others[: _FIGURES - len(counted)], *counted]


def _widths(columns: Sequence[str]) -> list[int]:
    """Columns as wide as their names, where there is room for all of these; else names are shortened."""
    room = WIDTH - 2 - _CLASS_WIDTH
    widths = [max(_FIGURE_WIDTH, len(name) + 1) for name in columns]
    while sum(widths) > room and max(widths) > _FIGURE_WIDTH:
        widths[widths.index(max(widths))] -= 1
    return widths


def _sort_key(value: float | None) -> tuple[bool, float]:
    return value is None, value or 0.0


def _figure(column: str, value: float | None) -> str:
    if column in _COUNTED and value is not None:
        return f"{value:,.0f}"
    return metric_value(value)


def _errors(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.errors:
        return
    costly = any(one.cost is not None for one in evaluation.errors)
    yield ""
    yield f"  {'errors':<48}{'count':>9}{'samples':>9}" + (f"{'AP without':>12}" if costly else "")
    for one in sorted(evaluation.errors, key=lambda each: (-(each.cost or 0.0), -each.count)):
        what = shortened(f"{one.kind:<14}{_MEANING.get(one.kind, '')}", 47)
        cost = NOT_MEASURED if one.cost is None else f"+{one.cost:.3f}"
        yield f"  {what:<48}{one.count:>9,}{one.samples:>9,}" + (f"{cost:>12}" if costly else "")


def _samples(outcomes: Sequence[Outcome]) -> Iterator[str]:
    wrong = [one for one in outcomes if one.status in ("wrong", "invalid")]
    wrong.sort(key=lambda one: -(one.severity or 0.0))
    if wrong:
        yield ""
    for one in wrong[:_SHOWN_SAMPLES]:
        yield from _wrapped(f"{one.status} {shortened(one.sample_id, 40)}: {one.reason}", indent=2)
    if len(wrong) > _SHOWN_SAMPLES:
        yield f"  and {plural(len(wrong) - _SHOWN_SAMPLES, 'more sample')} (--json)"


def _verdict(one: Judged) -> str:
    asked = "at least" if one.kind == "min" else "at most"
    value = "not defined on this data" if one.value is None else f"{one.value:.6g}"
    return f"{'PASS' if one.met else 'FAIL'} {one.metric} {value}, {asked} {one.limit:g}"


def _wrapped(text: str, indent: int = 0) -> Iterator[str]:
    yield from (line for _, line in wrapped("info", text, WIDTH, indent=indent))
