"""Small files of labels and predictions, written into a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BOXES: tuple[tuple[int, int, list[float]], ...] = (
    (7, 3, [1, 1, 4, 4]),
    (7, 5, [10, 2, 6, 8]),
    (20, 3, [0, 0, 8, 8]),
)
"""Image ID, category ID, box."""


def coco_labels(folder: Path, *, categories: Mapping[int, str] | None = None) -> Path:
    """Images 7 (a.jpg) and 20 (b.jpg), 32 wide and 24 high, with coins and keys whose IDs are 3 and 5."""
    classes = categories or {3: "coin", 5: "key"}
    document = {
        "images": [
            {"id": number, "file_name": name, "width": 32, "height": 24}
            for number, name in ((20, "b.jpg"), (7, "a.jpg"))
        ],
        "categories": [{"id": number, "name": name} for number, name in classes.items()],
        "annotations": [
            {"id": row, "image_id": image, "category_id": category, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for row, (image, category, box) in enumerate(BOXES, start=1)
        ],
    }
    return write_json(folder / "labels.json", document)


def results(rows: Sequence[tuple[Any, Any, list[float]]] = BOXES, score: float = 0.9) -> list[dict[str, Any]]:
    return [{"image_id": image, "category_id": category, "bbox": box, "score": score} for image, category, box in rows]


def write_json(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def write_lines(path: Path, *lines: Any) -> Path:
    """JSON Lines, or lines of text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), encoding="utf-8"
    )
    return path


def write_mask(path: Path, mask: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(mask, dtype=np.uint8)).save(path)
    return path
