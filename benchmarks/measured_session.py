"""The examples with their stages measured, and with the same loop over the same passes around inert stages.

Part of benchmarks/overhead.py. The calibration workload before every sample is the gate's, not the stages': it runs on
both sides. Predictions are not compared here, so that what remains is the pipelines' own time. "session" relates what
measuring adds to the wall time of `pytest examples`, which imports, trains, compares, judges and writes besides.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from pytest_vizart import GoldenDataset
from pytest_vizart.workflow.inert import InertStage
from pytest_vizart.workflow.recording import RecordingOptions
from pytest_vizart.workflow.run import Run

ROOT = Path(__file__).resolve().parent.parent
PASSES, ROUNDS, SESSIONS = 3, 9, 3
TARGET_PERCENT = 2.0

# Module, stages, and those that hand over what they made, as in the examples' tests.
EXAMPLES = {
    "coins": ("coins_pipeline", ("decode", "preprocess", "segment", "find_boxes"), ("segment", "find_boxes")),
    "digits": ("digits_pipeline", ("decode", "features", "classify"), ("classify",)),
    "street": ("street_pipeline", ("decode", "remove_ground", "cluster"), ("decode", "remove_ground", "cluster")),
}
INERT = "inert"
MEASURED = ("basic", "detailed without outputs", "detailed")

Stages = list[tuple[str, Callable[[Any], Any], bool]]


def measure_sessions() -> dict[str, Any]:
    """Return, of each example and of all, the wall and CPU milliseconds with inert stages and what measuring adds."""
    sys.path.insert(0, str(ROOT / "examples"))
    results: dict[str, Any] = {}
    for name, (module, functions, handing_over) in EXAMPLES.items():
        pipeline = import_module(module)
        stages: Stages = [(each, getattr(pipeline, each), each in handing_over) for each in functions]
        results[name] = _interleaved(stages, GoldenDataset.load(ROOT / "golden" / name))
    results["all"] = _together(list(results.values()))
    session_ms = _session_ms()
    added_ms = results["all"]["wall"]["added_ms"]["detailed"]
    share = None if session_ms is None else round(100 * added_ms / (session_ms - added_ms), 2)
    return {
        "pipelines": results,
        "session_ms": session_ms,
        "session_percent": share,
        "limit_percent": TARGET_PERCENT,
        "met": None if share is None else share <= TARGET_PERCENT,
    }


def session_table(figures: dict[str, Any]) -> list[str]:
    """Return the figures as lines of text."""
    lines = [
        f"{'examples, ' + str(PASSES) + ' passes':<16}{'':<8}{'inert ms':>10}"
        + "".join(f"{each:>28}" for each in MEASURED)
    ]
    for name, clocks in figures["pipelines"].items():
        for clock, each in clocks.items():
            cells = (f"{each['added_ms'][arm]:+.1f} ms {each['percent'][arm]:+.2f} %" for arm in MEASURED)
            lines.append(f"{name:<16}{clock:<8}{each['inert_ms']:>10.1f}" + "".join(f"{cell:>28}" for cell in cells))
    if figures["session_ms"] is None:
        return [*lines, "pytest examples: no session, see `python -m pytest examples`"]
    share, limit = figures["session_percent"], figures["limit_percent"]
    verdict = "met" if figures["met"] else "NOT MET"
    session = f"pytest examples: {figures['session_ms']:,.0f} ms"
    return [*lines, f"{session}, of which measuring adds {share} % (limit {limit} %)  {verdict}"]


def _interleaved(stages: Stages, dataset: GoldenDataset) -> dict[str, Any]:
    arms = (INERT, *MEASURED)
    took: dict[str, list[tuple[float, float]]] = {arm: [] for arm in arms}
    _run(INERT, stages, dataset)
    for number in range(ROUNDS):
        shift = number % len(arms)
        for arm in arms[shift:] + arms[:shift]:
            took[arm].append(_run(arm, stages, dataset))
    results = {}
    for clock, column in (("wall", 0), ("CPU", 1)):
        inert = [each[column] for each in took[INERT]]
        added = {
            arm: statistics.median(each[column] - bare for each, bare in zip(took[arm], inert, strict=True))
            for arm in MEASURED
        }
        results[clock] = _figures(statistics.median(inert), added)
    return results


def _run(arm: str, stages: Stages, dataset: GoldenDataset) -> tuple[float, float]:
    """Return wall and CPU milliseconds of one run."""
    level = arm.split()[0] if arm != INERT else "basic"
    with tempfile.TemporaryDirectory() as folder:
        recording = RecordingOptions(profile=level, journal=Path(folder))
        run = Run("benchmark", output=Path(folder), recording=recording, passes=PASSES, warmup=3)
        stage: Callable[[str], Any] = InertStage if arm == INERT else run.stage
        outputs = arm != "detailed without outputs"
        wall, cpu = time.perf_counter(), time.process_time()
        for sample in run.samples(dataset):
            value: Any = sample.path
            for name, function, hands_over in stages:
                with stage(name) as span:
                    value = function(value)
                    if hands_over and outputs:
                        span.output(value)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        run.recorder.close()
    return wall * 1e3, cpu * 1e3


def _together(examples: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        clock: _figures(
            sum(each[clock]["inert_ms"] for each in examples),
            {arm: sum(each[clock]["added_ms"][arm] for each in examples) for arm in MEASURED},
        )
        for clock in ("wall", "CPU")
    }


def _figures(inert_ms: float, added_ms: dict[str, float]) -> dict[str, Any]:
    return {
        "inert_ms": round(inert_ms, 2),
        "added_ms": {arm: round(added, 2) for arm, added in added_ms.items()},
        "percent": {arm: round(100 * added / inert_ms, 3) for arm, added in added_ms.items()},
    }


def _session_ms() -> float | None:
    """Return the wall milliseconds of `pytest examples`, None if it does not run through."""
    took = []
    for _ in range(SESSIONS):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "examples"]
            command += ["--vizart-golden=golden", f"--vizart-output={folder}/out", f"--vizart-passes={PASSES}"]
            start = time.perf_counter()
            done = subprocess.run(command, cwd=ROOT, env={**os.environ}, stdout=subprocess.DEVNULL, check=False)
            took.append((time.perf_counter() - start) * 1e3)
        if done.returncode not in (0, 1):
            return None
    return round(statistics.median(took), 1)
