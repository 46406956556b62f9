from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_vizart.cli.show import show
from pytest_vizart.records.run import Code
from tests.cli.histories import HOSTILE, keep, run_with, vizart

SAVED = "runs/aaa1/stages/detect/a.png"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    run = run_with("aaa1", {"detect": 2}, statuses={"a": "wrong", "b": "correct"})
    keep(tmp_path, "s1", replace(run, outcomes=(replace(run.outcomes[0], artifacts=(SAVED,)), run.outcomes[1])))
    folder = tmp_path / "runs" / "aaa1"
    folder.mkdir(parents=True)
    about = {
        "command": "pytest test_x.py::test_x\x1b[31m", "notes": ["few passes", 3],
        "artifacts": [{"path": SAVED}, {"path": "runs/aaa1/stages/detect/log.txt"}, "no artifact"],
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(about))
    put(tmp_path, SAVED, "runs/aaa1/stages/detect/log.txt")
    return tmp_path


def put(output: Path, *paths: str) -> None:
    for path in paths:
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).touch()


def test_what_was_saved_and_how_to_run_it_again_are_told(output: Path) -> None:
    lines = [line.strip() for line in vizart(show, output, "last").output.splitlines()]
    assert lines[lines.index(SAVED) - 1].startswith("detect: a wrong")
    assert lines.count(SAVED) == 1
    assert "2 saved outputs, 1 of them above:" in lines
    assert "note: few passes" in lines
    assert lines[-1] == "again: pytest test_x.py::test_x?[31m"
    document = json.loads(vizart(show, output, "aaa", "--json").output)
    assert document["artifacts"] == [SAVED, "runs/aaa1/stages/detect/log.txt"]
    assert document["notes"] == ["few passes"]


def test_saved_outputs_that_retention_took_are_not_told(output: Path) -> None:
    (output / SAVED).unlink()
    text = vizart(show, output, "last").output
    assert SAVED not in text
    assert "1 saved output:" in text
    assert json.loads(vizart(show, output, "aaa", "--json").output)["artifacts"] == ["runs/aaa1/stages/detect/log.txt"]


def test_csv_is_the_stages(output: Path) -> None:
    (row,) = csv.DictReader(io.StringIO(vizart(show, output, "aaa1", "--csv").output, newline=""))
    assert (row["stage"], row["spans"]) == ("detect", "2")
    assert float(row["wall_median_ns"]) == pytest.approx(2e6, rel=1e-3)


@pytest.mark.parametrize("damage", ["", "[1]", "{", '{"artifacts": 3, "notes": "x", "command": 4}'])
def test_a_damaged_run_file_takes_nothing_else_away(output: Path, damage: str) -> None:
    (output / "runs" / "aaa1" / "run.json").write_text(damage)
    result = vizart(show, output, "aaa1")
    assert result.exit_code == 0
    assert "detect: median 2.000 ms" in result.output


def test_files_of_a_wrong_sample_come_first_and_all_under_it(output: Path) -> None:
    place = output / "runs" / "aaa1" / "run.json"
    saved = [{"path": f"runs/aaa1/stages/decode/{number}.png", "samples": ["b"]} for number in range(30)]
    saved.append({"path": "runs/aaa1/stages/decode/of_a.png", "samples": ["a"]})
    place.write_text(json.dumps({"artifacts": saved}))
    put(output, *(str(each["path"]) for each in saved))
    lines = [line.strip() for line in vizart(show, output, "aaa1").output.splitlines()]
    begin = next(position for position, line in enumerate(lines) if line.startswith("detect: a wrong"))
    assert lines[begin + 1 : begin + 3] == [SAVED, "runs/aaa1/stages/decode/of_a.png"]
    assert "... 10 more (--all, --json)" in lines
    assert json.loads(vizart(show, output, "aaa1", "--json").output)["artifacts"][:2] == lines[begin + 1 : begin + 3]
    assert lines.count("runs/aaa1/stages/decode/29.png") == 0
    assert "decode/29.png" in vizart(show, output, "aaa1", "--all").output


def test_undefined_metrics_are_told_only_when_asked_for(tmp_path: Path) -> None:
    keep(tmp_path, "s1", run_with("r1", {"detect": 1}, metrics={"map": 0.5, "recall": None}))
    assert "recall" not in vizart(show, tmp_path, "last").output
    assert "detect: recall -" in vizart(show, tmp_path, "last", "--all").output


def test_why_a_run_is_no_baseline_is_told(tmp_path: Path) -> None:
    keep(tmp_path, "s1", run_with("r1", {"detect": 1}, accepted=False, not_accepted_because="nothing was measured"))
    assert "no baseline: nothing was measured" in vizart(show, tmp_path, "last").output


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (Code("c0ffee1234", "main", False), "commit c0ffee1234, branch main, clean"),
        (Code("c0ffee1234", "main", True), "commit c0ffee1234, branch main, dirty: tracked files were changed"),
        (Code("c0ffee1234", None, False), "commit c0ffee1234, clean"),
        (Code(None, HOSTILE, None), 'branch a,b" ?[31m|=1+1'),
    ],
)
def test_commit_branch_and_whether_files_were_changed_are_told(tmp_path: Path, code: Code, told: str) -> None:
    keep(tmp_path, "s1", run_with("r1", {"detect": 1}), code=code)
    assert vizart(show, tmp_path, "last").output.splitlines()[1] == f"  {told}"


def test_nothing_is_told_of_code_that_is_not_known(tmp_path: Path) -> None:
    keep(tmp_path, "s1", run_with("r1", {"detect": 1}), code=Code())
    assert vizart(show, tmp_path, "last").output.splitlines()[1].startswith("  detect: ")
