"""Values of the manifest that have a form of their own: class maps, files and globs, names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from pytest_vizart.records.labels import ClassMap

MAX_CLASSES = 30_000
NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?")
"""What a recorded output can be called: a folder on every system."""

_MAX_ID = 2**31 - 1


def read_classes(value: object) -> ClassMap:
    """Return the class map of a list of names (IDs 0..n-1) or a mapping from ID to name, sorted by ID.

    Raises:
        PydanticCustomError: not such a list or mapping, a name that is no text, an ID or name that appears twice.
    """
    if isinstance(value, list):
        pairs = list(enumerate(value))
    elif isinstance(value, dict):
        pairs = sorted((_class_id(key), name) for key, name in value.items())
    else:
        raise _problem("expected a list of names or a mapping from ID to name")
    if not 0 < len(pairs) <= MAX_CLASSES:
        raise _problem(f"expected 1 to {MAX_CLASSES} classes")
    for position, name in pairs:
        if not isinstance(name, str) or not name.strip() or not _is_text(name):
            raise _problem(
                "expected a class name; quote names that YAML reads as something else, such as no, on, 1",
                f"[{position}]",
            )
    names = tuple(name for _, name in pairs)
    ids = tuple(number for number, _ in pairs)
    _require_once("class", names)
    _require_once("class ID", ids)
    return ClassMap(names=names, ids=ids)


def _require_once(kind: str, values: Sequence[str] | Sequence[int]) -> None:
    seen: set[str | int] = set()
    for value in values:
        if value in seen:
            raise _problem(f"expected every {kind} once, {value!r} appears twice")
        seen.add(value)


def _is_text(name: str) -> bool:
    """Half a surrogate pair is no Unicode text: it can be neither written nor compared across files."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _class_id(key: object) -> int:
    # JSON has text keys only, so that "1" stands for 1 there.
    text = key if isinstance(key, str) else str(key)
    if isinstance(key, bool) or not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _MAX_ID):
        raise _problem(f"expected whole numbers from 0 to {_MAX_ID} as class IDs", f"[{_escaped(text[:40])}]")
    return int(text)


def _escaped(text: str) -> str:
    """Half a surrogate pair is no text that Pydantic takes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _read_samples(value: object) -> tuple[str, ...]:
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list) or not patterns:
        raise _problem("expected a file or glob, or a list of them")
    for position, pattern in enumerate(patterns):
        if not isinstance(pattern, str) or not pattern:
            raise _problem("expected a file or glob", f"[{position}]")
    return tuple(patterns)


def _problem(message: str, within: str = "") -> PydanticCustomError:
    return PydanticCustomError("vizart", "{message}", {"message": message, "within": within})


Classes = Annotated[
    ClassMap,
    PlainValidator(read_classes),
    PlainSerializer(lambda classes: [list(pair) for pair in zip(classes.ids, classes.names, strict=True)]),
]
Samples = Annotated[tuple[str, ...], PlainValidator(_read_samples), PlainSerializer(list)]
Text = Annotated[str, Field(min_length=1)]
Color = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Bone = Annotated[tuple[int, int], BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)]
"""YAML and JSON know lists only, which a strict model does not take for a tuple."""
