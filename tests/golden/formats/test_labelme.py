"""LabelMe: rectangles, polygons, circles and masks as objects, points tied to them by group."""

from __future__ import annotations

import json
from base64 import b64encode
from io import BytesIO
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


def shape(kind: str, points: Any, label: str = "coin", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, "flags": {}, **more}


RECTANGLE = shape("rectangle", [[5, 4], [1.5, 1]])
POLYGON = shape("polygon", [[1, 1], [5, 1], [5, 4]], "key")


def png(mask: Any) -> str:
    stream = BytesIO()
    Image.fromarray(np.array(mask, dtype=np.uint8) * 255).save(stream, "PNG")
    return b64encode(stream.getvalue()).decode()


def labelme(root: Path, content: Any, task: Task = "boxes", **entry: Any) -> Labels:
    """Content is bytes, or the shapes of an image of 8 x 6."""
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "json").mkdir(exist_ok=True)
    if not isinstance(content, bytes):
        data = {"version": "5.5.0", "imageData": "A" * 100, "imageHeight": 6, "imageWidth": 8, "shapes": content}
        content = json.dumps(data).encode()
    (root / "json" / "a.json").write_bytes(content)
    return Labels(root, "json/{id}.json", task, format="labelme", classes=["coin", "key"], **entry)


def test_boxes_are_around_every_shape_with_an_area(tmp_path: Path) -> None:
    shapes = [
        RECTANGLE,
        POLYGON,
        shape("circle", [[4, 3], [4, 5]]),
        shape("line", [[0, 0], [1, 1]], "edge"),
        shape("point", [[0, 0]], "corner"),
        shape("mask", [[1, 2], [2, 4]], mask=png(np.ones((3, 2)))),
    ]
    labels = labelme(tmp_path, shapes)
    label = labels["a"]
    assert label.boxes.tolist() == [[1.5, 1, 5, 4], [1, 1, 5, 4], [2, 1, 6, 5], [1, 2, 3, 5]]
    assert label.class_index.tolist() == [0, 1, 0, 0]
    assert label.area.tolist() == [10.5, 12, 16, 6]
    assert labels["b"] is None


def test_instances_are_joined_by_label_and_group(tmp_path: Path) -> None:
    other = [[6, 4], [8, 4], [8, 6]]
    shapes = [POLYGON | {"group_id": 1}, RECTANGLE | {"group_id": 1}, shape("polygon", other, "key", group_id=1)]
    label = labelme(tmp_path, shapes, "instances")["a"]
    parts = codec.frPyObjects([[1.0, 1, 5, 1, 5, 4], [6.0, 4, 8, 4, 8, 6]], 6, 8)
    rectangle = codec.frPyObjects([[1.5, 1, 5, 1, 5, 4, 1.5, 4]], 6, 8)[0]
    assert label.masks == (codec.merge(parts)["counts"], rectangle["counts"])
    assert label.objects.boxes.tolist() == [[1, 1, 8, 6], [1.5, 1, 5, 4]]
    assert label.objects.class_index.tolist() == [1, 0]
    assert label.size == (6, 8)


def test_masks_and_circles_are_instances(tmp_path: Path) -> None:
    bitmap = [[1, 0], [0, 0], [1, 1]]
    shapes = [shape("mask", [[6, 3], [7, 5]], mask=png(bitmap)), shape("circle", [[3, 3], [3, 5]])]
    label = labelme(tmp_path, shapes, "instances")["a"]
    canvas = np.zeros((6, 8), np.uint8)
    canvas[3:6, 6:8] = bitmap
    assert label.masks[0] == codec.encode(np.asfortranarray(canvas))["counts"]
    inside = np.hypot(*(np.indices((6, 8))[::-1] + 0.5 - np.array([3, 3])[:, None, None])) < 2
    np.testing.assert_array_equal(codec.decode({"size": [6, 8], "counts": label.masks[1]}), inside)


def test_the_size_comes_from_the_image_where_the_file_has_none(tmp_path: Path) -> None:
    content = json.dumps({"shapes": [POLYGON]}).encode()
    assert labelme(tmp_path, content, "instances")["a"].size == (6, 8)


def test_keypoints_are_tied_to_their_object_by_group(tmp_path: Path) -> None:
    shapes = [
        shape("point", [[2, 2]], "tail", group_id=7),
        RECTANGLE | {"group_id": 7},
        POLYGON,
        shape("point", [[3, 2.5]], "head", group_id=7),
    ]
    label = labelme(tmp_path, shapes, "keypoints", keypoints=["head", "eye", "tail"])["a"]
    assert label.keypoints.tolist() == [[[3, 2.5, 2], [0, 0, 0], [2, 2, 2]], [[0, 0, 0]] * 3]
    assert label.objects.boxes.tolist() == [[1.5, 1, 5, 4], [1, 1, 5, 4]]
    assert label.objects.area.tolist() == [10.5, 12]


@pytest.mark.parametrize(
    "bad, task, place, problem",
    [
        ([], "boxes", "shapes[1]", "expected an object"),
        (RECTANGLE | {"label": 3}, "boxes", "shapes[1].label", "expected text"),
        (RECTANGLE | {"label": "coins"}, "boxes", "shapes[1].label", "unknown class.*'coin'"),
        (RECTANGLE | {"group_id": "x"}, "boxes", "shapes[1].group_id", "whole number"),
        (RECTANGLE | {"group_id": True}, "boxes", "shapes[1].group_id", "whole number"),
        (RECTANGLE | {"shape_type": "oval"}, "boxes", "shapes[1].shape_type", "found 'oval'"),
        (RECTANGLE | {"shape_type": [[]]}, "boxes", "shapes[1].shape_type", "polygon or rectangle"),
        (RECTANGLE | {"points": None}, "boxes", "shapes[1].points", "a list"),
        (RECTANGLE | {"points": [[1, 2]]}, "boxes", "shapes[1].points", "points of a rectangle"),
        (RECTANGLE | {"points": [[1, 2], [3]]}, "boxes", "shapes[1].points[1]", r"\[x, y\]"),
        (RECTANGLE | {"points": [[1, 2], [3, "4"]]}, "boxes", "shapes[1].points[1]", r"\[x, y\]"),
        (RECTANGLE | {"points": [[1, 2], [3, True]]}, "boxes", "shapes[1].points[1]", r"\[x, y\]"),
        (RECTANGLE | {"points": [[1, 2], [3, 1e300]]}, "boxes", "shapes[1].points[1]", r"\[x, y\]"),
        (POLYGON | {"points": [[1, 2], [3, 4]]}, "instances", "shapes[1].points", "points of a polygon"),
        (POLYGON | {"points": [[1, 2], [3, 4], [1e6, 0]]}, "instances", "shapes[1]", "far outside"),
        (shape("mask", [[1, 1], [2, 2]]), "instances", "shapes[1].mask", "does not decode"),
        (shape("mask", [[1, 1], [2, 2]], mask="AAAA"), "instances", "shapes[1].mask", "does not decode"),
        (shape("mask", [[1, 1], [2, 2]], mask="!"), "instances", "shapes[1].mask", "does not decode"),
        (
            shape("mask", [[1, 1], [2, 2]], mask=png([[1]])),
            "instances",
            "shapes[1].mask",
            r"does not decode.*2 x 2 pixels",
        ),
        (shape("mask", [[8, 1], [8, 1]], mask=png([[1]])), "instances", "shapes[1]", "does not lie inside"),
        (shape("point", [[1, 1]], "head"), "keypoints", "shapes[1]", "belongs to no object"),
        (shape("point", [[1, 1]], "head", group_id=9), "keypoints", "shapes[1]", "belongs to no object"),
        (shape("point", [[1, 1]], "nose", group_id=1), "keypoints", "shapes[1]", "belongs to no object"),
        (RECTANGLE | {"group_id": 1}, "keypoints", "shapes", "two of one group"),
    ],
)
def test_a_bad_shape_is_named(tmp_path: Path, bad: Any, task: Task, place: str, problem: str) -> None:
    labels = labelme(tmp_path, [RECTANGLE | {"group_id": 1}, bad], task, keypoints=["head"])
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        labels["a"]
    assert caught.value.place == place
    assert caught.value.file == str(tmp_path / "json" / "a.json")
    assert caught.value.hint


def test_a_keypoint_appears_once_and_a_mask_stands_alone(tmp_path: Path) -> None:
    point = shape("point", [[1, 1]], "head", group_id=1)
    with pytest.raises(GoldenFormatError, match="a second head"):
        labelme(tmp_path, [RECTANGLE | {"group_id": 1}, point, point], "keypoints", keypoints=["head"])["a"]
    mask = shape("mask", [[1, 1], [1, 1]], mask=png([[1]]), group_id=1)
    with pytest.raises(GoldenFormatError, match="other shapes in its group"):
        labelme(tmp_path, [RECTANGLE | {"group_id": 1}, mask], "instances")["a"]


def test_keypoints_need_names(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match="keypoints are not known") as caught:
        labelme(tmp_path, [], "keypoints")["a"]
    assert caught.value.place == "labels[0].keypoints"


@pytest.mark.parametrize(
    "height, problem", [(0, "no height"), ("6", "no height"), (True, "no height"), (10**9, "large")]
)
def test_masks_need_a_size_that_can_be(tmp_path: Path, height: Any, problem: str) -> None:
    content = json.dumps({"shapes": [], "imageHeight": height, "imageWidth": 8}).encode()
    with pytest.raises(GoldenFormatError, match=problem):
        labelme(tmp_path, content, "instances")["a"]


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"", "not JSON"),
        (b'{"shapes": [NaN]}', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"<annotation/>", "not JSON.*XML of the LabelMe web tool"),
        (b"[]", "not a LabelMe file"),
        (b'{"shapes": {}}', "not a LabelMe file"),
        (b'{"images": [], "annotations": []}', "not a LabelMe file.*coco"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_files_that_are_not_labelme_are_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem):
        labelme(tmp_path, content)["a"]


GOOD = json.dumps(
    {
        "imageHeight": 6,
        "imageWidth": 8,
        "shapes": [
            RECTANGLE | {"group_id": 1},
            POLYGON,
            shape("point", [[1, 1]], "head", group_id=1),
            shape("mask", [[1, 1], [1, 1]], mask=png([[1]])),
        ],
    }
).encode()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    task=st.sampled_from(["boxes", "instances", "keypoints"]),
    cut=st.integers(0, len(GOOD)),
    length=st.integers(0, 10),
    inserted=st.binary(max_size=4)
    | st.sampled_from([b"null", b"[]", b"{}", b"-1", b"1e300", b"true", b'"x"', b"9" * 400]),
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, task: Task, cut: int, length: int, inserted: bytes) -> None:
    damaged = GOOD[:cut] + inserted + GOOD[cut + length :]
    read_or_refuse(labelme(tmp_path, damaged, task, keypoints=["head"]), "a")


def test_real_files_of_another_kind_are_refused() -> None:
    root = shared("datumaro_assets", "labelme_dataset")
    with pytest.raises(GoldenFormatError, match="XML of the LabelMe web tool"):
        Labels(root, "{id}.xml", "boxes", format="labelme", classes=["window"], samples="*.png")["img1"]
    root = shared("malformed_misc", "mmengine", "tests", "data", "annotations")
    labels = Labels(root, "{id}.json", "boxes", format="labelme", classes=["a"], samples="*.json")
    for sample_id in labels.keys:
        with pytest.raises(GoldenFormatError, match="not a LabelMe file"):
            labels[sample_id]
