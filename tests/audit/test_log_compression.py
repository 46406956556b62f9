from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_vizart.audit.compression import compress_old_logs
from pytest_vizart.audit.log import AuditLog
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.errors import VizartWarning
from tests.audit.logs import a_line, write_log

DAY_S = 86_400
LATER_S = datetime(2026, 11, 25, tzinfo=UTC).timestamp()


def later() -> float:
    return LATER_S


def old(path: Path, age_s: float = 2 * DAY_S) -> Path:
    os.utime(path, (LATER_S - age_s, LATER_S - age_s))
    return path


def names(output: Path) -> list[str]:
    return sorted(path.name for path in (output / "logs").iterdir())


def events(output: Path) -> list[str]:
    return [line["event"] for line in AuditQuery(output).fetch()]


def test_fr_008_files_of_earlier_days_are_compressed(tmp_path: Path) -> None:
    path = old(write_log(tmp_path, [a_line(number, event=f"e{number}") for number in range(500)]))
    before, size = events(tmp_path), path.stat().st_size
    assert compress_old_logs(tmp_path, now=later) == 1
    (name,) = names(tmp_path)
    assert name.startswith("2026-11-20.z")
    assert name.endswith(".jsonl.gz")
    told = (tmp_path / "logs" / name).stat()
    assert told.st_size < size / 8
    assert told.st_mtime == pytest.approx(LATER_S - 2 * DAY_S)
    assert events(tmp_path) == before
    assert compress_old_logs(tmp_path, now=later) == 0


def test_what_may_still_be_written_is_left_alone(tmp_path: Path) -> None:
    old(write_log(tmp_path, [a_line()], "2026-11-25.jsonl"))  # today's
    old(write_log(tmp_path, [a_line()], "2026-11-24.jsonl"), age_s=3_600)  # touched an hour ago
    log = AuditLog(tmp_path, now=lambda: datetime(2026, 11, 20, tzinfo=UTC).timestamp())
    log.write("x", "r1")
    old(tmp_path / "logs" / "2026-11-20.jsonl")  # still open
    (tmp_path / "logs" / "2026-11-21.jsonl").mkdir()
    (tmp_path / "logs" / "notes.txt").write_text("theirs")
    before = names(tmp_path)
    assert compress_old_logs(tmp_path, now=later) == 0
    log.close()
    assert names(tmp_path) == before
    assert compress_old_logs(tmp_path, now=later) == 1


def test_the_budget_ends_it_between_files(tmp_path: Path) -> None:
    for day in range(10, 20):
        old(write_log(tmp_path, [a_line()], f"2026-11-{day}.jsonl"))
    clock = iter(range(100))
    assert compress_old_logs(tmp_path, budget_s=2.5, now=later, elapsed=lambda: next(clock)) == 2
    assert compress_old_logs(tmp_path, now=later) == 8


def test_a_name_that_is_used_again_loses_nothing(tmp_path: Path) -> None:
    old(write_log(tmp_path, [a_line(event="first")]))
    compress_old_logs(tmp_path, now=later)
    old(write_log(tmp_path, [a_line(event="second")]))  # a clock that had jumped back
    compress_old_logs(tmp_path, now=later)
    assert len(names(tmp_path)) == 2
    assert sorted(events(tmp_path)) == ["first", "second"]


def test_what_a_killed_process_left_is_ended_by_the_next(tmp_path: Path) -> None:
    """Set aside, or compressed and not yet deleted, with a temporary file beside it."""
    old(write_log(tmp_path, [a_line(event="aside")], "2026-11-20.z00000000.jsonl"))
    path = old(write_log(tmp_path, [a_line(event="both")], "2026-11-21.z00000001.jsonl"))
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.with_name(".compressing-0").touch()
    old(path.with_name(".compressing-0"))
    assert sorted(events(tmp_path)) == ["aside", "both"]
    compress_old_logs(tmp_path, now=later)
    assert names(tmp_path) == ["2026-11-20.z00000000.jsonl.gz", "2026-11-21.z00000001.jsonl.gz"]
    assert sorted(events(tmp_path)) == ["aside", "both"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_kill_at_any_moment_neither_loses_nor_doubles_a_line(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pytest_vizart.audit.compression import compress_old_logs\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"compress_old_logs(Path(sys.argv[1]), now=lambda: {LATER_S})"
    )
    every = [f"{day}-{number}" for day in range(10, 20) for number in range(2_000)]
    for day in range(10, 20):
        lines = [a_line(number, event=f"{day}-{number}") for number in range(2_000)]
        old(write_log(tmp_path, lines, f"2026-11-{day}.jsonl"))
    chance = random.Random(1)
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            process.stdout.readline()
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            time.sleep(chance.uniform(0, 0.03))
            process.send_signal(signal.SIGKILL)
        assert sorted(events(tmp_path)) == sorted(every)
    compress_old_logs(tmp_path, now=later)
    assert {name.rpartition(".")[2] for name in names(tmp_path) if not name.startswith(".")} == {"gz"}
    assert sorted(events(tmp_path)) == sorted(every)


def test_a_reader_finds_what_is_compressed_under_its_hands(tmp_path: Path) -> None:
    for day in (20, 21, 22):
        old(write_log(tmp_path, [a_line(event=f"of {day}")], f"2026-11-{day}.jsonl"))
    reading = AuditQuery(tmp_path).iter()
    told = [next(reading)["event"]]
    compress_old_logs(tmp_path, now=later)  # the folder was listed before
    told += [line["event"] for line in reading]
    assert told == ["of 20", "of 21", "of 22"]


def test_a_folder_that_cannot_be_written_is_warned_of_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old(write_log(tmp_path, [a_line()], "2026-11-20.jsonl"))
    old(write_log(tmp_path, [a_line()], "2026-11-21.jsonl"))

    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.warns(VizartWarning, match="cannot be compressed") as caught:
        assert compress_old_logs(tmp_path, now=later) == 0
    assert len(caught) == 1
    assert len(events(tmp_path)) == 2


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert compress_old_logs(tmp_path / "nowhere") == 0
