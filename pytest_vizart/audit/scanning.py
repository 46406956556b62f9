"""The lines of one file that a query wants: bytes are searched first, and only what can match is parsed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

import orjson

from pytest_vizart.audit.blocks import Block, read_blocks
from pytest_vizart.audit.byte_search import finder_in
from pytest_vizart.audit.criteria import Criterion, Line
from pytest_vizart.audit.log_names import FOLDER, LogName
from pytest_vizart.errors import warn
from pytest_vizart.storage.store import Store

_LINE_START = b'{"time":'


@dataclass(slots=True)
class Skipped:
    """What a reading left out: how many lines, or files that could not be read."""

    count: int = 0


@dataclass(slots=True)
class _Damage:
    """What one file has of it: lines that are none, counted, and the first place and reason."""

    lines: int = 0
    offset: int = 0
    what: str = ""

    def add(self, offset: int, what: str) -> None:
        if not self.lines or offset < self.offset:
            self.offset, self.what = offset, what
        self.lines += 1


def scan(
    store: Store, name: LogName, criteria: Sequence[Criterion], skipped: Skipped, *, newest_first: bool = False
) -> Iterator[Line]:
    """Yield the lines that match all criteria, in the order in which they stand, or backward.

    Lines that are damaged are skipped, counted, and warned of once, with the first one's number.

    Raises:
        FileNotFoundError: it was renamed or deleted meanwhile.
    """
    wanted = sorted(criteria, key=lambda criterion: criterion.rank)
    first = next((criterion.needles for criterion in wanted if criterion.needles), ())
    damage = _Damage()
    try:
        with closing(read_blocks(store, name, backward=newest_first)) as blocks:
            for block in blocks:
                if block.problem is not None:
                    damage.add(block.offset, block.problem)
                yield from _matching(block, first, wanted, damage, newest_first=newest_first)
    except FileNotFoundError:
        raise
    except OSError as error:
        skipped.count += 1
        warn(f"{store.where(f'{FOLDER}/{name}')}: this log cannot be read ({error.strerror or error}): skipped")
    finally:
        skipped.count += damage.lines
        if damage.lines:
            _tell(store, name, damage)


def _matching(
    block: Block, needles: tuple[bytes, ...], wanted: Sequence[Criterion], damage: _Damage, *, newest_first: bool
) -> Iterator[Line]:
    spans: Iterator[tuple[int, int]] | list[tuple[int, int]] = _spans(block.data, block.size, needles)
    if newest_first:
        spans = sorted(spans, reverse=True)
    for start, stop in spans:
        raw = block.data[start:stop]
        if not all(criterion.may_match(raw) for criterion in wanted):
            continue
        line = _parsed(raw, block.offset + start, damage)
        if line is not None and all(criterion.matches(line) for criterion in wanted):
            yield line


def _spans(data: bytes | bytearray, size: int, needles: tuple[bytes, ...]) -> Iterator[tuple[int, int]]:
    """Where lines stand that hold one of the needles; all lines if there are none."""
    if len(needles) > 1:
        yield from sorted({span for needle in needles for span in _spans(data, size, (needle,))})
        return
    needle = needles[0] if needles else b""
    find = finder_in(data)
    stop = -1
    while (found := find(needle, stop + 1, size)) >= 0 and stop + 1 < size:
        start = data.rfind(b"\n", stop + 1, found) + 1 if needle else found
        start = start or stop + 1
        stop = data.find(b"\n", found, size)
        stop = size if stop < 0 else stop
        if start < stop:
            yield start, stop


def _parsed(raw: bytes | bytearray, offset: int, damage: _Damage) -> Line | None:
    """The line as a dict. Of a line that another one's torn rest hangs before, what is whole."""
    for text in (raw, raw[max(raw.rfind(_LINE_START), 0) :]):
        with suppress(orjson.JSONDecodeError):
            line = orjson.loads(text)
            if isinstance(line, dict):
                if len(text) < len(raw):
                    damage.add(offset, "it is torn")
                return line
    if raw.strip():
        damage.add(offset, "it is no JSON object")
    return None


def _tell(store: Store, name: LogName, damage: _Damage) -> None:
    where = store.where(f"{FOLDER}/{name}")
    line = "?"
    with suppress(OSError):
        line = f"{_line_number(store, name, damage.offset):,}"
    more = f", and {damage.lines - 1:,} more" if damage.lines > 1 else ""
    warn(f"{where}, line {line}: not a line of the audit log, {damage.what}: skipped{more}")


def _line_number(store: Store, name: LogName, offset: int) -> int:
    number = 1
    for block in read_blocks(store, name):
        if block.offset >= offset:
            break
        number += block.data.count(b"\n", 0, min(block.size, offset - block.offset))
    return number
