"""Keypoints: COCO's ten numbers against pycocotools, and what is said of one image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_vizart.accuracy.metrics import task_metric
from pytest_vizart.accuracy.predicted import BoxPredictions, KeypointPredictions
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import BoxLabels, ClassMap, KeypointLabels, LabelSpec
from tests.accuracy.metrics.coco_oracle import KEYPOINT_NAMES, coco_numbers
from tests.golden.datasets import shared

Floats = NDArray[np.float64]
PERSON = ClassMap(("person",), (0,))
SPEC = LabelSpec("pose", "keypoints", PERSON)


def labels(points: Floats, area: Sequence[float] | None = None, crowd: Sequence[bool] | None = None) -> KeypointLabels:
    count = len(points)
    boxes = around(points)
    objects = BoxLabels(
        boxes,
        np.zeros(count, dtype=np.int64),
        np.array([False] * count if crowd is None else crowd, dtype=bool),
        (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) if area is None else np.array(area, dtype=np.float64),
    )
    return KeypointLabels(objects, points)


def predicted(points: Floats, scores: Sequence[float] | None = None) -> KeypointPredictions:
    count = len(points)
    given = np.array([1.0] * count if scores is None else scores, dtype=np.float64)
    return KeypointPredictions(BoxPredictions(around(points), given, np.zeros(count, dtype=np.int64)), points)


def around(points: Floats) -> Floats:
    if not len(points):
        return np.empty((0, 4))
    return np.concatenate([points[:, :, :2].min(axis=1), points[:, :, :2].max(axis=1)], axis=1)


def random_problem(seed: int, keypoints: int) -> list[tuple[KeypointLabels, KeypointPredictions]]:
    """People of three sizes with crowds, keypoints that nobody labelled, equal scores and more than 20 predictions."""
    generator = np.random.default_rng(seed)
    pairs = []
    for _ in range(8):
        count, most = int(generator.integers(0, 6)), int(generator.integers(0, 30))
        size = generator.choice([20, 60, 150], (count, 1, 1))
        xy = np.round(generator.uniform(0, 200, (count, 1, 2)) + generator.uniform(0, 1, (count, keypoints, 2)) * size)
        visible = generator.integers(0, 3, (count, keypoints, 1)) * (generator.random((count, 1, 1)) < 0.8)
        points = np.concatenate([xy, visible], axis=2).astype(np.float64)
        source = generator.integers(0, count, most) if count else np.empty(0, dtype=int)
        found = points[source] + generator.normal(0, 1, (len(source), keypoints, 3)) * generator.choice([1, 6, 20])
        scores = np.round(generator.random(len(found)), 1 if generator.random() < 0.5 else 5)
        crowd = generator.random(count) < 0.15
        pairs.append((labels(points, crowd=crowd.tolist()), predicted(found, scores.tolist())))
    return pairs


def by_pycocotools(
    pairs: Sequence[tuple[KeypointLabels, KeypointPredictions]], sigmas: Sequence[float] | None
) -> dict[str, float | None]:
    images, objects, results = [], [], []
    for image, (truth, prediction) in enumerate(pairs):
        images.append({"id": image})
        for row, points in enumerate(truth.keypoints):
            box = truth.objects.boxes[row]
            objects.append(
                {
                    "image_id": image,
                    "category_id": 0,
                    "keypoints": points.reshape(-1).tolist(),
                    "num_keypoints": int((points[:, 2] > 0).sum()),
                    "area": float(truth.objects.area[row]),
                    "bbox": [*box[:2], *(box[2:] - box[:2])],
                    "iscrowd": int(truth.objects.crowd[row]),
                }
            )
        for row, points in enumerate(prediction.keypoints):
            score = float(prediction.objects.scores[row])
            results.append(
                {"image_id": image, "category_id": 0, "keypoints": points.reshape(-1).tolist(), "score": score}
            )
    return coco_numbers("keypoints", images, objects, results, 1, sigmas)


@pytest.mark.parametrize("seed", range(25))
def test_equal_to_pycocotools_to_the_last_bit(seed: int) -> None:
    keypoints = (17, 5)[seed % 2]
    sigmas = [0.05] * keypoints
    of = replace(SPEC, keypoint_sigmas=tuple(sigmas))
    pairs = random_problem(seed, keypoints)
    metric = task_metric("keypoints")
    summary = metric.summarise([metric.tally(*pair, of) for pair in pairs], of)
    assert {name: summary.metrics[name] for name in KEYPOINT_NAMES} == by_pycocotools(pairs, sigmas)


def test_equal_to_pycocotools_on_real_people() -> None:
    data = json.loads(shared("coco_keypoints_mmpose/coco/test_coco.json").read_text())
    rows = [row for row in data["annotations"] if "keypoints" in row]
    generator = np.random.default_rng(0)
    pairs = []
    for image in sorted(image["id"] for image in data["images"]):
        own = [row for row in rows if row["image_id"] == image]
        points = np.array([row["keypoints"] for row in own], dtype=np.float64).reshape(len(own), -1, 3)
        truth = labels(points, [row["area"] for row in own], [bool(row["iscrowd"]) for row in own])
        found = points + generator.normal(0, 6, points.shape)
        pairs.append((truth, predicted(found, generator.random(len(found)).tolist())))
    metric = task_metric("keypoints")
    summary = metric.summarise([metric.tally(*pair, SPEC) for pair in pairs], SPEC)
    assert {name: summary.metrics[name] for name in KEYPOINT_NAMES} == by_pycocotools(pairs, None)
    assert 0 < (summary.metrics["oks_map"] or 0) < 1


PERSON_POINTS = np.array([[[10.0, 10, 2], [30, 10, 2], [20, 50, 1], [0, 0, 0]]])
FOUR = LabelSpec(
    "pose", "keypoints", PERSON, keypoint_names=("left", "right", "foot", "tail"), skeleton=((0, 1), (1, 2))
)


def judged(truth: KeypointLabels, prediction: KeypointPredictions | None, of: LabelSpec = FOUR) -> Any:
    metric = task_metric("keypoints")
    return metric.judge(metric.tally(truth, prediction, of), of)


def moved(keypoint: int, by: float) -> Floats:
    points = PERSON_POINTS.copy()
    points[0, keypoint, 0] += by
    return points


def test_a_right_image_and_its_measures() -> None:
    comparison = judged(labels(PERSON_POINTS), predicted(moved(3, 500)))  # what is not labelled does not count
    assert comparison.status == "correct"
    assert comparison.measures["mean_oks"] == comparison.measures["pck"] == 1.0
    off = judged(labels(PERSON_POINTS), predicted(moved(2, 11)))
    assert off.status == "correct"
    assert off.measures["pck"] == pytest.approx(2 / 3)
    assert judged(labels(PERSON_POINTS), None).measures["pck"] == 0.0


def test_an_error_names_the_worst_keypoint() -> None:
    points = moved(2, 60)
    points[0, 0, 1] += 40
    comparison = judged(labels(PERSON_POINTS), predicted(points, [0.8]))
    assert (comparison.status, comparison.error_type) == ("wrong", "Loc")
    assert comparison.errors[0].note == "farthest off is foot, by 60 px"
    assert comparison.reason.startswith("1 in the wrong place (person, OKS 0.")
    unnamed = judged(labels(PERSON_POINTS), predicted(points, [0.8]), SPEC)
    assert unnamed.errors[0].note == "farthest off is keypoint 2, by 60 px"


def test_details_of_each_keypoint() -> None:
    metric = task_metric("keypoints")
    tallies = [
        metric.tally(labels(PERSON_POINTS), predicted(moved(2, 11)), FOUR),
        metric.tally(labels(PERSON_POINTS), None, FOUR),
    ]
    rows = metric.summarise(tallies, FOUR).details["keypoints"]
    assert [row["name"] for row in rows] == ["left", "right", "foot", "tail"]
    assert [row["compared"] for row in rows] == [1, 1, 1, 0]
    assert rows[2] == {"name": "foot", "compared": 1, "pck": 0.0, "error": pytest.approx(11 / 50)}
    assert (rows[3]["pck"], rows[3]["error"]) == (None, None)
    assert metric.summarise([], FOUR).details["keypoints"] == []


def test_objects_without_labelled_keypoints_are_ignored() -> None:
    hidden = PERSON_POINTS * [1, 1, 0]
    assert judged(labels(hidden), None).status == "correct"
    assert judged(labels(hidden), predicted(PERSON_POINTS)).status == "correct"
    both = np.concatenate([hidden, PERSON_POINTS + [200, 0, 0]])
    assert judged(labels(both), predicted(PERSON_POINTS + [200, 0, 0])).measures["expected"] == 1


def test_another_number_of_keypoints_or_sigmas_is_refused() -> None:
    with pytest.raises(PredictionError, match="wrong number of keypoints"):
        judged(labels(PERSON_POINTS), predicted(PERSON_POINTS[:, :3]))
    with pytest.raises(PredictionError, match="as many sigmas"):
        judged(labels(PERSON_POINTS), predicted(PERSON_POINTS), replace(FOUR, keypoint_sigmas=(0.1, 0.1)))


def test_the_picture_has_keypoints_and_bones() -> None:
    left, right = task_metric("keypoints").picture(labels(PERSON_POINTS), predicted(moved(0, 90), [0.7]), FOUR)
    assert left["keypoints"] == PERSON_POINTS.tolist()
    assert left["skeleton"] == right["skeleton"] == [[0, 1], [1, 2]]
    assert right["keypoints"][0][0] == [100.0, 10.0, 2.0]
    assert (right["scores"], right["matched"]) == ([0.7], [True])
    assert json.loads(json.dumps([left, right])) == [left, right]


def test_sigmas_that_nobody_gave_are_told_unless_they_are_cocos() -> None:
    def notes(count: int, spec: LabelSpec = SPEC) -> tuple[str, ...]:
        points = np.full((1, count, 3), 2.0)
        points[0, :, 0] = np.arange(count)
        metric = task_metric("keypoints")
        return metric.summarise([metric.tally(labels(points), predicted(points), spec)], spec).notes

    assert [note for note in notes(3) if "keypoint_sigmas" in note] == [
        "no keypoint_sigmas in the manifest: 1/3 for each of 3 keypoints, where COCO's are 0.025 to 0.107; the larger, "
        "the farther off a keypoint may be and still count as found"
    ]
    given = replace(SPEC, keypoint_sigmas=(0.05,) * 3)
    assert not any("keypoint_sigmas" in note for note in (*notes(3, given), *notes(17)))


def test_digest() -> None:
    metric = task_metric("keypoints")
    assert metric.digest(predicted(PERSON_POINTS)) == metric.digest(predicted(PERSON_POINTS.copy()))
    assert metric.digest(predicted(PERSON_POINTS)) != metric.digest(predicted(moved(0, 1)))


def test_predictions_beyond_the_best_20_are_told() -> None:
    metric = task_metric("keypoints")
    points = np.array([[[10.0, 10, 2], [20, 20, 2]]])
    tally = metric.tally(labels(points), predicted(np.repeat(points, 23, axis=0)), SPEC)
    assert "3 predictions beyond the best 20 of an image and class: not in COCO's numbers" in (
        metric.summarise([tally], SPEC).notes
    )
    assert not metric.summarise([tally], SPEC, full=False).notes
