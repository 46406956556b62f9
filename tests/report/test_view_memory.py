from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_vizart.records.profile import Profile
from pytest_vizart.records.run import RunResult
from pytest_vizart.records.span import SpanTable
from pytest_vizart.report.view_memory import MemoryTimeline, memory_timeline

from . import builders
from .profile_builders import LEAK, PASSES, SAMPLES, profiled_run

SECOND = 1_000_000_000


def _run(*spans: tuple[float, float, float, bool, int], peak: float | None = None) -> RunResult:
    """Spans of half a second: (start s, before MB, after MB, warm-up, pass)."""
    table = SpanTable()
    for start, before, after, warmup, pass_index in spans:
        builders.add_span(
            table, stage="s", sample_id="a", pass_index=pass_index, warmup=warmup, offset_ns=int(start * SECOND),
            wall_ns=SECOND // 2, self_ns=SECOND // 2, rss_before=int(before * 1e6), rss_after=int(after * 1e6),
            rss_peak=None if peak is None else int(peak * 1e6),
        )  # fmt: skip
    return RunResult(builders.run_info(), table)


def _timeline(run: RunResult) -> MemoryTimeline:
    found = memory_timeline(run)
    assert found is not None
    return found


def _line(timeline: MemoryTimeline, kind: str) -> list[tuple[float, float]]:
    path = next(
        each for each in ElementTree.fromstring(timeline.resident.chart).iter("path") if each.get("class") == kind
    )
    numbers = [point.split(" ") for point in path.get("d", "")[1:].split("L")]
    return [(float(x), float(y)) for x, y in numbers]


def test_memory_is_drawn_along_the_time_and_not_along_the_spans() -> None:
    timeline = _timeline(_run((0, 100, 101, False, 0), (9.5, 101, 110, False, 0)))
    assert _line(timeline, "line-after") == [(0, 136), (30, 122.8), (570, 122.8), (600, 4)]
    assert (timeline.resident.low, timeline.resident.high, timeline.end) == (
        "100.0\u00a0MB",
        "110.0\u00a0MB",
        "10\u00a0s",
    )
    assert timeline.facts == "+10.0\u00a0MB from first to last"
    assert timeline.peaks is None


def test_passes_are_marked_where_they_begin() -> None:
    spans = [(0, True, 0), (2, False, 0), (6, False, 1), (9.5, True, 2)]
    run = _run(*((start, 100, 100, warmup, number) for start, warmup, number in spans))
    timeline = _timeline(replace(run, profile=Profile(flame_samples=1)))
    assert [(mark.left, mark.label) for mark in timeline.marks] == [
        ("0.0", "warm-up"), ("20.0", "pass 1"), ("60.0", "pass 2"), ("95.0", "functions"),
    ]  # fmt: skip
    assert [mark.label for mark in _timeline(run).marks][-1] == "peaks"
    assert "M120.0 0V140M360.0 0V140M570.0 0V140" in timeline.resident.chart


def test_the_pass_of_the_peaks_comes_before_that_of_the_functions() -> None:
    spans = [(0, False, 0), (3, True, 1), (9.5, True, 2)]
    run = _run(*((start, 100, 100, warmup, number) for start, warmup, number in spans))
    timeline = _timeline(replace(run, profile=Profile(flame_samples=1)))
    assert [(mark.left, mark.label) for mark in timeline.marks] == [
        ("0.0", "pass 1"), ("30.0", "peaks"), ("95.0", "functions"),
    ]  # fmt: skip


def test_a_name_without_room_is_left_out_and_its_pass_still_marked() -> None:
    timeline = _timeline(_run((0, 100, 100, True, 0), (0.6, 100, 100, False, 0), (9.5, 100, 100, False, 0)))
    assert [mark.label for mark in timeline.marks] == ["pass 1"]
    assert "M36.0 0V140" in timeline.resident.chart


def test_peaks_within_reach_are_drawn_in_the_same_chart() -> None:
    timeline = _timeline(_run((0, 100, 110, False, 0), (1, 110, 120, False, 0), peak=138))
    assert (timeline.peaks, timeline.has_peaks, timeline.resident.high) == (None, True, "138.0\u00a0MB")
    assert _line(timeline, "line-peak") == [(100.0, 4.0), (500.0, 4.0)]


def test_high_peaks_have_a_scale_of_their_own() -> None:
    timeline = _timeline(_run((0, 100, 101, False, 0), (1, 101, 102, False, 0), peak=300))
    assert timeline.peaks is not None
    assert (timeline.resident.high, timeline.peaks.high) == ("102.0\u00a0MB", "300.1\u00a0MB")
    assert timeline.facts.endswith("highest 300.0\u00a0MB")


def test_a_leak_is_told_and_drawn_over_the_samples_it_rests_on(tmp_path: Path) -> None:
    run = profiled_run(tmp_path)
    timeline = _timeline(run)
    (left, start), (right, end) = _line(timeline, "line-leak")
    assert left == pytest.approx(600 * (SAMPLES + 1) / (SAMPLES * PASSES + 1), rel=0.02)  # after the first pass
    assert right == 600.0
    low, high = (float(edge.split("\u00a0")[0]) for edge in (timeline.resident.low, timeline.resident.high))
    scale = 132 / (high - low)  # units of the drawing per MB
    assert start - end == pytest.approx(LEAK.kb_per_sample * LEAK.points / 1e3 * scale, rel=0.02)
    assert timeline.leaks == ("Memory grows by 101\u00a0kB a sample [95 .. 108] over 40 samples, most in network.",)
    calm = _timeline(replace(run, profile=replace(run.profile, leaks=(replace(LEAK, found=False),))))
    assert calm.leaks == ()
    assert not calm.has_leak_line


def test_only_the_process_of_the_test_is_drawn() -> None:
    run = _run((0, 100, 101, False, 0), (1, 101, 102, False, 0), (2, 900, 950, False, 0))
    run.spans.process[2] = 9
    timeline = _timeline(run)
    assert timeline.resident.high == "102.0\u00a0MB"
    assert timeline.facts.endswith("the process of the test; 1 other is not drawn")


def test_without_memory_there_is_no_chart() -> None:
    run = _run((0, 100, 101, False, 0), (1, 101, 102, False, 0))
    run.spans.rss_before[:] = run.spans.rss_after[:] = [None, None]
    assert memory_timeline(run) is None
    assert memory_timeline(RunResult(builders.run_info(), SpanTable())) is None


def test_memory_that_stands_still_is_a_line_in_the_middle() -> None:
    timeline = _timeline(_run((0, 100, 100, False, 0), (1, 100, 100, False, 0)))
    assert {height for _, height in _line(timeline, "line-after")} == {70.0}
