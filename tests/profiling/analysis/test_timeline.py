"""Exact figures for drawn-out cases, and what must hold for any spans at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_vizart.profiling.analysis.timeline import (
    Timeline,
    attributed_times,
    concurrent_spans,
    lanes,
    self_times,
    union_by_group,
)
from tests.profiling.span_rows import span_table

Drawn = tuple[int, int, int | None]
"""Start, end, row of the parent."""


def timeline(*spans: Drawn, process: Sequence[int] | None = None) -> Timeline:
    rows = [(start, end, len(spans) if parent is None else parent) for start, end, parent in spans]
    start, end, parent = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return Timeline(start, end, parent, np.array(process or [1] * len(spans), np.int64))


NESTED = timeline((0, 100, None), (10, 30, 0), (40, 90, 0), (50, 60, 2), (120, 130, None))
TWO_THREADS = timeline((0, 100, None), (10, 60, 0), (40, 90, 0))
TWO_ALONE = timeline((0, 60, None), (40, 100, None))
OUTLIVES = timeline((0, 50, None), (30, 80, 0))


@pytest.mark.parametrize(
    "spans, own, shared, at_once, lane",
    [
        (NESTED, [30, 20, 40, 10, 10], [30, 20, 40, 10, 10], [False] * 5, [0, 0, 0, 0, 0]),
        (TWO_THREADS, [20, 50, 50], [20, 40, 40], [False, True, True], [0, 0, 1]),
        (TWO_ALONE, [60, 60], [50, 50], [True, True], [0, 1]),
        (OUTLIVES, [30, 50], [30, 50], [False, False], [0, 1]),
        (timeline((0, 10, None), (5, 5, 0)), [10, 0], [10, 0], [False, False], [0, 0]),
        (timeline((0, 10, None), (0, 10, 0), (0, 10, 1)), [0, 0, 10], [0, 0, 10], [False] * 3, [0, 0, 0]),
        (timeline((0, 0, None), (5, 10, 0), (12, 15, 0)), [0, 5, 3], [0, 5, 3], [False] * 3, [0, 0, 0]),
    ],
    ids=["nested", "two threads in a stage", "two threads", "outlives its parent", "no time", "equal", "never ended"],
)
def test_drawn_out_cases(spans, own, shared, at_once, lane):
    assert self_times(spans).tolist() == own
    assert attributed_times(spans).tolist() == pytest.approx(shared)
    assert concurrent_spans(spans).tolist() == at_once
    assert lanes(spans).tolist() == lane


def test_a_child_of_an_ended_parent_keeps_the_time_of_the_grandparent_from_being_counted_twice():
    spans = timeline((0, 100, None), (10, 20, 0), (30, 60, 1))
    assert self_times(spans).tolist() == [90, 10, 30]
    assert attributed_times(spans).tolist() == [60, 10, 30]
    assert not concurrent_spans(spans).any()


def test_four_at_once_share_the_time():
    spans = timeline((0, 100, None), *[(0, 100, 0)] * 4)
    assert attributed_times(spans).tolist() == [0, 25, 25, 25, 25]


def test_time_taken_off_a_clock_by_moving_its_start_is_nobodys():
    # The outer span took 20: 10 before its output was looked at, which took 10, and 10 after.
    spans = timeline((10, 30, None), (0, 10, 0), (20, 30, 0))
    assert self_times(spans).tolist() == [0, 10, 10]
    assert attributed_times(spans).tolist() == [0, 10, 10]
    assert not concurrent_spans(spans).any()


def test_a_span_that_paused_has_its_own_running_time_and_a_lane_of_its_own():
    # A stage draws three items of a generator, 10 each, and spends 20 on each; in the last one a child takes 4.
    spans = timeline((0, 90, None), (0, 30, 0), (10, 30, 0), (40, 60, 0), (70, 90, 0), (62, 66, 1))
    spans = replace(spans, paused_ns=np.array([0, 60, 0, 0, 0, 0]))
    assert self_times(spans).tolist() == [0, 26, 20, 20, 20, 4]
    assert attributed_times(spans).tolist() == [0, 26, 20, 20, 20, 4]
    assert not concurrent_spans(spans).any()
    assert lanes(spans).tolist() == [0, 1, 0, 0, 0, 1]


def test_what_a_pausing_span_ran_after_its_parents_end_is_not_taken_off_the_parent():
    spans = replace(timeline((0, 10, None), (8, 28, 0)), paused_ns=np.array([0, 100]))
    assert self_times(spans).tolist() == [8, 20]


def test_two_generators_side_by_side_both_count_in_full():
    spans = replace(timeline((0, 40, None), (0, 20, 0), (10, 30, 0)), paused_ns=np.array([0, 15, 10]))
    assert self_times(spans).tolist() == [0, 20, 20]
    assert not concurrent_spans(spans).any()
    assert lanes(spans).tolist() == [0, 1, 2]


def test_the_pauses_of_a_table_are_known():
    row = {"offset_ns": 5, "wall_ns": 10}
    paused = Timeline.of(span_table({**row, "paused_ns": 7}, row))
    assert paused is not None
    assert (paused.end_ns.tolist(), paused.with_pauses().end_ns.tolist()) == ([15, 15], [22, 15])
    never = Timeline.of(span_table(row))
    assert never is not None
    assert never.paused_ns is None
    assert not never.paused.any()


def test_ignored_spans_are_concurrent_with_nothing():
    assert concurrent_spans(TWO_ALONE, ignored=np.array([True, False])).tolist() == [False, False]


def test_processes_share_no_lane():
    spans = timeline((0, 100, None), (10, 20, 0), (30, 40, 0), (50, 60, None), process=[7, 8, 7, 9])
    assert lanes(spans).tolist() == [0, 1, 0, 2]


def test_a_lane_is_used_again_when_it_is_free():
    spans = timeline((0, 100, None), (0, 10, None), (20, 30, None), (25, 28, 2), (26, 27, None))
    assert lanes(spans).tolist() == [0, 1, 1, 1, 2]


def test_recursion_stays_in_its_lane_and_shares_nothing():
    spans = timeline((0, 100, None), *[(step, 100 - step, step - 1) for step in range(1, 40)])
    assert lanes(spans).tolist() == [0] * 40
    assert not concurrent_spans(spans).any()
    assert self_times(spans).tolist() == [2] * 39 + [100 - 2 * 39]


def test_union_by_group_counts_overlaps_once():
    start, end = np.array([0, 5, 20, 0, 3]), np.array([10, 15, 30, 4, 2])
    assert union_by_group(start, end, np.array([0, 0, 0, 2, 2]), 3).tolist() == [25, 0, 4]
    nothing = np.array([], np.int64)
    assert union_by_group(nothing, nothing, nothing, 2).tolist() == [0, 0]


def test_the_timeline_of_a_table():
    table = span_table({"stage": "outer", "offset_ns": 0, "wall_ns": 9}, {"offset_ns": 2, "wall_ns": 3, "parent_id": 1})
    found = Timeline.of(table)
    assert found is not None
    assert (found.start_ns.tolist(), found.end_ns.tolist(), found.parent.tolist()) == ([0, 2], [9, 5], [2, 0])


def test_a_parent_that_was_lost_is_none():
    found = Timeline.of(span_table({"parent_id": 77}))
    assert found is not None
    assert found.parent.tolist() == [1]


@pytest.mark.parametrize("column", ["offset_ns", "span_id"])
def test_runs_of_older_versions_have_no_timeline(column):
    for change in ([None], []):
        table = span_table({})
        getattr(table, column)[:] = change
        assert Timeline.of(table) is None


def test_joined_tables_whose_numbers_repeat_have_no_timeline():
    assert Timeline.of(span_table({"span_id": 1}, {"span_id": 1})) is None


def test_parents_in_a_circle_are_none():
    found = Timeline.of(span_table({"parent_id": 2}, {"parent_id": 1}, {"parent_id": 2}, {}))
    assert found is not None
    assert found.parent.tolist() == [4, 4, 4, 4]
    assert len(lanes(found)) == 4


def test_nothing_recorded():
    empty = Timeline.of(span_table())
    assert empty is not None
    for find in (self_times, attributed_times, concurrent_spans, lanes):
        assert find(empty).tolist() == []


@st.composite
def any_spans(draw: st.DrawFn) -> Timeline:
    """Spans that start within their parent or after its end, in up to three processes."""
    rows: list[Drawn] = []
    for _ in range(draw(st.integers(1, 14))):
        parent = draw(st.none() | st.integers(0, len(rows) - 1)) if rows else None
        earliest = 0 if parent is None else rows[parent][0]
        start = draw(st.integers(earliest, earliest + 20))
        rows.append((start, start + draw(st.integers(0, 20)), parent))
    process = draw(st.lists(st.integers(1, 3), min_size=len(rows), max_size=len(rows)))
    return timeline(*rows, process=process)


def _ancestors(spans: Timeline, row: int) -> list[int]:
    found = []
    while (row := int(spans.parent[row])) < len(spans):
        found.append(row)
    return found


def _open_at(spans: Timeline, instant: int) -> list[int]:
    return [row for row in range(len(spans)) if spans.start_ns[row] <= instant < spans.end_ns[row]]


@settings(max_examples=100, deadline=None)
@given(any_spans())
def test_attributed_times_are_those_of_counting_instant_by_instant(spans):
    expected = np.zeros(len(spans))
    for instant in range(int(spans.end_ns.max())):
        open_now = _open_at(spans, instant)
        innermost = [row for row in open_now if not any(row in _ancestors(spans, other) for other in open_now)]
        expected[innermost] += 1 / max(len(innermost), 1)
    assert attributed_times(spans) == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(any_spans())
def test_attributed_times_add_up_to_the_time_with_any_span(spans):
    union = union_by_group(spans.start_ns, spans.end_ns, np.zeros(len(spans), np.int64), 1)[0]
    assert attributed_times(spans).sum() == pytest.approx(union)
    assert (attributed_times(spans) <= self_times(spans) + 1e-9).all()


@settings(max_examples=100, deadline=None)
@given(any_spans())
def test_self_times_are_those_of_counting_instant_by_instant(spans):
    expected = np.zeros(len(spans), np.int64)
    for instant in range(int(spans.end_ns.max())):
        open_now = _open_at(spans, instant)
        covered = {int(spans.parent[row]) for row in open_now}
        expected[[row for row in open_now if row not in covered]] += 1
    assert self_times(spans).tolist() == expected.tolist()


@settings(max_examples=100, deadline=None)
@given(any_spans())
def test_concurrent_spans_are_those_of_looking_at_every_pair(spans):
    def meet(row: int, other: int) -> bool:
        relatives = other in _ancestors(spans, row) or row in _ancestors(spans, other)
        both = min(spans.end_ns[row], spans.end_ns[other]) > max(spans.start_ns[row], spans.start_ns[other])
        return row != other and not relatives and bool(both)

    every = range(len(spans))
    assert concurrent_spans(spans).tolist() == [any(meet(row, other) for other in every) for row in every]


@settings(max_examples=100, deadline=None)
@given(any_spans())
def test_spans_of_one_lane_are_of_one_process_and_disjoint_or_nested(spans):
    lane = lanes(spans)
    for row in range(len(spans)):
        for other in range(row):
            if lane[row] != lane[other]:
                continue
            assert spans.process[row] == spans.process[other]
            (start, end), (start2, end2) = ((spans.start_ns[each], spans.end_ns[each]) for each in (row, other))
            assert (
                end <= start2 or end2 <= start or (start <= start2 and end2 <= end) or (start2 <= start and end <= end2)
            )


@settings(max_examples=100, deadline=None)
@given(any_spans())
def test_lanes_are_numbered_without_gaps(spans):
    assert sorted(set(lanes(spans).tolist())) == list(range(int(lanes(spans).max()) + 1))
