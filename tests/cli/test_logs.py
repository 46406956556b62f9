"""`vizart logs`: which lines are shown, and how."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_vizart import GoldenDataset, RunTracker
from pytest_vizart.audit.query import AuditQuery
from tests.audit.logs import a_line, run_id, trail, write_log
from tests.cli.logs import fits_one_screen, vizart_logs

NOW = datetime.now(UTC)


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
