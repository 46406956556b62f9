from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_vizart.gating.wording import beside

NUMBERS = st.floats(min_value=0, max_value=1e6, allow_nan=False)


@given(NUMBERS, NUMBERS)
def test_a_shown_value_lies_on_the_side_of_the_bound_where_the_value_lies(value: float, bound: float) -> None:
    shown = float(beside(value, bound))
    assert (shown < bound, shown > bound) == (value < bound, value > bound)


@given(NUMBERS, st.floats(min_value=-1e-4, max_value=1e-4))
def test_also_when_they_are_close(bound: float, apart: float) -> None:
    value = max(bound + apart, 0.0)
    shown = float(beside(value, bound))
    assert (shown < bound, shown > bound) == (value < bound, value > bound)


def test_milliseconds_are_never_shown_in_powers_of_ten() -> None:
    assert beside(1234.5, 1000) == "1234.5"
