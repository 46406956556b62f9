"""KITTI: boxes with the regions of DontCare, cuboids out of the camera's frame."""

from __future__ import annotations

from math import pi
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError
from tests.golden.datasets import shared, write_images
from tests.golden.formats.reading import Labels, read_or_refuse

CAR = "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"
DONT_CARE = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10"


def kitti(root: Path, content: str | bytes, task: Literal["boxes", "boxes_3d"] = "boxes") -> Labels:
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "label_2").mkdir(exist_ok=True)
    (root / "label_2" / "a.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    return Labels(root, "label_2/{id}.txt", task, format="kitti", classes=["Car", "Van"])


def test_boxes_are_plain_corners_and_dont_care_is_a_region(tmp_path: Path) -> None:
    labels = kitti(tmp_path, f"{CAR}\r\n\n{DONT_CARE}\n")
    label = labels["a"]
    assert label.boxes.tolist() == [[587.01, 173.33, 614.12, 200.12]]
    assert label.class_index.tolist() == [0]
    assert label.regions.tolist() == [[503.89, 169.71, 590.61, 190.13]]
    assert label.ignored is None
    assert labels["b"] is None


def test_an_empty_file_has_no_objects_and_no_regions(tmp_path: Path) -> None:
    label = kitti(tmp_path, "")["a"]
    assert label.boxes.shape == (0, 4)
    assert label.regions is None
    assert kitti(tmp_path, DONT_CARE, "boxes_3d")["a"].boxes.shape == (0, 7)


def test_cuboids_are_told_forward_left_up_around_their_centre(tmp_path: Path) -> None:
    label = kitti(tmp_path, f"{CAR}\n{DONT_CARE}", "boxes_3d")["a"]
    # 46.70 m ahead, 0.65 m to the left, its bottom 1.71 m under the camera and its height 1.65 m.
    expected = [46.70, 0.65, -1.71 + 1.65 / 2, 3.64, 1.67, 1.65, 1.59 - pi / 2]
    np.testing.assert_allclose(label.boxes, [expected], rtol=1e-12)
    assert label.ignored.tolist() == [False]


@pytest.mark.parametrize(
    "rotation_y, yaw",
    [(0.0, -pi / 2), (-pi / 2, 0.0), (pi / 2, -pi), (-3.0, 3.0 - pi / 2), (3.0, -3.0 - pi / 2 + 2 * pi)],
)
def test_yaw_turns_about_the_axis_that_points_up(tmp_path: Path, rotation_y: float, yaw: float) -> None:
    cells = CAR.split()[:-1]
    box = kitti(tmp_path, " ".join([*cells, repr(rotation_y)]), "boxes_3d")["a"].boxes[0]
    assert box[6] == pytest.approx(yaw, abs=1e-12)
    assert -pi <= box[6] < pi
    # The heading, in the camera's frame (cos, 0, -sin) of rotation_y, is told as forward and left.
    heading = (-np.sin(rotation_y), -np.cos(rotation_y))
    np.testing.assert_allclose((np.cos(box[6]), np.sin(box[6])), heading, atol=1e-12)


@pytest.mark.parametrize(
    "line, task, problem",
    [
        (f"{CAR} 0.98", "boxes", "16 columns.*predictions"),
        ("Car 0 0 0", "boxes", "not a line of a KITTI label"),
        (CAR.replace("587.01", "x"), "boxes", "not a number.*found x"),
        (CAR.replace("587.01", "inf"), "boxes", "not a number"),
        (CAR.replace("587.01", "700"), "boxes", "negative size"),
        (CAR.replace("Car", "Cars"), "boxes", "unknown class.*did you mean 'Car'"),
        (DONT_CARE.replace("DontCare", "Van"), "boxes_3d", "no cuboid.*task: boxes"),
        (CAR.replace("46.70", "1e12"), "boxes_3d", "no cuboid"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, task: Literal["boxes", "boxes_3d"], problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        kitti(tmp_path, f"{CAR}\n\n{line}\n", task)["a"]
    assert caught.value.place == "line 3"
    assert caught.value.hint


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=40) | st.text(alphabet="Car 0123456789.-e\n_\x00", max_size=120).map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    for task in ("boxes", "boxes_3d"):
        read_or_refuse(kitti(tmp_path, CAR.encode() + b"\n" + content, task), "a")


def test_real_labels_without_cuboids() -> None:
    root = shared("datumaro_assets", "kitti_dataset", "kitti_detection", "training")
    options = {"format": "kitti", "classes": ["Truck", "Van"], "samples": "image_2/*.png"}
    labels = Labels(root, "label_2/{id}.txt", "boxes", **options)
    assert labels["000030_10"].boxes.tolist() == [[0, 1, 2, 3], [0, 5, 1, 8]]
    assert labels["000030_11"].class_index.tolist() == [1, 1, 1]
    with pytest.raises(GoldenFormatError, match="no cuboid"):
        Labels(root, "label_2/{id}.txt", "boxes_3d", **options)["000030_10"]
