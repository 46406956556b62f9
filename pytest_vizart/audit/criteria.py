"""What a query asks of a line: a function that decides on the parsed line, and bytes that a matching one must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pytest_vizart.audit.levels import LEVELS, number_of
from pytest_vizart.records.text import escaped

Line = dict[str, Any]

FAILED_SAMPLES = ("sample wrong", "sample invalid")
"""Events that tell of a sample's failure, whether or not the run fails for it."""

_PLAIN = re.compile(r"[-A-Za-z0-9_.: ]+")  # characters that no writer of JSON escapes


@dataclass(frozen=True, slots=True)
class Criterion:
    """`needles`: one of them stands in the bytes of every line that matches; none if nothing can be said.

    `rank`: the lower, the fewer lines it lets pass, as a rule.
    """

    matches: Callable[[Line], bool]
    needles: tuple[bytes, ...] = ()
    rank: int = 9

    def may_match(self, raw: bytes | bytearray) -> bool:
        return not self.needles or any(needle in raw for needle in self.needles)


def run_id(beginning: str) -> Criterion:
    text = escaped(beginning)
    return Criterion(lambda line: _text(line, "run_id").startswith(text), _needles(text, before=b'"'), 0)


def search(text: str) -> Criterion:
    wanted = escaped(text)
    return Criterion(lambda line: any(wanted in each for each in _texts(line)), _needles(wanted), 1)


def test(part: str) -> Criterion:
    wanted = escaped(part)
    return Criterion(lambda line: wanted in _text(line, "test"), _needles(wanted), 2)


def stage(name: str) -> Criterion:
    wanted = escaped(name)
    return Criterion(lambda line: line.get("stage") == wanted, _needles(wanted, before=b'"', after=b'"'), 3)


def events(names: tuple[str, ...]) -> Criterion:
    """Of one of these events of ours, whose names are the same in any JSON."""
    return Criterion(lambda line: line.get("event") in names, tuple(b'"%b"' % name.encode() for name in names), 2)


def failed() -> Criterion:
    def matches(line: Line) -> bool:
        if line.get("success") is False or line.get("event") in FAILED_SAMPLES:
            return True
        return number_of(line.get("level")) >= LEVELS["ERROR"]

    return Criterion(matches, (b"false", b"ERROR", b"CRITICAL", *(event.encode() for event in FAILED_SAMPLES)), 4)


def succeeded() -> Criterion:
    return Criterion(lambda line: line.get("success") is True, (b"true",), 6)


def level(lowest: str) -> Criterion:
    number = LEVELS[lowest]
    # Levels that nobody knows count as INFO: at and below it nothing can be said.
    needles = tuple(name.encode() for name in LEVELS if LEVELS[name] >= number) if number > LEVELS["INFO"] else ()
    return Criterion(lambda line: number_of(line.get("level")) >= number, needles, 5)


def after(moment: datetime) -> Criterion:
    return Criterion(lambda line: (time := time_of(line)) is not None and time >= moment)


def before(moment: datetime) -> Criterion:
    return Criterion(lambda line: (time := time_of(line)) is not None and time < moment)


def time_of(line: Line) -> datetime | None:
    """Return when a line was told, None where it does not say."""
    try:
        moment = datetime.fromisoformat(line["time"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _text(line: Line, name: str) -> str:
    value = line.get(name)
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> Iterator[str]:
    """All texts in a line, lists and objects inside of it too; names of fields are none."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _needles(text: str, *, before: bytes = b"", after: bytes = b"") -> tuple[bytes, ...]:
    """The longest part of a text that is the same bytes in any JSON; before and after: what encloses the whole text."""
    longest = max(_PLAIN.findall(text), key=len, default="")
    if not longest:
        return ()
    needle = longest.encode()
    if text.startswith(longest):
        needle = before + needle
    return (needle + after,) if text.endswith(longest) else (needle,)
