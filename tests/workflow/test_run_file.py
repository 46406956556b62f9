from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart import GoldenDataset
from pytest_vizart.audit.artifacts.ledger import Artifact, Ledger, UsedFile
from pytest_vizart.errors import VizartWarning
from pytest_vizart.gating.limits import AccuracyLimit
from pytest_vizart.records.outcome import Outcome
from pytest_vizart.records.run import RunInfo, RunResult
from pytest_vizart.records.span import SpanTable
from pytest_vizart.workflow import run_file
from pytest_vizart.workflow.judge import Limits
from pytest_vizart.workflow.run_file import saved_of, write_run_file
from tests.history.builders import a_session
from tests.plugin.conftest import make_shades

INFO = RunInfo(
    "r1", "s1", "t.py::test_x", "shades", "d1", 1_000_000, 2_500_000, "error", 4, 3, 1, "detailed", error="E: x"
)


def result(outcomes: tuple[Outcome, ...] = (), **changes: Any) -> RunResult:
    return RunResult(replace(INFO, **changes), SpanTable(), outcomes=outcomes)


def written(output: Path, told: RunResult, **more: Any) -> dict[str, Any]:
    path = write_run_file(output, told, a_session(), command="python", configuration={"passes": None}, **more)
    assert path == output / "runs" / "r1" / "run.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def test_it_says_what_ran_on_what_and_how(tmp_path: Path) -> None:
    limits = Limits(accuracy=(AccuracyLimit.from_marker((), {"accuracy": 0.9}),))
    told = written(tmp_path, result(), limits=limits, dataset_root=tmp_path / "golden")
    assert told["schema_version"] == 1
    assert (told["run_id"], told["test_id"], told["status"], told["error"]) == ("r1", "t.py::test_x", "error", "E: x")
    assert told["started"] == "1970-01-01T00:00:01+00:00"
    assert told["finished"] == "1970-01-01T00:00:02.500000+00:00"
    assert told["dataset"] == {"name": "shades", "digest": "d1", "folder": str(tmp_path / "golden")}
    assert told["configuration"] == {"passes": None}
    assert (told["command"], told["session_command"]) == ("python", "pytest")
    assert told["machine"]["fingerprint"]
    assert told["code"].keys() == {"commit", "branch", "dirty"}
    assert told["versions"]["pytest_vizart"]
    assert "0.9" in json.dumps(told["limits"]["accuracy"])


def test_inputs_are_named_by_path_size_and_digest(tmp_path: Path) -> None:
    dataset = GoldenDataset.load(make_shades(tmp_path))
    known = Outcome("a", "classify", "classes", "correct", input_digest="of-the-outcome")
    Path(dataset["d"].path).unlink()
    a, b, _, d = written(tmp_path / "out", result((known,)), samples=dataset, dataset_root=dataset.root)["inputs"]
    size = Path(dataset["a"].path).stat().st_size
    assert a == {"sample": "a", "path": "images/a.png", "size_bytes": size, "digest": "of-the-outcome"}
    assert b["digest"] == dataset["b"].input_digest()
    assert d["digest"] is None
    assert d["problem"].startswith("not read: ")
    outside = written(tmp_path / "out", result(), samples=dataset)["inputs"]
    assert outside[0]["path"] == Path(dataset["a"].path).as_posix()


def test_digests_end_where_their_time_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_file, "_INPUTS_BYTES", 0)
    dataset = GoldenDataset.load(make_shades(tmp_path))
    inputs = written(tmp_path / "out", result(), samples=dataset)["inputs"]
    assert {each["digest"] for each in inputs} == {None}
    assert all(each["problem"].startswith("not read: ") and each["size_bytes"] for each in inputs)


def test_it_takes_the_place_of_the_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs" / "r1")
    ledger.add(Artifact("runs/r1/stages/s/a.txt", "s", ("a",), 3))
    ledger.add(UsedFile("model.onnx", 3, "abc"))
    assert saved_of(tmp_path, "r1").models[0].digest == "abc"
    told = written(tmp_path, result())
    assert told["artifacts"] == [{"path": "runs/r1/stages/s/a.txt", "stage": "s", "samples": ["a"], "size_bytes": 3}]
    assert told["models"] == [{"path": "model.onnx", "size_bytes": 3, "digest": "abc", "problem": None}]
    assert [path.name for path in (tmp_path / "runs" / "r1").iterdir()] == ["run.json"]


def test_texts_that_are_no_unicode_are_escaped(tmp_path: Path) -> None:
    told = written(tmp_path, result(error="caf\udce9", notes=("x\ud800",)), limits=Limits())
    assert (told["error"], told["notes"]) == ("caf\\udce9", ["x\\ud800"])


def test_a_file_that_cannot_be_written_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.warns(VizartWarning, match=r"run\.json: the file of this run cannot be written") as caught:
        assert write_run_file(tmp_path, result(), a_session(), command="", configuration={}) is None
    assert len(caught) == 1


def test_the_environment_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hush-hush")
    written(tmp_path, result())
    assert "hush-hush" not in (tmp_path / "runs" / "r1" / "run.json").read_text()
