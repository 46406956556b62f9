"""Small COCO files of ground truth and results, as parsed JSON, and COCOeval of pycocotools as their oracle."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import numpy as np
from pycocotools import mask as codec
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Rows = list[dict[str, Any]]

BOX_NAMES = (
    "map", "map_50", "map_75", "map_small", "map_medium", "map_large",
    "mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large",
)  # fmt: skip
KEYPOINT_NAMES = (
    "map", "map_50", "map_75", "map_medium", "map_large", "mar", "mar_50", "mar_75", "mar_medium", "mar_large",
)  # fmt: skip
_IOU_TYPES = {"boxes": "bbox", "instances": "segm", "keypoints": "keypoints"}
_HEIGHT, _WIDTH = 48, 64


def oracle(truth: dict[str, Any], results: Rows, task: str) -> dict[str, float | None]:
    """COCOeval's numbers, its -1 as None."""
    truth, results = copy.deepcopy(truth), copy.deepcopy(results)  # it writes into what it is given
    with contextlib.redirect_stdout(io.StringIO()):
        ground, found = COCO(), COCO()
        ground.dataset = truth
        ground.createIndex()
        if results:
            found = ground.loadRes(results)
        else:  # which it cannot load
            found.dataset = {**truth, "annotations": []}
            found.createIndex()
        evaluation = COCOeval(ground, found, _IOU_TYPES[task])
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = KEYPOINT_NAMES if task == "keypoints" else BOX_NAMES
    return {name: None if value == -1 else float(value) for name, value in zip(names, evaluation.stats, strict=True)}


def box_problem(seed: int) -> tuple[dict[str, Any], Rows]:
    """Crowds, equal scores, areas on borders, empty sides, gaps in the IDs, and now and then over 100 detections."""
    generator = np.random.default_rng(seed)
    images, classes, truth = _frame(generator)
    decimals = int(generator.integers(0, 3))
    for image in images:
        for _ in range(int(generator.integers(0, 7))):
            size = generator.choice([10.0, 32.0, 40.0, 96.0, 130.0], 2)
            box = np.round([*generator.uniform(0, 120, 2), *size * generator.choice([1.0, 0.7], 2)], decimals).tolist()
            area = float(generator.choice([box[2] * box[3], 1024.0, 9216.0, 0.6 * box[2] * box[3]]))
            crowd = int(generator.random() < 0.15)
            truth["annotations"].append(_row(generator, image, classes, bbox=box, area=area, iscrowd=crowd))
    _number(generator, truth["annotations"])
    most = 130 if seed % 50 == 0 else 14
    results: Rows = []
    for _ in range(int(generator.integers(0, most * len(images)))):
        if truth["annotations"] and generator.random() < 0.7:
            near = truth["annotations"][int(generator.integers(len(truth["annotations"])))]
            noise = generator.normal(0, generator.choice([0.0, 1.0, 6.0]), 4)
            box = np.round(np.array(near["bbox"]) + noise, decimals).tolist()
            image, class_id = near["image_id"], near["category_id"]
        else:
            box = np.round(generator.uniform(0, 100, 4), decimals).tolist()
            image, class_id = int(generator.choice(images)), int(generator.choice(classes))
        results.append({"image_id": image, "category_id": class_id, "bbox": box, "score": _score(generator, seed)})
    return truth, results


def mask_problem(seed: int) -> tuple[dict[str, Any], Rows]:
    """Ellipses as polygons, run lengths in both forms, crowds; results with boxes beside the masks, or without."""
    generator = np.random.default_rng(seed)
    images, classes, truth = _frame(generator)
    masks: list[np.ndarray[Any, Any]] = []
    for image in images:
        for _ in range(int(generator.integers(0, 5))):
            mask = _ellipse(*generator.uniform((5, 5, 2, 2), (60, 44, 20, 20)))
            crowd = int(generator.random() < 0.2)
            row = _row(generator, image, classes, area=float(mask.sum()) * 8, iscrowd=crowd, bbox=[0.0, 0.0, 9.0, 9.0])
            row["segmentation"] = _segmentation(generator, mask, crowd)
            masks.append(mask)
            truth["annotations"].append(row)
    _number(generator, truth["annotations"])
    with_boxes = seed % 3 == 0
    results: Rows = []
    for _ in range(int(generator.integers(0, 8 * len(images)))):
        mask = _ellipse(*generator.uniform((5, 5, 2, 2), (60, 44, 20, 20)))
        image, class_id = int(generator.choice(images)), int(generator.choice(classes))
        if masks and generator.random() < 0.8:
            at = int(generator.integers(len(masks)))
            mask = np.roll(masks[at], tuple(generator.integers(-3, 4, 2)), (0, 1))
            image, class_id = truth["annotations"][at]["image_id"], truth["annotations"][at]["category_id"]
        row = {"image_id": image, "category_id": class_id, "score": _score(generator, seed)}
        row["segmentation"] = {"size": [_HEIGHT, _WIDTH], "counts": _encoded(mask)}
        results.append(row | ({"bbox": np.round(generator.uniform(0, 60, 4), 1).tolist()} if with_boxes else {}))
    return truth, results


def keypoint_problem(seed: int) -> tuple[dict[str, Any], Rows]:
    """17 keypoints, some or all of them not labelled, crowds, and now and then more than 20 detections."""
    generator = np.random.default_rng(seed)
    images, classes, truth = _frame(generator)
    for category in truth["categories"]:
        category["keypoints"] = [f"joint {number}" for number in range(17)]
    for image in images:
        for _ in range(int(generator.integers(0, 5))):
            x, y, width, height = np.round(generator.uniform((0, 0, 10, 10), (90, 90, 120, 120)), 1).tolist()
            points = np.round(generator.uniform((x, y), (x + width, y + height), (17, 2)), int(seed % 3))
            seen = generator.choice([0, 1, 2], 17, p=[0.3, 0.2, 0.5])
            if generator.random() < 0.2:
                seen[:] = 0
            row = _row(generator, image, classes, area=round(width * height * 0.6, 2))
            row |= {"iscrowd": int(generator.random() < 0.1), "bbox": [x, y, width, height]}
            row |= {"keypoints": _flat(points, seen), "num_keypoints": int(np.count_nonzero(seen))}
            truth["annotations"].append(row)
    _number(generator, truth["annotations"])
    with_boxes, most = seed % 3 == 0, 30 if seed % 10 == 0 else 7
    results: Rows = []
    for _ in range(int(generator.integers(0, most * len(images)))):
        points = np.round(generator.uniform(0, 100, (17, 2)), 1)
        image, class_id = int(generator.choice(images)), int(generator.choice(classes))
        if truth["annotations"] and generator.random() < 0.8:
            near = truth["annotations"][int(generator.integers(len(truth["annotations"])))]
            points = np.array(near["keypoints"]).reshape(17, 3)[:, :2]
            points = np.round(points + generator.normal(0, generator.choice([0.0, 1.0, 8.0]), (17, 2)), 2)
            image, class_id = near["image_id"], near["category_id"]
        row = {"image_id": image, "category_id": class_id, "score": _score(generator, seed)}
        row["keypoints"] = _flat(points, np.ones(17))
        results.append(row | ({"bbox": np.round(generator.uniform(0, 99, 4), 1).tolist()} if with_boxes else {}))
    return truth, results


def _frame(generator: np.random.Generator) -> tuple[list[int], list[int], dict[str, Any]]:
    images = generator.permutation(5000)[: int(generator.integers(1, 5))].tolist()
    classes = (generator.permutation(90)[: int(generator.integers(1, 3))] + 1).tolist()
    truth = {
        "images": [{"id": one, "file_name": f"{one}.jpg", "height": _HEIGHT, "width": _WIDTH} for one in images],
        "categories": [{"id": one, "name": f"class {one}"} for one in classes],
        "annotations": [],
    }
    return images, classes, truth


def _row(generator: np.random.Generator, image: int, classes: list[int], **rest: Any) -> dict[str, Any]:
    return {"image_id": image, "category_id": int(generator.choice(classes)), **rest}


def _number(generator: np.random.Generator, rows: Rows) -> None:
    """Give IDs with gaps, from 1: COCOeval loses an object with ID 0."""
    for row, number in zip(rows, generator.permutation(9 * len(rows) + 1)[: len(rows)], strict=True):
        row["id"] = int(number) + 1


def _score(generator: np.random.Generator, seed: int) -> float:
    return round(float(generator.random()), 1 if seed % 2 else 6)


def _ellipse(x: float, y: float, width: float, height: float) -> np.ndarray[Any, Any]:
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    inside: np.ndarray[Any, Any] = ((columns - x) / width) ** 2 + ((rows - y) / height) ** 2 <= 1
    return inside


def _encoded(mask: np.ndarray[Any, Any]) -> str:
    counts: bytes = codec.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    return counts.decode()


def _segmentation(generator: np.random.Generator, mask: np.ndarray[Any, Any], crowd: int) -> Any:
    if crowd:
        flat = mask.T.reshape(-1)
        edges = np.flatnonzero(np.diff(flat)) + 1
        runs = np.diff([0, *edges.tolist(), flat.size]).tolist()
        return {"size": [_HEIGHT, _WIDTH], "counts": [0, *runs] if flat[0] else runs}
    if generator.random() < 0.5:
        return {"size": [_HEIGHT, _WIDTH], "counts": _encoded(mask)}
    rows, columns = np.nonzero(mask)
    x1, y1, x2, y2 = (float(side) for side in (columns.min(), rows.min(), columns.max() + 1.5, rows.max() + 1.25))
    return [[x1, y1, x2, y1, x2, y2, x1, y2]]


def _flat(points: np.ndarray[Any, Any], third: np.ndarray[Any, Any]) -> list[float]:
    values: list[float] = np.column_stack([points, third]).reshape(-1).tolist()
    return values
