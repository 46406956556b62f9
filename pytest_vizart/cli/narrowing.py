"""Names in less room than they need, so that different ones still look different."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from pytest_vizart.report.wording import ELLIPSIS

_LEAST_MARKED = 4


def places(text: str) -> int:
    """Return how many places a terminal gives the text."""
    if text.isascii():
        return len(text)
    return sum(map(_places_of, text))


def shortened_apart(texts: Sequence[str], room: int) -> tuple[list[str], bool]:
    """Return the texts in at most `room` places each, and whether all that differ still look different by themselves.

    Parts in the middle go, the same ones of every text, so that what tells them apart stays. Where no such part is
    found, those that would look alike get a number: `tests…~2`.
    """
    names = list(dict.fromkeys(texts))
    if all(places(name) <= room for name in names):
        return list(texts), True
    first: list[str] | None = None
    for short in _ways(names, room):
        told: set[str] = set()
        for one in short:
            if one in told:
                break
            told.add(one)
        else:
            found = dict(zip(names, short, strict=True))
            return [found[text] for text in texts], True
        first = first or short
    found = dict(zip(names, _numbered(first or [], room), strict=True))
    return [found[text] for text in texts], False


def _ways(names: Sequence[str], room: int) -> Iterator[list[str]]:
    """The names shortened: about the middle first, then with more of one end, then without what all begin with."""
    tails = sorted(range(room), key=lambda tail: abs(tail - (room - 1) // 2))
    for tail in tails:
        yield [_cut(name, room, tail) for name in names]
    low, high = min(names), max(names)
    shared = next((at for at, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    if len(names) > 1 and shared > 2:
        begun = [ELLIPSIS + name[shared - 2 :] for name in names]
        for tail in tails:
            yield [_cut(name, room, tail) for name in begun]


def _cut(text: str, room: int, tail: int) -> str:
    """The text in `room` places, of which its end has `tail`."""
    if places(text) <= room:
        return text
    begin = _begin(text, max(room - 1 - tail, 0))
    end = _begin(text[::-1], tail)[::-1]
    return f"{begin}{ELLIPSIS}{end}"


def _begin(text: str, room: int) -> str:
    """As much of the beginning as has room; letters of double width take two places."""
    if text[:room].isascii():
        return text[:room]
    used = 0
    for position, character in enumerate(text):
        used += _places_of(character)
        if used > room:
            return text[:position]
    return text


def _places_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _numbered(names: Sequence[str], room: int) -> list[str]:
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = count = seen.get(name, 0) + 1
        mark = f"~{count}" if count > 1 else ""
        fits = len(mark) + _LEAST_MARKED <= room
        told.append(_begin(name, room - len(mark)) + mark if mark and fits else name)
    return told
