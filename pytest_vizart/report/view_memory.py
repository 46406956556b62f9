"""Resident memory over one run, as the template needs it: one chart along the spans in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from pytest_vizart.records.profile import Leak
from pytest_vizart.records.run import RunResult
from pytest_vizart.records.span import SpanTable
from pytest_vizart.report.charts import Point, timeline_chart
from pytest_vizart.report.wording import leak_sentence, megabytes, plural, sentence, unbroken

_MB = 1e6
_LABEL_PERCENT = 14  # of the width, on a narrow screen
_LEAST_RANGE_MB = 0.1
_FEWEST_POINTS = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a pass begins, as a share of the width in per cent."""

    left: str
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart with the amounts at its upper and lower edge; `chart` is SVG."""

    chart: Markup
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class MemoryTimeline:
    """`peaks` is there where they are so high that they need a scale of their own; `leaks` are sentences."""

    resident: Panel
    peaks: Panel | None
    has_peaks: bool
    end: str
    marks: tuple[Mark, ...]
    facts: str
    leaks: tuple[str, ...]
    has_leak_line: bool


def memory_timeline(run: RunResult) -> MemoryTimeline | None:
    """The memory of the process that ran the test; None where it was not measured."""
    spans = run.spans
    rows = _rows(spans)
    edges = sorted(point for row in rows for point in _edges(spans, row))
    if len(edges) < _FEWEST_POINTS:
        return None
    peaks = sorted(_middle(spans, row) for row in rows if spans.rss_peak[row] is not None)
    leak = next((found for found in run.profile.leaks if found.found and found.resource == "cpu"), None)
    line = _leak_line(spans, rows, leak, edges) if leak else []
    passes = _passes(spans, rows, has_functions=run.profile.flame_samples > 0)
    begin, end = edges[0][0], edges[-1][0]
    uprights = [at for at, _ in passes if at > begin]
    apart = _need_a_scale(peaks, edges)
    lines = {"line-peak": [] if apart else peaks, "line-after": edges, "line-leak": line}
    return MemoryTimeline(
        resident=_panel(lines, uprights, begin, end),
        peaks=_panel({"line-peak": peaks}, uprights, begin, end) if apart else None,
        has_peaks=bool(peaks),
        end=f"{end - begin:.3g}\u00a0s",
        marks=_marks(passes, begin, end),
        facts=_facts(spans, edges, peaks),
        leaks=tuple(unbroken(sentence(_capitalised(leak_sentence(each)))) for each in run.profile.leaks if each.found),
        has_leak_line=bool(line),
    )


def _need_a_scale(peaks: Sequence[Point], edges: Sequence[Point]) -> bool:
    """Whether peaks stand so high that what happens between spans would be a flat line below them."""
    heights = [value for _, value in edges]
    low, high = min(heights), max(heights)
    return any(value - high > max(high - low, _LEAST_RANGE_MB) for _, value in peaks)


def _panel(lines: dict[str, list[Point]], uprights: Sequence[float], begin: float, end: float) -> Panel:
    values = [value for points in lines.values() for _, value in points]
    low, high = min(values), max(values)
    if high - low < _LEAST_RANGE_MB:
        low, high = low - _LEAST_RANGE_MB / 2, high + _LEAST_RANGE_MB / 2
    chart = timeline_chart(lines, uprights, (begin, end, low, high))
    return Panel(chart, f"{megabytes(low)}\u00a0MB", f"{megabytes(high)}\u00a0MB")


def _rows(spans: SpanTable) -> list[int]:
    """Spans with memory, of the process that ran the test: its spans come first."""
    measured = [row for row in range(len(spans)) if spans.rss_before[row] is not None]
    return [row for row in measured if spans.process[row] == spans.process[measured[0]]]


def _edges(spans: SpanTable, row: int) -> list[Point]:
    start_s = spans.offset_ns[row] / 1e9
    found = ((start_s, spans.rss_before[row]), (start_s + spans.wall_ns[row] / 1e9, spans.rss_after[row]))
    return [(at, value / _MB) for at, value in found if value is not None]


def _middle(spans: SpanTable, row: int) -> Point:
    return (spans.offset_ns[row] + spans.wall_ns[row] / 2) / 1e9, (spans.rss_peak[row] or 0) / _MB


def _passes(spans: SpanTable, rows: Sequence[int], *, has_functions: bool) -> list[tuple[float, str]]:
    """Where warm-up, each pass, and those of the exact peaks and the function profile begin, in seconds."""
    later = sorted({spans.pass_index[row] for row in rows if spans.warmup[row]} - {0})
    # Both come after the passes that count; of two, the function profile is the last.
    of_peaks = later[:-1] if has_functions else later
    begins: dict[str, float] = {}
    for row in rows:
        at, number = spans.offset_ns[row], spans.pass_index[row]
        label = f"pass {number + 1}"
        if spans.warmup[row]:
            label = "warm-up" if not number else "peaks" if number in of_peaks else "functions"
        begins[label] = min(begins.get(label, at / 1e9), at / 1e9)
    return sorted((at, label) for label, at in begins.items())


def _marks(passes: Sequence[tuple[float, str]], begin: float, end: float) -> tuple[Mark, ...]:
    """The names that have room; of two that would touch the later one stays, since warm-up is short and first."""
    width = (end - begin) or 1.0
    kept: list[tuple[float, str]] = []
    for at, label in reversed(passes):
        left = max(at - begin, 0.0) / width * 100
        if not kept or left + _LABEL_PERCENT <= kept[-1][0]:
            kept.append((left, label))
    return tuple(Mark(f"{left:.1f}", label) for left, label in reversed(kept))


def _leak_line(spans: SpanTable, rows: Sequence[int], leak: Leak, edges: Sequence[Point]) -> list[Point]:
    """The slope over the samples it rests on, through the middle of what was measured meanwhile."""
    counted = [row for row in rows if not spans.warmup[row]]
    # As in the search for it: what fills caches is left out, the first pass, or of a single one the first fifth.
    if any(spans.pass_index[row] for row in counted):
        counted = [row for row in counted if spans.pass_index[row]]
    else:
        counted = counted[len(counted) // 5 :]
    if not counted:
        return []
    first = min(spans.offset_ns[row] for row in counted) / 1e9
    last = max(spans.offset_ns[row] + spans.wall_ns[row] for row in counted) / 1e9
    middle = median(value for at, value in edges if first <= at <= last)
    half = leak.kb_per_sample * leak.points / 1e3 / 2
    return [(first, middle - half), (last, middle + half)]


def _facts(spans: SpanTable, edges: Sequence[Point], peaks: Sequence[Point]) -> str:
    start, end = edges[0][1], edges[-1][1]
    parts = [f"{end - start:+,.1f} MB from first to last".replace("+-", "-")]
    if peaks:
        parts.append(f"highest {megabytes(max(value for _, value in (*peaks, *edges)))} MB")
    others = len(set(spans.process)) - 1
    if others > 0:
        parts.append(f"the process of the test; {plural(others, 'other is', 'others are')} not drawn")
    return unbroken(" · ".join(parts))


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
