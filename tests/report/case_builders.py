"""Failure cases with their pictures: coins, cells, digits and a street, made with numpy and Pillow from fixed seeds."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from pytest_vizart.records.outcome import Case


def coin_image(path: Path, seed: int, size: tuple[int, int] = (384, 303)) -> list[list[float]]:
    """Grey coins on an uneven ground, as in the well-known picture; returns their boxes."""
    random = np.random.default_rng(seed)
    width, height = size
    ground = np.linspace(70, 40, height)[:, None] + np.linspace(30, -10, width)[None, :]
    image = Image.fromarray(np.clip(ground + random.normal(0, 4, (height, width)), 0, 255).astype(np.uint8))
    draw, boxes = ImageDraw.Draw(image), []
    for row in range(3):
        for column in range(5):
            radius = random.uniform(18, 30)
            x, y = 44 + column * 74 + random.uniform(-6, 6), 52 + row * 98 + random.uniform(-8, 8)
            shade = int(random.uniform(120, 215))
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=shade)
            draw.ellipse((x - radius * 0.6, y - radius * 0.7, x + radius * 0.5, y + radius * 0.6), fill=shade - 25)
            boxes.append([x - radius, y - radius, x + radius, y + radius])
    image.filter(ImageFilter.GaussianBlur(1)).save(path)
    return boxes


def coin_case(folder: Path, number: int, *, missed: int = 2, extra: int = 1) -> Case:
    path = folder / f"coin-{number:03d}.png"
    boxes = coin_image(path, number)
    random = np.random.default_rng(number)
    found = [[edge + float(random.normal(0, 1.5)) for edge in box] for box in boxes[missed:]]
    found += [[10.0 + 40 * i, 120.0, 60.0 + 40 * i, 160.0] for i in range(extra)]
    scores = [float(random.uniform(0.55, 0.99)) for _ in found]
    return Case(
        sample_id=path.stem,
        stage="detect",
        task="boxes",
        error_type="miss" if missed else "false-positive",
        reason=f"{missed} of {len(boxes)} objects missed, {extra} false positive",
        input_path=str(path),
        truth={
            "boxes": boxes,
            "labels": ["coin"] * len(boxes),
            "scores": [None] * len(boxes),
            "matched": [False] * missed + [True] * (len(boxes) - missed),
            "crowd": [False] * len(boxes),
        },
        predicted={
            "boxes": found,
            "labels": ["coin"] * len(found),
            "scores": scores,
            "matched": [True] * (len(boxes) - missed) + [False] * extra,
            "crowd": [False] * len(found),
        },
    )


def run_lengths(mask: NDArray[np.int64]) -> list[list[int]]:
    flat = mask.ravel()
    starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
    return [[int(flat[at]), int(length)] for at, length in zip(starts, np.diff(np.r_[starts, flat.size]), strict=True)]


def mask_case(folder: Path, number: int) -> Case:
    """Cells: background, cell, nucleus; a strip on the left is not labelled."""
    random, size = np.random.default_rng(100 + number), 240
    y, x = np.mgrid[:size, :size]
    truth = np.zeros((size, size), dtype=np.int64)
    predicted = truth.copy()
    picture = np.full((size, size, 3), (236, 222, 232), dtype=float)
    for _ in range(9):
        cx, cy, radius = random.uniform(20, 220), random.uniform(20, 220), random.uniform(16, 34)
        reach = np.hypot(x - cx, y - cy)
        truth[reach < radius], truth[reach < radius * 0.4] = 1, 2
        shift = np.hypot(x - cx - 3, y - cy + 2)
        predicted[shift < radius * 0.92], predicted[shift < radius * 0.55] = 1, 2
        picture[reach < radius], picture[reach < radius * 0.4] = (205, 150, 190), (110, 60, 140)
    truth[:, :10] = -1
    path = folder / f"cells-{number:02d}.png"
    noisy = np.clip(picture + random.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(path)
    shape = {"width": size, "height": size, "classes": ["background", "cell", "nucleus"]}
    return Case(
        path.stem, "segment", "semantic", "low-iou", "mean IoU 0.47 is under 0.5", str(path),
        truth=shape | {"rle": run_lengths(truth)}, predicted=shape | {"rle": run_lengths(predicted)},
    )  # fmt: skip


def digit_case(folder: Path, number: int) -> Case:
    image = Image.new("L", (28, 28), 8)
    ImageDraw.Draw(image).text((9, 4), "8", fill=240, font_size=20)
    path = folder / f"digit-{number:04d}.png"
    image.save(path)
    return Case(
        path.stem, "classify", "classes", "misread", "expected 8, predicted 3", str(path),
        truth={"label": "8", "score": None}, predicted={"label": "3", "score": 0.62},
    )  # fmt: skip


def cloud_case(count: int = 6000) -> Case:
    """A street: ground, two walls, cars; some points of the cars are taken for ground."""
    random = np.random.default_rng(3)
    ground = np.c_[random.uniform(-20, 20, count), random.uniform(-30, 30, count), random.normal(0, 0.03, count)]
    wall = np.c_[
        random.choice([-12.0, 12.0], count // 4), random.uniform(-30, 30, count // 4), random.uniform(0, 6, count // 4)
    ]
    cars = [
        np.c_[random.uniform(x, x + 2, 300), random.uniform(y, y + 4.5, 300), random.uniform(0, 1.5, 300)]
        for x, y in ((-6, -10), (3, 4), (5, -20), (-7, 15))
    ]
    xyz = np.concatenate([ground, wall, *cars])
    truth = np.r_[np.zeros(len(ground)), np.ones(len(wall)), np.full(1200, 2)].astype("<i2")
    predicted = truth.copy()
    predicted[-1200:][xyz[-1200:, 2] < 0.7] = 0
    truth[:200] = -1

    def encoded(array: NDArray[Any]) -> str:
        return base64.b64encode(array.tobytes()).decode()

    shared = {"classes": ["ground", "building", "car"], "count": len(xyz)}
    return Case(
        "street-07", "label", "points", "low-iou", "mean IoU 0.44: car 0.51 is lowest", "golden/street/street-07.ply",
        truth=shared | {"xyz_mm": encoded((xyz * 1000).astype("<i4")), "class_index": encoded(truth)},
        predicted=shared | {"class_index": encoded(predicted)},
    )  # fmt: skip
