from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_vizart.errors import VizartError
from pytest_vizart.records.run import SessionResult
from pytest_vizart.report.json import session_document, write_json

from . import builders
from .profile_builders import profiled_run
from .task_builders import task_run

DOCS = Path(__file__).parents[2] / "docs" / "json.md"


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    full = builders.full_session(tmp_path)
    boxes = task_run(tmp_path, "boxes")
    return session_document(replace(full, runs=(*full.runs, boxes, profiled_run(tmp_path))))


def test_holds_the_keys_of_the_contract(document: dict[str, Any]) -> None:
    assert document["schema_version"] == 1
    assert {"session", "machine", "runs", "verdicts", "recommendations"} <= set(document)
    run = document["runs"][0]
    assert {"run_id", "test_id", "dataset", "status", "samples", "stages", "accuracy"} <= set(run)
    stage = run["stages"][0]
    assert {"name", "spans", "errors", "wall_ms", "cpu_ms", "memory_mb", "gpu_mb"} <= set(stage)
    assert set(stage["wall_ms"]) == {"median", "p95", "p99", "min", "max"}
    assert set(stage["memory_mb"]) == {"before", "after", "growth", "peak", "peak_exact", "highest"}
    assert stage["gpu_mb"] is None
    assert run["accuracy"][0]["counts"] == {"correct": 18, "wrong": 5, "invalid": 1, "unlabeled": 0}
    assert document["verdicts"][0]["interval"] == [0.116, 0.178]


def test_what_profiling_measured_is_told_in_milliseconds_and_megabytes(document: dict[str, Any]) -> None:
    run = document["runs"][-1]
    stages = {stage["name"]: stage for stage in run["stages"]}
    assert {name: stage["parent"] for name, stage in stages.items() if stage["parent"]} == dict.fromkeys(
        ("resize", "network", "suppress overlaps"), "detect"
    )
    assert [name for name, stage in stages.items() if stage["concurrent"]] == ["crop", "upload"]
    assert stages["network"]["gpu"]["reserved_mb"] == 1536.0
    assert stages["network"]["memory_mb"]["peak_exact"] is True
    assert stages["detect"]["slowest"][0] == {"sample_id": "shelf-007", "wall_ms": 14.9}
    profiling = run["profiling"]
    assert [leak["found"] for leak in profiling["leaks"]] == [True, False]
    queue, objects, store = profiling["measures"]
    assert (queue["count"], queue["min"], queue["max"], queue["stage"]) == (60, 0.0, 6.0, None)  # warm-up left out
    assert (objects["kind"], objects["sum"]) == ("count", 40.0)
    assert (store["kind"], store["mean"]) == ("external", pytest.approx(3.4))
    assert (profiling["outputs"], profiling["outputs_ms"], profiling["flame_samples"]) == (2, 4.25, 2)
    assert profiling["gpu"] == {
        "readings": 13, "max_memory_mb": 2412.0, "max_process_memory_mb": 1600.0,
        "mean_utilisation": pytest.approx(0.3238, abs=1e-4), "min_sm_clock_mhz": 1410, "max_temperature_c": 64,
        "throttled": ["power cap"],
    }  # fmt: skip


def test_every_key_of_a_real_document_is_documented(document: dict[str, Any]) -> None:
    documented = re.findall(r"^\| `([^`]+)` \|", DOCS.read_text("utf-8"), re.MULTILINE)
    patterns = [re.compile(re.escape(key).replace(r"\*", r"[^\[\]]+")) for key in documented]
    undocumented = {key for key in _key_paths(document) if not any(pattern.fullmatch(key) for pattern in patterns)}
    assert undocumented == set()


def test_every_documented_key_is_in_a_real_document(document: dict[str, Any]) -> None:
    documented = re.findall(r"^\| `([^`*]+)` \|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert set(documented) - set(_key_paths(document)) == set()


def test_numbers_are_finite_or_null_and_strings_are_encodable(tmp_path: Path) -> None:
    run = builders.coins_run(tmp_path)
    score = replace(run.scores[0], metrics={"map": math.nan, "map_50": np.float64(0.5), "n": np.int64(3)})
    verdict = replace(run.verdicts[0], effect=math.inf, interval=(-math.inf, 1.0), samples=("bad\udcff.png",))
    result = SessionResult(builders.session(), (replace(run, scores=(score,), verdicts=(verdict,)),))
    write_json(tmp_path / "out" / "session.json", result)
    read = json.loads((tmp_path / "out" / "session.json").read_text("utf-8"), parse_constant=_no_constant)
    assert read["runs"][0]["accuracy"][0]["metrics"] == {"map": None, "map_50": 0.5, "n": 3}
    assert read["verdicts"][0]["effect"] is None
    assert read["verdicts"][0]["interval"] == [None, 1.0]
    assert read["verdicts"][0]["samples"] == ["bad\\udcff.png"]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VizartError, match=r"file.session\.json: cannot be written"):
        write_json(tmp_path / "file" / "session.json", SessionResult(builders.session(), ()))


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "session.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("pytest_vizart.report.files.os.replace", fail)
    with pytest.raises(VizartError, match="no space left"):
        write_json(path, SessionResult(builders.session(), ()))
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("session.json", "old")]


def _key_paths(value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            path = f"{prefix}.{key}" if prefix else key
            yield path
            yield from _key_paths(item, path)
    elif isinstance(value, list):
        for item in value:
            yield from _key_paths(item, f"{prefix}[]")


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")
