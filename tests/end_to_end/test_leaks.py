"""A leak in a whole session: found, named with its stage, held to a limit; and silence where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SAMPLES = 200
TEST = """
import numpy as np
import pytest

kept = []

def work(vizart_run, golden_dataset, leaks):
    for sample in vizart_run.samples(golden_dataset):
        with vizart_run.stage("decode"):
            image = np.full((300, 300, 3), 7, np.uint8)
        with vizart_run.stage("detect"):
            if leaks:
                kept.append(bytearray(b"x") * 100_000)
            found = np.sort(image.ravel()[::7])
        with vizart_run.stage("count"):
            sum(range(20_000))
        vizart_run.predict("plain")

@pytest.mark.parametrize("limit", [pytest.param(5, marks=pytest.mark.vizart_memory(max_leak_mb=5)),
                                   pytest.param(20, marks=pytest.mark.vizart_memory(max_leak_mb=20))])
def test_leaking(vizart_run, golden_dataset, limit):
    work(vizart_run, golden_dataset, leaks=True)

@pytest.mark.parametrize("number", range(10))
def test_without(vizart_run, golden_dataset, number):
    work(vizart_run, golden_dataset, leaks=False)
"""


def run_session(folder: Path) -> tuple[str, dict[str, Any]]:
    dataset = folder / "golden" / "plain"
    dataset.mkdir(parents=True, exist_ok=True)
    names = [f"{number:03}.bin" for number in range(SAMPLES)]
    for name in names:
        (dataset / name).write_bytes(b"x")
    (dataset / "classes.csv").write_text("\n".join(["file,label", *(f"{name},plain" for name in names)]))
    (dataset / "golden.yaml").write_text(
        "samples: '*.bin'\nclasses: [plain]\nlabels:\n"
        "  - {stage: count, task: classes, format: csv, path: classes.csv}\n"
    )
    (folder / "test_leaks.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "--vizart-json=result.json", "--vizart-passes=2"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return told.stdout, json.loads((folder / "result.json").read_text())


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is not as exact elsewhere")
def test_a_leak_of_100_kb_a_sample_is_found_and_ten_runs_without_one_report_none(tmp_path: Path) -> None:
    told, document = run_session(tmp_path)
    leaking, without = document["runs"][:2], document["runs"][2:]
    for run in leaking:
        (leak,) = [leak for leak in run["profiling"]["leaks"] if leak["resource"] == "cpu"]
        assert leak["found"]
        assert leak["stage"] == "detect"
        assert 85 < leak["kb_per_sample"] < 130
    assert (len(leaking), len(without)) == (2, 10)
    assert not any(leak["found"] for run in without for leak in run["profiling"]["leaks"])
    assert "1 failed, 11 passed" in told
    assert "memory grows by" in told
    verdicts = [verdict for verdict in document["verdicts"] if verdict["metric"] == "max_leak_mb"]
    assert [(verdict["limit"], verdict["status"]) for verdict in verdicts] == [(5, "fail"), (20, "pass")]
    assert "detect" in verdicts[0]["message"]
