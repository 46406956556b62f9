"""What files of the history are called.

Loose, one per session and table:   <time>-<session>.<6 hex>.parquet  (before: <time>-<session>[.<part>].parquet)
Compacted, many sessions:           c<level>-<first time>-<last time>-<16 hex>.parquet

A time is that of the session's start, UTC, to the second: names sort by it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count

SUFFIX = ".parquet"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = r"\d{8}T\d{6}"
_LOOSE = re.compile(rf"({_TIME})-([^.]*)(?:\.[^.]+)?\.parquet")
_COMPACTED = re.compile(rf"c(\d)-({_TIME})-({_TIME})-[0-9a-f]{{16}}\.parquet")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST = 100
_SEVERAL = "@"


@dataclass(frozen=True, slots=True)
class FileName:
    """What a name tells. Files that somebody called otherwise are read, and left alone."""

    first: str  # time of the first session; "" if it is not told
    last: str = ""
    level: int | None = None  # 0 loose, 1 to 9 compacted, None otherwise
    session: str | None = None  # as `session_in_name` writes it; None: any sessions


@lru_cache(maxsize=10_000)
def parse_name(base_name: str) -> FileName:
    """Return what the name of a file tells."""
    loose = _LOOSE.fullmatch(base_name)
    if loose is not None:
        session = None if base_name[len(loose[1]) + 1 :].startswith(_SEVERAL) else loose[2]
        return FileName(loose[1], loose[1], 0, session)
    compacted = _COMPACTED.fullmatch(base_name)
    if compacted is not None:
        return FileName(compacted[2], compacted[3], int(compacted[1]))
    return FileName("")


def session_in_name(session_id: str) -> str:
    """Return a session ID as it stands in names of files, where not every character may."""
    return _UNSAFE.sub("_", session_id)[:_LONGEST]


def are_plain(session_ids: Collection[str]) -> bool:
    """Whether all of these stand in names of files as they are, also in those of older versions: looked at at once."""
    return not _UNSAFE.search("".join(session_ids)) and len(max(session_ids, key=len, default="")) <= _LONGEST


def choose_stem(session_id: str, started_us: int, *, several: bool = False) -> str:
    """Return a new name, without its ending, for the files of a session; `several`: of other sessions too."""
    mark = _SEVERAL if several else ""
    return f"{_stamp(started_us)}-{mark}{session_in_name(session_id)}.{secrets.token_hex(3)}"


def other_stems(stem: str) -> Iterator[str]:
    """Yield a name, then others that follow from it, for files of the same session: where it is used up."""
    yield stem
    for number in count(1):
        digest = hashlib.blake2b(f"{stem} {number}".encode(), digest_size=3).hexdigest()
        yield f"{stem.partition('.')[0]}.{digest}"


def compacted_name(level: int, first: str, last: str) -> str:
    """Return a new name for a compacted file."""
    return f"c{min(level, 9)}-{first}-{last}-{secrets.token_hex(8)}{SUFFIX}"


def _stamp(started_us: int) -> str:
    try:
        moment = _EPOCH + timedelta(microseconds=started_us)
    except OverflowError:  # a clock that is out of its mind
        moment = _EPOCH
    return f"{moment.year:04d}{moment:%m%dT%H%M%S}"
