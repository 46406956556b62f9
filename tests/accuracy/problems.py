"""Small accuracy problems, and pycocotools as the oracle of the box metrics."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pytest_vizart.accuracy.predicted import BoxPredictions
from pytest_vizart.records.labels import BoxLabels, ClassMap, LabelSpec, Task

COCO_NAMES = (
    "map", "map_50", "map_75", "map_small", "map_medium", "map_large",
    "mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large",
)  # fmt: skip


def spec(
    task: Task, names: Sequence[str] = ("coin", "key"), ids: Sequence[int] | None = None, **rest: float
) -> LabelSpec:
    return LabelSpec("stage", task, ClassMap(tuple(names), tuple(ids or range(len(names)))), **rest)


def truth_boxes(
    boxes: Sequence[Sequence[float]], classes: Sequence[int] | None = None, crowd: Sequence[bool] | None = None
) -> BoxLabels:
    corners = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    count = len(corners)
    return BoxLabels(
        corners,
        np.array(classes if classes is not None else [0] * count, dtype=np.int64),
        np.array(crowd if crowd is not None else [False] * count, dtype=bool),
        (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]),
    )


def predicted_boxes(
    boxes: Sequence[Sequence[float]], scores: Sequence[float] | None = None, classes: Sequence[int] | None = None
) -> BoxPredictions:
    corners = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    count = len(corners)
    return BoxPredictions(
        corners,
        np.array(scores if scores is not None else [1.0] * count, dtype=np.float64),
        np.array(classes if classes is not None else [0] * count, dtype=np.int64),
    )


def random_problem(
    generator: np.random.Generator, images: int, classes: int, most_objects: int, most_predictions: int
) -> tuple[list[BoxLabels], list[BoxPredictions]]:
    """Boxes of three sizes with crowds, equal scores, areas on the border of two ranges, and empty sides."""
    truths: list[BoxLabels] = []
    predictions: list[BoxPredictions] = []
    for _ in range(images):
        count, predicted = generator.integers(0, most_objects + 1), generator.integers(0, most_predictions + 1)
        corner = generator.uniform(0, 200, (count, 2))
        size = generator.choice([8, 32, 60, 150], (count, 1)) * generator.uniform(0.5, 1.3, (count, 2))
        if generator.random() < 0.3:
            corner, size = np.round(corner), np.round(size)
        boxes = np.concatenate([corner, corner + size], axis=1)
        area = size.prod(axis=1) * generator.uniform(0.5, 1, count)
        area[generator.random(count) < 0.1] = 1024
        index = generator.integers(0, classes, count)
        truths.append(BoxLabels(boxes, index, generator.random(count) < 0.15, area))
        if count:
            source = generator.integers(0, count, predicted)
            moved = boxes[source] + generator.normal(0, 6, (predicted, 4)) * (generator.random((predicted, 1)) < 0.8)
            kept = generator.random(predicted) < 0.8
            labels = np.where(kept, index[source], generator.integers(0, classes, predicted))
        else:
            moved, labels = generator.uniform(0, 100, (predicted, 4)), generator.integers(0, classes, predicted)
        moved = np.concatenate([np.minimum(moved[:, :2], moved[:, 2:]), np.maximum(moved[:, :2], moved[:, 2:])], axis=1)
        scores = np.round(generator.random(predicted), 1 if generator.random() < 0.5 else 6)
        predictions.append(BoxPredictions(moved, scores, labels.astype(np.int64)))
    return truths, predictions


Sides = NDArray[np.float64]
"""(N, 4) boxes as x, y, width, height."""


def tenths_problem(
    generator: np.random.Generator, images: int
) -> tuple[list[BoxLabels], list[BoxPredictions], list[tuple[Sides, Sides]]]:
    """Boxes in tenths of pixels, whose corners are not exact, with IoUs of exactly .5 and areas of exactly 32 x 32."""
    truths: list[BoxLabels] = []
    predictions: list[BoxPredictions] = []
    sides: list[tuple[Sides, Sides]] = []
    for _ in range(images):
        count = int(generator.integers(1, 6))
        place = np.round(generator.uniform(0, 200, (count, 2)), 1)
        size = generator.choice([20.0, 32.0, 96.0], (count, 2))
        truth = np.concatenate([place, size], axis=1)
        halved = truth.copy()
        halved[:, 2] /= generator.choice([1, 2], count)
        index = np.zeros(count, dtype=np.int64)
        truths.append(BoxLabels(corners_of(truth), index, np.zeros(count, bool), size.prod(axis=1), size.prod(axis=1)))
        scores = np.round(generator.random(count), 1)
        predictions.append(BoxPredictions(corners_of(halved), scores, index, halved[:, 2] * halved[:, 3]))
        sides.append((truth, halved))
    return truths, predictions, sides


def corners_of(sides: Sides) -> NDArray[np.float64]:
    return np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)


def sides_of(boxes: BoxLabels | BoxPredictions) -> Sides:
    return np.concatenate([boxes.boxes[:, :2], boxes.boxes[:, 2:] - boxes.boxes[:, :2]], axis=1)


def _rows(image: int, sides: Sides, class_index: NDArray[np.int64]) -> list[dict[str, object]]:
    return [
        {"image_id": image, "category_id": int(index), "bbox": box}
        for box, index in zip(sides.tolist(), class_index, strict=True)
    ]


def pycocotools_numbers(
    truths: Sequence[BoxLabels],
    predictions: Sequence[BoxPredictions],
    classes: int,
    sides: Sequence[tuple[Sides, Sides]] | None = None,
) -> dict[str, float | None]:
    """The twelve numbers by COCOeval, its -1 as None. `sides`: the boxes as they were given, if not as corners."""
    pairs = zip(truths, predictions, strict=True)
    given = sides or [(sides_of(truth), sides_of(prediction)) for truth, prediction in pairs]
    objects: list[dict[str, object]] = []
    results: list[dict[str, object]] = []
    for image, (truth, prediction) in enumerate(zip(truths, predictions, strict=True)):
        ours, theirs = given[image]
        rows = _rows(image, ours, truth.class_index)
        for row, crowd, area in zip(rows, truth.crowd, truth.area, strict=True):
            # COCOeval loses an object with ID 0, so that IDs begin at 1.
            objects.append({**row, "id": len(objects) + 1, "iscrowd": int(crowd), "area": float(area)})
        rows = _rows(image, theirs, prediction.class_index)
        results += [{**row, "score": float(one)} for row, one in zip(rows, prediction.scores, strict=True)]
    images = [{"id": number} for number in range(len(truths))]
    categories = [{"id": number, "name": str(number)} for number in range(classes)]
    with contextlib.redirect_stdout(io.StringIO()):
        ground, detected = COCO(), COCO()
        ground.dataset = {"info": {}, "images": images, "annotations": objects, "categories": categories}
        ground.createIndex()
        if results:
            detected = ground.loadRes(results)
        else:
            detected.dataset = {"images": images, "annotations": [], "categories": categories}
            detected.createIndex()
        evaluation = COCOeval(ground, detected, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {
        name: None if value == -1 else float(value) for name, value in zip(COCO_NAMES, evaluation.stats, strict=True)
    }
