from __future__ import annotations

import contextvars
import threading

import pytest

from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.profiling.watching.active import (
    activate,
    activated,
    active_recorders,
    at_end,
    belong_to,
    current_recorder,
    deactivate,
    end_watches,
    not_at_end,
)
from tests.profiling.ran import new_recorder


@pytest.fixture
def outer() -> Recorder:
    return new_recorder()


@pytest.fixture
def inner() -> Recorder:
    return new_recorder()


def test_the_innermost_run_records(outer: Recorder, inner: Recorder) -> None:
    assert current_recorder() is None
    with activated(outer):
        assert current_recorder() is outer
        with activated(inner):
            assert current_recorder() is inner
        assert current_recorder() is outer
    assert current_recorder() is None
    assert active_recorders == []


def test_runs_may_end_in_another_order_than_they_began(outer: Recorder, inner: Recorder) -> None:
    activate(outer)
    activate(inner)
    deactivate(outer)
    assert current_recorder() is inner
    deactivate(inner)
    deactivate(inner)
    assert current_recorder() is None


def test_a_thread_without_a_context_of_its_own_works_for_the_innermost_run(outer: Recorder) -> None:
    seen = []
    with activated(outer):
        thread = threading.Thread(target=lambda: seen.append(current_recorder()), name="bare")
        threading.Thread.start(thread)
        thread.join()
    assert seen == [outer]


def test_a_context_carries_its_run_and_none_when_that_is_over(outer: Recorder, inner: Recorder) -> None:
    with activated(outer):
        carried = contextvars.copy_context()
        with activated(inner):
            assert carried.run(current_recorder) is outer
    with activated(inner):
        assert carried.run(current_recorder) is None
        assert current_recorder() is inner


def test_a_closed_recorder_records_nothing(outer: Recorder) -> None:
    with activated(outer):
        outer.close()
        assert current_recorder() is None


def test_a_thread_can_be_made_to_belong_to_a_run(outer: Recorder, inner: Recorder) -> None:
    def work() -> Recorder | None:
        belong_to(outer)
        return current_recorder()

    with activated(outer), activated(inner):
        assert contextvars.copy_context().run(work) is outer


def test_what_was_to_be_undone_is_undone_once_at_the_end_last_first(outer: Recorder, inner: Recorder) -> None:
    done = []
    undo = [lambda number=number: done.append(number) for number in range(4)]  # type: ignore[misc]
    with activated(outer):
        for one in undo[:3]:
            at_end(outer, one)
        at_end(inner, undo[3])
        not_at_end(outer, undo[1])
        not_at_end(outer, undo[1])
    assert done == [2, 0]
    end_watches(outer)
    end_watches(inner)
    assert done == [2, 0, 3]
