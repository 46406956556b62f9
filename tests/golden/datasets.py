"""Small golden datasets, written into a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def shared(*parts: str) -> Path:
    """Return a path in the folder of real data beside the checkout; skips the test where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data is not beside this checkout: {Path(*parts)}")
    return path


def write_images(root: Path, names: Sequence[str], size: tuple[int, int] = (8, 6)) -> None:
    """Write images of one colour each; those that are there already stay, since disks may be slow."""
    for number, name in enumerate(names):
        path = root / name
        if path.exists():
            with Image.open(path) as image:
                if image.size == size and image.getpixel((0, 0)) == (number, 10, 20):
                    continue
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (number, 10, 20)).save(path)


def write_manifest(root: Path, manifest: Mapping[str, Any] | str, name: str = "golden.yaml") -> Path:
    """Write a manifest; JSON is YAML too."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / name
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest), encoding="utf-8")
    return path


def coco(
    images: Sequence[str], annotations: Sequence[Mapping[str, Any]], categories: Mapping[int, str]
) -> dict[str, Any]:
    """A COCO file whose image IDs count from 1; images are 8 wide and 6 high."""
    return {
        "images": [
            {"id": number, "file_name": name, "width": 8, "height": 6} for number, name in enumerate(images, start=1)
        ],
        "annotations": [{"id": number, "iscrowd": 0, **row} for number, row in enumerate(annotations)],
        "categories": [{"id": number, "name": name} for number, name in categories.items()],
    }


def box_dataset(root: Path, annotations: Sequence[Mapping[str, Any]], **manifest: Any) -> Path:
    """Write a dataset of images a, b and boxes of coins; returns its folder."""
    write_images(root, ["images/a.png", "images/b.png"])
    data = coco(["a.png", "b.png"], annotations, {1: "coin"})
    (root / "boxes.json").write_text(json.dumps(data), encoding="utf-8")
    label = {"stage": "detect", "task": "boxes", "path": "boxes.json"}
    write_manifest(root, {"samples": "images/*.png", "classes": ["coin"], "labels": [label], **manifest})
    return root


def mask_dataset(root: Path, masks: Mapping[str, np.ndarray[Any, Any]], **label: Any) -> Path:
    """Write a dataset of images a, b with semantic masks for those named."""
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "masks").mkdir(exist_ok=True)
    for name, mask in masks.items():
        Image.fromarray(mask).save(root / "masks" / f"{name}.png")
    entry = {"stage": "segment", "task": "semantic", "path": "masks/{id}.png", **label}
    write_manifest(root, {"samples": "images/*.png", "classes": {0: "road", 7: "sky"}, "labels": [entry]})
    return root
