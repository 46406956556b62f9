from __future__ import annotations

import threading

import pytest

from pytest_vizart.profiling.analysis.leaks import stage_that_keeps
from pytest_vizart.profiling.probes.heap import EVERY, MOST_NS, HeapWatch, heap_reader
from pytest_vizart.profiling.recording.recorder import Recorder


class FakeHeap:
    def __init__(self) -> None:
        self.in_use = 1_000

    def __call__(self) -> int:
        return self.in_use


def test_what_a_stage_leaves_is_its_own_and_not_that_of_nested_ones() -> None:
    heap = FakeHeap()
    watch = HeapWatch(heap)
    for _ in range(2 * EVERY):
        if watch.looks(first_pass=False, warmup=False):
            outer = watch.enter()
            heap.in_use += 7
            inner = watch.enter()
            heap.in_use += 100
            watch.leave(2, inner)
            watch.leave(1, outer)
    assert watch.per_sample() == {1: 7, 2: 100}


def test_later_passes_tell_and_the_first_one_only_alone() -> None:
    heap = FakeHeap()
    watch = HeapWatch(heap)
    for first_pass, left in ((True, 500), (False, 30)):
        for _ in range(EVERY):
            if watch.looks(first_pass=first_pass, warmup=False):
                begun = watch.enter()
                heap.in_use += left
                watch.leave(1, begun)
        assert watch.per_sample() == {1: left}


def test_what_a_batch_leaves_is_told_per_sample() -> None:
    heap = FakeHeap()
    watch = HeapWatch(heap)
    for _ in range(2 * EVERY):
        if watch.looks(first_pass=False, warmup=False, items=10):
            begun = watch.enter()
            heap.in_use += 500
            watch.leave(1, begun)
    assert watch.per_sample() == {1: 50}


def test_warm_up_and_other_threads_are_not_looked_at() -> None:
    watch = HeapWatch(FakeHeap())
    assert not watch.looks(first_pass=True, warmup=True)
    assert watch.looks(first_pass=True, warmup=False)
    entered: list[object] = []
    thread = threading.Thread(target=lambda: entered.append(watch.enter()))
    thread.start()
    thread.join()
    assert entered == [None]


def test_a_stage_that_was_never_left_spoils_nothing() -> None:
    heap = FakeHeap()
    watch = HeapWatch(heap)
    watch.looks(first_pass=False, warmup=False)
    outer = watch.enter()
    watch.enter()  # an abandoned generator
    heap.in_use += 9
    watch.leave(1, outer)
    watch.leave(1, outer)
    assert watch.per_sample() == {1: 9}


def test_a_heap_that_is_slow_to_read_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10**9, MOST_NS + 1))
    monkeypatch.setattr("time.perf_counter_ns", lambda: next(clock))
    watch = HeapWatch(FakeHeap())
    assert watch.looks(first_pass=False, warmup=False)
    watch.enter()
    assert not any(watch.looks(first_pass=False, warmup=False) for _ in range(2 * EVERY))


@pytest.mark.skipif(heap_reader() is None, reason="the C library does not tell")
def test_a_real_heap() -> None:
    in_use = heap_reader()
    assert in_use is not None
    recorder = Recorder(short_stage_ns=0)
    kept = []
    for number in range(3 * EVERY):
        recorder.begin_sample(str(number), pass_index=1)
        with recorder.stage("outer"):
            with recorder.stage("keeps"):
                kept.append(bytearray(100_000))
            with recorder.stage("frees"):
                bytearray(300_000)
    left = recorder.left_on_heap()
    recorder.close()
    assert left["keeps"] == pytest.approx(100_000, rel=0.3)
    # Other threads of this process, of tests before this one, use the same heap.
    assert abs(left["frees"]) < 30_000
    assert abs(left["outer"]) < 30_000
    assert stage_that_keeps(left, 101_000) == "keeps"


def test_a_leak_is_put_down_to_one_stage_or_to_none() -> None:
    assert stage_that_keeps({"a": 100.0, "b": 3.0}, 110) == "a"
    assert stage_that_keeps({"a": 100.0, "b": 90.0}, 110) is None
    assert stage_that_keeps({"a": 1.0}, 110) is None
    assert stage_that_keeps({}, 110) is None
