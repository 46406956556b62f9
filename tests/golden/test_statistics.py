"""Statistics and comparison of datasets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_vizart.golden.class_counts import class_counts
from pytest_vizart.golden.comparison import compare
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.statistics import statistics
from pytest_vizart.records.labels import IGNORE, SemanticLabels, TextLabel
from tests.golden.datasets import box_dataset, mask_dataset, write_images

BOX = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 3], "area": 6}


def test_objects_are_counted_by_class_and_by_cocos_sizes(tmp_path: Path) -> None:
    areas = [1, 1023, 1024, 9215, 9216]
    rows = [{**BOX, "area": area} for area in areas] + [{**BOX, "iscrowd": 1, "area": 9999}]
    root = box_dataset(tmp_path, rows, tags={"dark": ["a"]}, splits={"train": ["a"], "val": ["b"]})
    found = statistics(GoldenDataset.load(root))
    (stage,) = found.stages
    assert (found.samples, found.tags, found.splits) == (2, {"dark": 1}, {"train": 1, "val": 1})
    assert (stage.labelled, stage.unlabeled, stage.unreadable) == (2, 0, 0)
    assert (stage.per_class, stage.counted) == ({"coin": 6}, "objects")
    assert stage.sizes == {"small": 2, "medium": 2, "large": 1}


def test_pixels_are_counted_and_what_is_unlabeled_or_broken_is_told(tmp_path: Path) -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[0, :3] = 7
    mask[1] = 255
    root = mask_dataset(tmp_path, {"a": mask, "c": mask + 1}, ignore=255)
    write_images(root, ["images/c.png"])
    (stage,) = statistics(GoldenDataset.load(root)).stages
    assert (stage.labelled, stage.unlabeled, stage.unreadable) == (1, 1, 1)
    assert (stage.per_class, stage.counted, stage.sizes) == ({"road": 37, "sky": 3}, "pixels", {})


@pytest.mark.parametrize("size", [10, 200])
def test_counts_of_small_and_large_masks_are_those_of_the_pixels(size: int) -> None:
    mask = np.random.default_rng(0).integers(IGNORE, 4, (size, size)).astype(np.int32)
    expected = [int((mask == index).sum()) for index in range(5)]
    assert class_counts(SemanticLabels(mask), 5).tolist() == expected
    assert class_counts(TextLabel("a"), 0).tolist() == []


def test_two_states_differ_by_what_inputs_hold_and_labels_mean(tmp_path: Path) -> None:
    other = {**BOX, "image_id": 2}
    before = GoldenDataset.load(box_dataset(tmp_path / "one", [BOX, other]))
    reordered = GoldenDataset.load(box_dataset(tmp_path / "two", [other, BOX]))
    assert compare(before, reordered).is_empty
    after = GoldenDataset.load(box_dataset(tmp_path / "three", [BOX, {**other, "bbox": [1, 1, 2, 2]}]))
    difference = compare(before, after)
    assert difference.stages[0].changed == ("b",)
    assert not difference.is_empty


def test_samples_inputs_and_classes_that_come_and_go(tmp_path: Path) -> None:
    before = GoldenDataset.load(box_dataset(tmp_path / "one", [BOX]))
    root = box_dataset(tmp_path / "two", [BOX], classes={1: "coin", 2: "key"})
    (root / "images/b.png").rename(root / "images/c.png")
    write_images(root, ["images/zero.png", "images/a.png"])
    difference = compare(before, GoldenDataset.load(root))
    assert difference.added == ("c", "zero")
    assert difference.removed == ("b",)
    assert difference.changed_inputs == ("a",)
    assert difference.stages[0].classes == ("coin", "key")  # coin had ID 0
    assert difference.stages[0].changed == ()
