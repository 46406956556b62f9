from __future__ import annotations

from typing import Any

import pytest

from pytest_vizart.workflow.sampling import Turn, batched, turns
from tests.profiling.fake_clock import FakeClock


def order(passes: int | None, *, warmup: int = 0, seconds: float = 0.0) -> list[tuple[str, int, bool]]:
    clock = FakeClock()
    seen = []
    for group, turn in turns(["a", "b"], clock, passes=passes, warmup_groups=warmup):
        seen.append((group, turn.pass_index, turn.warmup))
        clock.advance(int(seconds * 1e9))
    return seen


def test_warm_up_comes_first_and_then_pass_after_pass() -> None:
    assert order(2, warmup=1) == [("a", 0, True), ("a", 0, False), ("b", 0, False), ("a", 1, False), ("b", 1, False)]


def after(**options: Any) -> list[tuple[str, Turn]]:
    """The turns that follow the two passes that are judged."""
    found = list(turns(["a", "b"], FakeClock(), passes=2, warmup_groups=1, **options))
    assert not any(turn.warmup for _, turn in found[1:5])
    return found[5:]


def test_exact_peaks_have_a_pass_of_their_own_after_those_that_are_judged() -> None:
    peaks = Turn(2, warmup=True, memory=True)
    assert after(memory=True) == [("a", peaks), ("b", peaks)]


def test_the_function_profile_comes_last() -> None:
    peaks, functions = Turn(2, warmup=True, memory=True), Turn(3, warmup=True, functions=True)
    assert after(memory=True, profiled=[1]) == [("a", peaks), ("b", peaks), ("b", functions)]
    assert after(profiled=[0, 1]) == [
        ("a", Turn(2, warmup=True, functions=True)), ("b", Turn(2, warmup=True, functions=True))
    ]  # fmt: skip


@pytest.mark.parametrize(("seconds", "passes"), [(0.1, 3), (9.9, 3), (10.1, 2), (29.9, 2), (30.1, 1)])
def test_auto_makes_fewer_passes_when_one_takes_long(seconds: float, passes: int) -> None:
    assert len(order(None, seconds=seconds)) == 2 * passes


def test_more_warm_up_than_samples_is_all_of_them() -> None:
    assert [each for each in order(1, warmup=9) if each[2]] == [("a", 0, True), ("b", 0, True)]


def test_no_samples_end_at_once() -> None:
    assert list(turns([], FakeClock(), passes=None, warmup_groups=3)) == []


def test_the_last_batch_is_shorter() -> None:
    assert batched([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
