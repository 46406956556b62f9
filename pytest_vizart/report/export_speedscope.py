"""One run as speedscope reads it: a profile for each lane of stages, and one of the functions.

Format: https://www.speedscope.app/file-format-schema.json, "evented" profiles. Frames open and close in balance, and
no event is earlier than the one before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_vizart.records.profile import FlameNode
from pytest_vizart.records.span import SpanTable
from pytest_vizart.report.export_trace import drawing_order, span_lanes

_SCHEMA = "https://www.speedscope.app/file-format-schema.json"

Event = dict[str, Any]


def speedscope(spans: SpanTable, flame: FlameNode | None = None, *, title: str, exporter: str) -> dict[str, Any]:
    """Return the run as a speedscope file.

    Args:
        flame: the function profile, None without one.
        title: name of the whole.
        exporter: program that writes it.
    """
    frames = _Frames()
    profiles = _lane_profiles(spans, frames)
    if flame is not None:
        profiles.append(_function_profile(flame, frames))
    if not profiles:  # a file without a profile cannot be opened
        profiles.append(_profile("stages", "nanoseconds", [], 0))
    return {
        "$schema": _SCHEMA,
        "name": title,
        "exporter": exporter,
        "activeProfileIndex": 0,
        "shared": {"frames": frames.rows},
        "profiles": profiles,
    }


class _Frames:
    """Functions and stages, each once."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._numbers: dict[tuple[str, str], int] = {}

    def number(self, name: str, place: str = "") -> int:
        """Return the number of a frame, which is added if it is new."""
        known = self._numbers.setdefault((name, place), len(self.rows))
        if known == len(self.rows):
            file, _, line = place.rpartition(":")
            where: dict[str, Any] = {"file": file, "line": int(line)} if file and line.isdecimal() else {}
            self.rows.append({"name": name, **({"file": place} if place and not where else where)})
        return known


def _lane_profiles(spans: SpanTable, frames: _Frames) -> list[dict[str, Any]]:
    rows_of: dict[int, list[int]] = {}
    of_lane = span_lanes(spans)
    for row in drawing_order(spans):
        rows_of.setdefault(of_lane[row], []).append(row)
    processes = len(set(spans.process))
    last_ns = max((spans.end_ns(row) for row in range(len(spans))), default=0)
    return [
        _profile(
            _lane_name(lane, spans.process[rows[0]] if processes > 1 else None),
            "nanoseconds",
            _lane_events(spans, rows, frames),
            last_ns,
        )
        for lane, rows in sorted(rows_of.items())
    ]


def _lane_name(lane: int, process: int | None) -> str:
    name = "stages" if lane == 0 else f"stages at the same time, {lane + 1}"
    return name if process is None else f"{name} (process {process})"


def _lane_events(spans: SpanTable, rows: Sequence[int], frames: _Frames) -> list[Event]:
    """Spans of one lane, outer ones first, as events; they are disjoint, or lie in each other."""
    events: list[Event] = []
    open_spans: list[tuple[int, int]] = []  # frame, end
    for row in rows:
        start = spans.offset_ns[row]
        while open_spans and open_spans[-1][1] <= start:
            events.append(_close(*open_spans.pop()))
        end = spans.end_ns(row)
        if open_spans:
            end = min(end, open_spans[-1][1])
        frame = frames.number(spans.stage[row])
        events.append({"type": "O", "frame": frame, "at": start})
        open_spans.append((frame, end))
    events += [_close(*span) for span in reversed(open_spans)]
    return events


def _function_profile(root: FlameNode, frames: _Frames) -> dict[str, Any]:
    """The calls one after the other: only how long each took is known, not when. No recursion: calls may be deep."""
    events: list[Event] = []
    end = max(root.total_ms, 0.0)
    waiting: list[tuple[FlameNode | None, int, float, float]] = [(root, 0, 0.0, end)]
    while waiting:
        node, frame, begin, limit = waiting.pop()
        if node is None:
            events.append(_close(frame, limit))
            continue
        number = frames.number(node.name, node.place)
        events.append({"type": "O", "frame": number, "at": begin})
        waiting.append((None, number, begin, limit))
        at = begin
        calls: list[tuple[FlameNode | None, int, float, float]] = []
        for child in node.children:
            until = min(at + max(child.total_ms, 0.0), limit)  # times are rounded: calls end with their caller
            calls.append((child, 0, at, until))
            at = until
        waiting += reversed(calls)
    return _profile("functions, sampled", "milliseconds", events, end)


def _close(frame: int, at: float) -> Event:
    return {"type": "C", "frame": frame, "at": at}


def _profile(name: str, unit: str, events: list[Event], end: float) -> dict[str, Any]:
    return {"type": "evented", "name": name, "unit": unit, "startValue": 0, "endValue": end, "events": events}
