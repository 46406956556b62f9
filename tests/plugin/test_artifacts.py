"""Saved outputs in real sessions: the option, items of one run, run.json, the history."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart import History

LOOP = """
from pipeline import decode
from pytest_vizart import profile

@profile("classify")
def classify(image):
    return "light" if image.mean() > 220 else "dark"

def test_shades(vizart_run, golden_dataset):
    vizart_run.uses("pipeline.py")
    for sample in vizart_run.samples(golden_dataset):
        with vizart_run.stage("decode") as stage:
            image = stage.output(decode(sample.path))
        vizart_run.predict(classify(image))
"""


def saved(folder: Path) -> list[str]:
    return sorted(f"{path.parent.name}/{path.name}" for path in folder.glob(".vizart/runs/*/stages/*/*"))


def run_file(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob(".vizart/runs/*/run.json")
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def test_fr_012_fr_016_failed_samples_lead_to_their_outputs(project: pytest.Pytester) -> None:
    project.makepyfile(test_shades=LOOP)
    project.runpytest("--vizart-artifacts=failures", "--vizart-passes=2").assert_outcomes(passed=1)
    assert saved(project.path) == ["classify/c.txt", "decode/c.png"]
    history = History(project.path / ".vizart")
    (run,) = history.runs().to_pylist()
    outcomes = {row["sample_id"]: row["artifacts"] or [] for row in history.outcomes().to_pylist()}
    assert outcomes == {"a": [], "b": [], "c": [f"runs/{run['run_id']}/stages/classify/c.txt"], "d": []}
    told = run_file(project.path)
    assert (told["run_id"], told["status"], told["session_id"]) == (run["run_id"], "passed", run["session_id"])
    assert [each["path"] for each in told["artifacts"]] == [
        f"runs/{run['run_id']}/stages/decode/c.png",
        f"runs/{run['run_id']}/stages/classify/c.txt",
    ]
    assert [each["path"] for each in told["inputs"]] == [f"images/{name}.png" for name in "abcd"]
    assert told["dataset"]["folder"] == str(project.path / "golden" / "shades")
    assert [each["path"] for each in told["models"]] == ["pipeline.py"]
    assert told["configuration"]["passes"] == 2
    folder, line = told["command"].split(" && ")
    assert folder == f"cd {shlex.quote(str(project.path))}"
    assert shlex.split(line)[1:4] == ["-m", "pytest", "test_shades.py::test_shades"]
    again = project.runpytest(*shlex.split(line)[3:])  # the command itself
    again.assert_outcomes(passed=1)
    assert len(saved(project.path)) == 4


ITEMS = """
from pipeline import decode

def test_one(vizart_run, golden_sample):
    vizart_run.uses("pipeline.py")
    with vizart_run.stage("decode") as stage:
        image = stage.output(decode(golden_sample.path))
    with vizart_run.stage("classify") as stage:
        label = stage.output("dark")
    vizart_run.predict(label)
    assert golden_sample.id != "b", "planted"
"""


def test_items_of_one_run_save_into_it(project: pytest.Pytester) -> None:
    project.makepyfile(test_items=ITEMS)
    project.runpytest("--vizart-artifacts=failures+sample:1").assert_outcomes(passed=3, failed=1, skipped=1)
    assert saved(project.path) == [f"{stage}/{name}" for stage, suffix in (("classify", "txt"), ("decode", "png"))
                                   for name in (f"{sample}.{suffix}" for sample in "abcd")]  # fmt: skip
    history = History(project.path / ".vizart")
    (run,) = history.runs().to_pylist()
    folder = f"runs/{run['run_id']}/stages/classify"
    assert {row["sample_id"]: row["artifacts"] for row in history.outcomes().to_pylist()} == {
        name: [f"{folder}/{name}.txt"] for name in "abcd"
    }
    told = run_file(project.path)
    assert (told["run_id"], told["status"], len(told["artifacts"])) == (run["run_id"], "error", 8)
    assert [each["sample"] for each in told["inputs"]] == list("abcd")
    assert [each["path"] for each in told["models"]] == ["pipeline.py"]
    assert shlex.split(told["command"])[-2:] == ["test_items.py::test_one", "--vizart-artifacts=failures+sample:1"]
    assert {path.name for path in project.path.glob(".vizart/runs/*/*")} == {"stages", "run.json"}


def test_nothing_is_saved_by_default_and_a_wrong_mode_is_refused(shades: pytest.Pytester) -> None:
    shades.runpytest().assert_outcomes(passed=1)
    assert saved(shades.path) == []
    assert run_file(shades.path)["artifacts"] == []
    result = shades.runpytest("--vizart-artifacts=sometimes")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*unknown mode*"])


def test_a_secret_of_the_command_line_is_kept_nowhere(project: pytest.Pytester) -> None:
    project.makeconftest("def pytest_addoption(parser):\n    parser.addoption('--api-key')")
    project.makepyfile(test_shades=LOOP + "    raise OSError\n")
    project.runpytest("--api-key=HUSH", "--vizart-report=report.html", "--vizart-json=out.json").assert_outcomes(
        failed=1
    )
    kept = [path for path in project.path.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {"run.json", "report.html", "out.json"} <= {path.name for path in kept}
    assert [path.name for path in kept if b"HUSH" in path.read_bytes()] == []
    assert "--api-key=***" in run_file(project.path)["session_command"]
