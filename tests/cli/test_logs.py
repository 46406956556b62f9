from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pytest_vizart import GoldenDataset, RunTracker
from pytest_vizart.audit.artifacts.ledger import Artifact, Ledger
from pytest_vizart.audit.log import AuditLog
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.cli import logs as command
from pytest_vizart.cli.last_failure import own_frames
from pytest_vizart.cli.logs import logs
from pytest_vizart.history.journal import Journal
from pytest_vizart.history.owner import owner_of
from pytest_vizart.profiling.recording.open_spans import innermost
from pytest_vizart.profiling.recording.recorder import Recorder
from tests.audit.logs import a_line, run_id, trail, write_log
from tests.history.builders import a_session

NOW = datetime.now(UTC)


def vizart_logs(output: Path, *arguments: str) -> Result:
    return CliRunner().invoke(logs, [*arguments, "--output", str(output)])


def fits_one_screen(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) <= 24 and max(map(len, lines)) <= 100


def sixty_samples(folder: Path) -> GoldenDataset:
    dataset = folder / "golden" / "coins"
    (dataset / "images").mkdir(parents=True)
    for number in range(1, 61):
        Image.fromarray(np.full((4, 4), number, np.uint8)).save(dataset / "images" / f"coin_{number:03}.png")
    rows = [f"coin_{number:03}.png,coin" for number in range(1, 61)]
    (dataset / "classes.csv").write_text("\n".join(["file,label", *rows]))
    (dataset / "golden.yaml").write_text(
        "samples: images/*.png\nclasses: [coin]\n"
        "labels:\n  - {stage: detect, task: classes, format: csv, path: classes.csv}\n"
    )
    return GoldenDataset.load(dataset)


def test_sc_004_the_47th_sample_of_one_run_among_10_000_is_found_on_one_screen(tmp_path: Path) -> None:
    """No option, and within a minute: the input file and the error of what failed."""
    dataset, output = sixty_samples(tmp_path), tmp_path / ".vizart"
    earlier = NOW - timedelta(hours=1)
    name = f"{earlier:%Y-%m-%d}.jsonl"
    write_log(output, (line for number in range(5_000) for line in trail(number, earlier)), name)
    with pytest.raises(ValueError, match="planted"), RunTracker(output, name="tests/test_coins.py::test_coins") as run:
        for sample in run.samples(dataset):
            with run.stage("decode"):
                pass
            with run.stage("detect"):
                if sample.id == "coin_047":
                    raise ValueError("planted: no contour in this image")
    later = datetime.now(UTC)
    after = f"{later:%Y-%m-%d}.jsonl"
    write_log(output, (line for number in range(5_000, 10_000) for line in trail(number, later)), after)
    assert sum(line["event"] == "run finished" for line in AuditQuery(output).fetch()) == 10_001

    result = vizart_logs(output, "--failed")
    assert result.exit_code == 0
    assert fits_one_screen(result.output)
    for told in (run.run_id, "tests/test_coins.py::test_coins", "detect", "coin_047", "test_logs.py",
                 "ValueError: planted: no contour in this image", 'raise ValueError("planted'):  # fmt: skip
        assert told in result.output
    assert str(dataset.root / "images" / "coin_047.png") in result.output.replace("\n" + " " * 11, "")
    assert f"vizart logs --run {run.run_id[:8]}" in result.output


def test_fr_013_the_filters_of_the_command(tmp_path: Path) -> None:
    for day in (19, 20, 21):
        when = datetime(2026, 11, day, 12, tzinfo=UTC)
        write_log(tmp_path, trail(day, when), f"2026-11-{day}.jsonl")
    write_log(tmp_path, [a_line(9, event="stage failed", stage="detect", success=False, level="ERROR", error="X: y")])
    asked = {
        ("--run", run_id(19)[:8]): 10,
        ("--run", "last"): 10,
        ("--after", "2026-11-20", "--before", "2026-11-21"): 11,
        ("--stage", "detect"): 4,
        ("--stage", "detect", "--failed"): 1,
        ("--succeeded", "--stage", "fuse", "--after", "2026-11-21"): 1,
        ("--level", "error"): 1,
        ("--search", "X: y"): 1,
        ("--test", "test_5"): 10,
        ("--limit", "3"): 3,
        (): 31,
        ("--search", "nowhere"): 0,
    }
    for arguments, count in asked.items():
        result = vizart_logs(tmp_path, *arguments, "--json")
        assert result.exit_code == 0
        document = json.loads(result.stdout)
        assert document["schema_version"] == 1
        assert len(document["lines"]) == count, arguments
    newest = json.loads(vizart_logs(tmp_path, "--limit", "2", "--json").stdout)["lines"]
    assert [line["event"] for line in newest] == ["stage finished", "run finished"]


def test_fr_015_the_filtered_lines_are_exported(tmp_path: Path) -> None:
    write_log(tmp_path, (line for number in range(20) for line in trail(number)))
    target = tmp_path / "out.json"
    assert "20 lines" in vizart_logs(tmp_path, "--stage", "detect", "--export", str(target)).output
    assert {line["stage"] for line in json.loads(target.read_text())} == {"detect"}
    vizart_logs(tmp_path, "--limit", "2", "--export", str(target))
    assert [line["event"] for line in json.loads(target.read_text())] == ["stage finished", "run finished"]
    refused = vizart_logs(tmp_path, "--export", str(tmp_path / "nowhere" / "x.json"))
    assert refused.exit_code == 2
    assert "Traceback" not in refused.output


def test_lines_for_people(tmp_path: Path) -> None:
    write_log(tmp_path, trail(1))
    write_log(
        tmp_path, [a_line(5, event="sample wrong", level="WARNING", stage="detect", sample="s1", reason="1 miss")]
    )
    lines = vizart_logs(tmp_path).output.splitlines()
    assert lines[1].startswith(f"2026-11-20 12:00:00  INFO     {run_id(1)[:8]}  stage finished load")
    assert "wall_ms 1.5" in lines[1]
    assert lines[-1].endswith("sample wrong detect s1  1 miss")
    assert vizart_logs(tmp_path, "--search", "nowhere").output == "no line of the log matches\n"


def test_one_run_is_told_in_full(tmp_path: Path) -> None:
    failure = a_line(event="stage failed", level="ERROR", success=False, stage="s", input_path="/data/a.png",
                     error="ValueError: x", traceback="Traceback:\n  File x\nValueError: x\n")  # fmt: skip
    write_log(tmp_path, [failure])
    text = vizart_logs(tmp_path, "--run", "r1").output
    assert "    input_path: /data/a.png\n" in text
    assert "    Traceback:\n      File x\n" in text


def test_more_lines_than_are_shown_are_told_of(tmp_path: Path) -> None:
    write_log(tmp_path, (line for number in range(10) for line in trail(number)))
    result = vizart_logs(tmp_path)
    assert len(result.stdout.splitlines()) == 50
    assert "--limit" in result.stderr


HOSTILE = "a\x1b[31m|\n\udce9../\x07" + "x" * 300


def a_failed_run(output: Path, *lines: dict[str, Any]) -> Result:
    log = AuditLog(output)
    for line in lines:
        log.write(line.pop("event"), "0000-1", line.pop("level", "ERROR"), {"test": "test_y", **line})
    log.close()
    return vizart_logs(output, "--failed")


def test_a_verdict_is_told_with_stage_metric_and_samples(tmp_path: Path) -> None:
    wrong = [
        {"event": "sample wrong", "level": "WARNING", "stage": "detect", "sample": f"s{number}",
         "input_path": f"/data/s{number}.png", "reason": "2 of 5 objects missed"} for number in range(30)
    ]  # fmt: skip
    message = "detect: map_50 0.712, limit 0.8; 3 newly wrong"
    verdicts = [{"event": "verdict", "stage": "detect", "metric": "map_50", "kind": "accuracy", "success": False,
                 "message": message, "samples": ["s7", "s8"]} for _ in range(9)]  # fmt: skip
    end = {"event": "run finished", "success": False, "status": "failed", "error": message}
    result = a_failed_run(tmp_path, *wrong, *verdicts, end)
    assert fits_one_screen(result.output)
    lines = result.output.splitlines()
    assert lines[0].startswith("FAILED  run 0000-1")
    for told in ("test_y", "  stage    detect", "  sample   s7", "/data/s7.png", "map_50 0.712",
                 "2 of 5 objects missed", "27 more samples that were wrong", "5 more checks"):  # fmt: skip
        assert told in result.output


def test_a_crash_is_told_with_its_sample(tmp_path: Path) -> None:
    crash = {"event": "stage crashed", "success": False, "stage": "classify", "sample": "c",
             "input_path": "/data/c.png", "error": "the process died in stage classify on sample c"}  # fmt: skip
    result = a_failed_run(tmp_path, crash)
    assert result.output.startswith("CRASHED  run 0000-1")
    assert "/data/c.png" in result.output


def test_the_first_sample_that_raised_goes_before_their_sum(tmp_path: Path) -> None:
    raised = [{"event": "stage failed", "success": False, "stage": "s", "sample": f"s{number}", "error": f"E: {number}",
               "traceback": "Traceback\n" + "  File\n" * 60 + f"E: {number}"} for number in range(3)]  # fmt: skip
    total = {"event": "test failed", "success": False, "error": "PipelineError: 3 samples raised"}
    end = {"event": "run finished", "success": False, "error": "PipelineError: 3 samples raised"}
    result = a_failed_run(tmp_path, *raised, total, end)
    assert fits_one_screen(result.output)
    assert "  sample   s0" in result.output
    assert "4 times in this run" in result.output
    assert "    E: 0" in result.output


def test_what_the_code_logs_as_an_error_makes_no_failed_run(tmp_path: Path) -> None:
    write_log(tmp_path, [a_line(event="run finished", success=False, run_id="bad", error="E: x", level="ERROR")])
    write_log(tmp_path, [a_line(5, event="log", level="ERROR", run_id="good", message="oh")])
    write_log(tmp_path, [a_line(6, event="stage finished", success=False, run_id="good")])  # the test caught it
    assert "run bad" in vizart_logs(tmp_path, "--failed").output


def test_the_command_that_runs_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "0000-1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"command": "pytest 'tests/test_y.py::test_y'"}))
    result = a_failed_run(tmp_path, {"event": "test failed", "success": False, "error": "E: x"})
    command = "pytest 'tests/test_y.py::test_y'"
    again = "  again    with the same environment variables, which are not kept:\n"
    assert f"{again}{' ' * 11}{command}\n" in result.output


def test_the_files_of_the_failing_sample_are_named(tmp_path: Path) -> None:
    saved = [{"event": "artifact saved", "level": "INFO", "sample": sample, "output_path": f"runs/{n}.png"}
             for n, sample in enumerate(["a", "b|c", "c", "c", "c"])]  # fmt: skip
    failed = {"event": "stage failed", "success": False, "stage": "s", "sample": "c", "error": "E: x"}
    shown = a_failed_run(tmp_path, *saved, failed).output.splitlines()
    at = shown.index(f"  saved    {tmp_path}/runs/1.png")
    assert shown[at + 1 : at + 3] == [f"{' ' * 11}{tmp_path}/runs/2.png", f"{' ' * 11}and 2 more files: vizart show"]


def test_the_frames_shown_are_the_users_own(tmp_path: Path) -> None:
    frames = [("/x/_pytest/python.py", "f1()"), ("/home/me/test_a.py", "mine()"), ("/x/pluggy/_callers.py", "f2()"),
              ("/x/pytest_vizart/workflow/run.py", "f3()"), ("/home/me/shop.py", "theirs()")]  # fmt: skip
    text = "".join(f'  File "{path}", line 3, in f\n    {code}\n    ^^^^\n' for path, code in frames)
    failed = {"event": "test failed", "success": False, "error": "E: x",
              "traceback": f"Traceback (most recent call last):\n{text}E: x\n"}  # fmt: skip
    output = a_failed_run(tmp_path, failed).output
    assert "the end of the traceback, 8 lines" in output
    assert all(told in output for told in ("mine()", "theirs()", "    E: x"))
    assert not any(name in output for name in ("pluggy", "_pytest", "f1()", "f2()", "f3()"))
    only = "\n".join(text.splitlines()[:3])
    assert own_frames(only.splitlines()) == only.splitlines()


def test_the_screen_of_one_run_among_several(tmp_path: Path) -> None:
    for number, run in enumerate(["aa", "ab", "b"]):
        write_log(tmp_path, [a_line(number, event="run finished", success=False, run_id=run, error=f"E: {run}")])
    write_log(tmp_path, [a_line(9, event="run finished", success=True, run_id="last")])
    assert "run ab " in vizart_logs(tmp_path, "--failed", "--run", "a").output
    assert vizart_logs(tmp_path, "--failed", "--run", "last").output == "nothing in this run failed\n"


def test_samples_that_were_wrong_are_failures_and_end_no_run(tmp_path: Path) -> None:
    bad = a_line(1, event="run finished", success=False, run_id="bad", error="E: x", level="ERROR")
    wrong = a_line(2, event="sample wrong", level="WARNING", run_id="good", sample="coin_7", reason="1 miss")
    write_log(tmp_path, [bad, wrong])
    assert "sample wrong coin_7" in vizart_logs(tmp_path, "--failed", "--search", "coin_7").output
    assert "run bad" in vizart_logs(tmp_path, "--failed").output


def a_killed_session(output: Path) -> None:
    """One that died in stage detect on sample c at noon, after it had saved a file."""
    journal = Journal(output, "s1")
    journal.open(a_session(command="pytest -k coins"))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        (journal.folder / "owner.json").write_bytes(owner_of(process.pid).as_json())
    journal.spans.mkdir()
    about = {"run_id": "crashed", "test_id": "t.py::test_c", "profile": "basic", "dataset": "coins"}
    recorder = Recorder("basic", folder=journal.spans, about=about)
    for sample in ("b", "c"):
        recorder.begin_sample(sample, input_path=f"/data/{sample}.png")
        stage = recorder.stage("detect").__enter__()
        if sample == "b":
            stage.__exit__(None, None, None)
    innermost.set(None)
    Ledger(output / "runs" / "crashed").add(Artifact("runs/crashed/stages/detect/b.png", "detect", ("b",), 7))
    noon_s = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
    recorder.close()
    for path in journal.spans.iterdir():
        path.write_bytes(path.read_bytes())
        os.utime(path, (noon_s, noon_s))


def test_a_session_that_was_killed_just_now_is_the_last_failure(tmp_path: Path) -> None:
    write_log(tmp_path, [a_line(-60, event="run finished", success=False, run_id="old", error="E: x")])
    a_killed_session(tmp_path)
    result = vizart_logs(tmp_path, "--failed")
    assert result.stdout.startswith("CRASHED  run crashed  2026-11-20 12:00:00 UTC")
    assert "-m pytest -k coins\n" in result.stdout
    (told,) = result.stderr.splitlines()
    assert "t.py::test_c: the process died in stage detect on sample c (/data/c.png)" in told
    assert "Warning" not in told
    about = json.loads((tmp_path / "runs" / "crashed" / "run.json").read_text())
    assert [each["path"] for each in about["artifacts"]] == ["runs/crashed/stages/detect/b.png"]
    assert {each["sample"]: each["path"] for each in about["inputs"]} == {"b": "/data/b.png", "c": "/data/c.png"}
    assert about["session_command"] == "pytest -k coins"
    assert vizart_logs(tmp_path, "--failed").stderr == ""


def test_what_is_sent_to_a_store_and_what_cannot_be_written_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(tmp_path, trail(1))
    a_killed_session(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda self, target: (_ for _ in ()).throw(PermissionError(13, "read-only")))
        assert vizart_logs(tmp_path).exit_code == 0
    write_log(tmp_path, trail(2), "2026-11-20.s1.jsonl")
    result = vizart_logs(tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (tmp_path / "journal" / "s1").is_dir()


def test_a_log_without_a_failure(tmp_path: Path) -> None:
    write_log(tmp_path, trail(1))
    assert vizart_logs(tmp_path, "--failed").output == "no failed run in the log\n"


@pytest.mark.parametrize("arguments", [(), ("--failed",), ("--run", "r1"), ("--stage", HOSTILE), ("--json",)])
def test_names_move_nothing_on_the_terminal(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    write_log(tmp_path, [a_line(event="stage failed", success=False, level="ERROR", stage=HOSTILE, sample=HOSTILE,
                                input_path=HOSTILE, error=HOSTILE, traceback=HOSTILE, test=HOSTILE)])  # fmt: skip
    result = vizart_logs(tmp_path, *arguments)
    assert result.exit_code == 0
    assert "x" * 20 in result.output
    assert [each for each in result.output if not each.isprintable() and each != "\n"] == []
    if arguments == ("--failed",):
        assert fits_one_screen(result.output)


@pytest.mark.parametrize("lines", [[{"run_id": 3, "success": False, "event": "run finished"}],
                                   [{"run_id": "r", "success": False, "event": "run finished", "time": 3}],
                                   [{"run_id": "r", "success": False, "event": "verdict"},
                                    {"run_id": "r", "success": False, "event": "run finished", "samples": 3,
                                     "stage": [], "sample": {}, "error": 7, "traceback": ["x"]}],
                                   [{"run_id": "../..", "success": False, "event": "run finished"}]])  # fmt: skip
def test_lines_of_another_shape_end_in_no_traceback(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    write_log(tmp_path, lines)
    for arguments in ((), ("--failed",), ("--stage", "r"), ("--run", "last"), ("--json",)):
        assert vizart_logs(tmp_path, *arguments).exit_code == 0


def test_damage_is_told_beside_the_output(tmp_path: Path) -> None:
    path = write_log(tmp_path, trail(1))
    with path.open("ab") as file:
        file.write(b"not json\n")
    result = vizart_logs(tmp_path, "--json")
    assert len(json.loads(result.stdout)["lines"]) == 10
    assert result.stderr.splitlines() == [
        f"warning: {path}, line 11: not a line of the audit log, it is no JSON object: skipped"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--after", "soon"), "--after: not a date"),
        (("--run", "zzzz"), "no run 'zzzz'"),
        (("--search", ""), "--search"),
        (("--run", ""), "--run"),
        (("--level", "loud"), "loud"),
        (("--follow", "--export", "x"), "exclude"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    write_log(tmp_path, trail(1))
    result = vizart_logs(tmp_path, *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_folder_without_a_log_is_a_usage_error(tmp_path: Path) -> None:
    result = vizart_logs(tmp_path)
    assert result.exit_code == 2
    assert "run pytest first" in result.output


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
