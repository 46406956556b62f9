"""The files of the audit log as retention sees them: whole files, by the date in their names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from pytest_vizart.audit.file_locks import lock_alone
from pytest_vizart.audit.log_names import FOLDER, parse_name
from pytest_vizart.history.journal_files import is_link
from pytest_vizart.history.retention import Thing, choose
from pytest_vizart.records.keeping import Keep
from pytest_vizart.storage.store import Entry, Store
from pytest_vizart.workflow.cleaning.records import Part, chosen

_DAY_US = 86_400_000_000


class LogFiles:
    """The logs of one place. A log whose compressed copy is there too counts as one, of both sizes.

    Where `logs` is a link, there are none: what lies there is left alone.
    """

    def __init__(self, store: Store) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self.things: list[Thing] = []
        ends_us: dict[str, int] = {}
        linked = store.local is not None and is_link(store.local / FOLDER)
        for entry in () if linked else store.files(FOLDER):
            name = parse_name(entry.base_name)
            if name is not None:
                self._entries.setdefault(name.stem, []).append(entry)
                ends_us[name.stem] = _end_of_day_us(name.date)
        for stem, entries in self._entries.items():
            self.things.append(Thing(stem, ends_us[stem], sum(entry.size_bytes for entry in entries)))

    def part(self, keep: Keep, *, now_us: int, counted_from_us: int) -> Part:
        """Return which logs go; never today's."""
        protected = {thing.name: "of today" for thing in self.things if _is_today(thing, now_us)}
        choice = choose(self.things, keep, now_us=counted_from_us, protected=protected)
        going = tuple(
            # The compressed copy is the complete one and goes last.
            replace(
                each,
                at_us=each.at_us - _DAY_US,  # its own day is told, from whose end its age counts
                files=tuple(sorted((entry.name for entry in self._entries[each.name]), key=len)),
            )
            for each in chosen(self.things, choice, {})
        )
        total = sum(thing.size_bytes for thing in self.things)
        return Part("logs", len(self.things), total, going, choice.spared)


def _end_of_day_us(day: date) -> int:
    """When the day of a log was over."""
    begin = datetime.combine(day, time(), UTC)
    return int((begin - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) + _DAY_US


def _is_today(thing: Thing, now_us: int) -> bool:
    return 0 < thing.at_us - now_us <= _DAY_US


def delete_log(store: Store, names: Sequence[str]) -> bool:
    """Delete the files of a log; False if one of them is written to at this moment, by a session whose clock is wrong.

    Raises: OSError.
    """
    if store.local is None:
        store.delete(names)
        return True
    with ExitStack() as opened:
        for name in names:
            try:
                descriptor = os.open(store.local / name, os.O_RDONLY)
            except FileNotFoundError:
                continue
            opened.callback(os.close, descriptor)
            if not lock_alone(descriptor):
                return False
        store.delete(names)
    return True
