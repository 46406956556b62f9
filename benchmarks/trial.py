"""The whole promise, tried: ten clean runs of the examples, three mistakes, ten further clean runs; trial after trial.

Each trial works in a fresh copy of examples and golden data with an empty history. The mistakes are one moved coin
label, one misread digit, and one stage made 30 % slower by real work (computing until the thread has spent 30 % more
CPU time than the stage did). A trial is good when each mistake fails the right test naming stage, metric and sample,
the slow stage is suspect and fails under --vizart-strict, and no clean run fails.

    python benchmarks/trial.py [--trials 3] [--clean 10] [--json]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_vizart import History

ROOT = Path(__file__).resolve().parent.parent

SLOWER = """

def _slower(function):
    import time

    def wrapped(value):
        began = time.thread_time_ns()
        result = function(value)
        enough = began + 1.3 * (time.thread_time_ns() - began)
        while time.thread_time_ns() < enough:
            sum(range(200))
        return result

    return wrapped


segment = _slower(segment)
"""

MISREAD = """

_read_file, _read_digit, _path = decode, classify, []


def decode(path):
    _path[:] = [str(path)]
    return _read_file(path)


def classify(vector):
    told = _read_digit(vector)
    return {{str((int(digit) + 1) % 10): p for digit, p in told.items()}} if {stem!r} in _path[0] else told
"""


def session(folder: Path, *options: str) -> dict[str, Any]:
    """Run the examples once and return the session's JSON with the exit status and the printed output."""
    ours = ["--vizart-golden=golden", "--vizart-json=result.json", *options]
    command = [sys.executable, "-m", "pytest", "examples", "-p", "no:cacheprovider", *ours]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    document: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return {
        "status": done.returncode,
        "output": done.stdout,
        "verdicts": document["verdicts"],
        "runs": document["runs"],
    }


def bad(result: dict[str, Any], *statuses: str) -> list[dict[str, Any]]:
    return [verdict for verdict in result["verdicts"] if verdict["status"] in statuses]


def move_label(folder: Path) -> str:
    """Move the first box of the first tile by most of its width; return the sample's ID."""
    path = folder / "golden" / "coins" / "annotations.json"
    document = json.loads(path.read_text())
    image = min(document["images"], key=lambda each: each["file_name"])
    label = next(
        each for each in document["annotations"] if each["image_id"] == image["id"] and not each.get("iscrowd")
    )
    label["bbox"][0] += 0.8 * label["bbox"][2]
    path.write_text(json.dumps(document))
    return Path(image["file_name"]).stem


def misread_digit(folder: Path) -> str:
    """Let the pipeline read one digit wrong that it read right so far; return the sample's ID."""
    outcomes = History(folder / ".vizart").outcomes(stage="classify", status="correct")
    sample: str = sorted(outcomes["sample_id"].to_pylist())[0]
    append(folder / "examples" / "digits_pipeline.py", MISREAD.format(stem=sample))
    return sample


def slow_down(folder: Path) -> str:
    append(folder / "examples" / "coins_pipeline.py", SLOWER)
    return ""


def append(path: Path, code: str) -> None:
    path.write_text(path.read_text() + code)


def mistake(folder: Path, change: Callable[[Path], str], *options: str) -> tuple[dict[str, Any], str]:
    """Make a mistake in a copy that shares the history's past, run once, and throw the copy away."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "work"
        shutil.copytree(folder, copy)
        sample = change(copy)
        return session(copy, *options), sample


def trial(clean: int) -> dict[str, Any]:
    """Return what one trial showed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "work"
        folder.mkdir()
        for part in ("examples", "golden"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "pytest.ini").write_text("[pytest]\n")
        before = [session(folder) for _ in range(clean)]
        moved, moved_sample = mistake(folder, move_label)
        misread, misread_sample = mistake(folder, misread_digit)
        slower, _ = mistake(folder, slow_down)
        strict, _ = mistake(folder, slow_down, "--vizart-strict")
        after = [session(folder) for _ in range(clean)]
    return {
        "clean_before_failed": sum(result["status"] != 0 for result in before),
        "moved_label": _shown(moved, "test_coins", moved_sample),
        "misread_digit": _shown(misread, "test_digits", misread_sample),
        "slower_suspect": [verdict["message"] for verdict in bad(slower, "suspect") if verdict["stage"] == "segment"],
        "slower_others": [
            verdict["message"] for verdict in bad(slower, "suspect", "fail") if verdict["stage"] != "segment"
        ],
        "slower_status": slower["status"],
        "slower_strict_status": strict["status"],
        "slower_strict_suspect": [
            verdict["message"] for verdict in bad(strict, "suspect") if verdict["stage"] == "segment"
        ],
        "clean_after_failed": sum(result["status"] != 0 for result in after),
        "clean_after_suspects": [verdict["message"] for result in after for verdict in bad(result, "suspect")],
        "clean_after_inconclusive": sum(len(bad(result, "inconclusive")) for result in after),
    }


def _shown(result: dict[str, Any], test: str, sample: str) -> dict[str, Any]:
    failed = bad(result, "fail")
    return {
        "status": result["status"],
        "only_the_right_test": bool(failed) and all(test in verdict["test_id"] for verdict in failed),
        "names_sample": all(sample in verdict["message"] or sample in verdict["samples"] for verdict in failed),
        "messages": [verdict["message"] for verdict in failed],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--clean", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = []
    for number in range(options.trials):
        results.append(trial(options.clean))
        if not options.json:
            print(f"trial {number + 1}")
            for name, value in results[-1].items():
                print(f"  {name}: {value}")
    if options.json:
        print(json.dumps({"schema_version": 1, "trials": results}, indent=2))


if __name__ == "__main__":
    main()
