"""What the code under test logs is in the trail of its run, and nothing of the user's is changed by it."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.profiling.recording.recorder import Recorder
from pytest_vizart.workflow import log_capture
from pytest_vizart.workflow.recording import measuring
from pytest_vizart.workflow.run import Run
from tests.profiling.fake_clock import FakeClock, FakeMemory

theirs = logging.getLogger("shop.detect")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run("test_x", output=tmp_path, audit=AuditLog(tmp_path))


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Whatever a test does to the loggers, the next one finds them as they were."""
    handlers = dict(logger._core.handlers)  # type: ignore[attr-defined]
    wrapped = logging.Logger.callHandlers, type(logger).remove
    yield
    assert (logging.Logger.callHandlers, type(logger).remove) == wrapped
    assert dict(logger._core.handlers) == handlers  # type: ignore[attr-defined]


def captured(output: Path) -> list[dict[str, Any]]:
    return [line for line in AuditQuery(output).fetch() if line["event"] == "log"]


def messages(output: Path) -> list[str]:
    return [line["message"] for line in captured(output)]


def test_what_is_logged_bears_run_stage_and_sample(run: Run, tmp_path: Path) -> None:
    theirs.warning("before")
    with measuring(run.recorder, run.log):
        run.recorder.begin_sample("s47")
        with run.stage("detect"):
            theirs.warning("%d boxes", 3)
            logger.warning("{} masks", 4)
        theirs.error("outside of stages")
    theirs.warning("after")
    logger.warning("after")
    told = [{name: line.get(name) for name in ("level", "logger", "message", "run_id", "test", "stage", "sample")}
            for line in captured(tmp_path)]  # fmt: skip
    own = {"run_id": run.run_id, "test": "test_x", "sample": "s47"}
    assert told == [
        {"level": "WARNING", "logger": "shop.detect", "message": "3 boxes", "stage": "detect", **own},
        {"level": "WARNING", "logger": __name__, "message": "4 masks", "stage": "detect", **own},
        {"level": "ERROR", "logger": "shop.detect", "message": "outside of stages", "stage": None, **own},
    ]


def test_exceptions_come_with_their_traceback(run: Run, tmp_path: Path) -> None:
    with measuring(run.recorder, run.log):
        for log in (theirs.exception, logger.exception):
            try:
                raise ZeroDivisionError("planted")
            except ZeroDivisionError:
                log("it failed")
    for line in captured(tmp_path):
        assert line["error"] == "ZeroDivisionError: planted"
        assert "test_log_capture.py" in line["traceback"]
    assert len(captured(tmp_path)) == 2


def test_levels_filters_and_disabling_are_the_users(run: Run, tmp_path: Path) -> None:
    class Dropping(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            return "secret" not in record.msg

    dropping = Dropping()
    with measuring(run.recorder, run.log):
        level, root_level = theirs.level, logging.root.level
        theirs.info("below the level")
        theirs.addFilter(dropping)
        theirs.warning("secret")
        theirs.removeFilter(dropping)
        logging.disable(logging.CRITICAL)
        theirs.critical("disabled")
        logging.disable(logging.NOTSET)
        quiet = logging.getLogger("shop.quiet")
        quiet.propagate = False
        quiet.addHandler(logging.NullHandler())
        quiet.warning("its own handlers only")
        theirs.log(35, "a level of their own")
        assert (theirs.level, logging.root.level) == (level, root_level)
    assert messages(tmp_path) == ["its own handlers only", "a level of their own"]
    assert captured(tmp_path)[1]["level"] == "WARNING"


def test_what_the_user_sees_is_as_ever(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    sink = logger.add(seen.append, format="{name}:{function}:{message}", level="INFO")
    handlers = list(logging.root.handlers)
    with caplog.at_level("INFO", logger="shop"), measuring(run.recorder, run.log):
        theirs.info("hello")
        logger.info("hello")
        logger.debug("not asked for")
        assert logging.root.handlers == handlers
    logger.remove(sink)
    assert [(record.message, record.funcName) for record in caplog.records] == [
        ("hello", "test_what_the_user_sees_is_as_ever")
    ]
    assert seen == [f"{__name__}:test_what_the_user_sees_is_as_ever:hello\n"]


def test_where_no_handler_is_logging_is_set_up_as_without_us(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler of ours would keep basicConfig from doing anything, and warnings from standard error."""
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    with measuring(run.recorder, run.log):
        theirs.warning("first")
        logging.basicConfig(format="set up: %(message)s", level="INFO")
        logging.info("second")
    assert capsys.readouterr().err.splitlines() == ["first", "set up: second"]
    assert messages(tmp_path) == ["first", "second"]


def test_the_user_may_remove_all_sinks(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core = logger._core  # type: ignore[attr-defined]
    monkeypatch.setattr(core, "handlers", dict(core.handlers))  # those of the session around this test come back
    monkeypatch.setattr(core, "min_level", core.min_level)
    with measuring(run.recorder, run.log):
        logger.remove()
        logger.info("after remove")
        logger.remove(logger.add(lambda message: None, level="INFO"))
        logger.configure(handlers=[{"sink": lambda message: None, "level": "INFO"}])
        logger.info("after configure")
    assert messages(tmp_path) == ["after remove", "after configure"]
    assert len(core.handlers) == 1
    logger.remove()


def test_a_sink_of_ours_that_the_user_removed_is_not_missed(run: Run) -> None:
    with measuring(run.recorder, run.log):
        assert log_capture._Installed.sink is not None
        logger.remove(log_capture._Installed.sink)


def test_threads_of_the_run_belong_to_it_and_runs_inside_of_runs_have_their_own(run: Run, tmp_path: Path) -> None:
    inner = Run("test_inner", output=tmp_path, audit=AuditLog(tmp_path, "inner"))
    with measuring(run.recorder, run.log):
        run.recorder.begin_sample("s1")
        with run.stage("load"):
            thread = threading.Thread(target=theirs.warning, args=("in a thread",))
            thread.start()
            thread.join()
        with measuring(inner.recorder, inner.log):
            theirs.warning("inside")
        theirs.warning("outside")
    told = {line["message"]: (line["test"], line.get("stage")) for line in captured(tmp_path)}
    assert told == {
        "in a thread": ("test_x", "load"),
        "inside": ("test_inner", None),
        "outside": ("test_x", None),
    }


def test_a_record_that_is_passed_on_to_loguru_is_told_once(run: Run, tmp_path: Path) -> None:
    class Intercept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logger.log("WARNING", record.getMessage())

    handler = Intercept()
    theirs.addHandler(handler)
    try:
        with measuring(run.recorder, run.log):
            theirs.warning("once")
    finally:
        theirs.removeHandler(handler)
    assert messages(tmp_path) == ["once"]


def test_mistakes_in_a_log_call_stay_what_they_are(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Loud:
        def __str__(self) -> str:
            theirs.warning("within")
            return "loud"

    class Broken:
        def __str__(self) -> str:
            raise ValueError("broken")

    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler(io.StringIO())])
    with measuring(run.recorder, run.log):
        theirs.warning("%d boxes", "no number")
        theirs.warning("%s", Loud())
        theirs.warning(Broken())
        with pytest.raises(IndexError):
            logger.warning("{} {}", 1)
    first, *rest = messages(tmp_path)
    assert first == "'%d boxes' (its arguments do not fit: TypeError)"
    assert "loud" in rest


def test_a_handler_that_raises_raises(run: Run) -> None:
    class Raising(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise RuntimeError("theirs")

    handler = Raising()
    theirs.addHandler(handler)
    try:
        with measuring(run.recorder, run.log):
            for _ in range(2):
                with pytest.raises(RuntimeError, match="theirs"):
                    theirs.warning("x")
    finally:
        theirs.removeHandler(handler)


def test_a_run_that_logs_without_end_is_cut_off(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_capture, "MAX_LINES", 100)
    monkeypatch.setattr(logging.root, "handlers", [logging.NullHandler()])
    with measuring(run.recorder, run.log):
        for number in range(300):
            theirs.warning("line %d", number)
    told = messages(tmp_path)
    assert told[:100] == [f"line {number}" for number in range(100)]
    assert told[100:] == ["more than 100 lines logged: the rest is not kept"]


def test_a_log_that_fails_does_not_reach_the_user(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(event: str, /, **fields: Any) -> None:
        raise OSError("gone")

    with measuring(run.recorder, broken):
        theirs.warning("x")
        logger.warning("x")


def test_a_user_who_mocks_the_same_method(run: Run, tmp_path: Path) -> None:
    original = vars(logging.Logger)["callHandlers"]
    with pytest.MonkeyPatch.context() as patch:
        with measuring(run.recorder, run.log):
            patch.setattr(logging.Logger, "callHandlers", lambda self, record: None)
            theirs.warning("mocked")
        theirs.warning("mocked")
    theirs.warning("what was put back does nothing more than it did")
    logging.Logger.callHandlers = original  # type: ignore[method-assign]
    assert messages(tmp_path) == []


@pytest.mark.parametrize("level", ["basic", "detailed", "full"])
def test_writing_what_is_logged_is_no_time_of_the_stages_around(level: str) -> None:
    clock = FakeClock()
    recorder = Recorder(level, clock=clock, memory=FakeMemory())
    with measuring(recorder, lambda event, **fields: clock.advance(50_000)):
        recorder.begin_sample("a")
        with recorder.stage("outer"):
            with recorder.stage("inner"):
                clock.advance(3)
                theirs.warning("one")
                with recorder.off_the_clock():
                    logger.warning("inside of what is off the clock anyway")
            theirs.warning("two")
    table = recorder.table()
    assert dict(zip(table.stage, table.wall_ns, strict=True)) == {"outer": 3, "inner": 3}
    if level != "basic":
        assert (set(table.cpu_ns), set(table.process_cpu_ns)) == ({3}, {3})
    recorder.discard()


def test_writing_in_other_threads_moves_no_clock_of_the_thread_that_waits() -> None:
    clock = FakeClock()
    recorder = Recorder("basic", clock=clock)
    with measuring(recorder, lambda event, **fields: clock.advance(50_000)):
        recorder.begin_sample("a")
        with recorder.stage("s"):
            thread = threading.Thread(target=theirs.warning, args=("one",))
            thread.start()
            thread.join()
    assert recorder.table().wall_ns == [50_000]
    recorder.discard()


def test_lines_of_warmup_and_of_later_passes_say_so(run: Run, tmp_path: Path) -> None:
    with measuring(run.recorder, run.log):
        for pass_index, warmup in ((0, True), (0, False), (1, False)):
            run.recorder.begin_sample("s", pass_index=pass_index, warmup=warmup)
            theirs.warning("x")
    assert [(line.get("warmup"), line.get("pass")) for line in captured(tmp_path)] == [
        (True, None), (None, None), (None, 2)
    ]  # fmt: skip
