"""LVIS files: what they say of classes that are labelled in a part of the images only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from pycocotools import mask as codec

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import Task
from tests.golden.datasets import coco, shared, write_images
from tests.golden.formats.reading import Labels

ROW = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 3], "area": 9, "segmentation": [[1, 1, 5, 1, 5, 4, 1, 4]]}


def lvis(root: Path, task: Task = "boxes", classes: Any = None, **image: Any) -> Labels:
    write_images(root, ["images/a.png", "images/b.png"])
    data = coco(["a.png", "b.png"], [ROW], {1: "coin", 2: "key", 7: "acorn"})
    data["images"][0] |= image
    (root / "gt.json").write_bytes(orjson.dumps(data))
    return Labels(root, "gt.json", task, format="lvis", classes=classes)


def test_a_partly_labelled_class_has_a_crowd_region_as_large_as_the_image(tmp_path: Path) -> None:
    label = lvis(tmp_path, not_exhaustive_category_ids=[7, 1, 7], neg_category_ids=[2])["a"]
    assert label.boxes.tolist() == [[1, 1, 5, 4], [0, 0, 8, 6], [0, 0, 8, 6]]
    assert label.class_index.tolist() == [0, 2, 0]
    assert label.crowd.tolist() == [False, True, True]
    assert label.area.tolist() == [9, 48, 48]
    assert label.extent.tolist() == [12, 48, 48]


def test_its_mask_covers_the_image(tmp_path: Path) -> None:
    label = lvis(tmp_path, "instances", not_exhaustive_category_ids=[2])["a"]
    whole = codec.encode(np.asfortranarray(np.ones((6, 8), np.uint8)))["counts"]
    assert label.masks[1:] == (whole,)
    assert label.objects.crowd.tolist() == [False, True]


def test_images_are_found_by_address_and_may_say_nothing_of_classes(tmp_path: Path) -> None:
    found = lvis(tmp_path, coco_url="http://images.cocodataset.org/val2017/a.png", file_name="COCO_val2014_a.png")
    assert found["a"].boxes.tolist() == [[1, 1, 5, 4]]
    assert len(found["b"]) == 0


def test_classes_that_the_manifest_leaves_out_are_passed_over(tmp_path: Path) -> None:
    found = lvis(tmp_path, classes={1: "coin"}, not_exhaustive_category_ids=[7], neg_category_ids=[2])
    assert found["a"].crowd.tolist() == [False]


@pytest.mark.parametrize(
    "image, place, problem",
    [
        ({"neg_category_ids": 3}, "images[0].neg_category_ids", "not a list of categories"),
        ({"neg_category_ids": [2, 9]}, "images[0].neg_category_ids[1].category_id", "unknown category"),
        ({"not_exhaustive_category_ids": [[]]}, "images[0].not_exhaustive_category_ids[0].category_id", "unknown"),
        ({"not_exhaustive_category_ids": [2], "width": None}, "images[0].width", "no width"),
    ],
)
def test_lists_of_classes_that_are_none_are_refused(
    tmp_path: Path, image: dict[str, Any], place: str, problem: str
) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        lvis(tmp_path, **image)["a"]
    assert caught.value.place == place


def test_keypoints_are_none_of_its_tasks(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match="format lvis holds no labels for this task"):
        lvis(tmp_path, "keypoints")


def test_a_real_file_loads_whole(tmp_path: Path) -> None:
    file = shared("lvis_gt", "lvis_val_100.json")
    data = json.loads(file.read_text())
    write_images(tmp_path, [f"images/{row['coco_url'].rsplit('/', 1)[1]}" for row in data["images"]], (1, 1))
    (tmp_path / "gt.json").write_bytes(file.read_bytes())
    boxes = Labels(tmp_path, "gt.json", "boxes", format="lvis")
    masks = Labels(tmp_path, "gt.json", "instances", format="lvis")
    assert len(boxes.reader.classes()) == 1230
    objects = crowds = 0
    for sample_id in boxes.keys:
        label, instances = boxes[sample_id], masks[sample_id]
        np.testing.assert_array_equal(instances.objects.boxes, label.boxes)
        objects += int((~label.crowd).sum())
        crowds += int(label.crowd.sum())
    assert objects == 977
    assert crowds == sum(len(set(row["not_exhaustive_category_ids"])) for row in data["images"]) > 0
