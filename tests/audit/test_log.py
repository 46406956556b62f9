from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loguru import logger

from pytest_vizart.audit import log as log_module
from pytest_vizart.audit import log_file
from pytest_vizart.audit.log import AuditLog
from pytest_vizart.errors import VizartWarning
from pytest_vizart.workflow.run import Run


def lines(folder: Path) -> list[dict]:
    (path,) = (folder / "logs").glob("*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_line_is_json_with_time_level_event_and_run(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    fields = {"stage": "detect", "error": "ValueError: {x} <red>", "output": None, "run_id": "not this"}
    log.write("stage failed", "r1", "ERROR", fields)
    (line,) = lines(tmp_path)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "ERROR",
        "event": "stage failed",
        "run_id": "r1",
        "stage": "detect",
        "error": "ValueError: {x} <red>",
    }


def test_the_file_bears_the_date(tmp_path: Path) -> None:
    AuditLog(tmp_path).write("x", "r1")
    (path,) = (tmp_path / "logs").iterdir()
    assert path.name == f"{lines(tmp_path)[0]['time'][:10]}.jsonl"


def test_other_peoples_sinks_see_nothing_and_are_not_touched(tmp_path: Path) -> None:
    seen: list[str] = []
    handler = logger.add(seen.append, format="{message}")
    try:
        log = AuditLog(tmp_path)
        log.write("ours", "r1")
        logger.info("theirs")
        log.close()
        logger.info("theirs still")
    finally:
        logger.remove(handler)
    assert [text.strip() for text in seen] == ["theirs", "theirs still"]
    assert [line["event"] for line in lines(tmp_path)] == ["ours"]


def test_lines_of_several_threads_do_not_mix(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    threads = [threading.Thread(target=lambda: [log.write("x" * 3_000, "r1") for _ in range(40)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(tmp_path)) == 160


def test_a_log_that_cannot_be_written_is_warned_of_once(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    log = AuditLog(tmp_path)
    with pytest.warns(VizartWarning, match="audit log") as caught:
        log.write("x", "r1")
        log.write("y", "r1")
    assert len(caught) == 1


def test_text_that_is_no_unicode_is_escaped_and_does_not_end_the_log(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.write("x", "r1", fields={"input_path": "caf\udce9.png"})
    log.write("y", "r1")
    assert [line["event"] for line in lines(tmp_path)] == ["x", "y"]
    assert lines(tmp_path)[0]["input_path"] == "caf\\udce9.png"


NOON_S = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
DAY_S = 86_400


class FakeClock:
    def __init__(self, now_s: float = NOON_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def events(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text().splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "logs").iterdir())


def test_fr_008_lines_go_through_loguru_and_rotate_by_date(tmp_path: Path) -> None:
    clock = FakeClock()
    log = AuditLog(tmp_path, now=clock)
    seen: list[Any] = []
    log._logger.add(lambda message: seen.append(message.record["extra"]), format="{message}", level=0)
    add = log.of_run("r1", "test_x")
    add("noon")
    clock.now_s += DAY_S
    add("next day")
    clock.now_s -= DAY_S  # a clock that jumps back
    add("noon again")
    assert seen == [{"run_id": "r1", "test": "test_x"}] * 3
    assert events(tmp_path / "logs" / "2026-11-20.jsonl") == ["noon", "noon again"]
    assert events(tmp_path / "logs" / "2026-11-21.jsonl") == ["next day"]


def test_fr_008_a_file_that_has_grown_large_is_followed_by_the_next_one(tmp_path: Path) -> None:
    clock = FakeClock()
    add = AuditLog(tmp_path, "ab12cd34", max_bytes=1_000, now=clock).of_run("r1", "test_x")
    for number in range(120):
        clock.now_s += 1
        add(f"line {number:03}")
    found = names(tmp_path)
    assert found[0] == "2026-11-20.ab12cd34.10.jsonl"
    assert "2026-11-20.ab12cd34.jsonl" in found
    told = [event for name in found for event in events(tmp_path / "logs" / name)]
    assert sorted(told) == [f"line {number:03}" for number in range(120)]
    assert max(path.stat().st_size for path in (tmp_path / "logs").iterdir()) < 1_300


def test_fr_009_every_line_of_a_run_bears_its_uuid(tmp_path: Path) -> None:
    runs = [Run("test_x", output=tmp_path, audit=AuditLog(tmp_path)) for _ in range(2)]
    for run in runs:
        run.log("hello", level="warning", number=3, run_id="not this", event_="x")
    told = lines(tmp_path)
    assert [line["run_id"] for line in told] == [run.run_id for run in runs]
    assert all(len(run.run_id) == 36 for run in runs)
    assert [(line["level"], line["test"], line["number"]) for line in told] == [("WARNING", "test_x", 3)] * 2


def test_fr_011_lines_are_json_whatever_they_are_made_of(tmp_path: Path) -> None:
    class Silent:
        def __str__(self) -> str:
            raise ValueError("no text")

    loop: list[Any] = []
    loop.append(loop)
    values = {
        "half": "a\udce9b", "key": {1: "x", ("a",): 2}, "big": 2**70, "nan": float("nan"), "array": np.arange(3),
        "number": np.float32(0.5), "loop": loop, "silent": Silent(), "path": Path("x"), "lines": "a\nb\x00\x1b[31m",
        "set": {1}, "success": False,
    }  # fmt: skip
    log = AuditLog(tmp_path)
    for name, value in values.items():
        log.write("one", "r1", fields={name: value, "success": False})
    log.write("all", "r1", fields=values)
    told = lines(tmp_path)
    assert len(told) == len(values) + 1
    assert {line["success"] for line in told} == {False}
    last = told[-1]
    assert last["half"] == "a\\udce9b"
    assert (last["array"], last["number"], last["nan"], last["set"]) == ("[0 1 2]", "0.5", None, [1])
    assert last["time"].startswith(told[0]["time"][:11])  # with its T
    assert told[4]["array"] == [0, 1, 2]
    assert "cannot be shown" in last["silent"]


def test_what_is_very_long_loses_its_middle(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.write("x", "r1", "ERROR", {"error": "a" * 10_000_000 + "z", "success": False})
    log.write("x", "r1", fields={f"field {number}": "y" * 50_000 for number in range(500)})
    first, second = lines(tmp_path)
    assert first["error"].startswith("aaa")
    assert first["error"].endswith("z")
    assert first["success"] is False
    assert max(len(line) for line in (tmp_path / "logs").glob("*").__next__().read_text().splitlines()) < 1_000_000
    assert second["run_id"] == "r1"


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
        "from tests.audit.test_log import at_the_end_of_the_stack\n"
        "for value in (None, datetime.now(UTC)):\n"
        "    add = AuditLog(Path(sys.argv[1])).of_run('r1', 'test_x')\n"
        "    at_the_end_of_the_stack(lambda: add('deep', value=value))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=Path(__file__).parents[2])
    assert {line["event"] for line in lines(tmp_path)} == {"deep"}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000000+00:00"),
        (1_763_600_000.5, "2025-11-20T00:53:20.500000+00:00"),
        (-0.25, "1969-12-31T23:59:59.750000+00:00"),
        (1_763_600_000 - 2**-22, "2025-11-20T00:53:20.000000+00:00"),
        (1_763_600_000.123456, "2025-11-20T00:53:20.123456+00:00"),
        (-1e-20, "1970-01-01T00:00:00.000000+00:00"),
        (-62_135_596_800.0, "0001-01-01T00:00:00.000000+00:00"),
    ],
)
def test_a_line_tells_its_time_to_the_microsecond(tmp_path: Path, moment: float, text: str) -> None:
    log = AuditLog(tmp_path, now=lambda: moment)
    log.write("x", "r1")
    log.close()
    assert [line["time"] for line in lines(tmp_path)] == [text]


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
