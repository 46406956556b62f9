"""Going through a value part by part: what one part tells, the canonical bytes it stands for, and how far to go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from struct import pack
from typing import Any, NamedTuple

MAX_PARTS = 50_000
"""Parts of one value that are looked at; about 0.1 s of a deeply nested one."""

MAX_DEPTH = 32
_PERSON = b"vizart-output-1"  # another encoding would get another number: digests of two encodings never agree


class Description(NamedTuple):
    """What is told of one part. `token`: the bytes that stand for its value; see `OutputSummary` for the rest.

    stable: the token stands for the value; otherwise for no more than its type.
    """

    kind: str
    token: bytes
    text: str
    stable: bool = True
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    size_bytes: int | None = None
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    invalid: int | None = None


Handler = Callable[[Any, "Walk"], Description]


def sealed(tag: str, *parts: bytes) -> bytes:
    """Return the 16 bytes that stand for several parts, each told apart from the next by its length."""
    lengths = pack(f"<{len(parts)}Q", *map(len, parts))
    return blake2b(b"".join((tag.encode(), b"\0", lengths, *parts)), digest_size=16, person=_PERSON).digest()


def type_name(value: object) -> str:
    """Return the name of a value's type, shortened; nothing of the value's own code runs."""
    name = type.__dict__["__name__"].__get__(type(value))
    return str(name)[:80]


class Walk:
    """One way through one value.

    Args:
        find: gives the handler of a type.
        scalars: exact type -> token, the short way for the small parts of containers.
    """

    def __init__(self, find: Callable[[type], Handler], scalars: dict[type, Callable[[Any], bytes]]) -> None:
        self.left = MAX_PARTS
        self.is_whole = True
        self.notes: dict[str, None] = {}
        self._find = find
        self._scalars = scalars
        self._path: list[int] = []  # identities of the containers around; for cycles only, never part of a digest

    def describe(self, value: Any) -> Description:
        """Describe a part. What raises while it is read is told of by its type alone."""
        try:
            return self._find(type(value))(value, self)
        except Exception:  # noqa: BLE001 - whatever a foreign object does, the test that made it goes on
            self.notes["a part cannot be read"] = None
            return foreign(value)._replace(text=f"{type_name(value)}, cannot be read")

    def parts(self, parts: Iterable[Any]) -> tuple[list[bytes], int | None]:
        """Return the tokens of parts inside of a container, and how many bytes they hold where that is known."""
        tokens, size, scalars = [], None, self._scalars
        for part in parts:
            scalar = scalars.get(type(part))
            if scalar is not None:
                self.left -= 1
                tokens.append(scalar(part))
                continue
            found = self.nested(part)
            tokens.append(found.token)
            if found.size_bytes is not None:
                size = found.size_bytes + (size or 0)
        return tokens, size

    def scalar_tokens(self, parts: Sequence[Any]) -> list[bytes] | None:
        """Return the tokens of parts of which none has parts of its own; None if one has."""
        scalars = self._scalars
        if any(type(part) not in scalars for part in parts):
            return None
        self.left -= len(parts)
        return [scalars[type(part)](part) for part in parts]

    def nested(self, value: Any) -> Description:
        """Describe a part inside of another one."""
        self.left -= 1
        if self.left < 0:
            self.cut()
            return foreign(value)
        found = self.describe(value)
        if not found.stable:
            self.notes["the digest leaves out what has none"] = None
        return found

    def within(self, container: object, describe: Callable[[], Description]) -> Description:
        """Describe a container, or what stands for it when it holds itself or lies too deep."""
        identity = id(container)
        if identity in self._path:
            up = len(self._path) - self._path.index(identity)
            self.notes["contains itself"] = None
            return Description("cycle", sealed("cycle", up.to_bytes(4, "little")), "itself")
        if len(self._path) >= MAX_DEPTH:
            self.notes[f"nested deeper than {MAX_DEPTH} levels"] = None
            return foreign(container)
        self._path.append(identity)
        try:
            return describe()
        finally:
            self._path.pop()

    @property
    def outermost(self) -> bool:
        """Whether what is described now is the whole, of which a text is told."""
        return len(self._path) <= 1

    def cut(self) -> None:
        """Note that parts were left out: what they hold is in no digest, so that the value gets none."""
        self.is_whole = False
        self.notes["too large to be read whole"] = None


def foreign(value: object) -> Description:
    """Describe a value of which no more than the type is known."""
    name = type_name(value)
    return Description("object", sealed("object", name.encode(errors="replace")), name, stable=False)
