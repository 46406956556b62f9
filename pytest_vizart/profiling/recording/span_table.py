"""From the span journals of a run, its own and those of its child processes, to one table."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.profiling.analysis.timeline import Timeline, self_times
from pytest_vizart.profiling.recording.span_file import (
    EXACT,
    FOREIGN,
    GROUPS,
    NONE,
    PAUSED,
    PEAK,
    RECORD_BYTES,
    SpanFile,
)  # fmt: skip
from pytest_vizart.profiling.recording.span_reading import Place, ReadFile, Records, parsed, read_files
from pytest_vizart.records.profile import MEASURE_COLUMNS, MeasureTable
from pytest_vizart.records.span import CRASHED, SPAN_COLUMNS, UNFINISHED, SpanTable


@dataclass(frozen=True, slots=True)
class Recorded:
    """All that the journals of one run tell."""

    table: SpanTable
    measures: MeasureTable
    unfinished: tuple[tuple[str, Place], ...] = ()  # stages whose process died, with where they were


def read_spans(own: SpanFile, folder: Path | None, token: str) -> Recorded:
    """Return what a run under way has recorded so far, child processes included."""
    main = parsed(own.lines, own.buffer)
    others = [] if folder is None else [file for file in read_files(folder, token) if file.name != own.name]
    return join_files([main, *others], is_alive=_is_alive)


def join_files(files: Sequence[ReadFile], *, is_alive: Callable[[int], bool]) -> Recorded:
    """Return the spans of all processes of a run as one table; the first file is the run's own."""
    first_ids: dict[str, int] = {}
    total = 1
    for file in files:
        first_ids[file.name] = total
        total += len(file.records)
    columns: dict[str, list[Any]] = {name: [] for name in SPAN_COLUMNS}
    measures: dict[str, list[Any]] = {name: [] for name in MEASURE_COLUMNS}
    crashed: list[tuple[str, Place]] = []
    for file in files:
        part = _FilePart(file, files[0], first_ids, alive=is_alive(file.process))
        for name, values in part.columns().items():
            columns[name].extend(values)
        crashed += part.crashed()
        for name, values in part.measures().items():
            measures[name].extend(values)
    stages = dict(zip(columns["span_id"], columns["stage"], strict=True))
    columns["parent"] = [stages.get(parent) for parent in columns["parent_id"]]
    table = SpanTable(**columns)
    timeline = Timeline.of(table)
    assert timeline is not None, "every column was filled just now"
    table = replace(table, self_ns=self_times(timeline).tolist())
    for row, span_id in enumerate(measures["span_id"]):
        measures["stage"][row] = stages.get(span_id)
    return Recorded(table, MeasureTable(**measures), tuple(crashed))


class _FilePart:
    """The columns that one journal gives."""

    def __init__(self, file: ReadFile, main: ReadFile, first_ids: dict[str, int], *, alive: bool) -> None:
        self._file = file
        self._first_ids = first_ids
        self._alive = alive
        header, start = file.header, main.header
        apart_ns = (header["epoch_us"] - start["epoch_us"]) * 1_000
        # One clock for all processes of a machine, but not on every system.
        same_clock = abs(header["clock_ns"] - start["clock_ns"] - apart_ns) < 1_000_000_000
        self._zero_ns = start["clock_ns"] if same_clock else header["clock_ns"] - apart_ns
        self._epoch_us = int(start["epoch_us"])
        records = file.records
        begun = np.flatnonzero(records["stage"])
        ended = records["groups"][begun] != 0
        paused = np.where(records["groups"][begun] & PAUSED, records["paused_ns"][begun], 0)
        ends = records["start"][begun] + records["wall"][begun] + paused
        ends = np.where(ended, ends, np.iinfo(np.int64).max)
        self._rows = begun[np.argsort(ends, kind="stable")]
        self._records = records[self._rows]
        self._ended = self._records["groups"] != 0

    def columns(self) -> dict[str, list[Any]]:
        file, records = self._file, self._records
        places = self._places()
        starts = records["start"].tolist()
        for row in np.flatnonzero(~self._ended).tolist():
            starts[row] = self._earliest(places[row])
        offsets = [start - self._zero_ns for start in starts]
        first = self._first_ids[file.name]
        plain = {
            "span_id": (self._rows + first).tolist(),
            "parent_id": self._parents(),
            "stage": [file.stages.get(number, "?") for number in records["stage"].tolist()],
            "process": [file.process] * len(records),
            "sample_id": [place.sample_id for place in places],
            "pass_index": [place.pass_index for place in places],
            "warmup": [place.warmup for place in places],
            "items": [place.items for place in places],
            "started_us": [self._epoch_us + offset // 1_000 for offset in offsets],
            "offset_ns": offsets,
            "wall_ns": records["wall"].tolist(),
            "error": self._errors(),
        }
        return {**plain, **self._groups()}

    def crashed(self) -> list[tuple[str, Place]]:
        if self._alive:
            return []
        file, open_ = self._file, self._records[~self._ended]
        return [
            (file.stages.get(stage, "?"), file.places.get(place, _NOWHERE))
            for stage, place in zip(open_["stage"].tolist(), open_["place"].tolist(), strict=True)
        ]

    def measures(self) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {name: [] for name in MEASURE_COLUMNS}
        for kind, name, value, offset, place_number, at_us in self._file.measures:
            place = self._file.places.get(place_number, _NOWHERE)
            columns["kind"].append(kind)
            columns["name"].append(name)
            columns["value"].append(value)
            columns["stage"].append(None)
            columns["span_id"].append(None if offset is None else self._span_id(offset))
            columns["sample_id"].append(place.sample_id)
            columns["pass_index"].append(place.pass_index)
            columns["warmup"].append(place.warmup)
            columns["at_us"].append(at_us)
        return columns

    def _places(self) -> list[Place]:
        """Where each span stands: with its parent, since threads and tasks may outlast the sample that started them."""
        known = self._file.places
        records = self._file.records
        found: list[Place] = []
        for number, parent in zip(records["place"].tolist(), records["parent"].tolist(), strict=True):
            place = known.get(number, _NOWHERE)
            row = parent // RECORD_BYTES
            if 0 <= row < len(found) and found[row].sample_id is not None:
                place = found[row]
            found.append(place)
        return [found[row] for row in self._rows.tolist()]

    def _parents(self) -> list[int | None]:
        own, found = self._rows.tolist(), []
        for row, parent in zip(own, self._records["parent"].tolist(), strict=True):
            # A parent that began later is none: the record is of another run's span.
            found.append(None if parent >= row * RECORD_BYTES else self._span_id(parent))
        return found

    def _span_id(self, offset: int) -> int | None:
        if offset >= 0:
            return self._first_ids[self._file.name] + offset // RECORD_BYTES
        if offset > FOREIGN:
            return None
        first = self._first_ids.get(str(self._file.header.get("parent")))
        return None if first is None else first + (FOREIGN - offset) // RECORD_BYTES

    def _errors(self) -> list[str | None]:
        names = self._file.errors
        unfinished = UNFINISHED if self._alive else CRASHED
        return [
            (names.get(number - 1, "?") if number else None) if ended else unfinished
            for number, ended in zip(self._records["error"].tolist(), self._ended.tolist(), strict=True)
        ]

    def _earliest(self, place: Place) -> int:
        """When a span began that never ended is not written; it was after its sample had begun."""
        return place.at_ns or int(self._file.header["clock_ns"])

    def _groups(self) -> dict[str, list[Any]]:
        groups = self._records["groups"]
        found: dict[str, list[Any]] = {}
        for bit, (_, names) in GROUPS.items():
            there = (groups & bit) != 0
            for name in names:
                found[name] = _masked(self._records[name], there)
        exact = ((groups & EXACT) != 0).tolist()
        found["peak_exact"] = [
            value if there else None for value, there in zip(exact, ((groups & PEAK) != 0).tolist(), strict=True)
        ]
        return found


_NOWHERE = Place()


def concatenated(tables: Sequence[SpanTable]) -> SpanTable:
    """Return the spans of several recorders as one table: numbered anew, on one clock, that of the earliest."""
    columns: dict[str, list[Any]] = {name: [] for name in SPAN_COLUMNS}
    zeros = [table.started_us[0] * 1_000 - table.offset_ns[0] if len(table) else None for table in tables]
    earliest = min((zero for zero in zeros if zero is not None), default=0)
    first = 0
    for table, zero in zip(tables, zeros, strict=True):
        if zero is None:
            continue
        moved: dict[str, list[Any]] = {
            "span_id": [first + span_id for span_id in table.span_id],
            "parent_id": [None if parent is None else first + parent for parent in table.parent_id],
            "offset_ns": [offset + zero - earliest for offset in table.offset_ns],
        }
        for name, values in columns.items():
            values.extend(moved.get(name) or getattr(table, name))
        first += max(table.span_id) + 1
    return SpanTable(**columns)


def _masked(values: Records, there: NDArray[np.bool_]) -> list[int | None]:
    there = there & (values != NONE)
    if there.all():
        plain: list[int | None] = values.tolist()
        return plain
    if not there.any():
        return [None] * len(values)
    return [value if known else None for value, known in zip(values.tolist(), there.tolist(), strict=True)]


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return True
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.AccessDenied:
        return True
    except psutil.Error:  # it ended at this moment
        return False
