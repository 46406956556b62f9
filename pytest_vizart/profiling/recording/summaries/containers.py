"""Containers of the standard library: the parts decide, and for sets and dicts not their order."""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from pytest_vizart.profiling.recording.summaries.plain import int_token
from pytest_vizart.profiling.recording.summaries.walk import Description, Handler, Walk, foreign, sealed, type_name

_SHOWN = 6
_SHOWN_CHARACTERS = 40
_LOOKED_AT = 1_000
_ALLOWANCE = 64
_DETECTIONS = (("xyxy", "confidence", "class_id"), ("xyxy", "conf", "cls"))


def tokens_of(parts: Any, count: int, walk: Walk) -> tuple[list[bytes], int | None]:
    """Return the tokens of parts in their order: of all of them, or of evenly spread ones where there are too many.

    parts: something that gives its `count` parts by number, and runs no foreign code when it does. The second value is
    how many bytes they hold, where that is known.
    """
    most = max(walk.left, 0)
    if count <= most:
        return walk.parts(parts[number] for number in range(count))
    walk.cut()
    tokens, size = walk.parts(parts[number * count // most] for number in range(most))
    return [int_token(count), *tokens], size


def describe_list(value: list[Any], walk: Walk) -> Description:
    return _sequence("list", list.__getitem__(value, slice(None)), value, walk)


def describe_deque(value: deque[Any], walk: Walk) -> Description:
    return _sequence("list", list(deque.__iter__(value)), value, walk)


def describe_tuple(value: tuple[Any, ...], walk: Walk) -> Description:
    """Describe a tuple. A named one is told apart from a plain one, though Python calls them equal."""
    parts = tuple.__getitem__(value, slice(None))
    names = _static(type(value), "_fields")
    if isinstance(names, tuple) and len(names) == len(parts) and all(isinstance(name, str) for name in names):
        return _record(value, dict(zip(names, parts, strict=True)), walk)
    return _sequence("tuple", parts, value, walk)


def describe_range(value: range, walk: Walk) -> Description:
    """Equal ranges are those with equal elements."""
    ends = (value[0], value[-1]) if value else ()
    token = sealed("range", *(int_token(number) for number in (len(value), *ends)))
    return Description("range", token, f"{len(value):,} numbers", shape=(len(value),))


def describe_set(value: set[Any] | frozenset[Any], walk: Walk) -> Description:
    parts = list((set if issubclass(type(value), set) else frozenset).__iter__(value))  # type: ignore[arg-type]

    def describe() -> Description:
        tokens = _unordered(parts, walk)
        if tokens is None:
            return _too_large("set", len(parts), walk)
        text = f"set of {len(parts):,}"
        return Description("set", sealed("set", *sorted(tokens)), text, shape=(len(parts),))

    return walk.within(value, describe)


def describe_dict(value: dict[Any, Any], walk: Walk) -> Description:
    """Equal keys with equal values, in whatever order they came."""
    items = list(dict.items(value))

    def describe() -> Description:
        keys = _unordered([key for key, _ in items], walk)
        if keys is None:
            return _too_large("dict", len(items), walk)
        # The values are walked in the order of the keys' tokens: where the walk ends does not hang on insertion.
        order = sorted(range(len(items)), key=keys.__getitem__)
        parts, size = walk.parts(items[number][1] for number in order)
        tokens = [token for pair in zip((keys[number] for number in order), parts, strict=True) for token in pair]
        text = f"dict of {len(items):,}{_names([key for key, _ in items[: _SHOWN + 1]])}"
        return Description("dict", sealed("dict", *tokens), text, shape=(len(items),), size_bytes=size)

    return walk.within(value, describe)


def describe_attributes(value: Any, walk: Walk) -> Description:
    """Describe an object by the attributes that it keeps: SimpleNamespace, pydantic models."""
    return _record(value, dict(object.__getattribute__(value, "__dict__")), walk)


def describe_user_dict(value: Any, walk: Walk) -> Description:
    return describe_dict(object.__getattribute__(value, "__dict__")["data"], walk)


def describe_other(value: Any, walk: Walk) -> Description:
    """Describe what no handler was found for: dataclasses, attrs classes, detections, and the rest by type alone."""
    return _fields_of(value, walk) or _detections_of(value, walk) or foreign(value)


def _fields_of(value: Any, walk: Walk) -> Description | None:
    """Describe a dataclass or attrs instance by its compared fields."""
    kind = type(value)
    if isinstance(_static(kind, "__dataclass_fields__"), dict):
        names = [field.name for field in dataclasses.fields(kind) if field.compare]
    else:
        attributes = _static(kind, "__attrs_attrs__")
        if not isinstance(attributes, tuple):
            return None
        names = [attribute.name for attribute in attributes if attribute.eq]
    return _record(value, {name: object.__getattribute__(value, name) for name in names}, walk)


def _detections_of(value: Any, walk: Walk) -> Description | None:
    """Describe an object with boxes, scores and classes. Properties run only where the class has all three."""
    has_own = _static(type(value), "__dict__") is not None
    own = object.__getattribute__(value, "__dict__") if has_own else {}
    for names in _DETECTIONS:
        if all(name in own or _static(type(value), name) is not None for name in names):
            parts = {key: getattr(value, name) for key, name in zip(_DETECTIONS[0], names, strict=True)}
            return _record(value, parts, walk)
    return None


def _record(value: Any, parts: dict[str, Any], walk: Walk) -> Description:
    name = type_name(value)

    def describe() -> Description:
        if set(_DETECTIONS[0]) <= set(parts):
            return _detections(parts, walk)
        tokens, size = walk.parts(part for field in sorted(parts) for part in (field, parts[field]))
        text = f"{name}{_names(list(parts))}"
        return Description("record", sealed("record", name.encode(), *tokens), text, size_bytes=size)

    return walk.within(value, describe)


def _detections(parts: dict[str, Any], walk: Walk) -> Description:
    found = {field: walk.nested(parts[field]) for field in sorted(parts)}
    token = sealed("detections", *(token for field in found for token in (field.encode(), found[field].token)))
    boxes, scores = found["xyxy"], found["confidence"]
    known = scores.low is not None and scores.high is not None
    text = f"{(boxes.shape or (0,))[0]:,} detections"
    return Description(
        "detections",
        token,
        f"{text}, confidence {scores.low:.3g} .. {scores.high:.3g}" if known else text,
        shape=boxes.shape,
        dtype=boxes.dtype,
        size_bytes=sum(part.size_bytes or 0 for part in found.values()),
    )


def _sequence(kind: str, parts: Sequence[Any], value: Any, walk: Walk) -> Description:
    def describe() -> Description:
        tokens, size = tokens_of(parts, len(parts), walk)
        text = f"{kind} of {len(parts):,}{_types(parts)}" if walk.outermost else ""
        return Description(kind, sealed(kind, *tokens), text, shape=(len(parts),), size_bytes=size)

    return walk.within(value, describe)


def _unordered(parts: Sequence[Any], walk: Walk) -> list[bytes] | None:
    """Return the tokens of parts whose order means nothing, None where there are too many.

    Each is walked with a small allowance of its own, so that none depends on those that happened to come before it.
    """
    if len(parts) > walk.left:
        return None
    simple = walk.scalar_tokens(parts)
    if simple is not None:
        return simple
    left, spent, tokens = walk.left, 0, []
    allowance = min(_ALLOWANCE, left // max(len(parts), 1))
    for part in parts:
        walk.left = allowance
        tokens += walk.parts((part,))[0]
        spent += allowance - walk.left
    walk.left = left - spent
    return tokens


def _too_large(kind: str, count: int, walk: Walk) -> Description:
    walk.cut()
    return Description(kind, sealed(kind + "+", int_token(count)), f"{kind} of {count:,}", False, (count,))


def _static(kind: type, name: str) -> Any:
    """Return an attribute of a class without running code of it."""
    for base in type.__dict__["__mro__"].__get__(kind):
        attributes = type.__dict__["__dict__"].__get__(base)
        if name in attributes:
            return attributes[name]
    return None


def _types(parts: Sequence[Any]) -> str:
    counts = Counter(type_name(part) for part in parts[:_LOOKED_AT]).most_common(_SHOWN)
    if len(counts) < 2:
        return "".join(f", each {kind}" for kind, _ in counts)
    return ": " + ", ".join(f"{count} × {kind}" for kind, count in counts)


def _names(keys: list[Any]) -> str:
    shown = [key[:_SHOWN_CHARACTERS] if type(key) is str else type_name(key) for key in keys[:_SHOWN]]
    listed = "".join(character if character.isprintable() else " " for character in ", ".join(shown))
    return f": {listed}{', ...' if len(keys) > _SHOWN else ''}" if keys else ""


HANDLERS: dict[type, Handler] = {
    list: describe_list,
    tuple: describe_tuple,
    dict: describe_dict,
    set: describe_set,
    frozenset: describe_set,
    deque: describe_deque,
    range: describe_range,
}
