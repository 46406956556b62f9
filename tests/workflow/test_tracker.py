"""RunTracker: the same run outside of pytest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_vizart import GoldenDataset, History, RunTracker, UsageError, profile
from tests.plugin.conftest import make_shades


@profile
def classify(path: str) -> str:
    return "dark" if Path(path).stem in "ab" else "light"


def test_a_script_is_measured_compared_and_kept(tmp_path: Path) -> None:
    dataset = GoldenDataset.load(make_shades(tmp_path))
    with RunTracker(tmp_path / "out", name="script") as run:
        for sample in run.samples(dataset):
            run.predict(classify(sample.path))
    history = History(tmp_path / "out")
    (row,) = history.runs().to_pylist()
    assert (row["test_id"], row["status"], row["samples"], row["accepted"]) == ("script", "passed", 4, False)
    assert {row["status"] for row in history.outcomes().to_pylist()} == {"correct"}
    assert run.result is not None
    assert run.result.scores[0].metrics["accuracy"] == 1.0


def test_an_exception_is_recorded_and_goes_on(tmp_path: Path) -> None:
    dataset = GoldenDataset.load(make_shades(tmp_path))
    with pytest.raises(ZeroDivisionError), RunTracker(tmp_path / "out", name="script") as run:
        for _ in run.samples(dataset):
            with run.stage("divide"):
                raise ZeroDivisionError("planted")
    (row,) = History(tmp_path / "out").runs().to_pylist()
    assert (row["status"], row["accepted"]) == ("error", False)
    (log,) = (tmp_path / "out" / "logs").glob("*.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    (failure,) = [event for event in events if event["event"] == "stage failed"]
    assert failure["stage"] == "divide"
    assert failure["input_path"].endswith("a.png")
    assert "planted" in failure["traceback"]


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UsageError, match="basic, detailed or full"):
        RunTracker(profile="everything")


def test_a_tracker_saves_outputs_and_tells_how_it_was_started(tmp_path: Path) -> None:
    dataset = GoldenDataset.load(make_shades(tmp_path))
    with RunTracker(tmp_path / "out", name="script", artifacts="failures") as run:
        for sample in run.samples(dataset):
            with run.stage("classify") as stage:
                label = stage.output("dark" if sample.id != "d" else "light")
            run.predict(label)
    (saved,) = (tmp_path / "out").glob("runs/*/stages/*/*")
    assert saved.name == "c.txt"
    told = json.loads((tmp_path / "out" / "runs" / run.run_id / "run.json").read_text())
    assert (told["run_id"], len(told["artifacts"]), len(told["inputs"])) == (run.run_id, 1, 4)
    assert told["command"].startswith(f"cd {Path.cwd()} && ")
    assert told["configuration"]["artifacts"] == "failures"
    with pytest.raises(UsageError, match=r"RunTracker\(artifacts="):
        RunTracker(tmp_path / "out", artifacts="sometimes")
