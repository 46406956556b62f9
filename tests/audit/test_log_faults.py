"""What the audit log lives through: other processes, signals, full disks, the end of the stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_vizart.audit import log as log_module
from pytest_vizart.audit import log_file
from pytest_vizart.audit.log import AuditLog
from pytest_vizart.errors import VizartWarning
from tests.audit.written import FakeClock, events, lines


def test_a_log_that_cannot_be_written_is_warned_of_once(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = AuditLog(tmp_path)
    with pytest.warns(VizartWarning, match="audit log") as caught:
        log.write("x", "r1")
        log.write("y", "r1")
    assert len(caught) == 1


def test_a_file_that_was_deleted_is_written_anew(tmp_path: Path) -> None:
    clock = FakeClock()
    add = AuditLog(tmp_path, now=clock).of_run("r1", "test_x")
    add("lost")
    (tmp_path / "logs" / "2026-11-20.jsonl").unlink()
    (tmp_path / "logs").rmdir()
    clock.now_s += 1
    add("kept")
    assert events(tmp_path / "logs" / "2026-11-20.jsonl") == ["kept"]


def test_a_line_that_a_killed_process_left_unfinished_damages_no_other(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "2026-11-20.jsonl"
    path.write_text('{"time":"2026-11-20T12:00:00+00:00","event":"half')
    AuditLog(tmp_path, now=FakeClock()).write("whole", "r1")
    assert json.loads(path.read_text().splitlines()[1])["event"] == "whole"


def test_a_line_that_another_process_is_just_writing_is_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "2026-11-20.jsonl"
    path.write_text('{"event":"first",')

    def the_other_goes_on(_: float) -> None:
        with path.open("a") as file:
            file.write('"stage":"detect"}\n')

    monkeypatch.setattr(log_file.time, "sleep", the_other_goes_on)
    AuditLog(tmp_path, now=FakeClock()).write("second", "r1")
    assert events(path) == ["first", "second"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_writes_on(tmp_path: Path) -> None:
    add = AuditLog(tmp_path).of_run("r1", "test_x")
    add("parent")
    pid = os.fork()
    if not pid:
        try:
            os.closerange(3, 64)  # as daemons do: the parent's descriptor is not ours any more
            with (tmp_path / "other").open("w"):
                add("child")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    add("parent again")
    assert [line["event"] for line in lines(tmp_path)] == ["parent", "child", "parent again"]
    assert (tmp_path / "other").read_text() == ""


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pytest_vizart.audit.log import AuditLog\n"
        "add = AuditLog(Path(sys.argv[1]), max_bytes=100_000).of_run(sys.argv[2], 'test_x')\n"
        "for number in range(300): add('x' * (number % 7) * 300, number=number)"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)], cwd=Path(__file__).parents[2])
        for number in range(3)
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    told = [json.loads(line) for path in (tmp_path / "logs").iterdir() for line in path.read_text().splitlines()]
    assert len({(line["run_id"], line["number"]) for line in told}) == len(told) == 900


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers")
def test_a_signal_handler_may_log_within_a_line(tmp_path: Path) -> None:
    clock = FakeClock()
    add = AuditLog(tmp_path, max_bytes=3_000, now=clock).of_run("r1", "test_x")
    struck = 0

    def handler(number: int, frame: object) -> None:
        nonlocal struck
        struck += 1
        add("within")

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(1_500):
            clock.now_s += 1
            add("outer")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    told = [event for path in (tmp_path / "logs").iterdir() for event in events(path)]
    assert struck > 5
    assert (told.count("outer"), told.count("within")) == (1_500, struck)


def test_an_object_that_logs_when_it_is_shown(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)

    class Loud:
        def __str__(self) -> str:
            log.write("shown", "r1")
            return "loud"

    log.write("x", "r1", fields={"value": Loud()})
    assert [line["event"] for line in lines(tmp_path)] == ["shown", "x"]


def test_the_applications_logger_may_remove_all_its_sinks(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from loguru import logger\n"
        "from pytest_vizart.audit.log import AuditLog\n"
        "log = AuditLog(Path(sys.argv[1])); logger.remove(); logger.disable('pytest_vizart'); log.write('x', 'r1')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=Path(__file__).parents[2])
    assert [line["event"] for line in lines(tmp_path)] == ["x"]


def at_the_end_of_the_stack(act: Callable[[], None]) -> None:
    """Call it once at every depth of the stack, from the end on."""
    with suppress(RecursionError):
        at_the_end_of_the_stack(act)
    act()


def test_a_line_for_which_there_is_no_room_is_left_out_alone(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    add = log.of_run("r1", "test_x")
    add("before")
    with pytest.warns(VizartWarning, match="left out .RecursionError") as caught:
        at_the_end_of_the_stack(lambda: add("deep"))
        log.close()
    assert len(caught) == 1
    told = [line["event"] for line in lines(tmp_path)]
    assert told[0] == "before"
    assert told[1:] == ["deep"] * len(told[1:])
    assert 100 < len(told) < sys.getrecursionlimit()


def test_the_end_of_the_stack_ends_no_process(tmp_path: Path) -> None:
    """In a process of its own: what an earlier line made ready can hide it."""
    code = (
        "import sys, warnings; from datetime import UTC, datetime; from pathlib import Path\n"
        "from pytest_vizart.audit.log import AuditLog\n"
        "warnings.simplefilter('ignore')\n"
        "from tests.audit.test_log_faults import at_the_end_of_the_stack\n"
        "for value in (None, datetime.now(UTC)):\n"
        "    add = AuditLog(Path(sys.argv[1])).of_run('r1', 'test_x')\n"
        "    at_the_end_of_the_stack(lambda: add('deep', value=value))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=Path(__file__).parents[2])
    assert {line["event"] for line in lines(tmp_path)} == {"deep"}


@pytest.mark.parametrize("error", [MemoryError(), ValueError("planted"), UnicodeError("planted")])
def test_what_a_line_raises_costs_that_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(fields: object) -> bytes:
        raise error

    add = AuditLog(tmp_path).of_run("r1", "test_x")
    with pytest.warns(VizartWarning, match=type(error).__name__) as caught:
        for _ in range(3):
            with monkeypatch.context() as patch:
                patch.setattr(log_module, "encoded", broken)
                add("dropped")
            add("kept")
    assert len(caught) == 1
    assert [line["event"] for line in lines(tmp_path)] == ["kept"] * 3


def test_the_next_run_tries_again(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = AuditLog(tmp_path)
    with pytest.warns(VizartWarning, match="not written") as caught:
        for run_id in ("r1", "r2"):
            add = log.of_run(run_id, "test_x")
            add("lost")
            add("lost")
        (tmp_path / "logs").unlink()
        add("lost too")
        log.of_run("r3", "test_x")("kept")
    assert len(caught) == 1
    assert [line["event"] for line in lines(tmp_path)] == ["kept"]


def test_a_line_that_a_full_disk_took_in_part_damages_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AuditLog(tmp_path, now=FakeClock())
    log.of_run("r1", "test_x")("first")
    write, calls = os.write, iter([5, OSError(28, "No space left on device")])

    def full(descriptor: int, data: bytes) -> int:
        part = next(calls)
        if isinstance(part, OSError):
            raise part
        return write(descriptor, data[:part])

    with monkeypatch.context() as patch, pytest.warns(VizartWarning, match="No space left"):
        patch.setattr(os, "write", full)
        log.of_run("r2", "test_x")("lost")
    log.of_run("r3", "test_x")("third")
    path = tmp_path / "logs" / "2026-11-20.jsonl"
    first, half, third = path.read_text().splitlines()
    assert (json.loads(first)["event"], half, json.loads(third)["event"]) == ("first", '{"tim', "third")
