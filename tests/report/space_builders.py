"""Labels and predictions of the tasks that are no objects in a picture: points, cuboids, clouds, images, values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pytest_vizart.accuracy.predicted import (
    ArrayPrediction,
    Box3DPredictions,
    CloudPrediction,
    ImagePrediction,
    PointPrediction,
    Prediction,
    TextPrediction,
)
from pytest_vizart.records.labels import (
    ArrayLabel,
    Box3DLabels,
    ClassMap,
    CloudLabel,
    ImageLabel,
    Label,
    PointLabels,
    TextLabel,
)

STREET = ClassMap(("ground", "wall", "car"), (0, 1, 2))
Samples = Iterator[tuple[Label, Prediction, str | None]]


def street() -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """(N, 3) metres of ground, two walls and cars, and their classes."""
    random = np.random.default_rng(3)
    ground = np.c_[random.uniform(-20, 20, 3000), random.uniform(-30, 30, 3000), random.normal(0, 0.03, 3000)]
    wall = np.c_[random.choice([-12.0, 12.0], 800), random.uniform(-30, 30, 800), random.uniform(0, 6, 800)]
    cars = [
        np.c_[random.uniform(x, x + 2, 200), random.uniform(y, y + 4.5, 200), random.uniform(0, 1.5, 200)]
        for x, y in ((-6, -10), (3, 4), (5, -20))
    ]
    xyz = np.concatenate([ground, wall, *cars])
    return xyz, np.repeat([0, 1, 2], [3000, 800, 600]).astype(np.int32)


def point_samples() -> Samples:
    _, truth = street()
    for number in range(2):
        predicted = truth.copy()
        predicted[3000 + 300 * number : 4200] = 0
        yield PointLabels(truth), PointPrediction(predicted), None


def cuboid_samples() -> Samples:
    true = np.array([[-5, -7.75, 0.75, 4.5, 2, 1.5, 1.57], [4, 6.25, 0.75, 4.5, 2, 1.5, 1.57],
                     [6, -17.75, 0.75, 4.5, 2, 1.5, 1.57], [10, 15, 0.9, 4.2, 1.8, 1.6, 0.4]])  # fmt: skip
    for number in range(2):
        found = true[[0, 1, 2]] + [[0.2, 0.1, 0, 0, 0, 0, 0.1], [2.8, 0, 0, 0, 0, 0, 0.5], [0, 0.3, 0, 0, 0, 0, 0]]
        found = np.concatenate([found, [[-9.0, 20 + number, 0.8, 4, 2, 1.5, 0.0]]])
        yield (
            Box3DLabels(true, np.array([2, 2, 2, 2]), np.zeros(4, dtype=bool)),
            Box3DPredictions(found, np.array([0.93, 0.88, 0.8, 0.97]), np.array([2, 2, 1, 2])),
            None,
        )


def cloud_samples() -> Samples:
    xyz, _ = street()
    random = np.random.default_rng(9)
    for number in range(2):
        found = xyz + random.normal(0, 0.01, xyz.shape)
        far = xyz[:, 1] > 15 - 10 * number
        found[far, 2] += 0.02 * (xyz[far, 1] - 5)
        yield CloudLabel(xyz), CloudPrediction(found), None


def image_samples(folder: Path) -> Samples:
    y, x = np.mgrid[:180, :240]
    for number in range(2):
        truth = np.stack([(x + y) % 256, 80 + 60 * np.sin(x / 20), np.full(x.shape, 128)], axis=2).astype(np.uint8)
        found = truth.copy()
        found[60 + 20 * number : 120, 80:160] //= 2
        found[np.hypot(x - 40, y - 40) < 25, 0] += np.uint8(30)
        path = folder / f"image-{number}.png"
        Image.fromarray(truth).save(path)
        yield ImageLabel(truth), ImagePrediction(found), str(path)


def text_samples() -> Samples:
    for truth, found in (
        ("Total 1,204.50 EUR\ndue on 3 May", "Totel 1,204.60 EUR\ndue  on 3 Mai"),
        ("The quick brown fox jumps over the lazy dog.", "The quick fox jumps over over the lazy dog"),
        ("the same", "the same"),
        ("<b>bold</b>", "<img src=x onerror=alert(1)>"),
    ):
        yield TextLabel(truth), TextPrediction(found), None


def array_samples() -> Samples:
    random = np.random.default_rng(1)
    for _ in range(2):
        values = random.normal(0, 1, (8, 16))
        found = values.copy()
        found[2, 3] += 0.5
        found[5, 1] = np.nan
        yield (
            ArrayLabel({"embedding": values, "norm": np.array(3.25), "<b>names": np.array(["a", "b"])}),
            ArrayPrediction({"embedding": found, "norm": np.array(3.5), "<b>names": np.array(["a", "c"])}),
            None,
        )
