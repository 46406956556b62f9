"""COCO files: boxes and masks, against pycocotools, and everything that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as codec
from pycocotools.coco import COCO

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.records.labels import IGNORE, BoxLabels, SemanticLabels
from tests.golden.datasets import box_dataset, coco, shared, write_images, write_manifest

BOX = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 3], "area": 4.5}
SQUARE = [[1, 1, 5, 1, 5, 4, 1, 4]]


def boxes_of(root: Path, sample: str = "a") -> BoxLabels:
    label = GoldenDataset.load(root)[sample].label("detect")
    assert isinstance(label, BoxLabels)
    return label


def semantic(
    root: Path, annotations: list[dict[str, Any]], categories: dict[int, str] | None = None, **manifest: Any
) -> Path:
    write_images(root, ["images/a.png"])
    data = coco(["a.png"], annotations, categories or {1: "coin", 2: "key"})
    (root / "m.json").write_text(json.dumps(data), encoding="utf-8")
    label = {"stage": "segment", "task": "semantic", "path": "m.json"}
    write_manifest(root, {"samples": "images/*.png", "labels": [label], **manifest})
    return root


def mask_of(root: Path) -> np.ndarray[Any, Any]:
    label = GoldenDataset.load(root)["a"].label("segment")
    assert isinstance(label, SemanticLabels)
    return label.mask


def test_boxes_become_corners_and_keep_area_crowd_and_object_zero(tmp_path: Path) -> None:
    crowd = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 8, 6], "area": 48, "iscrowd": 1}
    label = boxes_of(box_dataset(tmp_path, [BOX, crowd]))
    assert label.boxes.tolist() == [[1, 1, 3, 4], [0, 0, 8, 6]]
    assert label.area.tolist() == [4.5, 48]
    assert label.crowd.tolist() == [False, True]
    assert label.class_index.tolist() == [0, 0]


def test_image_without_annotations_has_no_objects_and_unlisted_sample_is_unlabeled(tmp_path: Path) -> None:
    root = box_dataset(tmp_path, [BOX])
    write_images(root, ["images/c.png"])
    assert boxes_of(root, "b").boxes.shape == (0, 4)
    assert GoldenDataset.load(root)["c"].label("detect") is None
    assert GoldenDataset.load(root)["c"].label_digest("detect") is None


def test_classes_are_matched_by_name_and_taken_from_the_file_if_not_given(tmp_path: Path) -> None:
    root = box_dataset(tmp_path, [BOX], classes={5: "key", 9: "coin"})
    assert boxes_of(root).class_index.tolist() == [1]
    label = {"stage": "detect", "task": "boxes", "path": "boxes.json"}
    write_manifest(root, {"samples": "images/*.png", "labels": [label]})
    assert GoldenDataset.load(root).specs[0].classes.ids == (1,)


@pytest.mark.parametrize(
    "row, place, problem",
    [
        ({"bbox": [1, 1, 2]}, "annotations[0].bbox", "not a box"),
        ({"bbox": [1, 1, "2", 2]}, "annotations[0].bbox", "not a box"),
        ({"bbox": [1, 1, True, 2]}, "annotations[0].bbox", "not a box"),
        ({"bbox": [1, 1, -2, 2]}, "annotations[0].bbox", "negative size"),
        ({"bbox": None}, "annotations[0].bbox", "not a box"),
        ({"area": -1}, "annotations[0].area", "not an area"),
        ({"area": "x"}, "annotations[0].area", "not an area"),
        ({"iscrowd": 2}, "annotations[0].iscrowd", "not a flag"),
        ({"category_id": 7}, "annotations[0].category_id", "unknown category"),
        ({"category_id": [1]}, "annotations[0].category_id", "unknown category"),
    ],
)
def test_a_bad_annotation_concerns_its_sample_only(
    tmp_path: Path, row: dict[str, Any], place: str, problem: str
) -> None:
    root = box_dataset(tmp_path, [{**BOX, **row}, {**BOX, "image_id": 2}])
    assert len(boxes_of(root, "b").boxes) == 1
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        boxes_of(root)
    assert caught.value.place == place
    assert caught.value.file == str(root / "boxes.json")
    assert caught.value.hint


@pytest.mark.parametrize(
    "rows, place, problem",
    [
        ([BOX, {**BOX, "id": 0}], "annotations[1].id", "appears twice"),
        ([BOX, {**BOX, "image_id": 99}], "annotations[1].image_id", "unknown image"),
        ([BOX, {**BOX, "image_id": None}], "annotations[1].image_id", "unknown image"),
        ([{**BOX, "id": 1.5}], "annotations[0].id", "not an ID"),
    ],
)
def test_a_broken_file_gives_each_sample_the_same_error(
    tmp_path: Path, rows: list[dict[str, Any]], place: str, problem: str
) -> None:
    dataset = GoldenDataset.load(box_dataset(tmp_path, rows))
    messages = set()
    for sample in dataset:
        with pytest.raises(GoldenFormatError, match=problem) as caught:
            sample.label("detect")
        assert caught.value.place == place
        messages.add(str(caught.value))
    assert len(messages) == 1


@pytest.mark.parametrize(
    "text, problem",
    [
        ('{"images": [', "not JSON"),
        ('{"images": [], "annotations": [{"id": NaN}], "categories": []}', "not JSON"),
        ("[]", "not a COCO file"),
        ("[" * 100_000, "not JSON"),
        ('{"images": {}, "annotations": [], "categories": []}', "not a COCO file"),
        ('{"images": [3], "annotations": [], "categories": []}', "not an object"),
        ('{"images": [{"id": 1}], "annotations": [], "categories": []}', "no file name"),
        (
            '{"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}], "annotations": [], '
            '"categories": []}',
            "appears twice",
        ),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "no name"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        ("", "not JSON"),
    ],
)
def test_files_that_are_not_coco_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    root = box_dataset(tmp_path, [])
    (root / "boxes.json").write_text(text, encoding="utf-8")
    with pytest.raises(GoldenFormatError, match=problem):
        boxes_of(root)


def test_images_are_found_by_path_then_by_bare_name_and_never_twice(tmp_path: Path) -> None:
    root = box_dataset(tmp_path, [])
    rows = [BOX, {**BOX, "image_id": 2}]
    data = coco(["train2017/a.png", "images/b.png"], rows, {1: "coin"})
    (root / "boxes.json").write_text(json.dumps(data), encoding="utf-8")
    assert len(boxes_of(root, "a").boxes) == len(boxes_of(root, "b").boxes) == 1
    data = coco(["x/a.png", "y/a.png"], rows, {1: "coin"})
    (root / "boxes.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(GoldenFormatError, match="several images for one sample"):
        boxes_of(root, "a")


def test_masks_are_united_by_class_with_background_first(tmp_path: Path) -> None:
    rle = codec.encode(np.asfortranarray(np.pad(np.ones((2, 2), np.uint8), ((4, 0), (0, 6)))))
    rows = [
        {"image_id": 1, "category_id": 1, "segmentation": SQUARE},
        {"image_id": 1, "category_id": 2, "segmentation": {"size": [6, 8], "counts": rle["counts"].decode()}},
        {"image_id": 1, "category_id": 2, "segmentation": {"size": [6, 8], "counts": [42, 6]}},
    ]
    root = semantic(tmp_path, rows)
    assert GoldenDataset.load(root).specs[0].classes.names == ("background", "coin", "key")
    expected = np.zeros((6, 8), np.int32)
    expected[1:4, 1:5] = 1
    expected[4:, :2] = 2
    expected[:, 7] = 2
    np.testing.assert_array_equal(mask_of(root), expected)


def test_crowd_regions_are_ignored_except_where_an_instance_lies(tmp_path: Path) -> None:
    rows = [
        {"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 3, 1, 3, 4, 1, 4]]},
        {"image_id": 1, "category_id": 1, "iscrowd": 1, "segmentation": SQUARE},
    ]
    mask = mask_of(semantic(tmp_path, rows))
    assert set(mask[1:4, 1:3].ravel()) == {1}
    assert set(mask[1:4, 3:5].ravel()) == {IGNORE}


@pytest.mark.parametrize(
    "classes, problem", [({0: "coin"}, "kept for the background"), (["coin", "background"], "not the first")]
)
def test_the_background_has_id_zero(tmp_path: Path, classes: Any, problem: str) -> None:
    root = semantic(tmp_path, [], classes=classes)
    if classes == {0: "coin"}:
        assert GoldenDataset.load(root).specs[0].classes.ids == (0, 1)  # the same as the list [coin]
        return
    with pytest.raises(GoldenFormatError, match=problem):
        GoldenDataset.load(root)


def test_sparse_ids_that_use_zero_leave_no_place_for_the_background(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match="kept for the background"):
        GoldenDataset.load(semantic(tmp_path, [], classes={0: "coin", 7: "key"}))


@pytest.mark.parametrize(
    "segmentation, problem",
    [
        (None, "no mask"),
        ([], "no mask"),
        ([[1, 1, 2, 2]], "not a polygon"),
        ([[1, 1, 2, 2, 3]], "not a polygon"),
        ([[1, 1, 2, 2, 3, "x"]], "not a polygon"),
        ([[1, 1, 1e9, 2, 3, 3]], "far outside"),
        ([5], "not a polygon"),
        ({"size": [8, 6], "counts": [48]}, "another size"),
        ({"size": [6, 8], "counts": [47]}, "do not cover"),
        ({"size": [6, 8], "counts": [50, -2]}, "do not cover"),
        ({"size": [6, 8], "counts": "zzz\u00e9"}, "do not cover"),
        ({"size": [6, 8], "counts": "PPPPPPPPPPPPPPPPPP"}, "do not cover"),
        ({"size": [6, 8], "counts": {}}, "do not cover"),
        ({"size": [6, 8]}, "do not cover"),
    ],
)
def test_masks_that_would_harm_the_codec_are_refused(tmp_path: Path, segmentation: Any, problem: str) -> None:
    row = {"image_id": 1, "category_id": 1, "segmentation": segmentation}
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        mask_of(semantic(tmp_path, [row]))
    assert str(caught.value.place).startswith("annotations[0].segmentation")


def test_masks_need_the_size_of_the_image(tmp_path: Path) -> None:
    root = semantic(tmp_path, [])
    data = json.loads((root / "m.json").read_text())
    for width, problem in ((None, "no width"), (0, "no width"), (10**9, "too large")):
        data["images"][0]["width"] = width
        (root / "m.json").write_text(json.dumps(data), encoding="utf-8")
        with pytest.raises(GoldenFormatError, match=problem):
            mask_of(root)


def test_compressed_run_lengths_decode_as_in_pycocotools(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    for _ in range(20):
        mask = (generator.random((6, 8)) < generator.random()).astype(np.uint8)
        counts = codec.encode(np.asfortranarray(mask))["counts"].decode()
        row = {"image_id": 1, "category_id": 1, "segmentation": {"size": [6, 8], "counts": counts}}
        np.testing.assert_array_equal(mask_of(semantic(tmp_path, [row])), mask)


def test_real_boxes_and_masks_equal_those_of_pycocotools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = shared("coco_small_fce", "dataset")
    (tmp_path / "gt.json").write_bytes((source / "gt_dataset.json").read_bytes())
    for image in source.glob("*.jpg"):
        (tmp_path / image.name).write_bytes(image.read_bytes())
    labels = [{"stage": task, "task": task, "path": "gt.json"} for task in ("boxes", "semantic")]
    write_manifest(tmp_path, {"samples": "*.jpg", "labels": labels})
    dataset = GoldenDataset.load(tmp_path)
    oracle = COCO(str(tmp_path / "gt.json"))
    assert len(dataset) == 3
    for row in oracle.dataset["images"]:
        sample = dataset[Path(row["file_name"]).stem]
        annotations = oracle.loadAnns(oracle.getAnnIds(imgIds=[row["id"]]))
        boxes, mask = sample.labels["boxes"], sample.labels["semantic"]
        assert isinstance(boxes, BoxLabels)
        assert isinstance(mask, SemanticLabels)
        expected = np.array([one["bbox"] for one in annotations], dtype=float).reshape(-1, 4)
        np.testing.assert_allclose(boxes.boxes[:, 2:] - boxes.boxes[:, :2], expected[:, 2:])
        plain = [oracle.annToMask(one) for one in annotations if not one["iscrowd"]]
        union = np.any(plain, axis=0) if plain else np.zeros_like(mask.mask, dtype=bool)
        np.testing.assert_array_equal(mask.mask > 0, union)
        assert sample.load().shape[:2] == mask.mask.shape


def test_two_variants_of_one_ground_truth_load_to_the_same_boxes(tmp_path: Path) -> None:
    source = shared("rodm_database_all_formats")
    for image in (source / "images").glob("*.jpg"):
        (tmp_path / image.name).write_bytes(image.read_bytes())
    for number, name in enumerate(("coco_format_v1/instances_default.json", "coco_format_v2/instances_v2.json")):
        (tmp_path / f"{number}.json").write_bytes((source / "gts" / name).read_bytes())
    labels = [{"stage": f"v{number}", "task": "boxes", "path": f"{number}.json"} for number in (0, 1)]
    write_manifest(tmp_path, {"samples": "*.jpg", "labels": labels})
    dataset = GoldenDataset.load(tmp_path)
    compared = 0
    for sample in dataset:
        first, second = sample.labels.values()
        if first is not None:
            assert isinstance(first, BoxLabels)
            assert isinstance(second, BoxLabels)
            np.testing.assert_allclose(np.sort(first.boxes, axis=0), np.sort(second.boxes, axis=0), atol=0.02)
            compared += 1
    assert compared > 10


def test_a_manifest_that_gives_the_files_ids_to_other_names_is_refused(tmp_path: Path) -> None:
    root = semantic(tmp_path, [], {1: "coin", 2: "key"}, classes={"1": "key", "2": "coin"})
    with pytest.raises(GoldenFormatError, match=r"contradict each other.*1 is 'coin' in the file and 'key'"):
        mask_of(root)


def test_a_manifest_with_ids_of_its_own_is_matched_by_name(tmp_path: Path) -> None:
    annotation = {**BOX, "category_id": 2, "segmentation": SQUARE}
    root = semantic(tmp_path, [annotation], {1: "coin", 2: "key"}, classes=["key", "coin"])
    assert set(mask_of(root).ravel().tolist()) == {0, 1}
