"""COCO files to COCO's numbers: ours beside pycocotools, faster-coco-eval and hotcoco; semantic masks beside
scikit-learn.

Ground truth and results lie on disk as JSON; what is measured is everything from the two paths to the numbers, in one
process, imports before. All take turns, round after round; each ratio is the median over the rounds of pycocotools'
time by the other's of the same round, in wall-clock and in CPU time (of all threads). The numbers of each are compared
with pycocotools' bit for bit. Boxes: as many objects and detections an image as in COCO's val (7.2 and 100).

    python benchmarks/accuracy.py [--images 50 1000 5000] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from coco_synthetic import Files, semantic_masks, write_boxes, write_keypoints, write_masks

from pytest_vizart.accuracy.metrics import mean_iou
from pytest_vizart.golden.formats.coco_results import CocoTask
from pytest_vizart.workflow.evaluation.coco_files import evaluate_coco_files

TARGETS = {50: 15.0, 1_000: 25.0, 5_000: 45.0}
IOU_TYPES: dict[CocoTask, str] = {"boxes": "bbox", "instances": "segm", "keypoints": "keypoints"}
OURS, PYCOCOTOOLS = "ours", "pycocotools"

Numbers = list[float | None]


@dataclass(frozen=True)
class Arm:
    """One way to the numbers. packages: that it needs. run: labels, results, task -> numbers, None where undefined."""

    name: str
    packages: tuple[str, ...]
    run: Callable[[Path, Path, CocoTask], Numbers]

    def absent(self) -> str | None:
        """Say which package is not installed, None if all are."""
        for package in self.packages:
            try:
                version(package)
            except PackageNotFoundError:
                return package
        return None


def ours(labels: Path, results: Path, task: CocoTask) -> Numbers:
    return list(evaluate_coco_files(labels, results, task).metrics.values())


def like_pycocotools(module: str, dataset: str, evaluation: str) -> Callable[[Path, Path, CocoTask], Numbers]:
    """Return the arm of a library with pycocotools' classes, of these names."""

    def run(labels: Path, results: Path, task: CocoTask) -> Numbers:
        coco, evaluate = _attribute(module, dataset), _attribute(module, evaluation)
        truth = coco(str(labels))
        load = truth.load_res if hasattr(truth, "load_res") else truth.loadRes
        evaluator = evaluate(truth, load(str(results)), IOU_TYPES[task])
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
        return [None if value == -1 else float(value) for value in evaluator.stats]

    return run


def _attribute(module: str, path: str) -> Any:
    place, _, name = path.rpartition(":")
    return getattr(import_module(f"{module}.{place}" if place else module), name)


ARMS = (
    Arm(OURS, (), ours),
    Arm(PYCOCOTOOLS, ("pycocotools",), like_pycocotools("pycocotools", "coco:COCO", "cocoeval:COCOeval")),
    Arm("faster-coco-eval", ("faster-coco-eval",), like_pycocotools("faster_coco_eval", ":COCO", ":COCOeval_faster")),
    Arm("hotcoco", ("hotcoco",), like_pycocotools("hotcoco", ":COCO", ":COCOeval")),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=list(TARGETS), help="sizes of the problems with boxes")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the largest problem; smaller ones have more")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    if options.rounds < 1 or min(options.images) < 2:
        parser.error("--rounds from 1, --images from 2")
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(Path(folder), sorted(options.images), options.rounds)
    print(json.dumps(figures, indent=2) if options.json else table(figures))
    return 0


def measured(folder: Path, sizes: Sequence[int], rounds: int) -> dict[str, Any]:
    """Return all figures."""
    problems: list[dict[str, Any]] = []
    for images in sizes:
        more = rounds * max(1, min(7, sizes[-1] // images))
        problems.append(problem(f"boxes, {images:,} images", write_boxes(folder, images), "boxes", more))
        problems[-1]["target"] = TARGETS.get(images)
    problems.append(problem("masks, 200 images", write_masks(folder, 200), "instances", rounds))
    problems.append(problem("keypoints, 300 images", write_keypoints(folder, 300), "keypoints", rounds))
    return {
        "schema_version": 1,
        "python": sys.version.split()[0],
        "cores": os.cpu_count(),
        "absent": {arm.name: package for arm in ARMS if (package := arm.absent())},
        "versions": {arm.name: version(arm.packages[0]) for arm in ARMS if arm.packages and not arm.absent()},
        "problems": problems,
        "semantic": semantic(rounds),
    }


def problem(name: str, files: Files, task: CocoTask, rounds: int) -> dict[str, Any]:
    """Let all arms solve one problem in turn; the first round, in which memory is taken, is not kept."""
    arms = [arm for arm in ARMS if not arm.absent()]
    wall: dict[str, list[float]] = {arm.name: [] for arm in arms}
    cpu: dict[str, list[float]] = {arm.name: [] for arm in arms}
    numbers: dict[str, Numbers] = {}
    for number in range(rounds + 1):
        shift = number % len(arms)  # none always follows the same one
        for arm in arms[shift:] + arms[:shift]:
            if number == 0 and arm.name == PYCOCOTOOLS and rounds > 1:
                continue  # it takes longest, and keeps nothing from one time to the next
            with silence():
                start, start_cpu = time.perf_counter(), time.process_time()
                numbers[arm.name] = arm.run(*files, task)
                took, took_cpu = time.perf_counter() - start, time.process_time() - start_cpu
            if number or rounds == 1:
                wall[arm.name].append(took)
                cpu[arm.name].append(took_cpu)
    expected = numbers.get(PYCOCOTOOLS)
    return {
        "name": name,
        "rounds": rounds,
        "arms": {
            arm.name: {
                "wall_s": round(statistics.median(wall[arm.name]), 4),
                "cpu_s": round(statistics.median(cpu[arm.name]), 4),
                "times_faster": _ratio(wall, arm.name),
                "times_faster_cpu": _ratio(cpu, arm.name),
                "equal_numbers": None if expected is None else _equal(numbers[arm.name], expected),
            }
            for arm in arms
        },
        "numbers": numbers[OURS],
    }


def _ratio(times: dict[str, list[float]], name: str) -> float | None:
    if PYCOCOTOOLS not in times:
        return None
    pairs = zip(times[PYCOCOTOOLS], times[name], strict=False)
    return round(statistics.median(theirs / own for theirs, own in pairs), 2)


def _equal(numbers: Numbers, expected: Numbers) -> str:
    """Say how many numbers are the same to the last bit."""
    same = sum(one == other for one, other in zip(numbers, expected, strict=False))
    return f"{same} of {len(expected)}"


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Swallow what is printed, also by native code."""
    with contextlib.redirect_stdout(io.StringIO()), Path(os.devnull).open("w") as sink:
        kept = os.dup(1)
        os.dup2(sink.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


def semantic(rounds: int, images: int = 40, classes: int = 19) -> dict[str, Any]:
    """Count the pairs of classes of masks of 480 x 640, ours, with plain numpy, and with scikit-learn."""
    masks = semantic_masks(images, classes)
    ways: dict[str, Callable[[], np.ndarray[Any, Any]]] = {
        OURS: lambda: sum_of(_ours(truth, found, classes) for truth, found in masks),
        "numpy": lambda: sum_of(_plainly(truth, found, classes) for truth, found in masks),
        "scikit-learn": lambda: sum_of(_sklearn(truth, found, classes) for truth, found in masks),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    ious: dict[str, np.ndarray[Any, Any]] = {}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            pairs = way()
            times[name].append((time.perf_counter() - start) / images)
            hits = np.diagonal(pairs)
            ious[name] = hits / (pairs.sum(axis=0) + pairs.sum(axis=1) - hits)
    return {
        "images": images,
        "classes": classes,
        "ways": {
            name: {
                "ms_an_image": round(1e3 * statistics.median(each[1:]), 3),
                "times_slower_than_ours": round(statistics.median(each[1:]) / statistics.median(times[OURS][1:]), 2),
                "equal_iou": bool((ious[name] == ious[OURS]).all()),
            }
            for name, each in times.items()
        },
    }


def sum_of(counts: Any) -> np.ndarray[Any, Any]:
    return np.sum(list(counts), axis=0)


def _ours(truth: np.ndarray[Any, Any], found: np.ndarray[Any, Any], classes: int) -> np.ndarray[Any, Any]:
    pairs = mean_iou.count(truth, found, classes)
    counts = np.zeros((classes, classes), dtype=np.int64)
    labelled = pairs.first >= 0
    counts[pairs.first[labelled], pairs.second[labelled]] = pairs.count[labelled]
    return counts


def _plainly(truth: np.ndarray[Any, Any], found: np.ndarray[Any, Any], classes: int) -> np.ndarray[Any, Any]:
    labelled = truth >= 0
    joint = truth[labelled].astype(np.int64) * classes + found[labelled]
    return np.bincount(joint, minlength=classes**2).reshape(classes, classes)


def _sklearn(truth: np.ndarray[Any, Any], found: np.ndarray[Any, Any], classes: int) -> np.ndarray[Any, Any]:
    from sklearn.metrics import confusion_matrix

    labelled = truth >= 0
    return np.asarray(confusion_matrix(truth[labelled], found[labelled], labels=np.arange(classes)))


def table(figures: dict[str, Any]) -> str:
    """Return the figures as lines of text."""
    lines = [f"not installed, and so absent: {name} ({package})" for name, package in figures["absent"].items()]
    for one in figures["problems"]:
        lines += ["", f"{one['name']:<28}{'wall s':>10}{'CPU s':>10}{'x faster':>10}{'CPU':>8}  equal to pycocotools"]
        for name, arm in one["arms"].items():
            ratios = f"{_shown(arm['times_faster']):>10}{_shown(arm['times_faster_cpu']):>8}"
            equal = arm["equal_numbers"] or "-"
            lines.append(f"  {name:<26}{arm['wall_s']:>10.4f}{arm['cpu_s']:>10.4f}{ratios}  {equal}")
        if one.get("target") and one["arms"][OURS]["times_faster"] is not None:
            met = "met" if one["arms"][OURS]["times_faster"] >= one["target"] else "NOT MET"
            lines.append(f"  target: {one['target']:g} x faster than pycocotools: {met}")
    masks = figures["semantic"]
    lines += ["", f"{'semantic masks of 480 x 640':<28}{'ms':>10}{'x slower':>10}  IoU equal to ours"]
    for name, way in masks["ways"].items():
        cells = f"{way['ms_an_image']:>10.3f}{way['times_slower_than_ours']:>10.2f}"
        lines.append(f"  {name:<26}{cells}  {'yes' if way['equal_iou'] else 'NO'}")
    return "\n".join(lines).lstrip("\n")


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


if __name__ == "__main__":
    raise SystemExit(main())
