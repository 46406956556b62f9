"""Folders without a manifest: what they are recognised as, and what is refused because it cannot be told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.errors import GoldenError
from pytest_vizart.golden.dataset import GoldenDataset, discover
from pytest_vizart.golden.manifest import load_manifest
from pytest_vizart.golden.manifest_writing import manifest_text, write_new
from pytest_vizart.golden.recognition import Candidate, candidates, completed_candidates, is_recognised, recognise
from pytest_vizart.golden.recognition.view import PEEK_BYTES, FolderView
from tests.golden.datasets import coco, shared, write_images

OUTLINE = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 3], "area": 6, "segmentation": [[1, 1, 3, 1, 3, 4, 1, 4]]}
BOX = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 3], "area": 6, "segmentation": []}
VOC = (
    "<annotation><size><width>8</width></size>"
    "<object><part><name>leg</name></part><name>{}</name></object></annotation>"
)
KITTI = "{} 0 0 0 1 1 3 4 1 1 1 0 0 5 0\n"
CVAT = "<annotations><meta><labels><label><name>coin</name></label></labels></meta>{}</annotations>"


def write(root: Path, files: dict[str, str | dict[str, Any]]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def only(root: Path) -> Candidate:
    (found,) = completed_candidates(root)
    return found


def told(candidate: Candidate) -> tuple[str, list[tuple[str, str]], tuple[str, ...]]:
    return candidate.format, [(entry["task"], entry["path"]) for entry in candidate.labels], candidate.samples


def ply(root: Path, name: str, field: str) -> None:
    header = f"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty uchar {field}\nend_header\n1 0\n"
    write(root, {name: header})


def mask(root: Path, name: str, mode: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (8, 6)).save(path)


def in_coco(root: Path) -> None:
    write(root, {"boxes.json": coco(["a.png", "b.png"], [OUTLINE], {1: "coin"})})


def in_yolo(root: Path) -> None:
    write(root, {"labels/a.txt": "0 .5 .5 .1 .1\n", "data.yaml": "names: [coin]"})


def in_voc(root: Path) -> None:
    write(root, {"Annotations/a.xml": VOC.format("key"), "Annotations/b.xml": VOC.format("coin &amp; co")})


def in_kitti(root: Path) -> None:
    write(root, {"label_2/a.txt": KITTI.format("Car"), "label_2/b.txt": KITTI.format("DontCare")})


def in_cvat(root: Path) -> None:
    write(root, {"all.xml": CVAT.format('<image id="0" name="a.png"><box label="coin" /></image>')})


def in_labelme(root: Path) -> None:
    shapes = {"shapes": [{"label": "coin", "shape_type": "polygon"}], "imagePath": "a.png"}
    write(root, {"images/a.json": shapes})


def in_csv(root: Path) -> None:
    write(root, {"classes.csv": "file,label\na.png,key\nb.png,coin\n"})


def in_open_images(root: Path) -> None:
    write(root, {"boxes.csv": "ImageID,LabelName,XMin,XMax,YMin,YMax\na,coin,0,1,0,1\n"})


READINGS: list[tuple[Callable[[Path], None], str, list[tuple[str, str]], Any]] = [
    (in_coco, "coco", [("boxes", "boxes.json"), ("instances", "boxes.json")], None),
    (in_yolo, "yolo", [("boxes", "labels/{id}.txt")], ["coin"]),
    (in_voc, "voc", [("boxes", "Annotations/{id}.xml")], ["coin & co", "key"]),
    (in_cvat, "cvat", [("boxes", "all.xml")], None),
    (in_labelme, "labelme", [("boxes", "images/{id}.json"), ("instances", "images/{id}.json")], ["coin"]),
    (in_csv, "csv", [("classes", "classes.csv")], ["coin", "key"]),
    (in_open_images, "openimages", [("boxes", "boxes.csv")], ["coin"]),
]


@pytest.mark.parametrize("make, form, labels, classes", READINGS, ids=[one[1] for one in READINGS])
def test_labels_beside_images_are_recognised(
    tmp_path: Path, make: Callable[[Path], None], form: str, labels: list[tuple[str, str]], classes: Any
) -> None:
    write_images(tmp_path, ["images/a.png", "images/b.png"])
    make(tmp_path)
    if form == "labelme":  # in one folder with the images, the dataset is that folder
        assert candidates(tmp_path) == []
        root, labels = tmp_path / "images", [(task, path.removeprefix("images/")) for task, path in labels]
        assert only(root).classes == classes
        assert told(only(root)) == (form, labels, ("*.png",))
        return
    found = only(tmp_path)
    assert told(found) == (form, labels, ("images/*.png",))
    assert found.classes == classes
    assert found.open_keys == {}
    assert is_recognised(tmp_path)
    assert discover(tmp_path) == {tmp_path.name: tmp_path}


def test_kitti_is_recognised_with_its_own_order_of_classes(tmp_path: Path) -> None:
    write_images(tmp_path, ["training/image_2/a.png", "training/image_2/b.png"])
    in_kitti(tmp_path / "training")
    found = only(tmp_path)
    assert told(found) == ("kitti", [("boxes", "training/label_2/{id}.txt")], ("training/image_2/*.png",))
    assert list(found.classes or ())[:3] == ["Car", "Van", "Truck"]
    write(tmp_path, {"training/label_2/a.txt": KITTI.format("Bus")})
    assert only(tmp_path).classes == ["Bus"]


@pytest.mark.parametrize(
    "line, kind, task",
    [
        ("0 .1 .1 .2 .1 .2 .2", "segments", "instances"),
        ("0 .5 .5 .1 .1\n0 .1 .1 .2 .1 .2 .2 .3 .3 .4 .4", "segments", "instances"),
        ("0 .1 .1 .2 .1 .2 .2 .1 .2", None, "oriented_boxes"),
        ("0 .5 .5 .1 .1\n0 .1 .1 .2 .1 .2 .2 .1 .2", None, "oriented_boxes"),
        ("0 .5 .5 .1 .1 .5 .5 2", None, "oriented_boxes"),
    ],
)
def test_the_kind_of_yolo_lines_is_told_by_their_length_or_not_at_all(
    tmp_path: Path, line: str, kind: str | None, task: str
) -> None:
    write_images(tmp_path, ["images/a.png"])
    write(tmp_path, {"labels/a.txt": line, "data.yaml": "names: [coin]"})
    found = only(tmp_path)
    assert found.labels[0].get("kind") == kind
    assert ("kind" in found.open_keys) == (kind is None)
    if kind is None:
        with pytest.raises(GoldenError) as caught:
            GoldenDataset.load(tmp_path)
        assert "vizart golden init" in str(caught.value.hint)
        assert "kind" in str(caught.value.found)
        assert not is_recognised(tmp_path)
    else:
        assert found.labels[0]["task"] == task


@pytest.mark.parametrize("line", ["0 .9 .5 .5 .1 .1", "0 12 14 80 80", "0 a b c d", "1"])
def test_predictions_pixels_and_words_are_no_yolo_labels(tmp_path: Path, line: str) -> None:
    write_images(tmp_path, ["images/a.png"])
    write(tmp_path, {"labels/a.txt": line, "data.yaml": "names: [coin]"})
    assert candidates(tmp_path) == []


def test_keypoint_shapes_tell_poses(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/a.png"])
    write(tmp_path, {"labels/a.txt": "0 .5 .5 .1 .1 .5 .5 2", "data.yaml": "names: {0: coin}\nkpt_shape: [1, 3]"})
    found = only(tmp_path)
    assert (found.labels[0]["task"], found.labels[0]["kind"]) == ("keypoints", "poses")


@pytest.mark.parametrize(
    "images, labels",
    [("images/{}/a.png", "labels/{}/a.txt"), ("{}/images/a.png", "{}/labels/a.txt")],
    ids=["ultralytics", "roboflow"],
)
def test_folders_called_after_splits_are_one_dataset(tmp_path: Path, images: str, labels: str) -> None:
    write(tmp_path, {"data.yaml": "names: [coin]"})
    for number, split in enumerate(("train", "val")):
        path = images.format(split).replace("a.png", f"{number}.png")
        write_images(tmp_path, [path])
        write(tmp_path, {labels.format(split).replace("a.txt", f"{number}.txt"): "0 .5 .5 .1 .1"})
    dataset = GoldenDataset.load(tmp_path)
    assert len(dataset) == 2
    assert all(len(sample.label("boxes").boxes) == 1 for sample in dataset)  # type: ignore[union-attr]
    if images.startswith("images"):
        assert [sample.splits for sample in dataset] == [("train",), ("val",)]


def test_coco_files_of_other_images_are_one_dataset_of_the_same_images_two_readings(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/train/a.png", "images/val/b.png"])
    parts = {"train": "a.png", "val": "b.png"}
    write(
        tmp_path,
        {f"annotations/instances_{split}.json": coco([name], [BOX], {1: "x"}) for split, name in parts.items()},
    )
    found = only(tmp_path)
    assert [entry["path"] for entry in found.labels] == [
        "annotations/instances_train.json",
        "annotations/instances_val.json",
    ]
    assert found.splits == {"train": ["train/*"], "val": ["val/*"]}
    write(tmp_path, {"annotations/other.json": coco(["a.png"], [BOX], {1: "x"})})
    with pytest.raises(GoldenError, match="2 readings") as caught:
        GoldenDataset.load(tmp_path)
    assert "other.json" in str(caught.value.found)


def test_keypoints_come_with_boxes_unless_another_file_has_them(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"])
    pose = {**BOX, "keypoints": [1, 1, 2], "num_keypoints": 1}
    write(tmp_path, {"person_keypoints.json": coco(["a.png"], [pose], {1: "person"})})
    assert [entry["task"] for entry in only(tmp_path).labels] == ["boxes", "keypoints"]
    write(tmp_path, {"instances.json": coco(["a.png"], [OUTLINE], {1: "person"})})
    tasks = [(entry["task"], entry["path"]) for entry in only(tmp_path).labels]
    assert tasks == [
        ("boxes", "instances.json"),
        ("instances", "instances.json"),
        ("keypoints", "person_keypoints.json"),
    ]


def test_results_and_other_json_are_no_labels(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"])
    scored = coco(["a.png"], [{**BOX, "score": 0.5}], {1: "coin"})
    write(tmp_path, {"results.json": "[" + json.dumps({**BOX, "score": 0.5}) + "]", "scored.json": scored})
    write(tmp_path, {"settings.json": {"images": "a.png"}, "info.json": coco(["a.png"], [], {1: "coin"})})
    write(tmp_path, {"elsewhere.json": coco(["z.png"], [BOX], {1: "coin"})})
    assert candidates(tmp_path) == []


def test_large_coco_files_are_told_by_their_ends(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"])
    names = ["a.png", *(f"{number:09d}.png" for number in range(4000))]
    data = coco(names, [BOX] * 3000, {number: f"class {number}" for number in range(1, 3000)})
    write(tmp_path, {"boxes.json": data})
    assert (tmp_path / "boxes.json").stat().st_size > 4 * PEEK_BYTES
    assert told(only(tmp_path)) == ("coco", [("boxes", "boxes.json")], ("*.png",))


@pytest.mark.parametrize("mode, open_keys", [("L", {"classes"}), ("P", {"classes"}), ("RGB", {"classes", "colors"})])
def test_masks_need_a_manifest_for_their_classes(tmp_path: Path, mode: str, open_keys: set[str]) -> None:
    write_images(tmp_path, ["images/a.png"])
    mask(tmp_path, "masks/a.png", mode)
    found = only(tmp_path)
    assert told(found) == ("png", [("semantic", "masks/{id}.png")], ("images/*.png",))
    assert set(found.open_keys) == open_keys


def test_two_folders_of_images_are_no_masks(tmp_path: Path) -> None:
    write_images(tmp_path, ["left/a.png", "images/a.png"])
    assert candidates(tmp_path) == []


@pytest.mark.parametrize("field, keys", [("label", {}), ("class", {"property": "class"})])
def test_clouds_with_labels_need_a_manifest_for_their_classes(tmp_path: Path, field: str, keys: dict[str, str]) -> None:
    ply(tmp_path, "clouds/a.ply", field)
    found = only(tmp_path)
    assert told(found) == ("ply", [("points", "clouds/{id}.ply")], ("clouds/*.ply",))
    assert {**found.labels[0]}.items() >= keys.items()
    assert set(found.open_keys) == {"classes"}


def test_clouds_without_labels_are_nothing(tmp_path: Path) -> None:
    ply(tmp_path, "clouds/a.ply", "intensity")
    assert candidates(tmp_path) == []


def test_semantic_kitti_is_recognised(tmp_path: Path) -> None:
    write(tmp_path, {"velodyne/000001.bin": "x", "labels/000001.label": "x"})
    assert told(only(tmp_path)) == ("semantickitti", [("points", "labels/{id}.label")], ("velodyne/*.bin",))


@pytest.mark.parametrize(
    "names, samples, paths",
    [
        (["cat/1.png", "dog/1.png"], ("**/*.png",), ["."]),
        (["train/cat/1.png", "train/dog/2.png", "val/cat/3.png"], ("**/*.png",), ["train", "val"]),
        (["images/cat/1.png", "images/dog/2.png"], ("images/**/*.png",), ["images"]),
    ],
)
def test_folders_called_after_classes(
    tmp_path: Path, names: list[str], samples: tuple[str, ...], paths: list[str]
) -> None:
    write_images(tmp_path, names)
    assert told(only(tmp_path)) == ("folders", [("classes", path) for path in paths], samples)
    dataset = GoldenDataset.load(tmp_path)
    classes = dataset.spec("classes").classes.names
    found = [classes[sample.label("classes").class_index] for sample in dataset]  # type: ignore[union-attr]
    assert found == [Path(sample.path).parent.name for sample in dataset]


@pytest.mark.parametrize(
    "names", [["cat/1.png"], ["images/1.png", "masks/2.png"], ["train/1.png", "val/2.png"], ["1.png", "cat/2.png"]]
)
def test_other_folders_of_images_are_no_classes(tmp_path: Path, names: list[str]) -> None:
    write_images(tmp_path, names)
    assert candidates(tmp_path) == []


def test_a_table_of_boxes_tells_its_form_by_its_columns(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"])
    write(tmp_path, {"b.csv": "file,xmin,ymin,xmax,ymax,class\na.png,1,1,3,4,coin\n"})
    assert told(only(tmp_path))[1] == [("boxes", "b.csv")]
    write(tmp_path, {"b.csv": "file,x,y,w,h,class\na.png,1,1,3,4,coin\n"})
    assert set(only(tmp_path).open_keys) == {"box_format"}


def test_names_that_are_numbers_keep_their_ids(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png", "b.png"])
    write(tmp_path, {"c.csv": "file,label\na.png,7\nb.png,3\n"})
    assert only(tmp_path).classes == {3: "3", 7: "7"}


def test_datasets_of_the_folders_below_are_not_this_folders(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_images(tmp_path / name, ["images/a.png", "images/b.png"])
        in_voc(tmp_path / name)
    assert candidates(tmp_path) == []
    assert list(discover(tmp_path)) == ["one", "two"]
    with pytest.raises(GoldenError, match="not a golden dataset") as caught:
        GoldenDataset.load(tmp_path)
    assert "one and two" in str(caught.value.hint)


def test_hostile_folders_are_looked_at_within_bounds(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/a.png"])
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "images" / "b\nlabels: x.png").write_bytes(b"")
    (tmp_path / ".git").mkdir()
    deep = tmp_path
    for _ in range(30):
        deep = deep / "d"
    deep.mkdir(parents=True)
    for name in ("x.json", "labels/a.txt", "a.xml", "t.csv", "clouds/a.ply"):
        write(tmp_path, {name: "\0" * 10})
    (tmp_path / "y.json").write_bytes(b"\xff\xfe{" * 100)
    view = FolderView(tmp_path)
    assert view.images("images") == ["a.png"]
    assert max(folder.count("/") for folder in view.folders()) == 3
    assert candidates(tmp_path) == []


def test_no_more_than_both_ends_of_a_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "big.json").write_bytes(b"a" * PEEK_BYTES + b"b" * 10_000_000 + b"c" * PEEK_BYTES)
    view = FolderView(tmp_path)
    assert view.text("big.json") == "a" * PEEK_BYTES + "\n" + "c" * PEEK_BYTES
    assert not view.is_whole("big.json")


@pytest.mark.parametrize("make", [one[0] for one in READINGS if one[1] != "labelme"], ids=lambda make: make.__name__)
def test_the_written_manifest_means_what_was_recognised(tmp_path: Path, make: Callable[[Path], None]) -> None:
    write_images(tmp_path, ["images/a.png", "images/b.png"])
    make(tmp_path)
    found = recognise(tmp_path)
    path = write_new(tmp_path, manifest_text(found))
    assert load_manifest(path) == found.manifest()
    with pytest.raises(GoldenError, match="already"):
        write_new(tmp_path, "")


def test_what_is_not_known_stands_in_the_manifest_as_to_do(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/a.png"])
    write(tmp_path, {"labels/a.txt": "0 .1 .1 .2 .1 .2 .2 .1 .2"})
    path = write_new(tmp_path, manifest_text(only(tmp_path)))
    text = path.read_text(encoding="utf-8")
    assert text.count("TO DO") == 2
    with pytest.raises(GoldenError) as caught:
        GoldenDataset.load(tmp_path)
    assert caught.value.place == "labels[0].task"


# Real data ------------------------------------------------------------------------------------------------------------


def labels_of(root: Path) -> list[Any]:
    dataset = GoldenDataset.load(root)
    return [sample.label(spec.stage) for spec in dataset.specs for sample in dataset]


@pytest.mark.parametrize(
    "place, form, tasks",
    [
        (("voc_bccd",), "voc", ["boxes"]),
        (("yolo_yolomark",), "yolo", ["boxes"]),
        (("voc_coco_mmdet", "VOCdevkit", "VOC2007"), "voc", ["boxes"]),
        (("coco_small_fce", "dataset"), "coco", ["boxes", "instances"]),
        (("seg_panoptic_coco", "sample_data"), "coco", ["boxes", "instances", "panoptic"]),
        (("datumaro_assets", "coco_dataset", "coco_stuff"), "coco", ["semantic"]),
        (("datumaro_assets", "coco_dataset", "coco_person_keypoints"), "coco", ["boxes", "keypoints"]),
        (("datumaro_assets", "yolo_dataset", "yolov8_segmentation"), "yolo", ["instances"]),
        (("datumaro_assets", "yolo_dataset", "yolov8_pose"), "yolo", ["keypoints"]),
        (("datumaro_assets", "yolo_dataset", "yolo"), "yolo", ["boxes"]),
        (("datumaro_assets", "yolo_dataset", "yolov8_classification"), "folders", ["classes"]),
        (("datumaro_assets", "kitti_dataset", "kitti_detection"), "kitti", ["boxes"]),
        (("datumaro_assets", "open_images_dataset", "v6"), "openimages", ["boxes"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_real_folders_are_recognised_and_read(place: tuple[str, ...], form: str, tasks: list[str]) -> None:
    root = shared(*place)
    found = recognise(root)
    assert found.format == form
    assert sorted({str(entry["task"]) for entry in found.labels}) == tasks
    assert any(label is not None for label in labels_of(root))


@pytest.mark.parametrize(
    "place, reason",
    [
        (("rodm_database_all_formats",), "8 readings are possible"),
        (("seg_camvid_keras",), "it looks like png"),
        (("datumaro_assets", "yolo_dataset", "yolov8_oriented_boxes"), "it looks like yolo"),
        (("datumaro_assets", "cvat_dataset", "for_video"), "not a golden dataset"),
        (("lvis_gt",), "not a golden dataset"),
        (("malformed_misc",), "not a golden dataset"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_real_folders_that_cannot_be_told_are_refused(place: tuple[str, ...], reason: str) -> None:
    with pytest.raises(GoldenError, match=reason):
        GoldenDataset.load(shared(*place))


@pytest.mark.parametrize(
    "folder, form",
    [
        ("coco_format_v1", "coco"),
        ("coco_format_v2", "coco"),
        ("cvat_format", "cvat"),
        ("openimages_format", "openimages"),
        ("pascalvoc_format", "voc"),
        ("yolo_format", "yolo"),
    ],
)
def test_each_of_many_formats_is_recognised_alone_and_has_the_same_objects(
    tmp_path: Path, folder: str, form: str
) -> None:
    source = shared("rodm_database_all_formats")
    shutil.copytree(source / "images", tmp_path / "images")
    shutil.copytree(source / "gts" / folder, tmp_path / folder)
    assert recognise(tmp_path).format == form
    dataset = GoldenDataset.load(tmp_path)
    names = dataset.spec("boxes").classes.names
    objects = [[names[index] for index in sample.label("boxes").class_index] for sample in dataset]  # type: ignore[union-attr]
    assert (len(objects), sum(map(len, objects))) == (19, 41)
    assert len(names) == 20
    assert np.unique([name for one in objects for name in one]).size == 12
