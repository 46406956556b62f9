from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from loguru import logger

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.errors import VizartWarning


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
