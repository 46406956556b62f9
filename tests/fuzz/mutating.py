"""Damage to files, by a generator of random numbers: bytes, words of the format, and values of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

_WORDS = (b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0" * 4, b"\xff" * 8, b"-1 ", b"9" * 12, b"nan", b"\n", b" ", b"1e308")
_CELLS = (
    b"",
    b"0",
    b"-1",
    b"1e308",
    b"1e999",
    b"nan",
    b"-inf",
    b"9" * 25,
    b"1_0",
    b'"',
    b"\xc2\xb2",
    b"\xff",
    b"\0",
    b"../x",
    b"a" * 300,
    b"0.5",
    b"\xef\xbb\xbf",
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    0.5,
    -0.0,
    1e308,
    2**31,
    2**63,
    2**64 - 1,
    10**30,
    "",
    "a",
    "a.png",
    "b",
    "../a",
    "\0",
    "coin",
    "\N{SNOWMAN}" * 300,
    [],
    {},
    [[]],
    [[], [1]],
    {"": None},
    [None],
    [1, "a"],
    [0, 0, 0, 0],
)
_DEEP = 300


def mutated(random: Random, content: bytes, kind: str, words: Sequence[bytes] = ()) -> bytes:
    """Return the content with 1 to 4 injuries."""
    for _ in range(random.choice((1, 1, 2, 4))):
        choices = _KINDS[kind]
        content = random.choice(choices)(random, content, words)
    return content[: 1 << 20]


def _cut(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content[: random.randint(0, len(content))]


def _flip(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(content)
    if changed:
        changed[_place(random, changed)] ^= 1 << random.randint(0, 7)
    return bytes(changed)


def _word(random: Random, content: bytes, words: Sequence[bytes]) -> bytes:
    at, word = _place(random, content), random.choice((*_WORDS, *words))
    return content[:at] + word + content[at + random.choice((0, len(word))) :]


def _double(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(random, content)
    return content[:at] + content[at : at + random.randint(1, 200)] * random.choice((2, 2, 20)) + content[at:]


def _out(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(random, content)
    return content[:at] + content[at + random.randint(1, 60) :]


def _cell(random: Random, content: bytes, words: Sequence[bytes]) -> bytes:
    """Replace what stands between two separators."""
    starts = [position for position, byte in enumerate(content) if byte in b' ,;\t\n<>"=:'] or [0]
    start = random.choice(starts) + 1
    end = next((at for at in range(start, len(content)) if content[at] in b' ,;\t\n<>"=:'), len(content))
    return content[:start] + random.choice((*_CELLS, *words)) + content[end:]


def _node(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Replace, remove, double or wrap one value of a JSON file."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return content
    places = list(_places(data))
    if not places:
        return json.dumps(random.choice(_VALUES)).encode()
    parent, key = random.choice(places)
    match random.choice(("value", "value", "value", "remove", "double", "wrap", "deep", "swap")):
        case "value":
            parent[key] = random.choice(_VALUES)
        case "remove":
            del parent[key]
        case "double" if isinstance(parent, list):
            parent[key:key] = [parent[key]] * random.choice((1, 3))
        case "wrap":
            parent[key] = [parent[key]]
        case "deep":
            for _ in range(random.choice((60, _DEEP))):
                parent[key] = [parent[key]]
        case "swap":
            other, name = random.choice(places)
            parent[key] = json.loads(json.dumps(other[name])) if name in _keys(other) else None
    try:
        return json.dumps(data).encode()
    except (ValueError, RecursionError):
        return content


def _places(data: Any) -> Any:
    stack = [data]
    while stack:
        parent = stack.pop()
        for key in _keys(parent):
            yield parent, key
            stack.append(parent[key])


def _keys(parent: Any) -> list[Any]:
    return list(parent) if isinstance(parent, dict) else list(range(len(parent))) if isinstance(parent, list) else []


def _place(random: Random, content: bytes | bytearray) -> int:
    """A position; half of them in the first 400 bytes, where headers are."""
    end = min(400, len(content)) if random.random() < 0.5 else len(content)
    return random.randrange(max(end, 1)) if content else 0


_Mutation = Callable[[Random, bytes, Sequence[bytes]], bytes]
_BYTES: tuple[_Mutation, ...] = (_cut, _flip, _flip, _word, _word, _double, _out)
_KINDS: dict[str, tuple[_Mutation, ...]] = {
    "bytes": _BYTES,
    "text": (*_BYTES, _cell, _cell, _cell, _cell, _cell),
    "json": (_node, _node, _node, _node, _node, _node, _cut, _flip, _word, _out, _cell),
}
