"""COCO instance masks and masks of stuff, against pycocotools, and everything that is refused."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools import mask as codec
from pycocotools.coco import COCO

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.records.labels import IGNORE, Task
from tests.golden.datasets import coco, shared, write_images, write_manifest
from tests.golden.formats.coco_data import BASE, CATEGORIES, SQUARE, labels, real
from tests.golden.formats.reading import Labels, read_or_refuse
from tests.golden.mutations import damaged


def instances(root: Path, *segmentations: Any, **row: Any) -> Any:
    rows = [{**BASE, "segmentation": one, **row} for one in segmentations]
    return labels(root, coco(["a.png", "b.png"], rows, CATEGORIES), "instances")["a"]


def by_image(labels: Labels, oracle: COCO) -> list[tuple[Any, list[dict[str, Any]]]]:
    return [
        (labels[Path(row["file_name"]).stem], oracle.loadAnns(oracle.getAnnIds(imgIds=[row["id"]])))
        for row in oracle.dataset["images"]
    ]


def encoded_by(oracle: COCO, row: dict[str, Any]) -> bytes:
    counts = oracle.annToRLE(row)["counts"]  # text where the file has text
    return counts if isinstance(counts, bytes) else counts.encode()


def test_polygons_and_both_kinds_of_run_lengths_become_compressed_counts(tmp_path: Path) -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[1:4, 1:5] = 1
    counts = codec.encode(np.asfortranarray(mask))["counts"]
    uncompressed = {"size": [6, 8], "counts": [7, 3, 3, 3, 3, 3, 3, 3, 20]}
    label = instances(tmp_path, SQUARE, uncompressed, {"size": [6, 8], "counts": counts.decode()})
    assert label.masks == (counts, counts, counts)
    assert label.size == (6, 8)
    assert label.objects.boxes.tolist() == [[1, 1, 5, 4]] * 3
    assert label.objects.class_index.tolist() == [0, 0, 0]


def test_box_and_area_are_those_of_the_mask_where_the_file_gives_none(tmp_path: Path) -> None:
    rows = [
        {"image_id": 1, "category_id": 2, "segmentation": SQUARE, "iscrowd": 1},
        {"image_id": 1, "category_id": 1, "segmentation": SQUARE, "bbox": [0, 0, 7, 5], "area": 3.5},
    ]
    objects = labels(tmp_path, coco(["a.png"], rows, CATEGORIES), "instances")["a"].objects
    assert objects.boxes.tolist() == [[1, 1, 5, 4], [0, 0, 7, 5]]
    assert objects.area.tolist() == [12, 3.5]
    assert objects.extent.tolist() == [12, 35]
    assert objects.crowd.tolist() == [True, False]


def test_runs_of_no_length_are_joined(tmp_path: Path) -> None:
    given_runs = {"size": [6, 8], "counts": [0, 0, 7, 1, 0, 2, 38, 0]}
    label = instances(tmp_path, given_runs, {"size": [6, 8], "counts": [7, 3, 38]})
    assert label.masks[0] == label.masks[1]


def test_an_image_without_annotations_has_no_instances(tmp_path: Path) -> None:
    data = coco(["a.png"], [], CATEGORIES)
    found = labels(tmp_path, data, "instances")
    assert len(found["a"]) == 0
    assert found["b"] is None
    assert labels(tmp_path, data, "boxes")["a"].boxes.shape == (0, 4)


@pytest.mark.parametrize(
    "segmentation, problem",
    [
        ([], "no mask"),
        ([[1, 1, 2, 2, 3, True]], "not a polygon"),
        ([[1, 1, 2, 2, 3, None]], "not a polygon"),
        ([[1, 1, 2, 2, 3, -1e8]], "far outside"),
        ([[0, 0, 1000, 0, 0, 0] * 5_000], "too long"),
        ({"size": [6, 8], "counts": [48, 2**63]}, "do not cover"),
        ({"size": [6, 8], "counts": [-1, 49]}, "do not cover"),
        ({"size": [6, 8], "counts": [47.0, 1]}, "do not cover"),
        ({"size": [6, 8], "counts": "0" * 1000}, "do not cover"),
        ({"size": [6, 8], "counts": "oooooooooooooooo"}, "do not cover"),
        ({"size": [10**9, 10**9], "counts": [10**18]}, "another size"),
    ],
)
def test_masks_that_would_harm_the_codec_are_refused(tmp_path: Path, segmentation: Any, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        instances(tmp_path, segmentation)
    assert str(caught.value.place).startswith("annotations[0].segmentation")
    assert caught.value.hint


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_masks_are_what_pycocotools_makes_of_them(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = np.asfortranarray((random.random((6, 8)) < random.random()).astype(np.uint8))
    encoded = codec.encode(mask)
    runs = np.diff(np.flatnonzero(np.diff(mask.ravel("F"), prepend=0, append=2)), prepend=0)
    polygons = [(random.random(2 * random.integers(3, 9)) * 14 - 3).round(2).tolist() for _ in range(3)]
    rows = [
        {**BASE, "id": 1, "segmentation": {"size": [6, 8], "counts": encoded["counts"].decode()}},
        {**BASE, "id": 2, "segmentation": {"size": [6, 8], "counts": runs.tolist()}},
        {**BASE, "id": 3, "segmentation": polygons},
        {**BASE, "id": 4, "segmentation": polygons[:1]},
    ]
    data = coco(["a.png"], rows, CATEGORIES)
    oracle = COCO()
    oracle.dataset = json.loads(json.dumps(data))
    oracle.createIndex()
    label = labels(tmp_path, data, "instances")["a"]
    for counts, row in zip(label.masks, oracle.loadAnns([1, 2, 3, 4]), strict=True):
        assert counts == encoded_by(oracle, row)


@pytest.mark.parametrize(
    "parts",
    [
        ("coco_small_fce", "dataset", "gt_dataset.json"),
        ("coco_sahi", "coco_utils", "terrain_all_coco.json"),
        ("coco_keypoints_mmpose", "coco", "test_coco.json"),
        ("seg_cocostuff", "annotations", "stuff_examples.json"),
        ("rodm_database_all_formats", "gts", "coco_format_v2", "instances_v2.json"),
        ("datumaro_assets", "coco_dataset", "coco_instances", "annotations", "instances_val.json"),
        ("seg_panoptic_coco", "sample_data", "panoptic_coco_detection_format.json"),
    ],
)
def test_real_masks_are_those_of_pycocotools(
    tmp_path: Path, parts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    file = shared(*parts)
    oracle = COCO(str(file))
    compared = 0
    for label, rows in by_image(real(tmp_path, file, "instances"), oracle):
        assert label.masks == tuple(encoded_by(oracle, row) for row in rows)
        assert label.objects.area.tolist() == [row["area"] for row in rows]
        assert label.objects.crowd.tolist() == [bool(row["iscrowd"]) for row in rows]
        compared += len(rows)
    assert compared == len(oracle.anns) > 0


def test_real_boxes_without_masks_are_no_instances(tmp_path: Path) -> None:
    file = shared("datumaro_assets", "coco_dataset", "coco_instances", "annotations", "instances_train.json")
    assert real(tmp_path, file, "boxes")["a"].boxes.tolist() == [[2, 2, 5, 3]]
    with pytest.raises(GoldenFormatError, match=r"no mask.*task: boxes"):
        real(tmp_path, file, "instances")["a"]


def test_real_files_with_broken_references_are_refused(tmp_path: Path) -> None:
    file = shared("coco_small_fce", "dataset", "gt_ignore_test.json")
    with pytest.raises(GoldenFormatError, match=r"unknown image.*text here and a number there"):
        real(tmp_path, file, "boxes")["000000002299"]


def test_real_files_of_other_forms_are_told_apart(tmp_path: Path) -> None:
    folder = shared("malformed_misc", "mmengine", "tests", "data", "annotations")
    write_images(tmp_path, ["images/a.png"])
    for name, problem in (
        ("annotation_wrong_format.json", "COCO's result format"),
        ("annotation_wrong_keys.json", "expected a list; found nothing"),
        ("dummy_annotation.json", "keys of the file: .'metainfo', 'data_list'."),
    ):
        shutil.copy(folder / name, tmp_path / "gt.json")
        with pytest.raises(GoldenFormatError, match=problem):
            Labels(tmp_path, "gt.json", "boxes", format="coco", classes=["a"])["a"]


# Semantic masks of stuff


def test_pixels_without_annotation_are_left_out_on_demand(tmp_path: Path) -> None:
    data = coco(["a.png"], [{**BASE, "segmentation": SQUARE}], CATEGORIES)
    found = labels(tmp_path, data, "semantic", ignore=0)
    assert found.reader.classes().names == ("coin", "key")
    expected = np.full((6, 8), IGNORE)
    expected[1:4, 1:5] = 0
    np.testing.assert_array_equal(found["a"].mask, expected)


def test_pixels_of_a_class_are_left_out_on_demand(tmp_path: Path) -> None:
    rows = [{**BASE, "segmentation": SQUARE}, {**BASE, "category_id": 2, "segmentation": [[1, 1, 3, 1, 3, 4, 1, 4]]}]
    mask = labels(tmp_path, coco(["a.png"], rows, CATEGORIES), "semantic", ignore=2)["a"].mask
    assert mask[2].tolist() == [0, IGNORE, IGNORE, 1, 1, 0, 0, 0]


def test_real_stuff_is_painted_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shared("seg_cocostuff", "annotations", "stuff_examples.json")
    found = real(tmp_path, file, "semantic", ignore=0)
    classes = found.reader.classes()
    oracle = COCO(str(file))
    for label, rows in by_image(found, oracle):
        expected = np.full(label.mask.shape, IGNORE)
        for row in rows:
            expected[oracle.annToMask(row) == 1] = classes.ids.index(row["category_id"])
        np.testing.assert_array_equal(label.mask, expected)
        assert label.mask.flags.c_contiguous


@pytest.mark.parametrize("name, sample, value", [("stuff_train", "a", 1), ("stuff_val", "b", 2)])
def test_real_stuff_marked_as_crowd_throughout_is_stuff(tmp_path: Path, name: str, sample: str, value: int) -> None:
    file = shared("datumaro_assets", "coco_dataset", "coco_stuff", "annotations", f"{name}.json")
    mask = real(tmp_path, file, "semantic")[sample].mask
    assert np.count_nonzero(mask == value) == 20
    assert np.count_nonzero(mask) == 20


# Names of images


@pytest.mark.parametrize(
    "row", [{"coco_url": "http://host/images/a.png"}, {"file_name": "x.png", "coco_url": "http://host/val/a.png?x=1"}]
)
def test_images_are_found_by_their_address_too(tmp_path: Path, row: dict[str, str]) -> None:
    data = coco(["a.png"], [BASE], CATEGORIES)
    del data["images"][0]["file_name"]
    data["images"][0] |= row
    assert len(labels(tmp_path, data, "boxes")["a"]) == 1


@pytest.mark.parametrize("url", [3, "http://[", "", None])
def test_an_address_that_is_none_names_nothing(tmp_path: Path, url: Any) -> None:
    data = coco(["a.png"], [BASE], CATEGORIES)
    data["images"][0] |= {"coco_url": url}
    assert len(labels(tmp_path, data, "boxes")["a"]) == 1
    del data["images"][0]["file_name"]
    with pytest.raises(GoldenFormatError, match="no file name"):
        labels(tmp_path, data, "boxes")["a"]


# Anything

VALUES = st.sampled_from(
    [None, True, -1, 0, 2**70, 1e308, "", "x", [], [[]], {}, [1] * 6, {"counts": "0", "size": [6, 8]}]
)
TASKS: tuple[Task, ...] = ("boxes", "instances", "keypoints", "semantic", "panoptic")


POINTS = [1, 2, 2, 3, 4, 1, 0, 0, 0]
SEGMENTS = {"file_name": "a.png", "segments_info": [{"id": 7, "category_id": 1, "iscrowd": 0}]}


def valid() -> dict[str, Any]:
    rows = [
        {**BASE, "segmentation": SQUARE, "keypoints": POINTS, "num_keypoints": 2, "area": 3},
        {**BASE, "segmentation": {"size": [6, 8], "counts": [7, 3, 38]}, "keypoints": POINTS},
        {**SEGMENTS, "image_id": 2, "category_id": 1, "bbox": [0, 0, 1, 1]},
    ]
    data = coco(["a.png", "b.png"], rows, CATEGORIES)
    data["categories"][0] |= {"keypoints": ["a", "b", "c"], "skeleton": [[1, 2]], "isthing": 1}
    return data


@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_in_any_place_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = deepcopy(valid())
    for _ in range(data.draw(st.integers(1, 3))):
        here: Any = content
        while isinstance(here, dict | list) and here:
            key = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
            if not isinstance(here[key], dict | list) or data.draw(st.integers(0, 3)) == 0:
                here[key] = deepcopy(data.draw(VALUES))
                break
            here = here[key]
    (tmp_path / "gt.json").write_text(json.dumps(content), encoding="utf-8")
    write_images(tmp_path, ["images/a.png", "images/b.png", "gt/a.png"])
    for task in TASKS:
        for sample in "ab":
            read_or_refuse(Labels(tmp_path, "gt.json", task, format="coco"), sample)


@given(content=damaged([orjson.dumps(valid())], near=2000))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gt.json").write_bytes(content)
    write_images(tmp_path, ["images/a.png", "images/b.png"])
    for task in TASKS:
        read_or_refuse(Labels(tmp_path, "gt.json", task, format="coco"), "a")


def test_an_image_with_more_than_255_masks(tmp_path: Path) -> None:
    label = instances(tmp_path, *[SQUARE] * 300)
    assert len(set(label.objects.area.tolist())) == 1
    assert len(label.masks) == 300


def test_a_bare_name_that_fits_several_samples_loses_no_label(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/x/1.jpg", "images/y/1.jpg", "images/y/2.jpg"])
    (tmp_path / "c.json").write_text(json.dumps(coco(["1.jpg", "2.jpg"], [{**BASE, "image_id": 1}], CATEGORIES)))
    label = {"stage": "s", "task": "boxes", "path": "c.json"}
    write_manifest(tmp_path, {"samples": "images/**/*.jpg", "labels": [label]})
    dataset = GoldenDataset.load(tmp_path)
    for sample in ("x/1", "y/1"):
        with pytest.raises(GoldenFormatError, match=r"images\[0\]\.file_name: an image's name fits several.*x/1, y/1"):
            dataset[sample].label("s")
    assert len(dataset["y/2"].label("s")) == 0


def test_an_accent_may_be_a_character_of_its_own(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/cafe\u0301.png"])
    (tmp_path / "c.json").write_text(json.dumps(coco(["caf\u00e9.png"], [BASE], CATEGORIES)))
    label = {"stage": "s", "task": "boxes", "path": "c.json"}
    write_manifest(tmp_path, {"samples": "images/*.png", "labels": [label]})
    (sample,) = GoldenDataset.load(tmp_path)
    assert len(sample.label("s")) == 1
