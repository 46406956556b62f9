"""Instances: COCO's numbers against pycocotools, and what is said of one image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as codec

from pytest_vizart.accuracy.geometry import masks
from pytest_vizart.accuracy.metrics import task_metric
from pytest_vizart.accuracy.predicted import BoxPredictions, InstancePredictions
from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import BoxLabels, InstanceLabels
from tests.accuracy.metrics.coco_oracle import MASK_NAMES, coco_numbers
from tests.accuracy.problems import spec
from tests.golden.datasets import shared

SPEC = spec("instances")
SIZE = (80, 120)
Bools = NDArray[np.bool_]


def labels(array: Bools, classes: Sequence[int] | None = None, crowd: Sequence[bool] | None = None) -> InstanceLabels:
    counts = masks.encode(array)
    size = array.shape[1:]
    count = len(counts)
    objects = BoxLabels(
        masks.boxes(counts, size),
        np.array([0] * count if classes is None else classes, dtype=np.int64),
        np.array([False] * count if crowd is None else crowd, dtype=bool),
        masks.areas(counts, size),
    )
    return InstanceLabels(objects, counts, size)


def predicted(
    array: Bools, scores: Sequence[float] | None = None, classes: Sequence[int] | None = None
) -> InstancePredictions:
    counts = masks.encode(array)
    size = array.shape[1:]
    count = len(counts)
    objects = BoxPredictions(
        masks.boxes(counts, size),
        np.array([1.0] * count if scores is None else scores, dtype=np.float64),
        np.array([0] * count if classes is None else classes, dtype=np.int64),
    )
    return InstancePredictions(objects, counts, size)


def squares(*corners: tuple[int, int], side: int = 20, size: tuple[int, int] = SIZE) -> Bools:
    array = np.zeros((len(corners), *size), dtype=bool)
    for mask, (x, y) in zip(array, corners, strict=True):
        mask[y : y + side, x : x + side] = True
    return array


def blob(generator: np.random.Generator) -> Bools:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    centre, radius = generator.uniform(10, 70, 2), generator.choice([4, 16, 30]) * generator.uniform(0.7, 1.3)
    return (y - centre[0]) ** 2 + (x - centre[1] * 1.4) ** 2 < radius**2


def random_problem(seed: int) -> list[tuple[InstanceLabels, InstancePredictions]]:
    """Blobs of three sizes with crowds, equal scores, empty sides and masks without a pixel."""
    generator = np.random.default_rng(seed)
    pairs = []
    for _ in range(8):
        count, most = int(generator.integers(0, 6)), int(generator.integers(0, 12))
        array = np.array([blob(generator) for _ in range(count)]).reshape(count, *SIZE)
        classes = generator.integers(0, 2, count)
        found = np.zeros((most, *SIZE), dtype=bool)
        index = generator.integers(0, 2, most)
        for row in range(most):
            source = int(generator.integers(0, count + 1))
            if source < count:
                shift = tuple(int(step) for step in generator.integers(-4, 5, 2))
                found[row] = np.roll(array[source], shift, axis=(0, 1))
                index[row] = classes[source] if generator.random() < 0.85 else index[row]
            elif generator.random() < 0.8:
                found[row] = blob(generator)
        scores = np.round(generator.random(most), 1 if generator.random() < 0.5 else 5)
        crowd = generator.random(count) < 0.2
        pairs.append(
            (labels(array, classes.tolist(), crowd.tolist()), predicted(found, scores.tolist(), index.tolist()))
        )
    return pairs


def by_pycocotools(pairs: Sequence[tuple[InstanceLabels, InstancePredictions]]) -> dict[str, float | None]:
    images, objects, results = [], [], []
    for image, (truth, prediction) in enumerate(pairs):
        images.append({"id": image, "height": truth.size[0], "width": truth.size[1]})
        for row, counts in enumerate(truth.masks):
            segmentation = {"size": list(truth.size), "counts": counts}
            box = truth.objects.boxes[row]
            objects.append(
                {
                    "image_id": image,
                    "category_id": int(truth.objects.class_index[row]),
                    "segmentation": segmentation,
                    "area": float(truth.objects.area[row]),
                    "bbox": [*box[:2], *(box[2:] - box[:2])],
                    "iscrowd": int(truth.objects.crowd[row]),
                }
            )
        for row, counts in enumerate(prediction.masks):
            results.append(
                {
                    "image_id": image,
                    "category_id": int(prediction.objects.class_index[row]),
                    "segmentation": {"size": list(prediction.size), "counts": counts},
                    "score": float(prediction.objects.scores[row]),
                }
            )
    return coco_numbers("segm", images, objects, results, 2)


@pytest.mark.parametrize("seed", range(25))
def test_equal_to_pycocotools_to_the_last_bit(seed: int) -> None:
    pairs = random_problem(seed)
    metric = task_metric("instances")
    summary = metric.summarise([metric.tally(*pair, SPEC) for pair in pairs], SPEC)
    assert {name: summary.metrics[name] for name in MASK_NAMES} == by_pycocotools(pairs)


def judged(truth: InstanceLabels, prediction: InstancePredictions | None) -> Any:
    metric = task_metric("instances")
    return metric.judge(metric.tally(truth, prediction, SPEC), SPEC)


def test_boxes_are_equal_and_masks_are_not() -> None:
    ring = squares((10, 10), side=30)
    ring[0, 12:38, 12:38] = False
    comparison = judged(labels(squares((10, 10), side=30)), predicted(ring, [0.8]))
    assert comparison.status == "wrong"
    assert [error.kind for error in comparison.errors] == ["Loc"]
    assert comparison.errors[0].overlap == pytest.approx(1 - 26 * 26 / 900)
    assert comparison.missed == comparison.false_positives == ("coin 10 10 40 40",)
    assert comparison.reason == "1 in the wrong place (coin, IoU 0.25)"


def test_a_right_image_and_its_measures() -> None:
    array = squares((10, 10), (60, 20))
    comparison = judged(labels(array), predicted(array[::-1], [0.7, 0.6]))
    assert (comparison.status, comparison.score) == ("correct", 1.0)
    assert comparison.measures["mean_iou"] == comparison.measures["f1"] == 1.0


def test_nothing_predicted() -> None:
    comparison = judged(labels(squares((10, 10))), None)
    assert (comparison.status, comparison.error_type) == ("wrong", "Miss")
    assert judged(labels(np.zeros((0, *SIZE), dtype=bool)), None).status == "correct"


def test_masks_of_another_size_are_refused() -> None:
    truth = labels(squares((10, 10)))
    for size in ((40, 60), (120, 80)):
        with pytest.raises(PredictionError, match="another size") as caught:
            judged(truth, predicted(squares((1, 1), size=size)))
        assert caught.value.expected == "(80, 120), height and width"
        assert caught.value.hint
    assert judged(truth, predicted(np.zeros((0, 5, 5), dtype=bool))).error_type == "Miss"


def test_a_crowd_takes_many() -> None:
    truth = labels(squares((0, 0), side=60), crowd=[True])
    comparison = judged(truth, predicted(squares((5, 5), (30, 30)), [0.9, 0.8]))
    assert comparison.status == "correct"


def test_the_picture_has_outlines() -> None:
    truth, prediction = labels(squares((10, 10))), predicted(squares((12, 10), (80, 40)), [0.6, 0.9], [0, 1])
    left, right = task_metric("instances").picture(truth, prediction, SPEC)
    assert left["polygons"] == [[[10, 10, 30, 10, 30, 30, 10, 30]]]
    assert right["polygons"] == [[[80, 40, 100, 40, 100, 60, 80, 60]], [[12, 10, 32, 10, 32, 30, 12, 30]]]
    assert right["boxes"] == [[80, 40, 100, 60], [12, 10, 32, 30]]
    assert (right["labels"], right["matched"]) == (["key", "coin"], [False, True])
    assert right["errors"] == ["label-suspect", None]
    assert json.loads(json.dumps([left, right])) == [left, right]


def test_per_class_and_digest() -> None:
    metric = task_metric("instances")
    array = squares((10, 10), (60, 20))
    tally = metric.tally(labels(array, [0, 1]), predicted(array[:1]), SPEC)
    summary = metric.summarise([tally], SPEC)
    assert summary.per_class["coin"]["ap"] == pytest.approx(1.0)
    assert summary.per_class["key"]["ap_50"] == 0.0
    assert summary.costs["Miss"] == pytest.approx(0.5)
    assert metric.summarise([tally], SPEC, full=False).per_class == {}
    digests = {metric.digest(predicted(one)) for one in (array, array[:1], array[::-1])}
    assert len(digests) == 3


def test_equal_to_pycocotools_on_real_masks_in_the_forms_of_coco() -> None:
    truth = json.loads(shared("coco_small_fce/dataset/gt_dataset.json").read_text())
    found = json.loads(shared("coco_small_fce/dataset/dt_dataset.json").read_text())
    ids = sorted(row["id"] for row in truth["categories"])
    of = spec("instances", [str(number) for number in ids], ids)
    metric, tallies, images, objects, results = task_metric("instances"), [], [], [], []
    for image in sorted(truth["images"], key=lambda row: row["id"]):
        size = (image["height"], image["width"])
        own = [row for row in truth["annotations"] if row["image_id"] == image["id"]]
        rows = [row for row in found if row["image_id"] == image["id"]]
        rows = [{name: row[name] for name in ("image_id", "category_id", "segmentation", "score")} for row in rows]
        labelled = [{"segmentation": row["segmentation"], "label": str(row["category_id"])} for row in own]
        read = read_prediction(labelled, of, image_size=size)
        assert isinstance(read, InstancePredictions)
        crowd, area = (np.array([row[name] for row in own]) for name in ("iscrowd", "area"))
        boxes = BoxLabels(read.objects.boxes, read.objects.class_index, crowd.astype(bool), area.astype(np.float64))
        prediction = read_prediction(rows, of, image_size=size)
        tallies.append(metric.tally(InstanceLabels(boxes, read.masks, read.size), prediction, of))
        images.append(image)
        objects += [{**row, "category_id": ids.index(row["category_id"])} for row in own]
        for row in rows:  # pycocotools takes no polygons in results
            runs = codec.merge(codec.frPyObjects(row["segmentation"], *size))
            results.append({**row, "segmentation": runs, "category_id": ids.index(row["category_id"])})
    theirs = coco_numbers("segm", images, objects, results, len(ids))
    metrics = metric.summarise(tallies, of).metrics
    assert {name: metrics[name] for name in MASK_NAMES} == theirs
    assert 0 < (theirs["map"] or 0) < 1
