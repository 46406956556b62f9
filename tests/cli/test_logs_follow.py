"""`vizart logs --follow`: lines as they come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_vizart.audit.log import AuditLog
from pytest_vizart.cli import logs as command
from tests.audit.logs import a_line, trail, write_log
from tests.cli.logs import vizart_logs

NOW = datetime.now(UTC)


def test_follow_shows_lines_as_they_come_over_midnight_and_rotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = NOW.replace(hour=23, minute=59, second=58).timestamp()
    write_log(tmp_path, [a_line(event="early", time=datetime.fromtimestamp(now_s - 9, UTC))], f"{NOW:%Y-%m-%d}.jsonl")
    log = AuditLog(tmp_path, max_bytes=300, now=lambda: now_s)
    told = iter(range(8))

    def write_next(seconds: float) -> None:
        nonlocal now_s
        number = next(told, None)
        if number is None:
            raise KeyboardInterrupt
        now_s += 1
        log.write(f"new {number}", "r1", "ERROR" if number % 2 else "INFO")

    monkeypatch.setattr(command.Follower.lines, "__defaults__", (write_next,))
    result = vizart_logs(tmp_path, "--follow", "--json")
    assert result.exit_code == 0
    assert [json.loads(line)["event"] for line in result.output.splitlines()] == [
        "early",
        *(f"new {n}" for n in range(8)),
    ]
    assert len(list((tmp_path / "logs").iterdir())) >= 3
    told = iter(range(8, 12))
    shown = vizart_logs(tmp_path, "--follow", "--level", "error", "--limit", "1").output.splitlines()
    assert [line.rpartition(" ")[2] for line in shown] == ["7", "9", "11"]


def test_a_line_that_is_half_written_is_shown_when_it_is_whole(tmp_path: Path) -> None:
    path = write_log(tmp_path, [a_line(event="one")])
    follower = command.Follower(tmp_path)
    with path.open("ab", buffering=0) as file:
        file.write(b'{"event":"tw')
        assert follower.new_lines() == []
        file.write(b'o"}\nno json\n{"event":"three"}\n')
        assert [line["event"] for line in follower.new_lines()] == ["two", "three"]
    path.write_bytes(b'{"event":"anew"}\n')
    assert [line["event"] for line in follower.new_lines()] == ["anew"]
    assert follower.new_lines() == []


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_ctrl_c_ends_following_cleanly(tmp_path: Path) -> None:
    write_log(tmp_path, trail(1))
    with subprocess.Popen(
        [sys.executable, "-c", "from pytest_vizart.cli.logs import logs; logs()", "--follow", "--output", tmp_path],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    ) as process:  # fmt: skip
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        assert process.stdout is not None
        shown = [process.stdout.readline() for _ in range(10)]
        os.kill(process.pid, signal.SIGINT)
        rest, errors = process.communicate()
        watchdog.cancel()
    assert "run finished" in shown[-1]
    assert (process.returncode, rest, errors) == (0, "", "")
