"""YOLO: kinds that are declared, shares of the image's size, names beside the labels."""

from __future__ import annotations

from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as codec

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import Task
from tests.golden.datasets import shared, write_images
from tests.golden.formats.reading import Labels, read_or_refuse


def yolo(root: Path, content: str | bytes, task: Task = "boxes", **entry: Any) -> Labels:
    """Images are 8 wide and 6 high."""
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "labels").mkdir(exist_ok=True)
    (root / "labels" / "a.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    return Labels(root, "labels/{id}.txt", task, **({"format": "yolo", "classes": ["coin", "key"]} | entry))


def test_boxes_are_shares_of_the_size(tmp_path: Path) -> None:
    label = yolo(tmp_path, "\ufeff1 0.5 0.5 0.25 0.5\r\n\n0 0.125 0.25 0.25 0.5")["a"]
    assert label.boxes.tolist() == [[3, 1.5, 5, 4.5], [0, 0, 2, 3]]
    assert label.class_index.tolist() == [1, 0]
    assert label.area.tolist() == label.extent.tolist() == [6, 6]
    assert label.crowd.tolist() == [False, False]
    assert label.ignored is None


def test_no_file_means_no_objects_if_the_folder_is_there(tmp_path: Path) -> None:
    labels = yolo(tmp_path, "")
    assert len(labels["a"]) == len(labels["b"]) == 0
    (tmp_path / "labels" / "a.txt").unlink()
    (tmp_path / "labels").rmdir()
    assert labels["b"] is None


def test_segments_become_masks_as_pycocotools_makes_them(tmp_path: Path) -> None:
    shares = [0.125, 0.25, 0.75, 0.25, 0.75, 0.9, 0.2, 0.7]
    label = yolo(tmp_path, "0 " + " ".join(map(str, shares)), "instances")["a"]
    pixels = (np.array(shares).reshape(-1, 2) * [8, 6]).ravel().tolist()
    expected = codec.frPyObjects([pixels], 6, 8)[0]
    assert label.masks == (expected["counts"],)
    assert label.size == (6, 8)
    assert label.objects.boxes.tolist() == [[1, 1.5, 6, 0.9 * 6]]
    assert label.objects.area.tolist() == [float(codec.area(expected))]
    boxes = yolo(tmp_path, "0 " + " ".join(map(str, shares)), "boxes", kind="segments")["a"]
    assert boxes.boxes.tolist() == label.objects.boxes.tolist()


def test_poses_of_three_values_and_of_two(tmp_path: Path) -> None:
    three = "0 0.5 0.5 0.5 0.5 0.25 0.5 2 0 0 0"
    label = yolo(tmp_path, three, "keypoints", keypoints=["left", "right"])["a"]
    assert label.keypoints.tolist() == [[[2, 3, 2], [0, 0, 0]]]
    assert label.objects.boxes.tolist() == [[2, 1.5, 6, 4.5]]
    assert label.objects.area.tolist() == [12]
    two = "0 0.5 0.5 0.5 0.5 0.25 0.5 0.75 0.5"
    label = yolo(tmp_path, two, "keypoints", keypoints=["left", "right"])["a"]
    assert label.keypoints.tolist() == [[[2, 3, 2], [6, 3, 2]]]
    assert yolo(tmp_path, "", "keypoints", keypoints=["left", "right"])["a"].keypoints.shape == (0, 2, 3)
    boxes = yolo(tmp_path, three, "boxes", kind="poses", keypoints=["left", "right"])["a"]
    assert boxes.boxes.tolist() == [[2, 1.5, 6, 4.5]]


@pytest.mark.parametrize("turn", [-1.5, -pi / 4, -0.1, 0.0, 0.3, pi / 4, 1.5])
def test_oriented_boxes_keep_their_first_edge_as_width(tmp_path: Path, turn: float) -> None:
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = np.array([[-1.5, -1], [1.5, -1], [1.5, 1], [-1.5, 1]]) @ axes + [4, 3]
    cells = " ".join(f"{value:.6f}" for value in (corners / [8, 6]).ravel())
    label = yolo(tmp_path, f"1 {cells}", "oriented_boxes")["a"]
    np.testing.assert_allclose(label.boxes, [[4, 3, 3, 2, turn]], atol=2e-5)
    assert label.class_index.tolist() == [1]
    assert label.ignored.tolist() == [False]


def test_corners_of_no_rectangle_get_the_smallest_around_them(tmp_path: Path) -> None:
    kite = "0 0.5 0 0.75 0.5 0.5 1 0.25 0.5"
    box = yolo(tmp_path, kite, "oriented_boxes")["a"].boxes[0]
    cv2 = pytest.importorskip("cv2")
    (x, y), (w, h), _ = cv2.minAreaRect(np.array([[4, 0], [6, 3], [4, 6], [2, 3]], dtype=np.float32))
    np.testing.assert_allclose([*box[:2], box[2] * box[3]], [x, y, w * h], rtol=1e-6)


def test_corners_in_one_place_make_an_empty_box(tmp_path: Path) -> None:
    assert yolo(tmp_path, "0" + " 0.5" * 8, "oriented_boxes")["a"].boxes.tolist() == [[4, 3, 0, 0, 0]]


@pytest.mark.parametrize(
    "line, task, problem",
    [
        ("0 0.5 0.5 0.5", "boxes", "not a line of boxes.*4 columns"),
        ("0 0.5 0.5 0.5 0.5 0.9", "boxes", "6 columns.*predictions"),
        ("0 0.1 0.1 0.4 0.1 0.4 0.5", "boxes", "7 columns"),
        ("0 0.5 0.5 0.5 x", "boxes", "not a number.*found x"),
        ("0 0.5 0.5 0.5 nan", "boxes", "not a number"),
        ("0 0.5 0.5 0.5 1_0", "boxes", "not a number"),
        ("2 0.5 0.5 0.5 0.5", "boxes", "unknown class ID.*found 2"),
        ("-1 0.5 0.5 0.5 0.5", "boxes", "unknown class ID"),
        ("0.5 0.5 0.5 0.5 0.5", "boxes", "unknown class ID"),
        ("coin 0.5 0.5 0.5 0.5", "boxes", "not a number.*found coin"),
        ("0 4 3 2 2", "boxes", "not shares"),
        ("0 0.5 0.5 -0.5 0.5", "boxes", "negative size"),
        ("0 0.5 0.5 0.5 0.5", "instances", "5 columns.*kind: boxes"),
        ("0 0.1 0.1 0.4 0.1", "instances", "5 columns"),
        ("0 0.1 0.1 0.4 0.1 0.4 0.5 0.1", "instances", "8 columns"),
        ("0 0.5 0.5 0.5 0.5", "oriented_boxes", "5 columns.*kind: boxes"),
        ("0 0.5 0.5 0.5 0.5 0.5", "keypoints", "6 columns"),
        ("0 0.5 0.5 0.5 0.5 0.1 0.1 0.1 0.1", "keypoints", "9 columns"),
        ("0 0.5 0.5 0.5 0.5 0.1 0.1 3 0.1 0.1 0", "keypoints", "visibility.*found 3"),
        ("0 0.5 0.5 0.5 0.5 0.1 40 2 0.1 0.1 0", "keypoints", "not shares.*found 40"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, task: Task, problem: str) -> None:
    good = {
        "boxes": "0 0.5 0.5 0.5 0.5",
        "instances": "0 0.1 0.1 0.4 0.1 0.4 0.5",
        "oriented_boxes": "0 0.1 0.1 0.4 0.1 0.4 0.5 0.1 0.5",
        "keypoints": "0 0.5 0.5 0.5 0.5 0.1 0.1 2 0.1 0.1 0",
    }[task]
    labels = yolo(tmp_path, f"{good}\n\n{line}\n", task, keypoints=["left", "right"])
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        labels["a"]
    assert caught.value.place == "line 3"
    assert caught.value.file == str(tmp_path / "labels" / "a.txt")
    assert caught.value.hint


@pytest.mark.parametrize(
    "task, kind",
    [("boxes", "oriented"), ("instances", "boxes"), ("keypoints", "boxes"), ("oriented_boxes", "segments")],
)
def test_a_kind_that_cannot_serve_the_task_is_refused(tmp_path: Path, task: Task, kind: str) -> None:
    with pytest.raises(GoldenFormatError, match="lines of this kind") as caught:
        yolo(tmp_path, "", task, kind=kind)
    assert caught.value.place == "labels[0].kind"


NAMES = "names: [coin, key]\n"


@pytest.mark.parametrize(
    "name, text",
    [
        ("data.yaml", NAMES),
        ("labels/data.yaml", "names: {0: coin, 1: key}\nnc: 2"),
        ("obj.names", "coin\nkey\n\n"),
        ("labels/classes.txt", "\ufeffcoin\r\nkey\r\n"),
    ],
)
def test_names_beside_the_labels_are_taken_where_the_manifest_has_none(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    labels = yolo(tmp_path, "1 0.5 0.5 0.5 0.5", classes=None)
    assert labels.reader.classes().names == ("coin", "key")
    assert labels["a"].class_index.tolist() == [1]


def test_names_may_skip_numbers(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("names: {3: coin, 7: key}")
    labels = yolo(tmp_path, "7 0.5 0.5 0.5 0.5", classes=None)
    assert labels.reader.classes().ids == (3, 7)
    assert labels["a"].class_index.tolist() == [1]


def test_no_names_anywhere_is_said(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match="key is missing") as caught:
        yolo(tmp_path, "", classes=None).reader.classes()
    assert caught.value.place == "classes"


@pytest.mark.parametrize(
    "files, problem",
    [
        ({"data.yaml": "names: 3"}, "not the names of classes"),
        ({"data.yaml": "names: [a, a]"}, "not the names.*appears twice"),
        ({"data.yaml": "names: [no, 1]"}, "not the names"),
        ({"data.yaml": "names: ["}, "YAML"),
        ({"data.yaml": "a: &x [b]\nnames: *x"}, "YAML"),
        ({"data.yaml": NAMES + "kpt_shape: [2]"}, "not the shape of keypoints"),
        ({"data.yaml": NAMES + "kpt_shape: [1000000000, 3]"}, "not the shape of keypoints"),
        ({"classes.txt": "a\n\nb"}, r"not the names of classes.*expected a class name"),
        ({"classes.txt": b"\xff\xfe"}, "not UTF-8"),
        ({"data.yaml": NAMES, "classes.txt": "key\ncoin"}, "two files name the classes differently"),
    ],
)
def test_names_that_cannot_be_used_are_refused(tmp_path: Path, files: dict[str, str | bytes], problem: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(GoldenFormatError, match=problem):
        yolo(tmp_path, "", classes=None).reader.classes()


def test_numbers_of_coco_are_not_taken_for_those_of_yolo(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(NAMES)
    with pytest.raises(GoldenFormatError, match="class numbers contradict the manifest") as caught:
        yolo(tmp_path, "0 0.5 0.5 0.5 0.5", classes={1: "coin", 2: "key"}).reader.classes()
    assert caught.value.file == str(tmp_path / "data.yaml")
    assert yolo(tmp_path, "0 0.5 0.5 0.5 0.5", classes={0: "coin"})["a"].class_index.tolist() == [0]


@pytest.mark.parametrize(
    "text, keypoints, problem",
    [
        ("", [], "number of keypoints is not known"),
        (NAMES + "kpt_shape: [3, 3]", ["left", "right"], "not as many keypoints as data.yaml has"),
    ],
)
def test_the_number_of_keypoints_is_declared(tmp_path: Path, text: str, keypoints: list[str], problem: str) -> None:
    if text:
        (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        yolo(tmp_path, "0 0.5 0.5 0.5 0.5 0.1 0.1 2", "keypoints", keypoints=keypoints)["a"]
    assert caught.value.place == "labels[0].keypoints"


def test_an_image_that_does_not_decode_is_named(tmp_path: Path) -> None:
    labels = yolo(tmp_path, "0 0.5 0.5 0.5 0.5")
    (tmp_path / "images" / "a.png").write_bytes(b"no image")
    with pytest.raises(GoldenFormatError, match="image does not decode") as caught:
        labels["a"]
    assert caught.value.file == str(tmp_path / "images" / "a.png")


def test_the_size_is_read_once_for_all_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = yolo(tmp_path, "0 0.5 0.5 0.5 0.5")
    first = labels["a"]
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened again"))
    assert labels["a"].boxes.tolist() == first.boxes.tolist()


LINES = {
    "boxes": "0 0.5 0.5 0.5 0.5\n1 0.1 0.1 0.1 0.1\n",
    "instances": "0 0.1 0.1 0.4 0.1 0.4 0.5\n",
    "oriented_boxes": "0 0.1 0.1 0.4 0.1 0.4 0.5 0.1 0.5\n",
    "keypoints": "0 0.5 0.5 0.5 0.5 0.1 0.1 2 0.1 0.1 0\n",
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    task=st.sampled_from(sorted(LINES)),
    cut=st.integers(0, 60),
    length=st.integers(0, 6),
    inserted=st.binary(max_size=5) | st.sampled_from([b"-", b"e9", b" ", b"\n", b"1e-300", b"1e300", b"0 0 0 0 0 0 "]),
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, task: Task, cut: int, length: int, inserted: bytes) -> None:
    good = LINES[task].encode()
    labels = yolo(tmp_path, good[:cut] + inserted + good[cut + length :], task, keypoints=["left", "right"])
    assert read_or_refuse(labels, "a") is not None


DATUMARO = ("datumaro_assets", "yolo_dataset")


def real(folder: str, task: Task, **entry: Any) -> Labels:
    return Labels(
        shared(*DATUMARO, folder), "labels/train/{id}.txt", task, format="yolo", samples="images/train/*.jpg", **entry
    )


@pytest.mark.parametrize("folder", ["", "_with_list_of_imgs", "_with_list_of_names", "_with_subset_txt", "darknet"])
def test_real_detection_sets_of_all_layouts_are_the_same(folder: str) -> None:
    if folder == "darknet":
        labels = Labels(
            shared(*DATUMARO, "yolo"),
            "obj_train_data/{id}.txt",
            "boxes",
            format="yolo",
            samples="obj_train_data/*.jpg",
        )
    else:
        labels = real(f"yolov8_detection{folder}", "boxes")
    label = labels["1"]  # of an image of 15 x 10 pixels
    np.testing.assert_allclose(label.boxes, [[0, 2, 4, 4], [3, 3, 5, 6]], atol=1e-5)
    assert label.class_index.tolist() == [2, 4]
    assert labels.reader.classes().names == tuple(f"label_{number}" for number in range(10))


def test_real_segments() -> None:
    label = real("yolov8_segmentation", "instances")["1"]
    np.testing.assert_allclose(label.objects.boxes, [[1.5, 1, 6, 5], [3, 1.5, 6, 7.5]])
    assert label.size == (10, 15)
    with pytest.raises(GoldenFormatError, match="7 columns"):
        real("yolov8_segmentation", "boxes")["1"]


@pytest.mark.parametrize("folder", ["yolov8_pose", "yolov8_pose_two_values_per_point"])
def test_real_poses(folder: str) -> None:
    label = real(folder, "keypoints")["1"]
    np.testing.assert_allclose(label.keypoints, [[[1.5, 2, 2], [4.5, 4, 2], [7.5, 6, 2]]])
    np.testing.assert_allclose(label.objects.boxes, [[0, 2, 4, 4]], atol=1e-5)


def test_real_oriented_boxes() -> None:
    boxes = real("yolov8_oriented_boxes", "oriented_boxes")["1"].boxes
    np.testing.assert_allclose(boxes[:, 2:], [[3, 4, pi / 6], [6, 2, -pi / 3]], atol=1e-4)
    np.testing.assert_allclose(boxes[:, :2], [[2.5, 4], [6, 3]], atol=1e-4)


def test_real_yolo_mark() -> None:
    labels = Labels(shared("yolo_yolomark"), "img/{id}.txt", "boxes", format="yolo", samples="img/*.jpg")
    assert labels.reader.classes().names == ("air", "bird")
    assert {sample_id: len(labels[sample_id]) for sample_id in labels.keys} == {
        "air1": 1,
        "air2": 1,
        "air3": 1,
        "air4": 9,
        "air5": 1,
        "bird1": 1,
        "bird3": 3,
    }


def test_names_behind_a_link_out_of_the_dataset_are_refused(tmp_path: Path) -> None:
    outside = tmp_path / "names.txt"
    outside.write_text("coin\nkey")
    root = tmp_path / "set"
    root.mkdir()
    (root / "classes.txt").symlink_to(outside)
    with pytest.raises(GoldenFormatError, match="symbolic link leads out") as caught:
        yolo(root, "", classes=None).reader.classes()
    assert caught.value.place == "labels[0].path"
