"""COCO files in a folder, with a reader around them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import orjson
from PIL import Image

from pytest_vizart.records.labels import Task
from tests.golden.datasets import write_images
from tests.golden.formats.reading import Labels

CATEGORIES = {1: "coin", 2: "key"}
BASE = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 3]}
SQUARE = [[1, 1, 5, 1, 5, 4, 1, 4]]


def labels(root: Path, data: dict[str, Any], task: Task, **entry: Any) -> Labels:
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "gt.json").write_bytes(orjson.dumps(data))
    return Labels(root, "gt.json", task, format="coco", **entry)


def real(root: Path, file: Path, task: Task, **entry: Any) -> Labels:
    """A dataset around a real COCO file, its images blank where they are not there."""
    data = json.loads(file.read_text())
    for row in data.get("images", []):
        path = root / "images" / Path(row["file_name"]).name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (1, 1)).save(path)
    shutil.copy(file, root / "gt.json")
    return Labels(root, "gt.json", task, format="coco", **entry)
