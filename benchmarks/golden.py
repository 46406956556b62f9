"""A golden dataset of mixed formats, made in a temporary folder: how long it takes to list, load and validate it.

A quarter each of the samples is labelled by one COCO file, by YOLO text, by Pascal VOC XML and by PNG masks; the first
three share a stage. Every round is a fresh process, timed from outside, so that imports are in every figure; `imports`
is what a process needs that only imports.

    python benchmarks/golden.py [--samples 1000] [--rounds 7] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 640, 480
CLASSES = ("car", "person", "tree")
BOXES = 8

_LOAD = "from pathlib import Path; from pytest_vizart.golden.dataset import GoldenDataset; "
_LOAD += "d = GoldenDataset.load(Path({!r}))"
ARMS: dict[str, str] = {
    "imports": "import pytest_vizart.golden.dataset, pytest_vizart.golden.validation",
    "list": _LOAD + "; assert len(d) == {}",
    "load all labels": _LOAD + "; assert sum(any(s.labels.values()) for s in d) <= {}",
    "load and validate": "from pathlib import Path; from pytest_vizart.golden.validation import validate; "
    "v = validate(Path({!r})); assert (v.samples, v.errors) == ({}, 0), v.findings[:3]",
    "vizart golden validate": "from pytest_vizart.cli import main; main(['golden', 'validate', {!r}])",
}
"""Name -> program, with places for the dataset's folder and the number of its samples."""


def make_dataset(root: Path, samples: int) -> None:
    """Write the dataset; its labels are right, so that nothing is found but what is there to be read."""
    rng = np.random.default_rng(0)
    for kind in _WRITERS:
        (root / "images" / kind).mkdir(parents=True)
    names = {kind: [f"{kind}/{number:05d}" for number in range(part, samples, 4)] for part, kind in enumerate(_WRITERS)}
    for number, name in enumerate(name for part in names.values() for name in part):
        image = rng.integers(0, 255, (HEIGHT // 16, WIDTH // 16, 3), dtype=np.uint8)
        image[0, 0] = (number >> 16, number >> 8 & 255, number & 255)
        Image.fromarray(image).resize((WIDTH, HEIGHT)).save(root / "images" / f"{name}.jpg", quality=80)
    for kind, write in _WRITERS.items():
        write(root, names[kind], rng)
    detect = {"stage": "detect", "task": "boxes"}
    classes = list(CLASSES)
    manifest = {
        "samples": "images/**/*.jpg",
        "classes": classes,
        "labels": [
            {**detect, "format": "coco", "path": "coco.json"},
            {**detect, "format": "yolo", "path": "yolo/{id}.txt"},
            {**detect, "format": "voc", "path": "voc/{id}.xml"},
            {"stage": "segment", "task": "semantic", "format": "png", "path": "png/{id}.png", "ignore": 255},
        ],
        "splits": {"train": ["*[0-7]"], "val": ["*[89]"]},
    }
    (root / "golden.json").write_text(json.dumps(manifest), encoding="utf-8")


def _corners(rng: np.random.Generator) -> list[tuple[int, list[int]]]:
    """Class and x1, y1, x2, y2 of the objects of an image, whole pixels from 0, half-open."""
    starts = rng.integers(0, (WIDTH - 100, HEIGHT - 100), (BOXES, 2))
    ends = starts + rng.integers(8, 100, (BOXES, 2))
    boxes = np.concatenate([starts, ends], axis=1).tolist()
    return list(zip(rng.integers(0, len(CLASSES), BOXES).tolist(), boxes, strict=True))


def _write_coco(root: Path, names: Sequence[str], rng: np.random.Generator) -> None:
    rows = []
    for image_id, _ in enumerate(names):
        for class_index, (x1, y1, x2, y2) in _corners(rng):
            box = [x1, y1, x2 - x1, y2 - y1]
            row = {"id": len(rows) + 1, "image_id": image_id, "category_id": class_index + 1, "bbox": box}
            rows.append({**row, "area": box[2] * box[3], "iscrowd": 0})
    data = {
        "images": [
            {"id": number, "file_name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT}
            for number, name in enumerate(names)
        ],
        "annotations": rows,
        "categories": [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)],
    }
    (root / "coco.json").write_text(json.dumps(data), encoding="utf-8")


def _write_yolo(root: Path, names: Sequence[str], rng: np.random.Generator) -> None:
    for name in names:
        lines = [
            f"{class_index} {(x1 + x2) / 2 / WIDTH:.6f} {(y1 + y2) / 2 / HEIGHT:.6f} "
            f"{(x2 - x1) / WIDTH:.6f} {(y2 - y1) / HEIGHT:.6f}"
            for class_index, (x1, y1, x2, y2) in _corners(rng)
        ]
        _write(root / "yolo" / f"{name}.txt", "\n".join(lines))


def _write_voc(root: Path, names: Sequence[str], rng: np.random.Generator) -> None:
    for name in names:
        objects = "".join(
            f"<object><name>{CLASSES[class_index]}</name><difficult>0</difficult><bndbox><xmin>{x1 + 1}</xmin>"
            f"<ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
            for class_index, (x1, y1, x2, y2) in _corners(rng)
        )
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
        _write(root / "voc" / f"{name}.xml", f"<annotation>{size}{objects}</annotation>")


def _write_png(root: Path, names: Sequence[str], rng: np.random.Generator) -> None:
    for name in names:
        coarse = rng.integers(0, len(CLASSES), (HEIGHT // 40, WIDTH // 40), dtype=np.uint8)
        path = root / "png" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.kron(coarse, np.ones((40, 40), np.uint8))).save(path)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


_WRITERS: dict[str, Callable[[Path, Sequence[str], np.random.Generator], None]] = {
    "coco": _write_coco,
    "yolo": _write_yolo,
    "voc": _write_voc,
    "png": _write_png,
}


def seconds(program: str) -> tuple[float, float]:
    """Wall and CPU seconds of one fresh process."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    used, before = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", program], env=environment, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - before, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def measure(samples: int, rounds: int) -> dict[str, dict[str, float | None]]:
    """Median seconds of each arm over the rounds, arms in turn, and samples per second."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ARMS}
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "mixed"
        make_dataset(root, samples)
        programs = {name: program.format(str(root), samples) for name, program in ARMS.items()}
        for program in programs.values():
            seconds(program)  # compiles what has to be compiled, and warms the disk's cache
        for _ in range(rounds):
            for name, program in programs.items():
                times[name].append(seconds(program))
    return {name: _figures(found, None if name == "imports" else samples) for name, found in times.items()}


def _figures(found: Sequence[tuple[float, float]], samples: int | None) -> dict[str, float | None]:
    walls = [wall for wall, _ in found]
    median = statistics.median(walls)
    return {
        "seconds": round(median, 3),
        "min": round(min(walls), 3),
        "max": round(max(walls), 3),
        "cpu_seconds": round(statistics.median(cpu for _, cpu in found), 3),
        "samples_per_second": None if samples is None else round(samples / median, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.samples, options.rounds)
    if options.json:
        document: dict[str, Any] = {"samples": options.samples, "formats": list(_WRITERS), "arms": figures}
        print(json.dumps(document, indent=2))
        return
    print(f"{options.samples} samples, formats {', '.join(_WRITERS)}; median of {options.rounds} fresh processes")
    for name, row in figures.items():
        rate = "" if row["samples_per_second"] is None else f"  {row['samples_per_second']:>8.0f} samples/s"
        wall = f"{row['seconds']:>7.3f} s  ({row['min']:.3f} .. {row['max']:.3f})"
        print(f"  {name:<24}{wall}, CPU {row['cpu_seconds']:.3f} s{rate}")


if __name__ == "__main__":
    main()
