"""COCO files to COCO's numbers, equal to the last bit to pycocotools."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.golden.formats.coco_results import CocoTask
from pytest_vizart.workflow.evaluation.coco_files import CocoEvaluation, evaluate_coco_files
from tests.accuracy.coco.coco_problems import Rows, box_problem, keypoint_problem, mask_problem, oracle

SHARED = Path(__file__).parents[3].parent / "shared" / "data"


def evaluated(folder: Path, truth: dict[str, Any], results: Any, task: CocoTask = "boxes") -> CocoEvaluation:
    labels, predictions = folder / "labels.json", folder / "results.json"
    labels.write_text(json.dumps(truth), encoding="utf-8")
    predictions.write_text(json.dumps(results), encoding="utf-8")
    return evaluate_coco_files(labels, predictions, task)


@pytest.mark.parametrize("block", range(20))
def test_500_problems_with_boxes_equal_pycocotools_to_the_last_bit(block: int, tmp_path: Path) -> None:
    for seed in range(25 * block, 25 * (block + 1)):
        truth, results = box_problem(seed)
        assert evaluated(tmp_path, truth, results).metrics == oracle(truth, results, "boxes"), seed


@pytest.mark.parametrize("make, task", [(mask_problem, "instances"), (keypoint_problem, "keypoints")])
@pytest.mark.parametrize("block", range(5))
def test_500_problems_with_masks_and_with_keypoints_equal_pycocotools_to_the_last_bit(
    make: Callable[[int], tuple[dict[str, Any], Rows]], task: CocoTask, block: int, tmp_path: Path
) -> None:
    for seed in range(100 * block, 100 * (block + 1)):
        truth, results = make(seed)
        assert evaluated(tmp_path, truth, results, task).metrics == oracle(truth, results, task), seed


def shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip("real data is not beside this checkout: shared/data")
    return path


@pytest.mark.parametrize(
    "labels, results, task",
    [
        ("coco_sahi/coco_evaluate/dataset.json", "coco_sahi/coco_evaluate/result.json", "boxes"),
        ("coco_small_fce/dataset/gt_dataset.json", "coco_small_fce/dataset/dt_dataset.json", "boxes"),
        ("coco_small_fce/dataset/gt_dataset.json", "coco_small_fce/dataset/dt_dataset.json", "instances"),
        ("coco_keypoints_mmpose/coco/test_coco.json", "coco_keypoints_mmpose/coco/test_coco_det_AP_H_56.json", "boxes"),
    ],
)
def test_real_files_equal_pycocotools_to_the_last_bit(labels: str, results: str, task: CocoTask) -> None:
    ground, found = shared(labels), shared(results)
    expected = oracle(json.loads(ground.read_text()), json.loads(found.read_text()), task)
    assert evaluate_coco_files(ground, found, task).metrics == expected


def test_real_keypoints_equal_pycocotools_to_the_last_bit(tmp_path: Path) -> None:
    path = shared("coco_keypoints_mmpose", "coco", "test_coco.json")
    truth, results = json.loads(path.read_text()), []
    for number, row in enumerate(3 * truth["annotations"]):
        points = [value + (number * 7 + place) % 5 - 2 for place, value in enumerate(row["keypoints"])]
        score = round(1 - number / 50, 1)
        results.append({"image_id": row["image_id"], "category_id": 1, "keypoints": points, "score": score})
    metrics = evaluated(tmp_path, truth, results, "keypoints").metrics
    assert metrics == oracle(truth, results, "keypoints")
    assert 0.3 < (metrics["map"] or 0) < 1


@pytest.mark.parametrize("variant", ["coco_format_v1/instances_default.json", "coco_format_v2/instances_v2.json"])
def test_detections_of_another_file_equal_pycocotools_to_the_last_bit(variant: str, tmp_path: Path) -> None:
    folder = shared("rodm_database_all_formats")
    truth = json.loads((folder / "gts" / variant).read_text())
    found = json.loads((folder / "dets" / "coco_format" / "coco_dets.json").read_text())
    images = {row["file_name"]: row["id"] for row in truth["images"]}
    classes = {row["name"]: row["id"] for row in truth["categories"]}
    image_names = {row["id"]: row["file_name"] for row in found["images"]}
    class_names = {row["id"]: row["name"] for row in found["categories"]}
    results = [
        {
            "image_id": images[image_names[row["image_id"]]],
            "category_id": classes[class_names[row["category_id"]]],
            "bbox": row["bbox"],
            "score": row["score"],
        }
        for row in found["annotations"]
    ]
    metrics = evaluated(tmp_path, truth, results).metrics
    assert metrics == oracle(truth, results, "boxes")
    assert metrics["map_50"] is not None
    assert metrics["map_50"] > 0.5


TRUTH: dict[str, Any] = {
    "images": [{"id": 3, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}],
    "categories": [{"id": 7, "name": "key"}, {"id": 2, "name": "coin"}],
    "annotations": [
        {"id": 0, "image_id": 3, "category_id": 7, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0},
        {"id": 5, "image_id": 1, "category_id": 7, "bbox": [5, 5, 10, 10], "area": 100, "iscrowd": 0},
    ],
}


def found(image: Any, category: Any, box: list[float], score: float = 0.9) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "bbox": box, "score": score}


def test_an_annotation_with_id_0_counts(tmp_path: Path) -> None:
    results = [found(3, 7, [0, 0, 10, 10]), found(1, 7, [5, 5, 10, 10])]
    evaluation = evaluated(tmp_path, TRUTH, results)
    assert evaluation.metrics["map"] == pytest.approx(1.0)
    assert any("ID 0" in note for note in evaluation.notes)
    assert oracle(TRUTH, results, "boxes")["map"] == pytest.approx(0.505, abs=0.01)  # it loses the object


def test_unknown_images_and_classes_are_left_out_and_told(tmp_path: Path) -> None:
    results = [
        found(3, 7, [0, 0, 10, 10]),
        found(8, 7, [0, 0, 1, 1]),
        found("8", 7, [0, 0, 1, 1]),
        found(3, 9, [0] * 4),
    ]
    evaluation = evaluated(tmp_path, TRUTH, results)
    assert evaluation.detections == 1
    assert "left out, of an unknown image: 2 detections (ID 8, '8')" in evaluation.notes
    assert "left out, of an unknown class: 1 detection (ID 9)" in evaluation.notes
    assert evaluation.metrics["map_50"] == pytest.approx(0.5, abs=0.01)


def test_what_the_numbers_do_not_show_is_told(tmp_path: Path) -> None:
    results = [found(3, 7, [0, 0, 10, 10])] * 101
    notes = evaluated(tmp_path, TRUTH, results).notes
    assert "without an object, and left out of the means: 1 of 2 classes" in notes
    assert "not counted, beyond the best 100 of their image and class: 1 detection" in notes
    assert "with the score of another one of their class, so that their order decides: 100 detections" in notes


def test_no_detections_leave_zeros_and_a_note(tmp_path: Path) -> None:
    evaluation = evaluated(tmp_path, TRUTH, [])
    assert evaluation.metrics["map"] == 0.0
    assert "the result file has no detections" in evaluation.notes


def test_no_objects_leave_every_number_undefined(tmp_path: Path) -> None:
    evaluation = evaluated(tmp_path, {**TRUTH, "annotations": []}, [found(3, 7, [0, 0, 1, 1])])
    assert set(evaluation.metrics.values()) == {None}


def test_classes_are_told_apart_by_name(tmp_path: Path) -> None:
    evaluation = evaluated(tmp_path, TRUTH, [found(3, 7, [0, 0, 10, 10])])
    assert evaluation.class_names == ("coin", "key")
    assert evaluation.per_class("map_50") == {"coin": None, "key": pytest.approx(0.5, abs=0.01)}


def test_ids_may_be_text(tmp_path: Path) -> None:
    truth = json.loads(json.dumps(TRUTH).replace('"image_id": 3', '"image_id": "x"').replace('"id": 3', '"id": "x"'))
    results = [found("x", 7, [0, 0, 10, 10]), found(1, 7, [5, 5, 10, 10])]
    assert evaluated(tmp_path, truth, results).metrics["map"] == pytest.approx(1.0)
