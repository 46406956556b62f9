"""COCO files compared by columns and sample by sample: the same figures, to the last bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.records.outcome import MAX_ERRORS
from pytest_vizart.workflow.evaluation.evaluate import _scored, evaluate_files
from pytest_vizart.workflow.evaluation.options import Options
from pytest_vizart.workflow.evaluation.result import Evaluation
from tests.accuracy.coco.coco_problems import box_problem, keypoint_problem, mask_problem
from tests.golden.datasets import shared
from tests.workflow.evaluation.files import write_json

_FIGURES = ("headline", "metrics", "per_class", "counts")


def both(labels: Path, predictions: Path, **chosen: Any) -> tuple[Evaluation, Evaluation]:
    options = Options(**chosen)
    return evaluate_files(labels, predictions, options), _scored(labels, predictions, options)


def assert_equal(quick: Evaluation, slow: Evaluation) -> None:
    for figure in _FIGURES:
        assert getattr(quick, figure) == getattr(slow, figure), figure
    assert {key: slow.details[key] for key in quick.details} == quick.details
    if all(len(outcome.errors) < MAX_ERRORS for outcome in slow.outcomes):  # an outcome tells no more of them
        assert quick.errors == slow.errors
    assert quick.outcomes == slow.outcomes


@pytest.mark.parametrize(
    "make, task, count",
    [(box_problem, "boxes", 60), (mask_problem, "instances", 15), (keypoint_problem, "keypoints", 15)],
)
@pytest.mark.parametrize("thresholds", [{}, {"score_threshold": 0.2, "iou_threshold": 0.3}])
def test_generated_problems(
    make: Callable[[int], tuple[Any, Any]], task: str, count: int, thresholds: dict[str, float], tmp_path: Path
) -> None:
    for seed in range(count):
        truth, found = make(seed)
        if task == "instances":  # COCO takes the size of a box where there is one, the metric always the mask's
            found = [{key: value for key, value in row.items() if key != "bbox"} for row in found]
        labels, predictions = write_json(tmp_path / "l.json", truth), write_json(tmp_path / "p.json", found)
        if not found or all(row["image_id"] not in {image["id"] for image in truth["images"]} for row in found):
            continue
        assert_equal(*both(labels, predictions, task=task, **thresholds))


@pytest.mark.parametrize(
    "labels, predictions",
    [
        ("coco_sahi/coco_evaluate/dataset.json", "coco_sahi/coco_evaluate/result.json"),
        ("coco_small_fce/dataset/gt_dataset.json", "coco_small_fce/dataset/dt_dataset.json"),
        ("coco_keypoints_mmpose/coco/test_coco.json", "coco_keypoints_mmpose/coco/test_coco_det_AP_H_56.json"),
    ],
)
def test_real_files(labels: str, predictions: str) -> None:
    quick, slow = both(shared(labels), shared(predictions))
    assert quick.task == "boxes"
    assert_equal(quick, slow)


def test_terrain_images_have_the_average_precision_that_pycocotools_gives() -> None:
    folder = shared("coco_sahi", "coco_evaluate")
    found = evaluate_files(folder / "dataset.json", folder / "result.json", Options())
    assert found.metrics["map"] == pytest.approx(0.071954, abs=5e-7)
    assert found.notes == ("74 of 80 classes have no object",)


def test_predicted_keypoints_of_the_labels_themselves_are_perfect(tmp_path: Path) -> None:
    labels = shared("coco_keypoints_mmpose", "coco", "test_coco.json")
    rows = [row for row in json.loads(labels.read_text())["annotations"] if row["num_keypoints"]]
    results = [
        {"image_id": row["image_id"], "category_id": 1, "keypoints": row["keypoints"], "score": 0.9} for row in rows
    ]
    quick, slow = both(labels, write_json(tmp_path / "results.json", results))
    assert quick.task == "keypoints"
    assert quick.metrics["oks_map"] == 1.0
    assert_equal(quick, slow)
