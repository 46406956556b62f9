"""`AuditQuery`: what the audit log tells of a run, a stage, a time, a failure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from itertools import groupby, islice
from os import PathLike
from typing import Any

from pytest_vizart.audit import criteria
from pytest_vizart.audit.criteria import Criterion, Line
from pytest_vizart.audit.export import write_array
from pytest_vizart.audit.levels import LEVELS
from pytest_vizart.audit.log_files import log_names, renamed
from pytest_vizart.audit.log_names import LogName
from pytest_vizart.audit.moments import Moment, moment_of
from pytest_vizart.audit.scanning import Skipped, scan
from pytest_vizart.errors import UsageError
from pytest_vizart.options import DEFAULT_OUTPUT
from pytest_vizart.storage.opening import open_store
from pytest_vizart.storage.store import Store

_MOST_OPEN_FILES = 100


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Lines of the audit log that meet all that was asked; each method returns a new query.

    failures = AuditQuery(".vizart").after("2026-11-20").stage("detect").failed().limit(10).fetch()

    Lines come in the order of their time, oldest first unless `newest_first()` is asked for; files of one day are
    merged. Only files whose date can match are opened, compressed ones too, and bytes are searched before lines are
    parsed. Damaged lines are skipped and warned of, with file and line number, once a file.

    Args:
        place: output folder, or the URL of one in an object store.
    """

    place: str | PathLike[str] | Store = DEFAULT_OUTPUT
    _criteria: tuple[Criterion, ...] = field(default=(), repr=False)
    _after: datetime | None = None
    _before: datetime | None = None
    _limit: int | None = None
    _newest_first: bool = False
    _skipped: Skipped = field(default_factory=Skipped, repr=False, compare=False)

    def run_id(self, beginning: str) -> AuditQuery:
        """Of runs whose ID is this, or begins with it. Raises UsageError."""
        return self._with(criteria.run_id(_text(beginning, "run_id()")))

    def test(self, part: str) -> AuditQuery:
        """Of tests whose node ID contains this text. Raises UsageError."""
        return self._with(criteria.test(_text(part, "test()")))

    def stage(self, name: str) -> AuditQuery:
        """Of one stage, by its whole name. Raises UsageError."""
        return self._with(criteria.stage(_text(name, "stage()")))

    def after(self, moment: Moment) -> AuditQuery:
        """Told at this moment or later; a date stands for its first moment, and everything is UTC.

        Raises:
            UsageError: neither date nor time, nor text such as "2026-11-20", "2026-11-20 14:30", "yesterday", "2h".
        """
        found = moment_of(moment, "after()")
        return self._changed(_after=max(found, self._after or found))

    def before(self, moment: Moment) -> AuditQuery:
        """Told before this moment, which itself is left out, as is the day where a date is given. Raises as `after`."""
        found = moment_of(moment, "before()")
        return self._changed(_before=min(found, self._before or found))

    def failed(self) -> AuditQuery:
        """Telling that something failed: `success` is false, a sample wrong or invalid, or the level ERROR or above."""
        return self._with(criteria.failed())

    def succeeded(self) -> AuditQuery:
        """Telling that something succeeded: `success` is true."""
        return self._with(criteria.succeeded())

    def level(self, lowest: str) -> AuditQuery:
        """Of this level or a higher one: TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL. Raises UsageError."""
        name = lowest.upper() if isinstance(lowest, str) else lowest
        if name not in LEVELS:
            raise UsageError("not a level", place="level()", expected=f"one of {', '.join(LEVELS)}", found=lowest)
        return self._with(criteria.level(name))

    def search(self, text: str) -> AuditQuery:
        """With this text in any of its texts; upper and lower case matter. Raises UsageError."""
        return self._with(criteria.search(_text(text, "search()")))

    def limit(self, count: int) -> AuditQuery:
        """At most so many lines, the first ones in the order asked for. Raises UsageError."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise UsageError("not a limit", place="limit()", expected="a whole number of at least 1", found=count)
        return self._changed(_limit=count)

    def newest_first(self) -> AuditQuery:
        """Newest lines first: with a limit, files are then read from their end."""
        return self._changed(_newest_first=True)

    def fetch(self) -> list[Line]:
        """Return all lines, each as a dict. Raises UsageError: the place is none."""
        return list(self.iter())

    def iter(self) -> Iterator[Line]:
        """Yield the lines as they are found; each call reads anew. Raises as `fetch`."""
        self._skipped.count = 0
        return islice(self._lines(open_store(self.place)), self._limit)

    def export_json(self, path: str | PathLike[str]) -> int:
        """Write the lines into a file as a JSON array, and return how many. They are never all in memory.

        Raises:
            OSError: it cannot be written; an earlier file of that name is then as it was.
        """
        return write_array(path, self.iter())

    @property
    def skipped(self) -> int:
        """How many damaged lines, and files that could not be read, the last reading of this query left out so far."""
        return self._skipped.count

    def matches(self, line: Line) -> bool:
        """Whether a line meets all that was asked, the limit aside."""
        return all(criterion.matches(line) for criterion in self._all())

    def _with(self, criterion: Criterion) -> AuditQuery:
        return self._changed(_criteria=(*self._criteria, criterion))

    def _changed(self, **changes: Any) -> AuditQuery:
        return replace(self, _skipped=Skipped(), **changes)

    def _all(self) -> tuple[Criterion, ...]:
        times = [] if self._after is None else [criteria.after(self._after)]
        times += [] if self._before is None else [criteria.before(self._before)]
        return (*self._criteria, *times)

    def _lines(self, store: Store) -> Iterator[Line]:
        wanted = self._all()
        names = [name for name in log_names(store, self._skipped) if self._may_hold(name)]
        if self._newest_first:
            names.reverse()
        for _, of_day in groupby(names, key=lambda name: name.date):
            yield from self._merged(store, list(of_day), wanted, names)

    def _may_hold(self, name: LogName) -> bool:
        """Whether a file of that date can hold lines of the time asked for."""
        if self._after is not None and name.date < self._after.date():
            return False
        return self._before is None or datetime.combine(name.date, time(), UTC) < self._before

    def _merged(
        self, store: Store, of_day: Sequence[LogName], wanted: Sequence[Criterion], known: Sequence[LogName]
    ) -> Iterator[Line]:
        """The lines of one day's files by time, each file's in their order."""
        files: list[Iterable[Line]] = [self._scanned(store, name, wanted, known) for name in of_day]
        if len(files) == 1:
            yield from files[0]
        else:
            if len(files) > _MOST_OPEN_FILES:
                files = [list(lines) for lines in files]
            yield from heapq.merge(*files, key=_time, reverse=self._newest_first)

    def _scanned(
        self, store: Store, name: LogName, wanted: Sequence[Criterion], known: Sequence[LogName]
    ) -> Iterator[Line]:
        """The lines of one file, wherever it was moved since the folder was listed."""
        try:
            yield from scan(store, name, wanted, self._skipped, newest_first=self._newest_first)
        except FileNotFoundError:
            for successor in renamed(store, name, known):
                yield from self._scanned(store, successor, wanted, (*known, successor))


def _time(line: Line) -> str:
    return str(line.get("time", ""))


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError("not a text to look for", place=place, expected="a text that is not empty", found=value)
    return value
