"""Child processes of a run: the ticket that tells one which run, stage and sample it works for, and joining with it.

A child writes a span journal of its own beside its parent's; the run reads them all at its end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_vizart.errors import warn
from pytest_vizart.profiling.recording.open_spans import ForeignSpan, innermost
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.recording.span_file import FOREIGN
from pytest_vizart.profiling.watching.active import activate, belong_to, carried_recorder, deactivate

TICKET_VARIABLE = "PYTEST_VIZART_TICKET"
"""Environment variable through which a Python program started by `subprocess` gets its ticket, as JSON."""


_LARGEST_OFFSET = 1 << 60


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a child process must know. Plain data, since it travels as pickle, and as JSON in the environment."""

    pid: int  # of the process that gave it out
    folder: str
    token: str
    file: str  # name of the parent's journal
    offset: int | None  # record of the span that was open there, None outside of stages
    place: tuple[str | None, int, bool, int]
    profile: str
    watch: tuple[str, ...] = ()  # functions that are stages by name
    peak_stages: tuple[str | None, ...] = ()
    memory_stages: tuple[str | None, ...] = ()

    def as_json(self) -> str:
        return json.dumps(asdict(self))


def ticket_of(recorder: Recorder) -> Ticket | None:
    """Return the ticket for a child that is started here and now, None where no journal can be shared."""
    file: str | None = recorder.journal_name
    if recorder.folder is None or recorder.closed or recorder.journal_path is None:
        return None
    span = innermost.get()
    offset = None if span is None else span.offset
    if offset is not None and offset <= FOREIGN:  # nothing is open here but what was open in the parent
        file, offset = recorder.parent_journal, FOREIGN - offset
    return Ticket(
        pid=os.getpid(),
        folder=str(recorder.folder),
        token=recorder.token,
        file=file or "",
        offset=offset,
        place=recorder.place_now,
        profile=recorder.profile,
        watch=recorder.watch_targets,
        peak_stages=tuple(recorder.peak_stages),
        memory_stages=tuple(recorder.memory_stages),
    )


class _Child:
    """The run that this process has joined as a child, if any."""

    recorder: Recorder | None = None


def join(ticket: Ticket) -> None:
    """Work for a run: its stages are recorded here from now on, where the ticket says. Never raises."""
    try:
        _join(ticket)
    except Exception as error:  # noqa: BLE001 - monitoring never breaks what it watches
        warn(f"stages of process {os.getpid()} are not recorded: {type(error).__name__}: {error}")


def _join(ticket: Ticket) -> None:
    recorder = _Child.recorder
    if recorder is None or recorder.token != ticket.token or recorder.made_in != os.getpid():
        if recorder is not None:
            deactivate(recorder)
            recorder.close()
        _Child.recorder = recorder = _joined_recorder(ticket)
        if recorder is None:
            return
        activate(recorder)
        _take_on(ticket)
    if recorder.place_now != ticket.place:
        recorder.enter_place(*ticket.place)
    innermost.set(None if ticket.offset is None else ForeignSpan(ticket.offset))


def _joined_recorder(ticket: Ticket) -> Recorder | None:
    folder = Path(ticket.folder)
    if not folder.is_dir():
        return None  # the run has ended meanwhile
    return Recorder(
        ticket.profile,
        folder=folder,
        token=ticket.token,
        child_of=ticket.file,
        peak_stages=frozenset(ticket.peak_stages),
        memory_stages=frozenset(ticket.memory_stages),
    )


def _take_on(ticket: Ticket) -> None:
    """Do in this process what the parent does: watch functions by name, take children of its own along."""
    from pytest_vizart.profiling.processes.carrying import carry_on

    carry_on()
    if ticket.watch:
        from pytest_vizart.profiling.watching.watch import watch_names

        watch_names(ticket.watch)


def join_from_environment(text: str) -> None:
    """Join with a ticket out of the environment; a damaged one, or one of a run that is over, is passed over."""
    try:
        values: dict[str, Any] = json.loads(text)
        for name in ("place", "watch", "peak_stages", "memory_stages"):
            values[name] = tuple(values[name])
        ticket = Ticket(**values)
    except (ValueError, TypeError, KeyError):
        return
    if ticket.pid != os.getpid() and 0 <= (ticket.offset or 0) < _LARGEST_OFFSET:
        join(ticket)


class CarriedTicket:
    """Rides on an object that is pickled into a child process, which joins when it unpickles it."""

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket

    def __reduce__(self) -> tuple[Callable[[Ticket], None], tuple[Ticket]]:
        return join, (self._ticket,)


class CarriedCall:
    """A function on its way to another thread or process, with the place from which it was sent."""

    def __init__(self, function: Callable[..., Any], recorder: Recorder | None, ticket: Ticket | None) -> None:
        self._function = function
        self._recorder = recorder
        self._ticket = ticket
        self._span = innermost.get()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        before, belonged = innermost.get(), carried_recorder()
        if self._recorder is not None:
            belong_to(self._recorder)  # a pool that outlives a run works for the next one too
            innermost.set(self._span)
        elif self._ticket is not None:
            join(self._ticket)
        try:
            return self._function(*args, **kwargs)
        finally:
            innermost.set(before)
            if self._recorder is not None:
                belong_to(belonged)

    def __reduce__(self) -> Any:
        return CarriedCall, (self._function, None, self._ticket)
