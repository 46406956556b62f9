"""CVAT for images: boxes, turned boxes, polygons, masks, skeletons and points of one file for all samples."""

from __future__ import annotations

from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools import mask as codec

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import Task
from tests.golden.datasets import shared, write_images
from tests.golden.formats.reading import Labels, read_or_refuse

META = (
    "<version>1.1</version><meta><task><labels><label><name>coin</name></label><label><name>key</name></label>"
    "<label><name>l</name><parent>key</parent></label><label><name>r</name><parent>key</parent></label>"
    "</labels></task></meta>"
)
BOX = '<box label="key" occluded="0" xtl="1.50" ytl="1" xbr="4.5" ybr="3.00" z_order="0"></box>'
MASK = '<mask label="coin" rle="1, 2, 3, 1, 2" left="5" top="1" width="3" height="3"/>'
POLYGON = '<polygon label="coin" points="1.00,1.00;5.00,1.00;5.00,4.00" z_order="0"/>'
SKELETON = (
    '<skeleton label="key"><points label="r" outside="0" occluded="1" points="3,3"/>'
    '<points label="l" outside="0" occluded="0" points="1.5,2"/></skeleton>'
)


def document(shapes: str, name: str = "a.png", size: str = 'width="8" height="6"') -> str:
    return f'<annotations>{META}\n<image id="0" name="{name}" {size}>{shapes}</image></annotations>'


def cvat(root: Path, content: str | bytes, task: Task = "boxes", **entry: Any) -> Labels:
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "cvat.xml").write_bytes(content if isinstance(content, bytes) else content.encode())
    return Labels(root, "cvat.xml", task, format="cvat", **entry)


def test_boxes_are_plain_corners_and_labels_count_from_zero(tmp_path: Path) -> None:
    labels = cvat(tmp_path, document(BOX + POLYGON + "<tag/>"))
    label = labels["a"]
    assert label.boxes.tolist() == [[1.5, 1, 4.5, 3]]
    assert label.class_index.tolist() == [1]
    assert label.area.tolist() == [6]
    assert labels["b"] is None
    assert labels.reader.classes().names == ("coin", "key")
    assert labels.reader.classes().ids == (0, 1)
    assert cvat(tmp_path, document(BOX), classes={4: "key"})["a"].class_index.tolist() == [0]


@pytest.mark.parametrize("meta", ["project", "job"])
def test_labels_of_exports_of_projects_and_jobs_are_found(tmp_path: Path, meta: str) -> None:
    content = document(BOX).replace("task>", f"{meta}>")
    assert cvat(tmp_path, content).reader.classes().names == ("coin", "key")


def test_an_image_without_shapes_has_no_objects(tmp_path: Path) -> None:
    content = f'<annotations>{META}<image name="a.png" width="8" height="6" note="a > b"/></annotations>'
    assert len(cvat(tmp_path, content)["a"]) == 0
    assert len(cvat(tmp_path, content, "instances")["a"].masks) == 0


def test_images_are_found_behind_other_folders_and_in_other_encodings(tmp_path: Path) -> None:
    content = '<?xml version="1.0" encoding="utf-16"?>' + document(BOX.replace("key", "m\u00fcnze"), "task/a.png")
    content += f"<!-- {'x' * 2_000_000} -->"
    label = cvat(tmp_path, content.encode("utf-16"), classes=["m\u00fcnze"])["a"]
    assert label.boxes.tolist() == [[1.5, 1, 4.5, 3]]
    assert cvat(tmp_path, b"\xef\xbb\xbf" + document(BOX).encode())["a"].boxes.tolist() == [[1.5, 1, 4.5, 3]]


@pytest.mark.parametrize(
    "rotation, angle", [("30.00", pi / 6), ("350", -pi / 18), ("90", -pi / 2), ("180", 0), ("-45", -pi / 4)]
)
def test_turned_boxes_turn_clockwise_on_the_screen(tmp_path: Path, rotation: str, angle: float) -> None:
    turned = BOX.replace("<box", f'<box rotation="{rotation}"')
    label = cvat(tmp_path, document(turned + BOX), "oriented_boxes")["a"]
    np.testing.assert_allclose(label.boxes, [[3, 2, 3, 2, angle], [3, 2, 3, 2, 0]], atol=1e-12)


def test_polygons_and_masks_are_instances(tmp_path: Path) -> None:
    label = cvat(tmp_path, document(BOX + POLYGON + MASK), "instances")["a"]
    assert label.size == (6, 8)
    polygon = codec.frPyObjects([[1.0, 1, 5, 1, 5, 4]], 6, 8)[0]
    canvas = np.zeros((6, 8), np.uint8)
    canvas[1:4, 5:8] = [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    assert label.masks == (polygon["counts"], codec.encode(np.asfortranarray(canvas))["counts"])
    assert label.objects.boxes.tolist() == [[1, 1, 5, 4], [5, 1, 8, 4]]
    assert label.objects.area.tolist() == [float(codec.area(polygon)), 3]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_masks_are_those_that_pycocotools_encodes(tmp_path: Path, data: st.DataObject) -> None:
    left, top = data.draw(st.integers(0, 7)), data.draw(st.integers(0, 5))
    width, height = data.draw(st.integers(1, 8 - left)), data.draw(st.integers(1, 6 - top))
    pixels = data.draw(st.lists(st.booleans(), min_size=width * height, max_size=width * height))
    runs, value = [0], False
    for pixel in pixels:
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    rle = ", ".join(map(str, runs))
    shape = f'<mask label="coin" rle="{rle}" left="{left}" top="{top}" width="{width}" height="{height}"/>'
    label = cvat(tmp_path, document(shape), "instances")["a"]
    canvas = np.zeros((6, 8), np.uint8)
    canvas[top : top + height, left : left + width] = np.reshape(pixels, (height, width))
    assert label.masks == (codec.encode(np.asfortranarray(canvas))["counts"],)


def test_keypoints_are_those_of_the_only_skeleton(tmp_path: Path) -> None:
    label = cvat(tmp_path, document(SKELETON), "keypoints")["a"]
    assert label.keypoints.tolist() == [[[1.5, 2, 2], [3, 3, 1]]]
    assert label.objects.boxes.tolist() == [[1.5, 2, 3, 3]]
    assert label.objects.area.tolist() == [1.5]
    assert label.objects.class_index.tolist() == [1]


def test_keypoints_outside_are_not_labelled_and_the_manifest_orders_them(tmp_path: Path) -> None:
    outside = SKELETON.replace('outside="0" occluded="1"', 'outside="1" occluded="1"')
    points = '<points label="coin" points="1,2;3,4;5,5"/>'
    empty = '<skeleton label="key"/>'
    names = ["r", "m", "l"]
    label = cvat(tmp_path, document(outside + points + empty), "keypoints", keypoints=names)["a"]
    assert label.keypoints.tolist() == [
        [[0, 0, 0], [0, 0, 0], [1.5, 2, 2]],
        [[1, 2, 2], [3, 4, 2], [5, 5, 2]],
        [[0, 0, 0]] * 3,
    ]
    assert label.objects.boxes.tolist() == [[1.5, 2, 1.5, 2], [1, 2, 5, 5], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    "shape, task, place, problem",
    [
        (BOX.replace("key", "keys"), "boxes", "box[1]", "unknown class.*did you mean 'key'"),
        (BOX.replace("label=", "name="), "boxes", "box[1]", "unknown class"),
        (BOX.replace("xtl=", "x="), "boxes", "box[1].xtl", "not a number"),
        (BOX.replace("4.5", "0.5"), "boxes", "box[1]", "negative size"),
        (BOX.replace("<box", '<box rotation="5"'), "boxes", "box[1]", "box is turned.*oriented_boxes"),
        (BOX.replace("<box", '<box rotation="x"'), "oriented_boxes", "box[1].rotation", "not a number"),
        (POLYGON.replace("5.00,1.00;", ""), "instances", "polygon[1]", "not a polygon.*4 numbers"),
        (POLYGON.replace(";", " "), "instances", "polygon[1].points", "not points"),
        (POLYGON.replace("5.00,1.00;", "5.00,1e30;"), "instances", "polygon[1]", "far outside"),
        (POLYGON.replace("5.00,1.00;", "5.00,x;"), "instances", "polygon[1].points", "not a number"),
        (MASK.replace('left="5"', 'left="6"'), "instances", "mask[1]", "does not lie inside"),
        (MASK.replace('left="5"', 'left="-5"'), "instances", "mask[1]", "not a mask"),
        (MASK.replace("1, 2, 3, 1, 2", "1, 2, 3, 1"), "instances", "mask[1]", "do not cover"),
        (MASK.replace("1, 2, 3, 1, 2", "1, 2, 3, , 2"), "instances", "mask[1]", "not a mask"),
        (MASK.replace("1, 2, 3, 1, 2", "9999999999, 9"), "instances", "mask[1]", "do not cover"),
        (SKELETON.replace('"r"', '"x"'), "keypoints", "skeleton[1]", "unknown keypoint"),
        (SKELETON.replace('"r"', '"l"'), "keypoints", "skeleton[1]", "appears twice"),
        (SKELETON.replace("3,3", "3,3;4,4"), "keypoints", "skeleton[1]", "another number of points"),
        ('<points label="key" points="3,3"/>', "keypoints", "points[1]", "another number of points"),
    ],
)
def test_a_bad_shape_is_named(tmp_path: Path, shape: str, task: Task, place: str, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        cvat(tmp_path, document("<tag/>" + shape), task)["a"]
    assert caught.value.place == f"image 'a.png', {place}"
    assert caught.value.file == str(tmp_path / "cvat.xml")
    assert caught.value.hint


@pytest.mark.parametrize(
    "size, key",
    [
        ("", ".width"),
        ('width="0" height="6"', ".width"),
        ('width="8" height="x"', ".height"),
        ('width="99999" height="99999"', ""),
    ],
)
def test_masks_need_the_size_of_the_image(tmp_path: Path, size: str, key: str) -> None:
    with pytest.raises(GoldenFormatError, match=r"image has no|too large") as caught:
        cvat(tmp_path, document(POLYGON, size=size), "instances")["a"]
    assert caught.value.place == f"line 2, image 'a.png'{key}"


def test_several_skeletons_need_names_of_keypoints(tmp_path: Path) -> None:
    content = document(SKELETON).replace("</labels>", "<label><name>x</name><parent>coin</parent></label></labels>")
    with pytest.raises(GoldenFormatError, match=r"keypoints are not known.*2 skeletons") as caught:
        cvat(tmp_path, content, "keypoints")["a"]
    assert caught.value.place == "labels[0].keypoints"


@pytest.mark.parametrize(
    "content, problem",
    [
        ("", "not XML"),
        (document(BOX)[:-5], "not XML"),
        ("<annotation/>", "not a CVAT file.*voc"),
        ('<annotations><track label="a"/></annotations>', "tracks of a video.*CVAT for images"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + document(BOX), "document type"),
        (b"\xff" + document(BOX).encode(), "not XML"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_a_broken_file_gives_each_sample_the_same_error(tmp_path: Path, content: str | bytes, problem: str) -> None:
    labels = cvat(tmp_path, content)
    messages = set()
    for sample_id in labels.keys:
        with pytest.raises(GoldenFormatError, match=problem) as caught:
            labels[sample_id]
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_two_images_of_one_sample_are_refused_for_it_only(tmp_path: Path) -> None:
    image = f'<image name="x/{{}}" width="8" height="6">{BOX}</image>'
    both = image.format("a.png") + image.replace("x/", "y/").format("a.png") + image.format("b.png")
    labels = cvat(tmp_path, f"<annotations>{META}{both}</annotations>")
    assert len(labels["b"]) == 1
    with pytest.raises(GoldenFormatError, match="several images for one sample"):
        labels["a"]


def test_a_file_without_labels_needs_classes(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match="key is missing"):
        cvat(tmp_path, "<annotations/>").reader.classes()


SHAPES = document(BOX + POLYGON + MASK + SKELETON).encode()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    task=st.sampled_from(["boxes", "instances", "keypoints", "oriented_boxes"]),
    cut=st.integers(0, len(SHAPES)),
    length=st.integers(0, 10),
    inserted=st.binary(max_size=4) | st.sampled_from([b"<", b">", b'"', b"-", b"99999999", b"<image>", b"e9", b"/"]),
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, task: Task, cut: int, length: int, inserted: bytes) -> None:
    read_or_refuse(cvat(tmp_path, SHAPES[:cut] + inserted + SHAPES[cut + length :], task), "a")


def real(task: Task, **entry: Any) -> Labels:
    root = shared("datumaro_assets", "cvat_dataset", "for_images")
    return Labels(root, "train.xml", task, format="cvat", samples="images/*.jpg", **entry)


def test_real_boxes_and_skeletons() -> None:
    labels = real("boxes")
    assert labels.reader.classes().names == ("label1", "label2", "skeleton")
    assert labels["img0"].boxes.tolist() == [[0, 2, 4, 4]]
    assert len(labels["img1"]) == 0
    keypoints = real("keypoints")
    assert keypoints["img0"].keypoints.tolist() == [[[0, 0, 0], [2, 2, 2], [3, 3, 2], [4, 4, 2]]]
    with pytest.raises(GoldenFormatError, match="another number of points"):
        keypoints["img1"]  # three unnamed points beside a skeleton of four
    with pytest.raises(GoldenFormatError, match="unknown class"):
        real("instances")["img1"]  # a polygon whose label is empty


def test_real_tracks_are_refused() -> None:
    root = shared("datumaro_assets", "cvat_dataset", "for_video")
    with pytest.raises(GoldenFormatError, match="tracks of a video"):
        Labels(root, "annotations.xml", "boxes", format="cvat", samples="images/*.png").reader.classes()
