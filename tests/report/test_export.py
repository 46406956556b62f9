"""Exports, read back by the rules of the programs that open them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.records.profile import FlameNode, GpuReading, MeasureTable
from pytest_vizart.records.span import SPAN_COLUMNS, SpanTable
from pytest_vizart.report.export_data import run_document, spans_csv
from pytest_vizart.report.export_speedscope import speedscope
from pytest_vizart.report.export_trace import chrome_trace, microseconds

from . import builders
from .profile_builders import SAMPLES, flame, profile, profiled_spans

_SPANS_PER_SAMPLE = 7


def _trace(spans: SpanTable, **options: Any) -> list[dict[str, Any]]:
    document = chrome_trace(spans, title="t", **options)
    assert set(document) == {"traceEvents", "displayTimeUnit", "otherData"}
    return list(document["traceEvents"])


def _dropped_by_perfetto(events: Sequence[dict[str, Any]]) -> list[str]:
    """Complete events that Perfetto's slice tracker would drop: they overlap an open one of their thread."""
    dropped = []
    stacks: dict[tuple[int, int], list[tuple[int, int]]] = {}
    bars = [
        (int(e["ts"] * 1_000.0), int(e["dur"] * 1_000.0), e) for e in events if e["ph"] == "X"
    ]  # as it reads numbers
    for start, duration, event in sorted(bars, key=lambda bar: bar[0]):
        stack = stacks.setdefault((event["pid"], event["tid"]), [])
        while stack and (stack[-1][1] < start or (stack[-1][1] == start and stack[-1] != (start, start + duration))):
            stack.pop()
        if stack and start < stack[-1][1] < start + duration:
            dropped.append(event["name"])
            continue
        stack.append((start, start + duration))
    return dropped


def _read_as_speedscope_does(profile: dict[str, Any], frames: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Time by frame, with the checks of its importer: balanced, in order, within the profile."""
    total: dict[str, float] = {}
    stack: list[tuple[int, float]] = []
    last = profile["startValue"]
    for event in profile["events"]:
        assert event["at"] >= last
        last = event["at"]
        if event["type"] == "O":
            stack.append((event["frame"], event["at"]))
            continue
        frame, opened = stack.pop()
        assert frame == event["frame"]
        name = frames[frame]["name"]
        total[name] = total.get(name, 0) + event["at"] - opened
    assert stack == []
    assert last <= profile["endValue"]
    return total


def test_a_trace_has_a_bar_for_each_span_with_what_was_measured() -> None:
    spans = profiled_spans()
    events = _trace(spans)
    bars = [event for event in events if event["ph"] == "X"]
    assert len(bars) == len(spans) == _SPANS_PER_SAMPLE * (SAMPLES * 3 + 1)
    network = next(bar for bar in bars if bar["name"] == "network" and bar["args"]["pass"] == 2)
    assert network["args"] == {
        "sample": "shelf-000", "pass": 2, "items": 1, "self_ms": 8.0, "cpu_ms": 2.1, "process_cpu_ms": 2.1,
        "gpu_ms": 7.4, "rss_before_mb": pytest.approx(424, abs=1), "rss_after_mb": pytest.approx(424, abs=1),
        "rss_peak_mb": pytest.approx(484, abs=1), "gpu_peak_mb": 1200.0,
    }  # fmt: skip
    assert (network["ts"], network["dur"]) == ((41 * 21 + 5.0) * 1000, 8000.0)
    assert network["cat"] == "stage"
    assert {bar["cat"] for bar in bars[:_SPANS_PER_SAMPLE]} == {"not counted"}
    assert _dropped_by_perfetto(events) == []


def test_what_ran_at_once_gets_a_lane_of_its_own_with_a_name() -> None:
    events = _trace(profiled_spans())
    tid_of = {event["name"]: event["tid"] for event in events if event["ph"] == "X"}
    assert tid_of["crop"] != tid_of["upload"]
    assert len({tid_of[name] for name in ("decode", "detect", "resize", "network")}) == 1
    names = {(event["name"], event["tid"]): event["args"]["name"] for event in events if event["ph"] == "M"}
    assert names == {
        ("process_name", 0): "t", ("thread_name", 1): "stages", ("thread_name", 2): "stages at the same time, 2",
    }  # fmt: skip


def test_gauges_counters_waits_memory_and_gpu_are_on_the_same_clock() -> None:
    spans = profiled_spans()
    found = profile()
    events = _trace(spans, measures=found.measures, gpu=found.gpu)
    series: dict[str, list[tuple[float, float]]] = {}
    for event in events:
        if event["ph"] == "C":
            (value,) = event["args"].values()
            series.setdefault(event["name"], []).append((event["ts"], value))
    assert set(series) == {"resident memory", "queue depth", "objects", "GPU utilisation", "GPU memory in use"}
    assert series["queue depth"][:3] == [(0.0, 0.0), (21_000.0, 1.0), (42_000.0, 2.0)]
    assert [value for _, value in series["objects"]] == [4.0 * n for n in range(1, 11)]  # counters add up
    assert [at for at, _ in series["resident memory"]] == sorted(at for at, _ in series["resident memory"])
    assert series["GPU utilisation"][0] == (0.0, 25.0)
    begins, ends = ([event for event in events if event["ph"] == ph] for ph in "be")
    assert [event["id"] for event in begins] == [event["id"] for event in ends]
    assert ends[1]["ts"] - begins[1]["ts"] == pytest.approx(3_400)
    assert begins[0]["ts"] == 0.0  # it began before the first span


def test_processes_are_kept_apart() -> None:
    table = SpanTable()
    for process in (10, 10, 11, 11):
        builders.add_span(
            table, stage="s", sample_id=None, pass_index=0, offset_ns=0, wall_ns=5, self_ns=5, process=process
        )
    events = _trace(table)
    assert _dropped_by_perfetto(events) == []
    names = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    assert names == ["t", "process 11"]
    assert len({(event["pid"], event["tid"]) for event in events if event["ph"] == "X"}) == 4
    profiles = speedscope(table, title="t", exporter="x")["profiles"]
    assert [each["name"] for each in profiles] == [
        "stages (process 10)", "stages at the same time, 2 (process 10)", "stages at the same time, 3 (process 11)",
        "stages at the same time, 4 (process 11)",
    ]  # fmt: skip


def test_a_span_that_paused_is_drawn_to_its_true_end_on_a_lane_of_its_own() -> None:
    table = SpanTable()
    for stage, start, wall, paused in (("outer", 0, 50, None), ("frames", 0, 20, 25), ("detect", 10, 30, None)):
        builders.add_span(
            table, stage=stage, sample_id=None, pass_index=0, offset_ns=start, wall_ns=wall, self_ns=wall,
            paused_ns=paused, parent_id=1 if table.stage else None,
        )  # fmt: skip
    events = _trace(table)
    assert _dropped_by_perfetto(events) == []
    drawn = {event["name"]: event for event in events if event["ph"] == "X"}
    assert {name: (event["tid"], round(event["dur"] * 1_000)) for name, event in drawn.items()} == {
        "outer": (1, 50), "frames": (2, 45), "detect": (1, 30),
    }  # fmt: skip
    assert drawn["frames"]["args"]["paused_ms"] == 25 / 1e6
    assert "paused_ms" not in drawn["outer"]["args"]
    document = speedscope(table, title="t", exporter="x")
    read = [_read_as_speedscope_does(each, document["shared"]["frames"]) for each in document["profiles"]]
    assert read == [{"outer": 50, "detect": 30}, {"frames": 45}]


@given(st.integers(0, 10**15))
def test_a_reader_that_cuts_off_gets_the_nanoseconds_back(nanoseconds: int) -> None:
    assert int(microseconds(nanoseconds) * 1_000.0) == nanoseconds


_span = st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(-3, 12), st.integers(1, 2))


@settings(deadline=None, max_examples=150)
@given(st.lists(_span, max_size=25))
def test_whatever_the_spans_the_programs_can_read_them(drawn: list[tuple[int, int, int, int]]) -> None:
    table = SpanTable()
    for start, wall, parent, process in drawn:  # parents may be of another process, end too early, or begin later
        known = 1 <= parent <= len(table)
        builders.add_span(
            table, stage=f"s{len(table)}", sample_id="a", pass_index=0, offset_ns=start, wall_ns=wall, self_ns=wall,
            process=process, parent_id=parent if known else None,
        )  # fmt: skip
    events = _trace(table)
    assert _dropped_by_perfetto(events) == []
    assert sum(event["ph"] == "X" for event in events) == len(drawn)
    document = speedscope(table, title="t", exporter="x")
    read: dict[str, float] = {}
    for each in document["profiles"]:
        read |= _read_as_speedscope_does(each, document["shared"]["frames"])
    assert read == {f"s{number}": wall for number, (_, wall, _, _) in enumerate(drawn)}


def test_spans_with_damaged_numbers_are_still_drawn() -> None:
    table = profiled_spans()
    table.span_id[:] = [1] * len(table)
    events = _trace(table)
    assert _dropped_by_perfetto(events) == []
    assert sum(event["ph"] == "X" for event in events) == len(table)


def test_a_speedscope_file_holds_lanes_and_functions() -> None:
    document = speedscope(profiled_spans(), flame(), title="test_shelf", exporter="pytest-vizart 1")
    assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert (document["name"], document["exporter"], document["activeProfileIndex"]) == (
        "test_shelf",
        "pytest-vizart 1",
        0,
    )
    stages, upload, functions = document["profiles"]
    for each in document["profiles"]:
        assert set(each) == {"type", "name", "unit", "startValue", "endValue", "events"}
        assert each["type"] == "evented"
    frames = document["shared"]["frames"]
    assert _read_as_speedscope_does(stages, frames)["detect"] == 61 * 11_000_000
    assert set(_read_as_speedscope_does(upload, frames)) == {"upload"}
    assert functions["unit"] == "milliseconds"
    spent = _read_as_speedscope_does(functions, frames)
    assert spent["network"] == pytest.approx(16.4)
    assert spent["all samples"] == 30.0
    assert {"name": "function_1_0", "file": "PIL/Image.py", "line": 10} in frames
    assert all(set(frame) <= {"name", "file", "line"} for frame in frames)


def test_functions_whose_calls_take_longer_than_themselves_stay_balanced() -> None:
    calls = tuple(FlameNode(name, "(built-in)", 0.7) for name in "abc")
    document = speedscope(SpanTable(), FlameNode("all", "", 1.0, calls), title="t", exporter="x")
    (only,) = document["profiles"]
    spent = _read_as_speedscope_does(only, document["shared"]["frames"])
    assert spent == {"all": 1.0, "a": 0.7, "b": pytest.approx(0.3), "c": 0.0}
    assert document["shared"]["frames"][1] == {"name": "a", "file": "(built-in)"}


def test_an_empty_run_makes_files_that_open() -> None:
    assert _trace(SpanTable(), measures=MeasureTable(), gpu=(GpuReading(5),)) == []
    (only,) = speedscope(SpanTable(), title="t", exporter="x")["profiles"]
    assert only["events"] == []
    assert spans_csv(SpanTable(), run_id="r", test_id="t").splitlines() == [f"run_id,test_id,{','.join(SPAN_COLUMNS)}"]


def test_csv_is_a_line_a_span_with_nothing_where_nothing_was_measured() -> None:
    spans = profiled_spans()
    spans.stage[0] = 'a "quoted", name\nof two lines'
    rows = list(csv.DictReader(io.StringIO(spans_csv(spans, run_id="r1", test_id="t1"))))
    assert len(rows) == len(spans)
    assert (rows[0]["run_id"], rows[0]["test_id"], rows[0]["stage"]) == ("r1", "t1", spans.stage[0])
    assert (rows[0]["warmup"], rows[0]["gpu_ns"], rows[0]["error"]) == ("true", "", "")
    assert rows[2]["gpu_ns"] == "7400000"
    assert {row["wall_ns"] for row in rows if row["stage"] == "crop"} == {"2200000"}


def test_csv_is_read_back_whatever_is_in_a_name_and_starts_no_formula() -> None:
    names = ["a\rb", "=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "plain"]
    spans = SpanTable()
    for name in names:
        builders.add_span(spans, stage=name, sample_id=None, offset_ns=-5)
    text = spans_csv(spans, run_id="r1", test_id="=t")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["stage"] for row in rows] == ["a\rb", "'=1+1", "'+1", "'-1", "'@x", "'\t=1", "'\r=1", "plain"]
    assert {(row["test_id"], row["offset_ns"]) for row in rows} == {("'=t", "-5")}


def test_json_holds_everything() -> None:
    spans = profiled_spans()
    document = run_document({"run_id": "r1", "status": "passed"}, spans, (), profile())
    assert {name: len(document[name]) for name in ("spans", "measures", "outputs", "leaks", "gpu")} == {
        "spans": len(spans), "measures": 80, "outputs": 2, "leaks": 2, "gpu": 13,
    }  # fmt: skip
    assert document["run"] == {"run_id": "r1", "status": "passed"}
    assert set(document["spans"][0]) == set(SPAN_COLUMNS)
