"""What must hold after any fault: nothing that was promised is lost, and nothing is there twice."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pytest_vizart import History
from pytest_vizart.workflow.takeover import take_over_dead_sessions
from tests.faults.jobs import NOTES, TOLD

TABLES = ("stages", "spans", "accuracy", "subsets", "outcomes", "measures", "outputs", "leaks", "gpu")


def promised(project: Path) -> list[dict[str, Any]]:
    path = project.with_name(TOLD)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def begun(project: Path) -> list[tuple[str, str]]:
    """Stage and sample of each span that began, and whether the last one did not end."""
    path = project.with_name(NOTES)
    lines = path.read_text().splitlines() if path.exists() else []
    return [(line.split()[1], line.split()[2]) for line in lines if line.startswith("begin")]


def open_span(project: Path) -> tuple[str, str] | None:
    """The span within which the process was killed."""
    path = project.with_name(NOTES)
    last = path.read_text().splitlines()[-1:] if path.exists() else []
    return begun(project)[-1] if last and last[0].startswith("begin") else None


def check_kept(project: Path, *, killed_in: tuple[str, str] | None) -> None:
    """Hold the history of a project's sessions against what was promised of them."""
    output = project / ".vizart"
    history = History(output)
    runs = {run["run_id"]: run for run in history.runs().to_pylist()}
    assert history.runs().num_rows == len(runs), "a run is there twice"
    promises = promised(project)
    whole = {each["run"]: each for each in promises if "run" in each}
    # Killed between the keeping of a run and the note of it: it is there, and as a whole.
    whole |= {
        each["about"]: each
        for each in promises
        if "about" in each and runs.get(each["about"], {}).get("status") == each["status"]
    }
    for run_id, promise in whole.items():
        assert runs[run_id]["status"] == promise["status"]
    for name in TABLES:
        counted = Counter(getattr(history, name)()["run_id"].to_pylist())
        for run_id, promise in whole.items():
            assert counted[run_id] == promise["rows"].get(name, 0), (name, run_id)
    for name in ("runs", *TABLES):  # for those who read the files as they are
        rows = sum(pq.read_metadata(path).num_rows for path in (output / "metrics" / name).glob("*.parquet"))
        assert rows == getattr(history, name)().num_rows, name
    for run_id in runs.keys() - whole.keys():
        assert runs[run_id]["status"] == "error"
        assert " died" in runs[run_id]["error"]
        assert not runs[run_id]["accepted"]
    spans = history.spans().to_pylist()
    seen = [(span["stage"], span["sample_id"]) for span in spans if span["stage"] != "(calibration)"]
    assert not Counter(begun(project)) - Counter(seen), "a span is lost"
    crashed = [(span["stage"], span["sample_id"]) for span in spans if span["error"] == "crashed"]
    # The last note of a stage is written inside of it: it may be there, and the stage open all the same.
    assert len(crashed) <= 1
    # And the first note likewise: the stage is open, and the note not yet written.
    more = list((Counter(seen) - Counter(begun(project))).elements())
    assert not more or more == crashed, "a span is there twice"
    assert killed_in is None or crashed == [killed_in]
    assert_no_journal(output)


def assert_no_journal(output: Path) -> None:
    """Only a folder that somebody had just made may be left, and not for ever."""
    left = list((output / "journal").iterdir()) if (output / "journal").is_dir() else []
    for folder in left:
        files = [path.name for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".tmp")]
        assert not files, files
        os.utime(folder, (time.time() - 7_200,) * 2)
        for path in folder.rglob("*"):
            os.utime(path, (time.time() - 7_200,) * 2)
    if left:
        take_over_dead_sessions(output)
        assert list((output / "journal").iterdir()) == []
