"""Names of log files: `{date}[.{part}][.{number}].jsonl[.gz]`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

FOLDER = "logs"
_NAME = re.compile(r"(?P<stem>(?P<date>\d{4}-\d\d-\d\d)(?:\.[^.]+)*)\.jsonl(?P<compressed>\.gz)?")
_SET_ASIDE = re.compile(r"\.z[0-9a-f]{8}$")


@dataclass(frozen=True, slots=True)
class LogName:
    """A log file's name. `stem` is what stands before `.jsonl`."""

    stem: str
    date: date
    compressed: bool = False

    def __str__(self) -> str:
        return f"{self.stem}.jsonl{'.gz' if self.compressed else ''}"

    @property
    def set_aside(self) -> bool:
        """Whether the file was renamed to be compressed: nobody writes to it any more."""
        return _SET_ASIDE.search(self.stem) is not None

    @property
    def origin(self) -> str:
        """The stem before the file was set aside to be compressed."""
        return _SET_ASIDE.sub("", self.stem)


def parse_name(base_name: str) -> LogName | None:
    """Return what a file's name says, None if it is no log's."""
    found = _NAME.fullmatch(base_name)
    if found is None:
        return None
    try:
        return LogName(found["stem"], date.fromisoformat(found["date"]), found["compressed"] is not None)
    except ValueError:  # the 31st of February
        return None


def to_read(names: Iterable[LogName]) -> list[LogName]:
    """Return the files that hold each line once, by date: beside its compressed form a file is about to be deleted."""
    chosen: dict[str, LogName] = {}
    for name in names:
        if name.compressed or name.stem not in chosen:
            chosen[name.stem] = name
    return sorted(chosen.values(), key=lambda name: (name.date, _natural(name.stem)))


def _natural(stem: str) -> tuple[tuple[int, str], ...]:
    """A key by which .10 comes after .9."""
    return tuple((int(part), "") if part.isdecimal() and len(part) < 8 else (0, part) for part in stem.split("."))
