"""Stages that run inside of themselves: called by themselves, or by stages that they call."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import numpy as np

from pytest_vizart.profiling.analysis.timeline import BoolArray, IntArray, Timeline
from pytest_vizart.records.span import SpanTable


def inside_of_itself(spans: SpanTable, timeline: Timeline | None, stage: IntArray, sound: BoolArray) -> BoolArray:
    """Return, (N,), which spans have an ancestor of their own stage that is `sound`; told by name without a timeline.

    A stage may call itself through others. Where the outer one raised, its time counts nowhere, and the inner one's
    does.
    """
    if timeline is None:
        return np.array([parent == own for parent, own in zip(spans.parent, spans.stage, strict=True)], np.bool_)
    size = len(timeline)
    inside = np.zeros(size, np.bool_)
    if not _calls_itself(stage, timeline.parent):
        return inside
    children: dict[int, list[int]] = {}
    for row in np.flatnonzero(timeline.parent < size).tolist():
        children.setdefault(int(timeline.parent[row]), []).append(row)
    is_sound, number_of = sound.tolist(), stage.tolist()
    around = [0] * (int(stage.max()) + 1)  # by stage, its sound spans that are open on the way to a span
    waiting = np.flatnonzero(timeline.parent == size).tolist()
    while waiting:
        row = waiting.pop()
        if row < 0:  # all inside of it has been seen
            around[number_of[~row]] -= 1
            continue
        inside[row] = around[number_of[row]] > 0
        if is_sound[row]:
            around[number_of[row]] += 1
            waiting.append(~row)
        waiting += children.get(row, ())
    return inside


def _calls_itself(stage: IntArray, parent: IntArray) -> bool:
    """Whether any stage may run inside of itself, through others or not: most never do, and then all is told fast."""
    child = np.flatnonzero(parent < len(stage))
    pairs = np.unique(np.stack((stage[child], stage[parent[child]])), axis=1)
    graph: dict[int, list[int]] = {}
    for inner, outer in pairs.T.tolist():
        if inner == outer:
            return True
        graph.setdefault(inner, []).append(outer)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return True
    return False
