from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loguru import logger

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.workflow.run import Run
from tests.audit.written import FakeClock, events, lines, names


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


def test_text_that_is_no_unicode_is_escaped_and_does_not_end_the_log(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.write("x", "r1", fields={"input_path": "caf\udce9.png"})
    log.write("y", "r1")
    assert [line["event"] for line in lines(tmp_path)] == ["x", "y"]
    assert lines(tmp_path)[0]["input_path"] == "caf\\udce9.png"


DAY_S = 86_400


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
