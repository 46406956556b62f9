"""Spans on one clock: their own time, which ran at once, what each had of the wall time, and lanes to draw them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.records.span import SpanTable

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Timeline:
    """N spans of one run.

    start_ns, end_ns: (N,) nanoseconds on one clock for all processes; end_ns >= start_ns. parent: (N,) row of the span
    that was open when this one started, N where there was none; without loops. process: (N,) process ID.
    A child may outlive its parent, or start after its end: threads and tasks do.

    paused_ns: (N,) how long a span did not run before it ended, None if none ever paused. A span that did, a generator,
    ended at end_ns + paused_ns, and nobody knows when in between it ran, only that it was for end_ns - start_ns.
    """

    start_ns: IntArray
    end_ns: IntArray
    parent: IntArray
    process: IntArray
    paused_ns: IntArray | None = None

    def __len__(self) -> int:
        return len(self.start_ns)

    @classmethod
    def of(cls, spans: SpanTable) -> Self | None:
        """Return the timeline of all spans, None where a column is missing, as in runs that older versions kept."""
        size = len(spans)
        start, wall, ids = (_whole(column, size) for column in (spans.offset_ns, spans.wall_ns, spans.span_id))
        if start is None or wall is None or ids is None or len(spans.parent_id) != size:
            return None
        row_of = {span_id: row for row, span_id in enumerate(ids.tolist())}
        if len(row_of) != size:
            return None
        parent = np.array([size if each is None else row_of.get(each, size) for each in spans.parent_id], np.int64)
        process = _whole(spans.process, size)
        process = np.zeros(size, np.int64) if process is None else process
        paused = np.array([each or 0 for each in spans.paused_ns], np.int64)
        return cls(
            start, start + np.maximum(wall, 0), _without_loops(parent), process, paused if paused.any() else None
        )

    @property
    def paused(self) -> BoolArray:
        """(N,) which spans did not run all the time."""
        return np.zeros(len(self), np.bool_) if self.paused_ns is None else self.paused_ns > 0

    def with_pauses(self) -> Timeline:
        """Return the same spans, each to its true end, pauses included."""
        return self if self.paused_ns is None else replace(self, end_ns=self.end_ns + self.paused_ns, paused_ns=None)


def self_times(timeline: Timeline) -> IntArray:
    """Return, (N,), the nanoseconds of each span during which no child of it was open.

    Children are cut off at their parent's end, but not at its start: no span starts before its parent, and where one
    seems to, time was taken off the parent's clock by moving its start. Of a child that paused it is not known when it
    ran: what it ran for is taken off, at most the time from its start to the parent's end.
    """
    size, paused, true_end = len(timeline), timeline.paused, timeline.with_pauses().end_ns
    child = np.flatnonzero(timeline.parent < size)
    parent = timeline.parent[child]
    start, end = timeline.start_ns[child], np.minimum(true_end[child], true_end[parent])
    resumed = paused[child]
    covered = union_by_group(start[~resumed], end[~resumed], parent[~resumed], size)
    ran = np.minimum(timeline.end_ns[child] - start, np.maximum(end - start, 0))
    covered += np.bincount(parent[resumed], weights=ran[resumed], minlength=size).astype(np.int64)
    own: IntArray = np.maximum(timeline.end_ns - timeline.start_ns - covered, 0)
    return own


def union_by_group(start_ns: IntArray, end_ns: IntArray, group: IntArray, groups: int) -> IntArray:
    """Return, (groups,), how long at least one interval of each group was open; empty intervals count nothing."""
    size = len(start_ns)
    order = np.lexsort((start_ns, group))
    start, end, member = start_ns[order], end_ns[order], group[order]
    # The latest end so far within the group: ends become ranks, so that one running maximum serves all groups.
    sorted_ends = np.argsort(end, kind="stable")
    rank = np.empty(size, np.int64)
    rank[sorted_ends] = np.arange(size)
    latest = np.maximum.accumulate(member * size + rank)
    until = start.copy()
    if size:
        same = member[1:] == member[:-1]
        until[1:][same] = np.maximum(start[1:], end[sorted_ends[latest[:-1] % size]])[same]
    fresh = np.maximum(end - until, 0)
    # Sums of nanoseconds stay below 2^53, where floats are exact.
    return np.bincount(member, weights=fresh, minlength=groups).astype(np.int64)


def concurrent_spans(timeline: Timeline, ignored: BoolArray | None = None) -> BoolArray:
    """Return, (N,), which spans overlap in time with a span that is neither an ancestor nor a descendant of theirs.

    Spans that took no time, those that paused, and those `ignored`, are concurrent with nothing.
    """
    real = (timeline.end_ns > timeline.start_ns) & ~timeline.paused
    if ignored is not None:
        real &= ~ignored
    starts, ends = np.sort(timeline.start_ns[real]), np.sort(timeline.end_ns[real])
    begun = np.searchsorted(starts, timeline.end_ns, side="left")
    over = np.searchsorted(ends, timeline.start_ns, side="right")
    return real & (begun - over - 1 > _overlapping_relatives(timeline, real))


def attributed_times(timeline: Timeline) -> FloatArray:
    """Return, (N,), nanoseconds that add up to the time during which any span was open.

    At each instant the innermost open spans, those of which no descendant is open, share the time equally. No span is
    given more than its self time, so that time taken off a span's clock is nobody's. A span that paused is given its
    self time, as if it had been alone.
    """
    own = self_times(timeline).astype(np.float64)
    real = (timeline.end_ns > timeline.start_ns) & ~timeline.paused
    child = np.flatnonzero(real & (timeline.parent < len(timeline)))
    parent = timeline.parent[child]
    outlives = (timeline.end_ns[child] > timeline.end_ns[parent]) | ~real[parent]
    if not outlives.any() and not concurrent_spans(timeline).any():
        return own
    return np.where(timeline.paused, own, np.minimum(_swept(timeline, np.flatnonzero(real)), own))


def lanes(timeline: Timeline) -> IntArray:
    """Return, (N,), a lane number for each span, so that spans of one lane are disjoint or one holds the other.

    A child goes to its parent's lane unless it overlaps a sibling there or outlives the parent; other spans go to the
    lowest lane of their process that is free, and so do spans that paused, for the whole time up to their true end.
    Processes have lanes of their own, in the order of their first spans.
    """
    size, paused = len(timeline), timeline.paused.tolist()
    timeline = timeline.with_pauses()
    order = np.lexsort((_depths(timeline.parent), -timeline.end_ns, timeline.start_ns)).tolist()
    start, end, parent = timeline.start_ns.tolist(), timeline.end_ns.tolist(), timeline.parent.tolist()
    process = timeline.process.tolist()
    of_process: dict[int, _Lanes] = {}
    placed: list[int] = [0] * size
    for row in order:
        mine = of_process.setdefault(process[row], _Lanes())
        above = parent[row]
        inside = (
            above < size and process[above] == process[row] and start[above] <= start[row] and end[row] <= end[above]
        )
        lane = placed[above] if inside and not paused[row] else None
        if lane is None or not mine.holds(lane, above, start[row], end):
            lane = mine.free(start[row], end[row])
        mine.open_spans[lane].append(row)
        placed[row] = lane
    first: dict[int, int] = {}
    taken = 0
    for name, mine in of_process.items():
        first[name], taken = taken, taken + len(mine.open_spans)
    return np.array([first[name] + lane for name, lane in zip(process, placed, strict=True)], np.int64)


class _Lanes:
    """The lanes of one process, spans put on them in the order in which they start."""

    def __init__(self) -> None:
        self.open_spans: list[list[int]] = []  # per lane, outermost first
        self._busy: list[tuple[int, int]] = []  # (end of the outermost span, lane)
        self._free: list[int] = []

    def holds(self, lane: int, parent: int, start_ns: int, end: Sequence[int]) -> bool:
        """Whether the parent is the innermost open span of the lane."""
        stack = self.open_spans[lane]
        while stack and stack[-1] != parent and end[stack[-1]] <= start_ns:
            stack.pop()
        return bool(stack) and stack[-1] == parent

    def free(self, start_ns: int, end_ns: int) -> int:
        """Return the lowest lane without an open span, emptied, and keep it busy to the end."""
        while self._busy and self._busy[0][0] <= start_ns:
            heappush(self._free, heappop(self._busy)[1])
        if self._free:
            lane = heappop(self._free)
            self.open_spans[lane].clear()
        else:
            lane = len(self.open_spans)
            self.open_spans.append([])
        heappush(self._busy, (end_ns, lane))
        return lane


def _whole(column: Sequence[int | None], size: int) -> IntArray | None:
    if len(column) != size or None in column:
        return None
    return np.array(column, np.int64)


def _without_loops(parent: IntArray) -> IntArray:
    """The parents, none for spans whose ancestors never end: only damaged files have them."""
    size = len(parent)
    ancestor = np.append(parent, size)
    for _ in range(size.bit_length() + 1):
        if (ancestor == size).all():
            return parent
        ancestor = ancestor[ancestor]
    return np.where(ancestor[:-1] == size, parent, size)


def _depths(parent: IntArray) -> IntArray:
    """Return, (N,), the number of ancestors of each span."""
    size = len(parent)
    ancestor = np.append(parent, size)
    depth = (ancestor < size).astype(np.int64)
    while (ancestor < size).any():
        depth += depth[ancestor]
        ancestor = ancestor[ancestor]
    return depth[:-1]


def _nested(timeline: Timeline, real: BoolArray) -> BoolArray:
    """Return, (N,), which spans lie within their parent, as this one within its own, up to the top."""
    size = len(timeline)
    ancestor = np.append(timeline.parent, size)
    child = np.flatnonzero(timeline.parent < size)
    parent = timeline.parent[child]
    within = (timeline.start_ns[child] >= timeline.start_ns[parent]) & (
        timeline.end_ns[child] <= timeline.end_ns[parent]
    )
    astray = np.zeros(size + 1, np.bool_)
    astray[child] = ~(within & real[parent])
    while (ancestor < size).any():
        astray |= astray[ancestor]
        ancestor = ancestor[ancestor]
    return ~astray[:-1]


def _overlapping_relatives(timeline: Timeline, real: BoolArray) -> IntArray:
    """Return, (N,), how many ancestors and descendants that took time each span overlaps in time."""
    size, parent = len(timeline), timeline.parent
    nested = _nested(timeline, real) & real
    depth = _depths(parent)
    relatives = np.where(nested, depth, 0)
    below = nested.astype(np.int64)  # nested spans at and below each span
    rows = np.flatnonzero(nested)
    rows = rows[np.argsort(depth[rows], kind="stable")]
    bounds = np.searchsorted(depth[rows], np.arange(1, int(depth.max(initial=0)) + 2))
    for first, last in zip(bounds[:-1][::-1], bounds[1:][::-1], strict=True):
        level = rows[first:last]
        np.add.at(below, parent[level], below[level])
    relatives += np.where(nested, below - 1, 0)
    # The few that outlive their parent, or start after it: each ancestor has to be looked at.
    own = np.flatnonzero(real & ~nested)
    above = parent[own]
    while len(own):
        own, above = own[above < size], above[above < size]
        meets = (timeline.start_ns[own] < timeline.end_ns[above]) & (timeline.start_ns[above] < timeline.end_ns[own])
        meets &= real[above]
        np.add.at(relatives, own[meets], 1)
        np.add.at(relatives, above[meets], 1)
        above = parent[above]
    return relatives


def _swept(timeline: Timeline, rows: IntArray) -> FloatArray:
    """Return, (N,), the attributed times by a sweep over all starts and ends, in N log N."""
    size = len(timeline)
    times = np.concatenate([timeline.start_ns[rows], timeline.end_ns[rows]])
    codes = np.concatenate([rows, ~rows])  # an end is the complement of its row
    order = np.argsort(times, kind="stable")
    parent = timeline.parent.tolist()
    is_open, below = [False] * size, [0] * size  # below: children that are open, or have such descendants
    entered, gained = [0.0] * size, [0.0] * size
    clock, last, innermost = 0.0, 0, 0  # clock: nanoseconds that every innermost span has had so far
    for time, code in zip(times[order].tolist(), codes[order].tolist(), strict=True):
        if innermost:
            clock += (time - last) / innermost
        last = time
        if code >= 0:
            is_open[code] = True
            if below[code]:
                continue
            innermost += 1
            entered[code] = clock
            above = parent[code]
            while above != size:
                below[above] += 1
                if below[above] > 1:
                    break
                if is_open[above]:
                    innermost -= 1
                    gained[above] += clock - entered[above]
                    break
                above = parent[above]
        else:
            row = ~code
            is_open[row] = False
            if below[row]:
                continue
            innermost -= 1
            gained[row] += clock - entered[row]
            above = parent[row]
            while above != size:
                below[above] -= 1
                if below[above]:
                    break
                if is_open[above]:
                    innermost += 1
                    entered[above] = clock
                    break
                above = parent[above]
    return np.array(gained, np.float64)
