from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.profiling.watching.active import active_recorders
from pytest_vizart.profiling.watching.forwarding import forwarding
from tests.profiling.ran import new_recorder

KINDS = ("positional only", "plain", "keyword only")


def defined(parameters: str) -> Callable[..., Any]:
    """A function of these parameters that returns what it got, by name."""
    namespace: dict[str, Any] = {}
    exec(f"def work({parameters}): return dict(locals())", namespace)
    function: Callable[..., Any] = namespace["work"]
    return function


@st.composite
def signatures(draw: st.DrawFn) -> str:
    counts = [draw(st.integers(0, 2)) for _ in KINDS]
    names = iter("abcdefg")
    lists = [[next(names) for _ in range(count)] for count in counts]
    before_defaults = draw(st.integers(0, counts[0] + counts[1]))
    positional = [
        name if number < before_defaults else f"{name}={number}" for number, name in enumerate(lists[0] + lists[1])
    ]
    shown = positional[: counts[0]] + (["/"] if counts[0] else []) + positional[counts[0] :]
    rest = draw(st.booleans())
    if rest:
        shown.append("*rest")
    elif lists[2]:
        shown.append("*")
    shown += [name if draw(st.booleans()) else f"{name}='k'" for name in lists[2]]
    return ", ".join(shown + (["**more"] if draw(st.booleans()) else []))


@given(
    signatures(),
    st.lists(st.integers(), max_size=5),
    st.dictionaries(st.sampled_from("abcdefgxyz"), st.integers(), max_size=4),
)
def test_every_signature_takes_and_refuses_the_same_arguments(parameters: str, args: Any, kwargs: Any) -> None:
    function = defined(parameters)
    made = forwarding(function, lambda _first: None)  # type: ignore[arg-type]
    assert inspect.signature(made, follow_wrapped=False) == inspect.signature(function)

    def outcome(called: Callable[..., Any]) -> Any:
        try:
            return called(*args, **kwargs)
        except TypeError as error:
            return str(error)

    assert outcome(made) == outcome(function)
    active_recorders.append(new_recorder())
    try:
        assert outcome(made) == outcome(function)
    finally:
        active_recorders.clear()


@pytest.mark.parametrize(
    "parameters, args, first",
    [("a, b", (1, 2), 1), ("*rest", (1, 2), 1), ("*rest", (), None), ("*, k=3", (), None), ("", (), None)],
)
def test_the_first_positional_argument_is_told(parameters: str, args: tuple[int, ...], first: int | None) -> None:
    seen: list[Any] = []
    made = forwarding(defined(parameters), seen.append)  # type: ignore[arg-type]
    made(*args)
    assert seen == []
    active_recorders.append(new_recorder())
    try:
        made(*args)
    finally:
        active_recorders.clear()
    assert seen == [first]


def test_defaults_are_the_very_same_objects() -> None:
    default: list[int] = []

    def work(value: list[int] = default, *, key: list[int] = default) -> list[list[int]]:
        """Doc."""
        return [value, key]

    made: Any = forwarding(work, lambda _first: None)  # type: ignore[arg-type]
    assert all(one is default for one in made())
    assert (made.__name__, made.__qualname__, made.__doc__, made.__wrapped__) == (
        "work", work.__qualname__, "Doc.", work,
    )  # fmt: skip
    assert re.fullmatch(r".*\.work", made.__qualname__)


def test_a_parameter_of_the_name_that_hides_frames_is_passed_on() -> None:
    function = defined("__tracebackhide__=5")
    made = forwarding(function, lambda first: None)
    assert (made(), made(6), made(__tracebackhide__=7)) == (function(), function(6), function(__tracebackhide__=7))


def test_code_with_names_that_no_definition_has_is_forwarded_too() -> None:
    (inner,) = [one for one in (lambda: (x for x in "ab")).__code__.co_consts if inspect.iscode(one)]
    generator_body = type(test_code_with_names_that_no_definition_has_is_forwarded_too)(inner, {})
    made: Any = forwarding(generator_body, lambda _first: None)  # type: ignore[arg-type]
    assert list(made(iter("ab"))) == ["a", "b"]
