"""Synthetic COCO files as large as COCO's own: long-tailed classes, crowds, equal scores, gaps in the IDs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VAL_IMAGES, VAL_OBJECTS, VAL_DETECTIONS = 5_000, 36_000, 500_000
CLASSES = 80
WIDTH, HEIGHT = 640, 480
MASK_WIDTH, MASK_HEIGHT = 320, 240

Files = tuple[Path, Path]
Rows = list[dict[str, Any]]


def write_boxes(folder: Path, images: int, seed: int = 0) -> Files:
    """Write ground truth and results of so many images, with as many objects and detections each as in COCO's val."""
    generator = np.random.default_rng(seed)
    objects, detections = round(VAL_OBJECTS * images / VAL_IMAGES), round(VAL_DETECTIONS * images / VAL_IMAGES)
    share = 1 / np.arange(1, CLASSES + 1) ** 1.1
    share /= share.sum()
    image, class_index = generator.integers(0, images, objects), generator.choice(CLASSES, objects, p=share)
    size = np.exp(generator.normal(4, 1, (objects, 2))).clip(4, 400)
    boxes = np.round(np.concatenate([generator.uniform(0, 1, (objects, 2)) * ([WIDTH, HEIGHT] - size), size], 1), 2)
    area = np.round(boxes[:, 2] * boxes[:, 3] * generator.uniform(0.4, 1, objects), 4)
    image_ids, class_ids = _ids(generator, images, 20 * images), _ids(generator, CLASSES, 90)
    rows = [
        {"image_id": image_ids[i], "category_id": class_ids[k], "bbox": box, "area": a, "iscrowd": int(crowd), "id": n}
        for i, k, box, a, crowd, n in zip(
            image.tolist(),
            class_index.tolist(),
            boxes.tolist(),
            area.tolist(),
            generator.random(objects) < 0.01,
            (generator.permutation(9 * objects)[:objects] + 1).tolist(),
            strict=True,
        )
    ]
    near = generator.random(detections) < 0.4
    source = generator.integers(0, objects, detections)
    found_image = np.where(near, image[source], generator.integers(0, images, detections))
    right = near & (generator.random(detections) < 0.9)
    found_class = np.where(right, class_index[source], generator.choice(CLASSES, detections, p=share))
    noise = generator.normal(0, 1, (detections, 4)) * generator.choice([0.02, 0.08, 0.2], (detections, 1))
    moved = boxes[source] + noise * np.tile(boxes[source][:, 2:], (1, 2))
    far = np.concatenate(
        [generator.uniform(0, 500, (detections, 2)), np.exp(generator.normal(4, 1, (detections, 2)))], 1
    )
    found = np.round(np.where(near[:, None], moved, far), 2)
    found[:, 2:] = found[:, 2:].clip(1)
    scores = np.where(near, generator.beta(2, 2, detections), generator.beta(1, 5, detections))
    scores = np.where(generator.random(detections) < 0.1, np.round(scores, 2), np.round(scores, 5))
    order = np.argsort(found_image, kind="stable")
    columns = (found_image[order], found_class[order], found[order], scores[order])
    results = [
        {"image_id": image_ids[i], "category_id": class_ids[k], "bbox": box, "score": score}
        for i, k, box, score in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return _written(folder / f"boxes_{images}", _truth(image_ids, class_ids, rows), results)


def write_masks(folder: Path, images: int, seed: int = 0) -> Files:
    """Write ellipses as run lengths, about 7 objects and 20 detections an image."""
    from pycocotools import mask as codec

    generator = np.random.default_rng(seed)
    image_ids, class_ids = _ids(generator, images, 20 * images), _ids(generator, 10, 90)
    rows: Rows = []
    results: Rows = []
    for image in image_ids:
        for _ in range(int(generator.integers(3, 12))):
            place, class_id = generator.uniform((20, 20, 5, 5), (300, 220, 60, 60)), int(generator.choice(class_ids))
            text = _encoded(codec, _ellipse(place))
            common = {"image_id": image, "category_id": class_id}
            crowd, number = int(generator.random() < 0.02), len(rows) + 1
            rows.append(
                {**common, "segmentation": text, "area": float(codec.area(text)), "iscrowd": crowd, "id": number}
                | {"bbox": codec.toBbox(text).tolist()}
            )
            for _ in range(3):
                moved = _ellipse(place + generator.normal(0, 4, 4))
                results.append({**common, "segmentation": _encoded(codec, moved), "score": _score(generator)})
    sizes = {"width": MASK_WIDTH, "height": MASK_HEIGHT}
    return _written(folder / f"masks_{images}", _truth(image_ids, class_ids, rows, **sizes), results)


def write_keypoints(folder: Path, images: int, seed: int = 0) -> Files:
    """Write people of 17 keypoints, some without any, about 3 people and 12 detections an image."""
    generator = np.random.default_rng(seed)
    image_ids = _ids(generator, images, 20 * images)
    rows: Rows = []
    results: Rows = []
    for image in image_ids:
        for _ in range(int(generator.integers(1, 6))):
            x, y, width, height = np.round(generator.uniform((0, 0, 20, 40), (400, 300, 200, 180)), 1).tolist()
            points = np.round(generator.uniform((x, y), (x + width, y + height), (17, 2)))
            seen = generator.choice([0, 1, 2], 17, p=[0.3, 0.2, 0.5]) * (generator.random() < 0.9)
            rows.append(
                {"image_id": image, "category_id": 1, "bbox": [x, y, width, height], "id": len(rows) + 1}
                | {"area": round(width * height * 0.6, 2), "iscrowd": 0, "num_keypoints": int(np.count_nonzero(seen))}
                | {"keypoints": np.column_stack([points, seen]).reshape(-1).tolist()}
            )
            for spread in (2.0, 8.0, 30.0, 60.0):
                moved = np.column_stack([np.round(points + generator.normal(0, spread, (17, 2)), 2), np.ones(17)])
                row = {"image_id": image, "category_id": 1, "keypoints": moved.reshape(-1).tolist()}
                results.append(row | {"score": _score(generator)})
    truth = _truth(image_ids, [1], rows)
    truth["categories"][0] |= {"keypoints": [f"joint {number}" for number in range(17)], "skeleton": []}
    return _written(folder / f"keypoints_{images}", truth, results)


def semantic_masks(images: int, classes: int, seed: int = 0) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """Return true and predicted masks of 480 x 640, some pixels of the truth without a label (-1)."""
    generator = np.random.default_rng(seed)
    pairs = []
    for _ in range(images):
        coarse = generator.integers(0, classes, (HEIGHT // 16, WIDTH // 16)).astype(np.int32)
        truth = np.kron(coarse, np.ones((16, 16), dtype=np.int32))
        predicted = np.roll(truth, int(generator.integers(1, 6)), axis=1)
        truth[generator.random(truth.shape) < 0.02] = -1
        pairs.append((truth, predicted))
    return pairs


def _ids(generator: np.random.Generator, count: int, below: int) -> list[int]:
    ids: list[int] = np.sort(generator.permutation(below)[:count] + 1).tolist()
    return ids


def _truth(image_ids: list[int], class_ids: list[int], rows: Rows, **sizes: int) -> dict[str, Any]:
    sizes = sizes or {"width": WIDTH, "height": HEIGHT}
    return {
        "images": [{"id": one, "file_name": f"{one:012d}.jpg", **sizes} for one in image_ids],
        "categories": [{"id": one, "name": f"class {one}", "supercategory": "thing"} for one in class_ids],
        "annotations": rows,
    }


def _written(stem: Path, truth: dict[str, Any], results: Rows) -> Files:
    labels, predictions = stem.with_suffix(".labels.json"), stem.with_suffix(".results.json")
    labels.write_text(json.dumps(truth), encoding="utf-8")
    predictions.write_text(json.dumps(results), encoding="utf-8")
    return labels, predictions


def _score(generator: np.random.Generator) -> float:
    return round(float(generator.random()), 2 if generator.random() < 0.1 else 5)


def _ellipse(place: NDArray[np.float64]) -> NDArray[np.uint8]:
    x, y, width, height = place
    rows, columns = np.ogrid[:MASK_HEIGHT, :MASK_WIDTH]
    inside = ((columns - x) / max(width, 2)) ** 2 + ((rows - y) / max(height, 2)) ** 2 <= 1
    return np.asfortranarray(inside, dtype=np.uint8)


def _encoded(codec: Any, mask: NDArray[np.uint8]) -> dict[str, Any]:
    text = codec.encode(mask)
    return {"size": text["size"], "counts": text["counts"].decode()}
