"""Small datasets of every format with one fault in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.las_file import is_installed
from tests.fuzz import seeds
from tests.fuzz.bench import require_telling
from tests.fuzz.format_targets import Anything
from tests.fuzz.limits import growth, seconds
from tests.golden.datasets import write_images, write_manifest

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab\nsize 12345\n"
MODEL = f"{Anything.__module__}:Anything"


def made(root: Path, label: dict[str, Any], good: bytes, bad: bytes | None = None, **manifest: Any) -> GoldenDataset:
    """A dataset of a and b: the good label is b's, or all the file; the bad one is a's, or takes its place."""
    write_images(root, ["images/a.png", "images/b.png"])
    path = str(label["path"])
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    if "{id}" in path:
        (root / path.replace("{id}", "b")).write_bytes(good)
        (root / path.replace("{id}", "a")).write_bytes(good if bad is None else bad)
    else:
        (root / path).write_bytes(good if bad is None else bad)
    entry = {"stage": "s", "keypoints": ["eye", "ear"], **label}
    write_manifest(root, {"samples": "images/*", "classes": ["coin", "key"], "labels": [entry], **manifest})
    return GoldenDataset.load(root)


def refusal(read: Callable[[], object], *, seconds_most: float = 20, megabytes_most: float = 900) -> GoldenFormatError:
    with pytest.raises(GoldenFormatError) as caught, growth(megabytes_most), seconds(seconds_most):
        read()
    require_telling(caught.value)
    return caught.value


ENTRIES: dict[str, tuple[dict[str, Any], bytes]] = {
    "voc": ({"task": "boxes", "path": "l/{id}.xml"}, seeds.voc()[0]),
    "yolo": ({"task": "boxes", "path": "l/{id}.txt", "format": "yolo"}, b"0 .5 .5 .1 .1\n"),
    "kitti": (
        {"task": "boxes", "path": "l/{id}.txt", "format": "kitti"},
        b"coin 0 0 .1 1 1 5 4 1 2 3 1 2 3 .5\n",
    ),
    "labelme": ({"task": "boxes", "path": "l/{id}.json"}, seeds.labelme()[0]),
    "png": ({"task": "semantic", "path": "l/{id}.png"}, seeds.png("L")),
    "image": ({"task": "image", "path": "l/{id}.png"}, seeds.png("RGB")),
    "npy": ({"task": "semantic", "path": "l/{id}.npy"}, seeds.npy(np.zeros((6, 8), np.uint8))),
    "npz": ({"task": "points", "path": "l/{id}.npz"}, seeds.npzs()[0]),
    "text": ({"task": "text", "path": "l/{id}.txt"}, b"EXIT\n"),
    "semantickitti": ({"task": "points", "path": "l/{id}.label"}, bytes(8)),
    "lidarseg": ({"task": "points", "path": "l/{id}.bin"}, bytes(3)),
    "ply": ({"task": "cloud", "path": "l/{id}.ply"}, seeds.plys()[0]),
    "pcd": ({"task": "cloud", "path": "l/{id}.pcd"}, seeds.pcds()[0]),
    "model": ({"task": "boxes", "path": "l/{id}.json", "format": "model", "model": MODEL}, seeds.models()[0]),
    **({"las": ({"task": "cloud", "path": "l/{id}.las"}, seeds.las()[0])} if is_installed() else {}),
}
WHOLE: dict[str, dict[str, Any]] = {
    "coco": {"task": "boxes", "path": "gt.json"},
    "lvis": {"task": "boxes", "path": "gt.json", "format": "lvis"},
    "csv": {"task": "boxes", "path": "gt.csv"},
    "jsonl": {"task": "boxes", "path": "gt.jsonl"},
    "cvat": {"task": "boxes", "path": "gt.xml"},
    "openimages": {"task": "boxes", "path": "gt.csv", "format": "openimages"},
    "model": {"task": "boxes", "path": "gt.json", "format": "model", "model": MODEL},
}
IMAGE = '{"id": %d, "file_name": "%s.png", "width": 8, "height": 6}'
COCO_FILE = (
    '{"images": [' + IMAGE % (1, "a") + "," + IMAGE % (2, "b") + '], "annotations": ['
    '{"id": 1, "image_id": 1, "category_id": 1, "bbox": %s}, {"id": 2, "image_id": 2, "category_id": 1,'
    ' "bbox": [1, 1, 2, 2]}], "categories": [{"id": 1, "name": "coin"}]}'
)
