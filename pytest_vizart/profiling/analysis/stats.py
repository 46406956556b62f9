"""From spans to the numbers that people read: order statistics per stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.profiling.analysis.recursion import inside_of_itself
from pytest_vizart.profiling.analysis.slow_samples import Facts, sample_times, slowest, what_they_share
from pytest_vizart.profiling.analysis.timeline import (
    BoolArray,
    FloatArray,
    IntArray,
    Timeline,
    attributed_times,
    concurrent_spans,
    self_times,
    union_by_group,
)
from pytest_vizart.records.profile import MeasureTable
from pytest_vizart.records.span import CALIBRATION_STAGE, SpanTable
from pytest_vizart.records.stage import Distribution, GpuStats, MemoryStats, StageStats

ONLY_TIMED = "under 0.2 ms: only timed"
"""Note of a stage that is too short for anything but the clock."""

_SHORT_NS = 2 * 200_000.0  # twice: the recorder drops the probes before the stage's last times are known
_MB = 1e6
_NS_PER_MS = 1e6


def stage_stats(
    spans: SpanTable, measures: MeasureTable | None = None, facts: Mapping[str, Facts] | None = None
) -> tuple[StageStats, ...]:
    """Return the statistics of each stage, in the order in which the stages first ended.

    Warm-up spans count nowhere but in `cold_ms`; spans that raised count as errors and their times are left out. Runs
    without `offset_ns`, kept by older versions, have nested stages told by name and none concurrent.

    Args:
        measures: of the run; its external waits are added to the stages.
        facts: by sample, what is known of its input; None leaves `slow_because` empty.
    """
    names = spans.stage_names()
    if not names:
        return ()
    columns = _Columns.of(spans, names)
    times = _times(spans, columns, len(names))
    waits_ns = _external_waits(spans, columns, measures or MeasureTable())
    total_ns = sum(times.attributed_ns)
    return tuple(
        _one_stage(
            spans, columns, times, name, number,
            share=times.attributed_ns[number] / total_ns if total_ns else 0.0,
            external_ns=waits_ns.get(name), facts=facts or {},
        )
        for number, name in enumerate(names)
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Columns:
    """The span columns that statistics need, as arrays (N,): NaN where nothing was measured."""

    stage: IntArray  # position in the stages' names; their number for calibration
    warmup: BoolArray
    raised: BoolArray
    inner: BoolArray  # inside of a span of the same stage, however far out, that ended without an error
    items: IntArray
    wall_ns: FloatArray
    rows: tuple[IntArray, ...]  # per stage, those that are no warm-up
    first: tuple[int | None, ...]  # per stage, the first row in time, warm-up included, without an error
    started: IntArray  # orders the spans by their start
    has_memory: bool  # some span of a stage has it
    timeline: Timeline | None

    @classmethod
    def of(cls, spans: SpanTable, names: Sequence[str]) -> _Columns:
        number = {name: position for position, name in enumerate(names)} | {CALIBRATION_STAGE: len(names)}
        size = len(spans)
        stage = np.fromiter(map(number.__getitem__, spans.stage), np.int64, size)
        warmup = np.array(spans.warmup, np.bool_)
        raised = np.array([error is not None for error in spans.error], np.bool_)
        order = np.argsort(stage, kind="stable")
        bounds = np.searchsorted(stage[order], np.arange(len(names) + 1))
        every = [order[first:last] for first, last in pairwise(bounds.tolist())]
        started, timeline = _started(spans), Timeline.of(spans)
        return cls(
            stage=stage,
            warmup=warmup,
            raised=raised,
            inner=inside_of_itself(spans, timeline, stage, ~raised),
            items=np.array(spans.items, np.int64) if len(spans.items) == size else np.ones(size, np.int64),
            wall_ns=np.array(spans.wall_ns, np.float64),
            rows=tuple(rows[~warmup[rows]] for rows in every),
            first=tuple(_first(rows[~raised[rows]], started) for rows in every),
            started=started,
            has_memory=bool((~np.isnan(_values(spans.rss_before, np.flatnonzero(stage < len(names))))).any()),
            timeline=timeline,
        )


@dataclass(frozen=True, slots=True)
class _Times:
    """Times that one span cannot tell by itself; nanoseconds, per stage."""

    self_ns: list[float]
    attributed_ns: list[float]
    ran_ns: list[float]  # time during which the stage ran; sum of its spans where their order is not known
    concurrent: list[bool]


def _times(spans: SpanTable, columns: _Columns, stages: int) -> _Times:
    counted = ~columns.warmup & ~columns.raised & (columns.stage < stages)
    of_stage = columns.stage[counted]
    timeline = columns.timeline
    if timeline is None:
        return _times_by_name(spans, columns, counted, stages)
    attributed = attributed_times(timeline)[counted]
    at_once = concurrent_spans(timeline, ignored=columns.stage == stages)[counted]
    outer = counted & ~columns.inner
    own = self_times(timeline)[counted]
    ran = union_by_group(timeline.start_ns[outer], timeline.end_ns[outer], columns.stage[outer], stages)
    return _Times(
        self_ns=np.bincount(of_stage, weights=own, minlength=stages).tolist(),
        attributed_ns=np.bincount(of_stage, weights=attributed, minlength=stages).tolist(),
        ran_ns=ran.tolist(),
        concurrent=(np.bincount(of_stage, weights=at_once, minlength=stages) > 0).tolist(),
    )


def _times_by_name(spans: SpanTable, columns: _Columns, counted: BoolArray, stages: int) -> _Times:
    number = {spans.stage[row]: int(columns.stage[row]) for row in np.flatnonzero(counted).tolist()}
    outer = np.flatnonzero(counted & ~columns.inner)
    ran = np.bincount(columns.stage[outer], weights=columns.wall_ns[outer], minlength=stages)
    own = ran.copy()
    for row in outer.tolist():
        parent = spans.parent[row]
        if parent in number:
            own[number[parent]] -= spans.wall_ns[row]  # what its nested stages took is theirs, and counts once
    own = np.maximum(own, 0.0)
    return _Times(own.tolist(), own.tolist(), ran.tolist(), [False] * stages)


def _external_waits(spans: SpanTable, columns: _Columns, measures: MeasureTable) -> dict[str, float]:
    """Nanoseconds that counted spans waited on external services, by stage; those that never did are left out."""
    unsound = {
        span_id
        for span_id, raised in zip(spans.span_id, columns.raised.tolist(), strict=False)
        if raised and span_id is not None
    }
    waits: dict[str, float] = {}
    for row, kind in enumerate(measures.kind):
        stage = measures.stage[row]
        if kind == "external" and stage is not None and not measures.warmup[row]:
            of_span = 0.0 if measures.span_id[row] in unsound else measures.value[row]
            waits[stage] = waits.get(stage, 0.0) + of_span
    return waits


def _one_stage(
    spans: SpanTable, columns: _Columns, times: _Times, name: str, number: int, *,
    share: float, external_ns: float | None, facts: Mapping[str, Facts],
) -> StageStats:  # fmt: skip
    every = columns.rows[number]
    rows = every[~columns.raised[every]]
    outer = rows[~columns.inner[rows]]
    items, ran_ns = _items(spans, columns, outer), times.ran_ns[number]
    by_sample = sample_times(spans, outer.tolist())
    gpu = _gpu(spans, rows)
    return StageStats(
        name=name,
        spans=len(every),
        errors=len(every) - len(rows),
        wall_ms=_distribution(columns.wall_ns[rows]),
        cpu_ms=_distribution(_values(spans.cpu_ns, rows)),
        memory_mb=_memory(spans, rows, _of_memory_pass(spans, columns, number)),
        gpu_mb=None if gpu is None else gpu.peak_mb,
        share=share,
        notes=_notes(spans, columns, rows),
        parent=_parent(spans, columns, every),
        items=items,
        total_ms=float(columns.wall_ns[outer].sum()) / _NS_PER_MS,
        self_ms=times.self_ns[number] / _NS_PER_MS,
        concurrent=times.concurrent[number],
        per_second=items / (ran_ns / 1e9) if ran_ns else None,
        cold_ms=_cold_ms(columns, number),
        external_ms=None if external_ns is None or not len(rows) else external_ns / len(rows) / _NS_PER_MS,
        read_mb=_mean_mb(_values(spans.read_bytes, rows)),
        written_mb=_mean_mb(_values(spans.written_bytes, rows)),
        gpu=gpu,
        slowest=slowest(by_sample),
        slow_because=what_they_share(by_sample, facts) if facts else None,
    )


def _items(spans: SpanTable, columns: _Columns, rows: IntArray) -> int:
    """Samples that a stage handled: each once in a pass, however many spans it took, and a batch all that are in it."""
    places: dict[tuple[str, int], int] = {}
    elsewhere = 0
    for row in rows.tolist():
        sample_id = spans.sample_id[row]
        if sample_id is None:
            elsewhere += int(columns.items[row])
        else:
            places[sample_id, spans.pass_index[row]] = int(columns.items[row])
    return elsewhere + sum(places.values())


def _of_memory_pass(spans: SpanTable, columns: _Columns, number: int) -> IntArray:
    """Rows of the pass that is there for the peaks alone; warm-up, which is not counted either, is of pass 0."""
    if not any(spans.peak_exact):
        return np.zeros(0, np.int64)
    rows = np.flatnonzero((columns.stage == number) & columns.warmup & ~columns.raised)
    return np.array([row for row in rows.tolist() if spans.pass_index[row] and spans.peak_exact[row]], np.int64)


def _parent(spans: SpanTable, columns: _Columns, rows: IntArray) -> str | None:
    outer = rows[~columns.inner[rows]]
    first = _first(outer, columns.started)
    return None if first is None else spans.parent[first]


def _cold_ms(columns: _Columns, number: int) -> float | None:
    first = columns.first[number]
    if first is None or (not columns.warmup[first] and len(columns.rows[number]) < 2):
        return None
    return float(columns.wall_ns[first]) / _NS_PER_MS


def _notes(spans: SpanTable, columns: _Columns, rows: IntArray) -> tuple[str, ...]:
    if not len(rows) or not columns.has_memory or np.median(columns.wall_ns[rows]) >= _SHORT_NS:
        return ()
    missing = np.isnan(_values(spans.rss_before, rows))
    return (ONLY_TIMED,) if missing.mean() > 0.5 else ()


def _distribution(values_ns: FloatArray) -> Distribution | None:
    known = values_ns[~np.isnan(values_ns)]
    if not len(known):
        return None
    median, p95, p99 = (float(value) for value in np.percentile(known, [50, 95, 99]) / _NS_PER_MS)
    return Distribution(median, p95, p99, min=float(known.min()) / _NS_PER_MS, max=float(known.max()) / _NS_PER_MS)


def _memory(spans: SpanTable, rows: IntArray, memory_pass: IntArray) -> MemoryStats | None:
    rows = np.concatenate((rows, memory_pass))
    before, after, peak = (_values(column, rows) for column in (spans.rss_before, spans.rss_after, spans.rss_peak))
    known = ~np.isnan(before) & ~np.isnan(after)
    if not known.any():
        return None
    before, after, peak = before[known] / _MB, after[known] / _MB, peak[known] / _MB
    # In the memory pass a stage grows by what was given back before it.
    counted = int(known[: len(known) - len(memory_pass)].sum()) or len(before)
    at_edges = np.maximum(before, after)
    peaked = ~np.isnan(peak)
    exact = _values(spans.peak_exact, rows)[known][peaked]
    highest = np.fmax(at_edges, peak)
    return MemoryStats(
        before=float(before[0]),
        after=float(at_edges.max()),
        growth=float((after - before)[:counted].max()),
        peak=float((highest - before)[peaked].max()) if peaked.any() else None,
        peak_exact=bool((exact == 1.0).all()) if peaked.any() else None,
        highest=float(highest.max()),
    )


def _gpu(spans: SpanTable, rows: IntArray) -> GpuStats | None:
    before, after = _values(spans.gpu_before, rows) / _MB, _values(spans.gpu_after, rows) / _MB
    known = ~np.isnan(before) & ~np.isnan(after)
    if not known.any():
        return None
    at_edges = np.maximum(before[known], after[known])
    highest = np.fmax(at_edges, _values(spans.gpu_peak, rows)[known] / _MB)
    return GpuStats(
        before_mb=float(before[known][0]),
        after_mb=float(at_edges.max()),
        peak_mb=float(highest.max()),
        reserved_mb=float(np.fmax(highest, _values(spans.gpu_reserved, rows)[known] / _MB).max()),
        gpu_ms=_distribution(_values(spans.gpu_ns, rows)),
    )


def _mean_mb(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) / _MB if len(known) else None


def _values(column: Sequence[int | bool | None], rows: IntArray) -> NDArray[np.float64]:
    """The values of these rows as floats, NaN where they were not measured; an empty column never was."""
    if not len(column):
        return np.full(len(rows), np.nan)
    return np.array([column[row] for row in rows.tolist()], np.float64)


def _started(spans: SpanTable) -> IntArray:
    """What orders the spans by their start; the rows' own order where nothing better is known."""
    for column in (spans.offset_ns, spans.started_us):
        if len(column) == len(spans) and None not in column:
            return np.array(column, np.int64)
    return np.arange(len(spans))


def _first(rows: IntArray, started: IntArray) -> int | None:
    return int(rows[np.argmin(started[rows])]) if len(rows) else None
