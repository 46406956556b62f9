"""The trail of a run: FR-010's facts for each stage, whatever became of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart import GoldenDataset, RunTracker
from pytest_vizart.audit.query import AuditQuery
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.stage import StageStats
from pytest_vizart.records.verdict import Verdict
from pytest_vizart.workflow.trail import write_trail
from tests.history.builders import a_run
from tests.plugin.conftest import make_shades


def test_fr_010_the_trail_of_a_stage_that_passed_and_of_one_that_failed(tmp_path: Path) -> None:
    dataset = GoldenDataset.load(make_shades(tmp_path))
    with pytest.raises(ValueError, match="planted"), RunTracker(tmp_path / "out", name="script", warmup=0) as run:
        for sample in run.samples(dataset):
            with run.stage("decode"):
                pass
            with run.stage("classify"):
                if sample.id == "c":
                    raise ValueError("planted")
            run.predict("dark")
    lines = AuditQuery(tmp_path / "out").run_id(run.run_id).fetch()
    assert all(line["time"] and line["test"] == "script" for line in lines)
    by_event = {(line["event"], line.get("stage")): line for line in lines}
    started = by_event["run started", None]
    assert (started["dataset"], started["input_path"]) == ("shades", str(dataset.root))
    decoded = by_event["stage finished", "decode"]
    assert decoded["success"] is True
    assert Path(decoded["input_path"]) == dataset.root / "images"
    assert min(decoded["wall_ms"], decoded["p95_ms"], decoded["cpu_ms"], decoded["memory_mb"]) >= 0
    failed = by_event["stage failed", "classify"]
    assert (failed["success"], failed["sample"], failed["error"]) == (False, "c", "ValueError: planted")
    assert failed["input_path"] == str(dataset.root / "images" / "c.png")
    assert "test_trail.py" in failed["traceback"]
    assert by_event["stage finished", "classify"]["success"] is False
    ended = by_event["run finished", None]
    assert (ended["success"], ended["level"], ended["error"]) == (False, "ERROR", "ValueError: planted")


def test_fr_012_the_trail_leads_to_what_a_stage_saved(tmp_path: Path) -> None:
    with RunTracker(tmp_path / "out", name="script") as run:
        with run.stage("detect"):
            pass
        run.save("boxes", [[1, 2, 3, 4]])
    (saved,) = (line for line in AuditQuery(tmp_path / "out").stage("detect").fetch() if "saved" in line["event"])
    path = Path(saved["output_path"])
    assert (path if path.is_absolute() else tmp_path / "out" / path).is_file()
    assert saved["run_id"] == run.run_id


class RaisingError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "error", [RaisingError(), ValueError("\udce9" + "x" * 100_000), ExceptionGroup("g", [OSError("y")])]
)
def test_whatever_is_raised_is_told(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), RunTracker(tmp_path / "out", name="script") as run, run.stage("decode"):
        raise error
    (failed,) = (line for line in AuditQuery(tmp_path / "out").fetch() if line["event"] == "stage failed")
    assert failed["error"].startswith(type(error).__name__)
    assert len(failed["error"]) <= 2_100
    assert failed["success"] is False


def trail_of(result: Any, told: Any = ()) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    write_trail(lambda event, /, **fields: lines.append({"event": event, **fields}), result, told)
    return lines


def test_verdicts_name_their_samples_and_the_end_says_why() -> None:
    run = a_run("r1", status="failed")
    samples = tuple(f"s{number}" for number in range(30))
    bad = Verdict("t", "detect", "accuracy", "map_50", "fail", "detect: map_50 .71, limit .8", samples=samples)
    good = replace(bad, status="pass")
    lines = trail_of(replace(run, verdicts=(good, bad)))
    (verdict,) = (line for line in lines if line["event"] == "verdict")
    assert (verdict["stage"], verdict["metric"], verdict["success"]) == ("detect", "map_50", False)
    assert verdict["samples"] == list(samples[:20])
    assert lines[-1]["event"] == "run finished"
    assert lines[-1]["error"].startswith("detect: map_50 .71, limit .8")


def test_samples_that_were_told_already_are_not_told_again() -> None:
    wrong = [Outcome(name, "detect", "boxes", "wrong", input_path=f"/data/{name}.png") for name in "ab"]
    stage = StageStats("detect", spans=2, errors=0, wall_ms=None)
    lines = trail_of(replace(a_run("r1"), outcomes=tuple(wrong), stages=(stage,)), {("detect", "a")})
    assert [line["sample"] for line in lines if line["event"] == "sample wrong"] == ["b"]
    assert {line["input_path"] for line in lines if line["event"] == "stage finished"} == {"/data"}
