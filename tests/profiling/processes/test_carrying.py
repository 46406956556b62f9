"""Every stage that ran is there, exactly once, with its parent and its sample, whoever ran it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import multiprocessing
import multiprocessing.pool
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.profiling.processes.carrying import carried
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.records.span import CRASHED, SpanTable
from pytest_vizart.workflow.recording import measuring
from tests.profiling.child_work import die, inner, square

METHODS = [method for method in ("fork", "spawn", "forkserver") if method in multiprocessing.get_all_start_methods()]
COUNT = 6


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(folder=tmp_path)
    recorder.begin_sample("one", pass_index=1)
    with measuring(recorder):
        yield recorder
    recorder.discard()
    assert list(tmp_path.iterdir()) == []


def spans_of(table: SpanTable) -> Counter[tuple[str, str | None, str | None, int, str | None]]:
    rows = zip(table.stage, table.parent, table.sample_id, table.pass_index, table.error, strict=True)
    return Counter(rows)


def expected(count: int = COUNT) -> Counter[tuple[str, str | None, str | None, int, str | None]]:
    return Counter({
        ("around", None, "one", 1, None): 1,
        ("square", "around", "one", 1, None): count,
        ("inner", "square", "one", 1, None): count,
    })  # fmt: skip


def test_a_thread(recorder: Recorder) -> None:
    with recorder.stage("around"):
        threads = [threading.Thread(target=square, args=(number,)) for number in range(COUNT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert spans_of(recorder.table()) == expected()
    assert "run" not in vars(threads[0])


def test_a_thread_of_ones_own_class(recorder: Recorder) -> None:
    class Worker(threading.Thread):
        def run(self) -> None:
            square(2)

    with recorder.stage("around"):
        worker = Worker()
        worker.start()
        worker.join()
    assert spans_of(recorder.table()) == expected(1)


def test_a_thread_pool(recorder: Recorder) -> None:
    with ThreadPoolExecutor(3) as pool, recorder.stage("around"):
        assert list(pool.map(square, range(COUNT))) == [number * number for number in range(COUNT)]
    assert spans_of(recorder.table()) == expected()


def test_a_pool_that_outlives_the_stage_works_for_the_stage_that_asks(recorder: Recorder) -> None:
    with ThreadPoolExecutor(1) as pool:
        for name in ("first", "second"):
            with recorder.stage(name):
                pool.submit(inner, 1).result()
        pool.submit(inner, 1).result()
    assert sorted(str(parent) for stage, parent in zip(recorder.table().stage, recorder.table().parent, strict=True)
                  if stage == "inner") == ["None", "first", "second"]  # fmt: skip


def test_an_asyncio_pipeline(recorder: Recorder) -> None:
    async def work() -> None:
        with recorder.stage("around"):
            await asyncio.gather(*(asyncio.to_thread(square, number) for number in range(COUNT)))

    asyncio.run(work())
    assert spans_of(recorder.table()) == expected()


def test_the_users_own_context_variables_stay_where_they_are(recorder: Recorder) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="default")
    variable.set("changed")
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append(variable.get()))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: seen.append(variable.get())).result()
    assert seen == ["default", "default"]


def test_a_thread_that_outlives_its_run_is_not_the_next_runs(tmp_path: Path) -> None:
    go, done = threading.Event(), threading.Event()

    def linger() -> None:
        go.wait(10)
        square(3)
        done.set()

    first, second = Recorder(folder=tmp_path), Recorder(folder=tmp_path)
    with measuring(first):
        threading.Thread(target=linger, daemon=True).start()
    first.close()
    with measuring(second):
        go.set()
        assert done.wait(10)
    assert len(second.table()) == 0
    first.discard()
    second.discard()


@pytest.mark.parametrize("method", METHODS)
def test_a_process_pool(recorder: Recorder, method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool, recorder.stage("around"):
        assert list(pool.map(square, range(COUNT))) == [number * number for number in range(COUNT)]
    table = recorder.table()
    assert spans_of(table) == expected()
    children = {process for stage, process in zip(table.stage, table.process, strict=True) if stage == "square"}
    assert os.getpid() not in children
    assert all(offset >= 0 for offset in table.offset_ns)


@pytest.mark.parametrize("method", METHODS)
def test_a_multiprocessing_pool(recorder: Recorder, method: str) -> None:
    with multiprocessing.get_context(method).Pool(2) as pool, recorder.stage("around"):
        assert pool.map(square, range(2)) == [0, 1]
        assert pool.apply(square, (2,)) == 4
        assert list(pool.imap(square, range(2))) == [0, 1]
        assert sorted(pool.imap_unordered(square, range(1))) == [0]
    assert spans_of(recorder.table()) == expected(6)


@pytest.mark.parametrize("method", METHODS)
def test_a_process(recorder: Recorder, method: str) -> None:
    with recorder.stage("around"):
        process = multiprocessing.get_context(method).Process(target=square, args=(3,))
        process.start()
        process.join()
    assert process.exitcode == 0
    assert spans_of(recorder.table()) == expected(1)
    assert not hasattr(process, "_vizart_ticket")


def test_a_thread_pool_of_multiprocessing(recorder: Recorder) -> None:
    with multiprocessing.pool.ThreadPool(2) as pool, recorder.stage("around"):
        pool.map(square, range(COUNT))
    assert spans_of(recorder.table()) == expected()


@pytest.mark.parametrize("env", [None, {"PATH": os.environ.get("PATH", "")}])
def test_a_python_program(recorder: Recorder, env: dict[str, str] | None) -> None:
    with recorder.stage("around"):
        told = subprocess.run(
            [sys.executable, "-m", "tests.profiling.child_work", "4"], check=True, capture_output=True, env=env
        )
    assert told.stdout == b"16\n"
    assert spans_of(recorder.table()) == expected(1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_bare_fork(recorder: Recorder) -> None:
    with recorder.stage("around"):
        pid = os.fork()
        square(2)  # in both
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    assert spans_of(recorder.table()) == expected(2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_that_goes_on_leaves_the_parents_spans_alone(recorder: Recorder) -> None:
    with recorder.stage("around") as stage:
        pid = os.fork()
        if pid == 0:
            try:
                stage.__exit__(None, None, None)
                square(2)
            finally:
                os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    assert spans_of(recorder.table())["around", None, "one", 1, None] == 1
    assert len(recorder.table()) == 3


@pytest.mark.parametrize("method", METHODS)
def test_a_child_that_is_killed_is_known_with_its_sample(recorder: Recorder, method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    with (
        pytest.raises(BrokenProcessPool),
        ProcessPoolExecutor(1, mp_context=context) as pool,
        recorder.stage("around"),
    ):
        pool.submit(die, 1).result()
    recorded = recorder.recorded()
    ((stage, place),) = recorded.unfinished
    assert (stage, place.sample_id) == ("die", "one")
    assert spans_of(recorded.table)["die", "around", "one", 1, CRASHED] == 1


def test_everything_is_put_back() -> None:
    def methods() -> list[Any]:
        return [
            vars(owner)[name]
            for owner, name in (
                (threading.Thread, "start"),
                (ThreadPoolExecutor, "submit"),
                (ProcessPoolExecutor, "submit"),
                (multiprocessing.pool.Pool, "apply_async"),
                (multiprocessing.pool.Pool, "_map_async"),
                (multiprocessing.pool.Pool, "imap"),
                (multiprocessing.pool.Pool, "imap_unordered"),
                (multiprocessing.process.BaseProcess, "start"),
                (subprocess.Popen, "__init__"),
            )
        ]

    before = methods()
    with carried():
        with carried():
            pass
        assert all(now is not then for now, then in zip(methods(), before, strict=True))
    assert all(now is then for now, then in zip(methods(), before, strict=True))


def test_no_run_no_difference() -> None:
    with carried():
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(square, 3).result() == 9
        assert concurrent.futures.Future
        subprocess.run([sys.executable, "-c", "import os; assert 'PYTEST_VIZART_TICKET' not in os.environ"], check=True)


def test_a_thread_pool_that_outlives_a_run_works_for_the_next_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            recorder = Recorder(folder=tmp_path)
            with measuring(recorder), recorder.stage("around"):
                pool.submit(square, 2).result()
            assert Counter(recorder.table().stage) == {"around": 1, "square": 1, "inner": 1}
            recorder.discard()


def test_work_that_outlasts_its_sample_stays_with_it(recorder: Recorder) -> None:
    go = threading.Event()
    recorder.begin_sample("first")
    with recorder.stage("around"):
        thread = threading.Thread(target=lambda: (go.wait(10), square(1)))
        thread.start()
    recorder.begin_sample("second")
    go.set()
    thread.join()
    table = recorder.table()
    assert dict(zip(table.stage, table.sample_id, strict=True)) == dict.fromkeys(("around", "square", "inner"), "first")


def test_a_test_that_patches_what_we_wrap_leaves_no_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    original = threading.Thread.start
    for _ in range(3):
        patch = pytest.MonkeyPatch()
        with carried():
            patch.setattr(threading.Thread, "start", lambda self: None)
        patch.undo()  # after the run, as at a test's teardown: it puts back what it found
    with carried():
        pass
    assert threading.Thread.start is original


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_is_forked_inside_of_a_tracker_does_not_end_its_run(tmp_path: Path) -> None:
    from pytest_vizart import History, RunTracker

    with RunTracker(tmp_path, name="script") as run:
        with run.stage("before"):
            pass
        pid = os.fork()
        if pid == 0:
            with pytest.raises(SystemExit):
                sys.exit(0)
            run.__exit__(None, None, None)
            os._exit(0)
        os.waitpid(pid, 0)
        with run.stage("after"):
            pass
    (row,) = History(tmp_path).runs().to_pylist()
    assert row["status"] == "passed"
    assert sorted(History(tmp_path).spans().column("stage").to_pylist()) == ["after", "before"]
