"""The journal of one run, in one process, as spans and samples write it."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from pytest_vizart.profiling.clock import Clock
from pytest_vizart.profiling.recording.open_spans import OpenSpan
from pytest_vizart.profiling.recording.span_file import NO_PARENT, OPENED, RECORD_BYTES, SpanFile, new_name, set_error
from pytest_vizart.profiling.recording.span_state import SpanState
from pytest_vizart.profiling.recording.stage_names import CALIBRATION
from pytest_vizart.records.span import CALIBRATION_STAGE

Place = tuple[str | None, int, bool, int]  # sample, pass, whether it is warm-up, items


class SpanJournal(SpanState):
    """Room for the records of spans, and the names of the stages, places and errors that they stand for.

    The journal begins with `open_file`.
    """

    def __init__(
        self, *, folder: Path | None, about: Mapping[str, Any] | None, clock: Clock, token: str, child_of: str | None
    ) -> None:
        self.folder, self.token, self.parent_journal = folder, token, child_of
        self.clock = clock
        self.closed = False
        self.made_in = os.getpid()
        # Stage, and which exception it was: holding it would keep alive what its frames hold.
        self.failure: tuple[str, int, type[BaseException]] | None = None
        self.place_now: Place = (None, 0, False, 1)
        self._numbered: tuple[int, Place] = (0, self.place_now)  # its number, in one, as other threads need them
        self._about = dict(about or {})
        self._stage_names = ["", CALIBRATION_STAGE]  # by number
        self._errors: dict[str, int] = {}
        self._places = 0
        self._lock = threading.RLock()
        self._file = SpanFile.not_begun()
        self.now_ns = clock.wall_ns
        self.offsets = count(0, RECORD_BYTES)
        self.last = self.place = 0
        self.buffer = bytearray(0)

    def enter_place(
        self, sample_id: str | None, pass_index: int, warmup: bool, items: int, input_path: str | None = None
    ) -> None:
        """Say where the following spans stand, and nothing else: what a child process does."""
        self.place_now = place = (sample_id, pass_index, warmup, items)
        self._places += 1
        self._numbered = (self._places, place)
        self.place = self._places
        if len(self.buffer):  # else the journal will begin with it
            self._write_place(input_path)

    def _write_place(self, input_path: str | None = None) -> None:
        self._file.write("place", self.place, *self.place_now, self.now_ns(), input_path)

    def stage_name(self, number: int) -> str:
        return self._stage_names[number]

    def make_room(self, span: OpenSpan) -> None:
        """Enlarge the journal and begin a span again, for which there was no room."""
        with self._lock:
            if self.closed:
                return
            if not len(self.buffer):  # forked off a moment ago: a journal of its own
                self.open_file()
            while span.offset + RECORD_BYTES > len(self.buffer):
                if self._file.full:
                    return
                self._file.grow()
                self.buffer = self._file.buffer
            parent = NO_PARENT if span.parent is None else span.parent.offset
            OPENED.pack_into(self.buffer, span.offset, span.number, self.place, parent)

    def fail(self, span: OpenSpan, error: BaseException | None) -> None:
        """Note which exception left a span."""
        if error is None or not self._has_record(span.offset):
            return
        name = _name_of(type(error))
        number = self._errors.get(name)
        if number is None:
            number = self._errors[name] = len(self._errors) + 1
            self._file.write("error", number, name)
        with suppress(struct.error):  # the run ends at this moment, in another thread
            set_error(self.buffer, span.offset, number)
        if span.number != CALIBRATION and (self.failure is None or self.failure[1] != id(error)):
            # The innermost stage; an outer one that it passes changes nothing.
            self.failure = (span.name, id(error), type(error))

    def ensure_file(self) -> None:
        """Begin a journal, where this process was forked off and has none yet."""
        if not len(self.buffer) and not self.closed:
            self.open_file()

    def open_file(self) -> None:
        """Begin a journal, with all that is known so far."""
        header = {
            "pid": os.getpid(),
            "parent": self.parent_journal,
            "clock_ns": self.now_ns(),
            "epoch_us": self.clock.epoch_us(),
            **self._about,
        }
        self._file = SpanFile(self.folder, new_name(self.token), header)
        self.buffer = self._file.buffer
        for number, name in enumerate(self._stage_names[1:], 1):
            self._file.write("stage", number, name)
        for name, number in self._errors.items():
            self._file.write("error", number, name)
        if self._places:
            self._write_place()

    def _has_record(self, offset: int) -> bool:
        """False when the run is over, or the span is one of the process that this one was forked off from."""
        return offset + RECORD_BYTES <= len(self.buffer)


def _name_of(kind: type) -> str:
    """The class's own name, whatever its metaclass says."""
    return str(type.__dict__["__name__"].__get__(kind))
