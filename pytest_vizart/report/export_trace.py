"""One run in the Trace Event Format, which Perfetto and Chrome's tracing page open.

Format: "Trace Event Format" (Nat Duca and Dan Sinclair, Google, 2016). Perfetto drops a complete event ("X") that
overlaps another of its thread without lying inside of it: what ran at once gets a lane of its own, and times are
written so that they are read as the very nanoseconds that were measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pytest_vizart.profiling.analysis.timeline import Timeline, lanes
from pytest_vizart.records.profile import GpuReading, MeasureTable
from pytest_vizart.records.span import CALIBRATION_STAGE, SpanTable

Event = dict[str, Any]

_MB = 1e6
_MS = 1e6
_MEMORY = (("resident memory", "rss_before", "rss_after"), ("GPU tensors", "gpu_before", "gpu_after"))
_ARGUMENTS: tuple[tuple[str, str, float], ...] = (
    ("self_ms", "self_ns", _MS),
    ("paused_ms", "paused_ns", _MS),
    ("cpu_ms", "cpu_ns", _MS),
    ("process_cpu_ms", "process_cpu_ns", _MS),
    ("gpu_ms", "gpu_ns", _MS),
    ("rss_before_mb", "rss_before", _MB),
    ("rss_after_mb", "rss_after", _MB),
    ("rss_peak_mb", "rss_peak", _MB),
    ("gpu_peak_mb", "gpu_peak", _MB),
    ("read_mb", "read_bytes", _MB),
    ("written_mb", "written_bytes", _MB),
)


def chrome_trace(
    spans: SpanTable,
    measures: MeasureTable | None = None,
    gpu: Sequence[GpuReading] = (),
    *,
    title: str,
    facts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the run as a JSON object with `traceEvents`.

    Args:
        title: name of the process that ran the test.
        facts: texts about the run, kept as `otherData`.
    """
    of_lane = span_lanes(spans)
    events = [*_names(spans, of_lane, title), *_stages(spans, of_lane), *_memory(spans)]
    main = _process_id(spans.process[0]) if len(spans) else 1
    zero_us = spans.started_us[0] - spans.offset_ns[0] // 1_000 if len(spans) else 0
    events += _measures(measures or MeasureTable(), main, zero_us)
    events += _gpu(gpu, main, zero_us)
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": dict(facts or {})}


def span_lanes(spans: SpanTable) -> list[int]:
    """Return a lane for each span, so that spans of one lane are disjoint or one holds the other."""
    return [int(lane) for lane in lanes(Timeline.of(spans) or _unrelated(spans))]


def _unrelated(spans: SpanTable) -> Timeline:
    """The timeline of spans whose numbers are damaged, so that nobody knows which lies in which."""
    start = np.array(spans.offset_ns, np.int64)
    wall = np.maximum(np.array(spans.wall_ns, np.int64), 0)
    parent = np.full(len(spans), len(spans), np.int64)
    return Timeline(start, start + wall, parent, np.array(spans.process, np.int64))


def drawing_order(spans: SpanTable) -> list[int]:
    """Return the rows by their start, outer spans before those inside of them, which end no later."""
    return sorted(range(len(spans)), key=lambda row: (spans.offset_ns[row], -spans.end_ns(row), -row))


def _names(spans: SpanTable, of_lane: Sequence[int], title: str) -> Iterator[Event]:
    numbers: dict[int, int] = {}
    for process, lane in sorted(set(zip(spans.process, of_lane, strict=True)), key=_lane):
        number = numbers[process] = numbers.get(process, 0) + 1
        pid = _process_id(process)
        if number == 1:
            name = title if process == spans.process[0] else f"process {pid}"
            yield _named("process_name", pid, 0, name)
        yield _named("thread_name", pid, lane + 1, "stages" if number == 1 else f"stages at the same time, {number}")


def _lane(process_and_lane: tuple[int, int]) -> int:
    return process_and_lane[1]


def _named(what: str, pid: int, tid: int, name: str) -> Event:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}}


def _stages(spans: SpanTable, of_lane: Sequence[int]) -> Iterator[Event]:
    for row in drawing_order(spans):
        yield {
            "ph": "X",
            "name": spans.stage[row],
            "cat": _category(spans, row),
            "pid": _process_id(spans.process[row]),
            "tid": of_lane[row] + 1,
            "ts": microseconds(spans.offset_ns[row]),
            "dur": microseconds(spans.end_ns(row) - spans.offset_ns[row]),
            "args": _arguments(spans, row),
        }


def _category(spans: SpanTable, row: int) -> str:
    if spans.stage[row] == CALIBRATION_STAGE:
        return "calibration"
    return "not counted" if spans.warmup[row] else "stage"


def _arguments(spans: SpanTable, row: int) -> dict[str, Any]:
    found: dict[str, Any] = {"sample": spans.sample_id[row], "pass": spans.pass_index[row], "items": spans.items[row]}
    for name, column, unit in _ARGUMENTS:
        value = getattr(spans, column)[row]
        found[name] = None if value is None else value / unit
    found["error"] = spans.error[row]
    return {name: value for name, value in found.items() if value is not None}


def _memory(spans: SpanTable) -> Iterator[Event]:
    for name, before, after in _MEMORY:
        points = []
        for row, (start, end) in enumerate(zip(getattr(spans, before), getattr(spans, after), strict=True)):
            begin_ns = spans.offset_ns[row]
            points += [] if start is None else [(begin_ns, spans.process[row], start)]
            points += [] if end is None else [(spans.end_ns(row), spans.process[row], end)]
        for at_ns, process, value in sorted(points):
            yield _counter(name, _process_id(process), microseconds(at_ns), "MB", value / _MB)


def _measures(measures: MeasureTable, pid: int, zero_us: int) -> Iterator[Event]:
    """Gauges as they were read, counters as they add up, waits as bars that may overlap."""
    totals: dict[str, float] = {}
    for row, kind in enumerate(measures.kind):
        name, value = measures.name[row], measures.value[row]
        at_us = float(max(measures.at_us[row] - zero_us, 0))
        if value - value != 0:
            continue
        if kind == "external":
            yield from _wait(name, pid, at_us, value / 1e3, row)
            continue
        if kind == "count":
            value = totals[name] = totals.get(name, 0.0) + value
        yield _counter(name, pid, at_us, "total" if kind == "count" else "value", value)


def _wait(name: str, pid: int, end_us: float, duration_us: float, number: int) -> Iterator[Event]:
    # A wait is kept when it ends. Async events need not lie in each other.
    place = {"name": f"waiting for {name}", "cat": "external", "id": number, "pid": pid, "tid": 0}
    yield {"ph": "b", **place, "ts": max(end_us - duration_us, 0.0)}
    yield {"ph": "e", **place, "ts": end_us}


def _gpu(readings: Sequence[GpuReading], pid: int, zero_us: int) -> Iterator[Event]:
    for reading in readings:
        at_us = float(max(reading.at_us - zero_us, 0))
        if reading.utilisation is not None:
            yield _counter("GPU utilisation", pid, at_us, "per cent", reading.utilisation * 100)
        if reading.memory_used is not None:
            yield _counter("GPU memory in use", pid, at_us, "MB", reading.memory_used / _MB)


def _counter(name: str, pid: int, at_us: float, series: str, value: float) -> Event:
    return {"ph": "C", "name": name, "pid": pid, "tid": 0, "ts": at_us, "args": {series: value}}


def microseconds(nanoseconds: int) -> float:
    """Return microseconds of which a reader who multiplies by 1,000 and cuts off gets the same nanoseconds."""
    value = nanoseconds / 1_000
    return value if int(value * 1_000) == nanoseconds else math.nextafter(value, math.inf)


def _process_id(process: int) -> int:
    """Process 0 is the idle task to readers; runs that older versions kept know no process."""
    return process or 1
