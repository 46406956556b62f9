"""Ground truth out of files of many formats, without a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_vizart import GoldenDataset, GoldenError, GoldenFormatError, UsageError, evaluate
from pytest_vizart.records.labels import ClassLabel, ClassMap, SemanticLabels
from tests.golden.datasets import box_dataset, shared, write_images, write_manifest
from tests.workflow.evaluation.files import coco_labels, results, write_json, write_lines, write_mask

VOC = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]
RODM = "rodm_database_all_formats"


@pytest.mark.parametrize(
    "labels", ["gts/coco_format_v1/instances_default.json", "gts/coco_format_v2/instances_v2.json", "gts/cvat_format"]
)
def test_one_ground_truth_in_several_formats_gives_the_same_figures(labels: str) -> None:
    path = shared(RODM, *labels.split("/"))
    path = next(path.glob("*.xml")) if path.is_dir() else path
    found = evaluate(path, shared(RODM, "dets", "coco_format", "coco_dets.json"))
    assert found.metrics["map"] == pytest.approx(0.3469581862666, abs=1e-12)
    assert (found.counts.correct, found.counts.wrong) == (28, 72) if found.counts else False
    assert found.notes == ()


def test_voc_files_leave_difficult_objects_out() -> None:
    found = evaluate(shared(RODM, "gts", "pascalvoc_format"), shared(RODM, "dets", "coco_format", "coco_dets.json"))
    assert found.metrics["map"] == pytest.approx(0.35597558, abs=1e-8)


def test_yolo_labels_take_sizes_from_the_images_and_names_from_the_folder_above() -> None:
    labels = shared(RODM, "gts", "yolo_format", "obj_train_data")
    predictions = shared(RODM, "dets", "coco_format", "coco_dets.json")
    found = evaluate(labels, predictions, format="yolo", images=shared(RODM, "images"))
    assert found.metrics["map_50"] == pytest.approx(0.88311822, abs=1e-8)
    assert found.notes[0].startswith("predictions of 79 unknown images left out: 2007_000323.jpg, ")


def test_stuff_labels_in_run_lengths_against_masks() -> None:
    found = evaluate(
        shared("seg_cocostuff", "annotations", "stuff_examples.json"),
        shared("seg_cocostuff", "results", "segmentations", "examples"),
    )
    assert found.task == "semantic"
    assert found.metrics["pixel_accuracy"] == pytest.approx(0.52187276, abs=1e-8)


def test_panoptic_labels_equal_themselves() -> None:
    path = shared("seg_panoptic_coco", "sample_data", "panoptic_examples.json")
    found = evaluate(path, path)
    assert found.task == "panoptic"
    assert found.metrics["pq"] == 1.0


def test_cuboids_in_memory_equal_themselves() -> None:
    import json

    folder = shared("argoverse_custom_json", "test_data", "detection", "detections_identity", "1")
    labels, predictions = {}, {}
    for path in sorted(folder.rglob("*.json")):
        rows = json.loads(path.read_text())
        boxes = [
            [row["center"][axis] for axis in "xyz"] + [row[side] for side in ("length", "width", "height")] + [0.0]
            for row in rows
        ]
        names = [row["label_class"] for row in rows]
        labels[path.stem] = {"boxes": boxes, "labels": names}
        predictions[path.stem] = {"boxes": boxes, "labels": names, "scores": [row["score"] for row in rows]}
    found = evaluate(labels, predictions, task="boxes_3d")
    assert found.metrics[found.headline] == 1.0
    assert found.counts is not None
    assert found.counts.wrong == 0


def test_a_dataset_its_folder_and_its_label_file_agree(tmp_path: Path) -> None:
    annotations = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3], "area": 9}]
    root = box_dataset(tmp_path / "coins", annotations)
    found = write_json(tmp_path / "results.json", results([(1, 1, [1, 1, 3, 3]), (2, 1, [0, 0, 4, 4])]))
    every = [
        evaluate(root, found),
        evaluate(GoldenDataset.load(root), found),
        evaluate(root / "boxes.json", found),
        evaluate(root / "boxes.json", found, format="coco"),
    ]
    assert len({tuple(one.metrics.items()) for one in every}) == 1
    # Without a class map of its own the file's category IDs count; the manifest numbers its classes from 0.
    assert [one.status for one in every[2].outcomes] == ["correct", "wrong"]


def test_the_stage_of_a_dataset_is_named_where_there_are_several(tmp_path: Path) -> None:
    root = box_dataset(tmp_path, [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3], "area": 9}])
    label = {"task": "boxes", "path": "boxes.json"}
    write_manifest(root, {"samples": "images/*.png", "labels": [{"stage": "a", **label}, {"stage": "b", **label}]})
    found = write_json(tmp_path / "r" / "results.json", results([(1, 1, [1, 1, 3, 3])]))
    with pytest.raises(UsageError, match=r"several stages have labels; expected one of a \(boxes\), b \(boxes\)"):
        evaluate(root, found)
    assert evaluate(root, found, stage="b").metrics["map_50"] == pytest.approx(1)
    with pytest.raises(UsageError, match="no stage has labels of this task"):
        evaluate(root, found, task="semantic")


def test_a_table_of_classes_needs_no_class_map(tmp_path: Path) -> None:
    labels = write_lines(tmp_path / "labels.csv", "file,label", "a.jpg,cat", "b.jpg,dog", "c.jpg,dog")
    found = evaluate(labels, write_lines(tmp_path / "p.csv", "image,class", "a.jpg,cat", "b.jpg,cat", "c.jpg,dog"))
    assert found.spec.classes == ClassMap(("cat", "dog"), (0, 1))
    assert found.metrics["accuracy"] == pytest.approx(2 / 3)
    assert [one.sample_id for one in found.outcomes] == ["a", "b", "c"]


def test_lines_of_boxes_and_of_texts(tmp_path: Path) -> None:
    boxes = write_lines(tmp_path / "b.jsonl", {"file_name": "a.jpg", "boxes": [[0, 0, 9, 9]], "labels": ["cat"]})
    assert evaluate(boxes, {"a": [[0, 0, 9, 9, 0.8]]}).metrics["map"] == pytest.approx(1)
    texts = write_lines(tmp_path / "t.jsonl", {"sample": "a", "text": "EXIT"})
    assert evaluate(texts, {"a": "EXIT"}).metrics["exact_match"] == 1.0


def test_masks_by_template_and_by_folder(tmp_path: Path) -> None:
    write_mask(tmp_path / "labels" / "a_gt.png", [[0, 1], [1, 255]])
    write_mask(tmp_path / "found" / "a.png", [[0, 1], [0, 0]])
    found = evaluate(tmp_path / "labels" / "{id}_gt.png", tmp_path / "found", classes=["road", "sky"], ignore=255)
    assert found.metrics["pixel_accuracy"] == pytest.approx(2 / 3)
    again = evaluate(
        tmp_path / "labels", tmp_path / "found" / "{id}.png", format="png", classes=["road", "sky"], ignore=255
    )
    assert again.counts is not None
    assert again.counts.invalid == 1  # the sample is a_gt, and there is no a_gt.png among the predictions


def test_label_records_and_plain_values_in_memory() -> None:
    records = {"a": ClassLabel(1), "b": ClassLabel(0), "c": None}
    found = evaluate(records, {"a": "dog", "b": "dog"}, classes=["cat", "dog"])
    assert (found.task, found.metrics["accuracy"]) == ("classes", 0.5)
    assert [one.status for one in found.outcomes] == ["correct", "wrong", "unlabeled"]
    assert evaluate([("a", "cat"), ("b", "dog")], [("b", "dog"), ("a", "cat")]).metrics["accuracy"] == 1.0
    mask = SemanticLabels(np.array([[0, 1]], dtype=np.int32))
    assert evaluate({"a": mask}, {"a": [[0, 1]]}, classes=["road", "sky"]).metrics["mean_iou"] == 1.0


def test_one_bad_label_among_good_ones_is_invalid_and_all_bad_ones_are_an_error(tmp_path: Path) -> None:
    write_mask(tmp_path / "labels" / "a.png", [[0, 1]])
    write_mask(tmp_path / "labels" / "b.png", [[0, 9]])
    for name in "ab":
        write_mask(tmp_path / "found" / f"{name}.png", [[0, 1]])
    found = evaluate(tmp_path / "labels", tmp_path / "found", classes=["road", "sky"])
    assert [one.status for one in found.outcomes] == ["correct", "invalid"]
    (tmp_path / "labels" / "a.png").unlink()
    with pytest.raises(GoldenFormatError, match=r"b\.png"):
        evaluate(tmp_path / "labels", tmp_path / "found", classes=["road", "sky"])


@pytest.mark.parametrize(
    "labels, chosen, message",
    [
        ("absent.json", {}, "no such file"),
        ("labels.dat", {}, "format of the labels is not known"),
        ("mask.npy", {}, "task is not known"),
        ("mask.png", {}, "classes are not known"),
        ("labels.json", {"format": "cocco"}, "unknown format; expected .*; hint: did you mean 'coco'"),
        ("labels.json", {"task": "bboxes"}, "unknown value; expected classes, boxes"),
        ("labels.json", {"iou_threshold": 1.5}, "iou_threshold: unknown value; expected a number above 0, at most 1"),
        ("labels.json", {"classes": ["a", "a"]}, "not a class map; expected every class once"),
        ("empty", {}, "not a golden dataset"),
    ],
)
def test_what_nobody_can_tell_is_refused(labels: str, chosen: dict[str, Any], message: str, tmp_path: Path) -> None:
    coco_labels(tmp_path)
    write_lines(tmp_path / "labels.dat", "x")
    np.save(tmp_path / "mask.npy", np.zeros((2, 2), dtype=np.uint8))
    write_mask(tmp_path / "mask.png", [[0, 1]])
    (tmp_path / "empty").mkdir()
    found = write_json(tmp_path / "results.json", results())
    if labels.startswith("mask"):
        found = tmp_path / labels
    with pytest.raises((UsageError, GoldenError), match=message):
        evaluate(tmp_path / labels, found, **chosen)


def test_images_tell_the_sizes_of_samples_that_no_label_file_gives(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/a.png"], size=(100, 50))
    labels = write_lines(tmp_path / "l.jsonl", {"sample": "a.png", "boxes": [[10, 10, 30, 30]], "labels": ["cat"]})
    write_lines(tmp_path / "found" / "a.txt", "0 0.2 0.4 0.2 0.4 0.9")
    with pytest.raises(GoldenFormatError, match="size of the image is not known"):
        evaluate(labels, tmp_path / "found")
    assert evaluate(labels, tmp_path / "found", images=tmp_path / "images").metrics["map"] == pytest.approx(1)
