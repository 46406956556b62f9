"""Runs that save what their stages give: a pipeline of two stages, and what lies in the output afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pytest_vizart import GoldenDataset
from pytest_vizart.audit.log import AuditLog
from pytest_vizart.quantities import parse_artifacts
from pytest_vizart.records.run import RunResult
from pytest_vizart.workflow.finish import collect
from pytest_vizart.workflow.recording import RecordingOptions, measuring
from pytest_vizart.workflow.run import Run


def decode(path: str) -> np.ndarray:
    return np.array(Image.open(path))


def classify(image: np.ndarray) -> str:
    return "light" if image.mean() > 220 else "dark"


def loop(run: Run, dataset: GoldenDataset) -> None:
    for sample in run.samples(dataset):
        with run.stage("decode") as stage:
            image = stage.output(decode(sample.path))
        with run.stage("classify") as stage:
            label = stage.output(classify(image))
        run.predict(label)


Body = Callable[[Run, GoldenDataset], None]


def finished(folder: Path, dataset: GoldenDataset, modes: str, body: Body = loop, level: str = "detailed") -> RunResult:
    """Run and collect, as a test's hook does."""
    audit = AuditLog(folder)
    options = RecordingOptions(level)
    run = Run(
        "t", output=folder, recording=options, passes=2, warmup=1, audit=audit, artifacts=parse_artifacts(modes, "x")
    )
    error: BaseException | None = None
    try:
        with measuring(run.recorder):
            body(run, dataset)
    except Exception as raised:  # noqa: BLE001
        error = raised
    result = collect(run, session_id="s", error=error, partial=False, contended=False)
    run.recorder.discard()
    audit.close()
    return result


def saved(folder: Path) -> list[str]:
    found = [path for path in folder.glob("runs/*/stages/*/*") if not path.name.startswith(".")]
    return sorted(f"{path.parent.name}/{path.name}" for path in found)


def lines(folder: Path, event: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for path in (folder / "logs").glob("*.jsonl") for line in path.read_text().splitlines()]
    return [line for line in told if line["event"] == event]
