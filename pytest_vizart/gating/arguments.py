"""Arguments of markers: their table's entries, and the checks that refuse what cannot be meant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from pytest_vizart.errors import UsageError

PIPELINE = "(pipeline)"
"""Name under which the whole pipeline is judged."""

_LARGEST = 1e12
_SHOWN_CHARACTERS = 100

Value = Any  # what `check` of an argument makes of it
Check = Callable[[object], Value | None]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a marker. `check` returns the plain value, or None when it is not what `expected` says."""

    name: str
    expected: str
    help: str
    check: Check
    hint: str | None = None


def text(value: object) -> Value | None:
    return value if isinstance(value, str) and value else None


def whole_number(value: object) -> Value | None:
    # bool is an Integral; max_newly_wrong=True is a mistake, not 1.
    if isinstance(value, bool) or not isinstance(value, Integral):
        return None
    number = int(value)
    return number if 0 <= number <= _LARGEST else None


def in_range(low: float, high: float, *, above_low: bool) -> Check:
    def check(value: object) -> Value | None:
        if isinstance(value, bool) or not isinstance(value, Real):
            return None
        try:
            number = float(value)
        except OverflowError:  # a whole number of more than 308 digits
            return None
        inside = (low < number if above_low else low <= number) and number <= high
        return number if inside else None

    return check


fraction = in_range(0.0, 1.0, above_low=False)
positive = in_range(0.0, _LARGEST, above_low=True)

STAGE = Argument(
    "stage", "the name of a stage, in quotes", "stage that the limits hold for; without it, every stage", text
)


def checked(
    marker: str, arguments: Sequence[Argument], args: Sequence[object], kwargs: Mapping[str, object]
) -> dict[str, Value]:
    """Return the plain values that a marker gives, None left out.

    Raises:
        UsageError: an unknown, mistyped or positional argument, or none but the stage.
    """
    table = {argument.name: argument for argument in arguments}
    if args:
        raise UsageError(
            "positional arguments are not taken", place=f"marker {marker}", expected="keyword arguments", found=args[0],
            hint=f'write {marker}(stage="detect", ...)',
        )  # fmt: skip
    values: dict[str, Value] = {}
    for name, given in kwargs.items():
        argument = table.get(name)
        if argument is None:
            raise unknown_argument(f"marker {marker}", name, tuple(table))
        if given is not None:
            values[name] = _value(marker, argument, given)
    if not values.keys() - {"stage"}:
        raise UsageError(
            "limits nothing", place=f"marker {marker}", expected="at least one of " + ", ".join(list(table)[1:]),
            hint="name a limit, or leave the marker out",
        )  # fmt: skip
    return values


def _value(marker: str, argument: Argument, given: object) -> Value:
    place = f"marker {marker}, argument {argument.name}"
    value = argument.check(given)
    if value is None:
        raise UsageError(
            "not a value it takes", place=place, expected=argument.expected, found=shown(given), hint=argument.hint
        )
    return value


def shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return f"{type(value).__name__}, too long to be shown"
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def refuse_on_pipeline(names: Sequence[str]) -> None:
    """What is judged stage by stage would pass in silence."""
    if names:
        raise UsageError(
            "is not judged of the whole pipeline", place=f"marker vizart_latency, argument {names[0]}",
            expected=f"max_slowdown alone with stage={PIPELINE!r}", hint="name a stage, or leave it out for every one",
        )  # fmt: skip


def unknown_argument(place: str, name: str, known: tuple[str, ...]) -> UsageError:
    close = difflib.get_close_matches(name, known, n=1)
    return UsageError(
        "unknown argument", place=place, expected="one of " + ", ".join(known), found=name,
        hint=f"did you mean {close[0]}?" if close else None,
    )  # fmt: skip


def stage_of(values: Mapping[str, Value]) -> str | None:
    stage = values.get("stage")
    return None if stage is None else str(stage)


def number_of(values: Mapping[str, Value], name: str) -> float | None:
    value = values.get(name)
    return None if value is None else float(value)
