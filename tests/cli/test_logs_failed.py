"""`vizart logs --failed`: the last failed run on one screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from pytest_vizart.audit.artifacts.ledger import Artifact, Ledger
from pytest_vizart.audit.log import AuditLog
from pytest_vizart.cli.last_failure import own_frames
from pytest_vizart.history.journal import Journal
from pytest_vizart.history.owner import owner_of
from pytest_vizart.profiling.recording.open_spans import innermost
from pytest_vizart.profiling.recording.recorder import Recorder
from tests.audit.logs import a_line, trail, write_log
from tests.cli.logs import fits_one_screen, vizart_logs
from tests.history.builders import a_session


def a_failed_run(output: Path, *lines: dict[str, Any]) -> Result:
    log = AuditLog(output)
    for line in lines:
        log.write(line.pop("event"), "0000-1", line.pop("level", "ERROR"), {"test": "test_y", **line})
    log.close()
    return vizart_logs(output, "--failed")


def test_a_frame_in_a_long_path_keeps_file_and_line(tmp_path: Path) -> None:
    path = f"/home/me/{'deep/' * 30}pipeline.py"
    traceback = (
        f'Traceback (most recent call last):\n  File "{path}", line 47, in {"find_" * 9}\n    raise ValueError\n'
    )
    raised = {"event": "stage failed", "stage": "detect", "success": False, "error": "ValueError: x"}
    result = a_failed_run(tmp_path, {**raised, "traceback": traceback})
    (told,) = [line for line in result.output.splitlines() if "File " in line]
    assert 'deep/pipeline.py", line 47, in find_' in told
    assert len(told) <= 80


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
    assert "  raised   on 3 samples in this run" in result.output
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
    at = next(number for number, line in enumerate(shown) if line.startswith("  saved    "))
    rest = "".join(line[11:] for line in shown[at:])
    assert rest.startswith(f"{tmp_path}/runs/1.png{tmp_path}/runs/2.pngand 2 more files: vizart show")


def test_no_text_is_cut_without_a_mark_and_all_that_is_hidden_is_counted(tmp_path: Path) -> None:
    root = "/home/somebody/projects/shapes/golden/shapes/images"
    wrong = [
        {"event": "sample wrong", "level": "WARNING", "stage": "classify", "sample": f"square/square_{number:02}",
         "input_path": f"{root}/square/square_{number:02}.png", "reason": "predicted circle, is square"}
        for number in range(10)
    ]  # fmt: skip
    saved = [{"event": "artifact saved", "level": "INFO", "sample": "square/square_00",
              "output_path": f"runs/0000-1/stages/{stage}/{'x' * 90}.npy"} for stage in "abc"]  # fmt: skip
    message = f"classify accuracy 0.3333 < 0.9, its floor; {'word ' * 200}"
    verdicts = [{"event": "verdict", "stage": "classify", "success": False, "message": message,
                 "samples": ["square/square_00"]} for _ in range(5)]  # fmt: skip
    end = {"event": "run finished", "success": False, "status": "failed", "error": message}
    folder = tmp_path / "runs" / "0000-1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"command": f"pytest {'test_y.py ' * 90}--end"}))
    lines = a_failed_run(tmp_path, *saved, *wrong, *verdicts, end).output.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    texts: list[str] = []
    for line in lines:
        texts = [*texts[:-1], f"{texts[-1]} {line.strip()}"] if line.startswith(" " * 11) else [*texts, line]
    error, check = (next(text for text in texts if text[2:].startswith(each)) for each in ("error", "check"))
    assert all("…" in text for text in (error, check))
    assert "more check" in check
    shown = len([line for line in texts if line.startswith("  wrong") and "predicted circle, is square" in line])
    assert f"{10 - shown} more samples that were wrong or invalid" in " ".join(texts)
    (command,) = (text for text in texts if text.startswith("  again"))
    assert "…" in command
    assert command.endswith("--end")


def test_each_sample_shown_keeps_its_last_word(tmp_path: Path) -> None:
    for length in range(40, 160):
        wrong = {"event": "sample wrong", "stage": "classify", "sample": "square/square_00",
                 "input_path": f"/{'d' * length}/square_00.png", "reason": "predicted circle, is square"}  # fmt: skip
        output = tmp_path / str(length)
        end = {"event": "run finished", "success": False, "status": "failed", "error": "E: x"}
        assert "is square\n" in a_failed_run(output, wrong, end).output


def test_the_code_of_the_run_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "0000-1"
    folder.mkdir(parents=True)
    failed = {"event": "test failed", "success": False, "error": "E: x"}
    for code, told in (
        ({"commit": "e275222" + "0" * 33, "branch": "feature/x", "dirty": True},
         "e275222 on feature/x, with uncommitted changes"),
        ({"commit": "e275222" + "0" * 33, "branch": None, "dirty": False}, "e275222"),
    ):  # fmt: skip
        (folder / "run.json").write_text(json.dumps({"code": code}))
        assert f"\n  code     {told}\n" in a_failed_run(tmp_path, dict(failed)).output
    documents: list[Any] = [{"code": {"commit": None}}, {"code": None}, [], {}]
    for document in documents:
        (folder / "run.json").write_text(json.dumps(document))
        assert "  code " not in a_failed_run(tmp_path, dict(failed)).output


def test_a_later_run_that_was_interrupted_is_told_in_one_line(tmp_path: Path) -> None:
    write_log(tmp_path, [a_line(0, event="run finished", success=False, run_id="bad", error="E: x")])
    stop = {"event": "run finished", "success": False, "status": "error", "error": "KeyboardInterrupt: "}
    write_log(tmp_path, [a_line(60, run_id="stopped", **stop)])
    lines = vizart_logs(tmp_path, "--failed").output.splitlines()
    assert lines[0].startswith("FAILED  run bad")
    assert "  later    run stopped was interrupted 2026-11-20 12:01:00" in lines
    assert vizart_logs(tmp_path, "--failed", "--run", "stop").output.startswith("INTERRUPTED  run stopped")


def test_the_frames_shown_are_the_users_own(tmp_path: Path) -> None:
    frames = [("/x/_pytest/python.py", "f1()"), ("/home/me/test_a.py", "mine()"), ("/x/pluggy/_callers.py", "f2()"),
              ("/x/pytest_vizart/workflow/run.py", "f3()"), ("/home/me/shop.py", "theirs()")]  # fmt: skip
    text = "".join(f'  File "{path}", line 3, in f\n    {code}\n    ~~~~^^^^\n' for path, code in frames)
    failed = {"event": "test failed", "success": False, "error": "E: x",
              "traceback": f"Traceback (most recent call last):\n{text}E: x\n"}  # fmt: skip
    output = a_failed_run(tmp_path, failed).output
    assert "the end of the traceback, 6 lines" in output
    assert all(told in output for told in ("mine()", "theirs()", "    E: x"))
    assert not any(name in output for name in ("pluggy", "_pytest", "f1()", "f2()", "f3()", "^^^"))
    only = "\n".join(text.splitlines()[:3])
    assert own_frames(only.splitlines()) == only.splitlines()[:2]


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
