"""PNG masks: numbers, palettes, colours, segments; real ones, and damage."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden import inputs
from pytest_vizart.golden.formats import class_ids
from pytest_vizart.records.labels import IGNORE, PanopticLabels, SemanticLabels, Task
from tests.golden.datasets import shared
from tests.golden.formats.reading import Labels, read_or_refuse
from tests.golden.mutations import damaged

COLORS = {"road": "#804080", "sky": "#4682B4"}
RGB = np.array([[(128, 64, 128), (70, 130, 180)], [(70, 130, 180), (70, 130, 180)]], np.uint8)
CITYSCAPES = {0: "unlabeled", 3: "void", 24: "person", 26: "car"}


def reader(
    root: Path, image: Image.Image | bytes, task: Task = "semantic", classes: Any = None, **entry: Any
) -> Labels:
    if isinstance(image, Image.Image):
        image.save(root / "a.png")
    else:
        (root / "a.png").write_bytes(image)
    return Labels(root, "{id}.png", task, format="png", classes=classes, samples="*.png", **entry)


def opaque(alpha: int) -> Image.Image:
    return Image.fromarray(np.dstack([RGB, np.full(RGB.shape[:2], alpha, np.uint8)]))


def as_palette() -> Image.Image:
    palette = Image.new("P", (2, 2))
    palette.putdata([5, 9, 9, 9])
    palette.putpalette([0] * 15 + [128, 64, 128] + [0] * 9 + [70, 130, 180])
    return palette


@pytest.mark.parametrize("image", [Image.fromarray(RGB), opaque(255), as_palette()], ids=["rgb", "rgba", "palette"])
@pytest.mark.parametrize("classes", [None, ["sky", "other", "road"]])
def test_colours_are_classes_by_name(tmp_path: Path, image: Image.Image, classes: list[str] | None) -> None:
    masks = reader(tmp_path, image, classes=classes, colors=COLORS)
    label = masks["a"]
    assert isinstance(label, SemanticLabels)
    assert label.mask.dtype == np.int32
    names = masks.reader.classes().names
    assert [[names[index] for index in row] for row in label.mask] == [["road", "sky"], ["sky", "sky"]]
    assert names == (("road", "sky") if classes is None else ("sky", "other", "road"))


def test_a_colour_may_mean_no_label(tmp_path: Path) -> None:
    colors = {"road": "#804080", "ignore": "#4682b4"}
    assert reader(tmp_path, Image.fromarray(RGB), colors=colors)["a"].mask.tolist() == [[0, IGNORE], [IGNORE, IGNORE]]


def test_black_and_white_have_colours_too(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    colors = {"back": "#000000", "front": "#ffffff"}
    assert reader(tmp_path, image, colors=colors)["a"].mask.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    "image, problem",
    [
        (Image.fromarray(RGB + np.uint8(1)), r"pixel \(0, 0\).*colour of no class.*#814181, 1 times"),
        (opaque(254), "unfit kind.*transparent"),
        (Image.fromarray(RGB[..., 0].astype(np.uint16)), "unfit kind.*16 bits"),
        (Image.fromarray(RGB[..., :2]), "unfit kind.*LA"),
    ],
)
def test_colours_that_cannot_be_told_are_refused(tmp_path: Path, image: Image.Image, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem):
        reader(tmp_path, image, colors=COLORS)["a"]


@pytest.mark.parametrize(
    "entry, place, problem",
    [
        ({"colors": {"road": "#804080", "sky": "#804080"}}, "colors.sky", "two classes have one colour"),
        ({"colors": {"lane": "#804080"}, "classes": ["road"]}, "colors.lane", "colour of no class"),
        ({"colors": {}}, "colors", "no class has a colour"),
        ({"colors": {"ignore": "#000000"}}, "colors", "no class has a colour"),
        ({"colors": COLORS, "ignore": 255}, "ignore", "no number to ignore"),
        ({"colors": COLORS, "task": "panoptic"}, "colors", "do not tell one object from the next"),
    ],
)
def test_colours_that_make_no_sense_name_the_key(
    tmp_path: Path, entry: dict[str, Any], place: str, problem: str
) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        reader(tmp_path, Image.fromarray(RGB), **entry)
    assert caught.value.place == f"labels[0].{place}"
    assert caught.value.hint


def as_rgb(values: np.ndarray[Any, Any]) -> Image.Image:
    return Image.fromarray(np.dstack([values & 255, values >> 8 & 255, values >> 16]).astype(np.uint8))


SEGMENTS = np.array([[3, 26001, 26001], [26000, 26, 24], [0, 0, 3]])


@pytest.mark.parametrize("image", [Image.fromarray(SEGMENTS.astype(np.uint16)), as_rgb(SEGMENTS)], ids=["gray", "rgb"])
def test_segments_have_class_instance_and_crowd(tmp_path: Path, image: Image.Image) -> None:
    label = reader(tmp_path, image, "panoptic", CITYSCAPES, ignore=0)["a"]
    assert isinstance(label, PanopticLabels)
    assert label.segments.tolist() == [[0, 4, 4], [3, 2, 1], [IGNORE, IGNORE, 0]]
    assert label.class_index.tolist() == [1, 2, 3, 3, 3]  # void; people as stuff, since none is single; cars; two cars
    assert label.crowd.tolist() == [False, False, True, False, False]
    assert (label.segments.dtype, label.class_index.dtype, label.crowd.dtype) == (np.int32, np.int64, np.bool_)


@pytest.mark.parametrize(("ignore", "kept"), [(26, [1, 2]), (26001, [1, 2, 3, 3]), (255, [1, 2, 3, 3, 3])])
def test_ignored_segments_are_named_by_value_or_class(tmp_path: Path, ignore: int, kept: list[int]) -> None:
    values = np.where(SEGMENTS == 0, 3, SEGMENTS)
    label = reader(tmp_path, as_rgb(values), "panoptic", CITYSCAPES, ignore=ignore)["a"]
    assert label.class_index.tolist() == kept


def test_a_segment_of_no_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match=r"pixel \(0, 1\).*value of no class.*found 27002, 2 times"):
        reader(tmp_path, as_rgb(np.array([[3, 27002], [27002, 3]])), "panoptic", CITYSCAPES)["a"]


def png(width: int, height: int, *, depth: int = 8, colour_type: int = 0, data: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def test_colours_of_16_bits_are_refused(tmp_path: Path) -> None:
    content = png(1, 1, depth=16, colour_type=2, data=b"\0" + b"\0\1" * 3)
    with pytest.raises(GoldenFormatError, match=r"unfit kind.*16 bits"):
        reader(tmp_path, content, colors=COLORS)["a"]


@pytest.mark.parametrize("entry", [{"classes": ["a"]}, {"colors": COLORS}, {"classes": ["a"], "task": "panoptic"}])
@pytest.mark.parametrize(("width", "height"), [(12_000, 12_000), (40_000, 40_000), (2**31 - 1, 2**31 - 1)])
def test_bombs_are_refused_before_they_are_decoded(
    tmp_path: Path, entry: dict[str, Any], width: int, height: int
) -> None:
    colour_type = 2 if "colors" in entry else 0
    with pytest.raises(GoldenFormatError, match=r"too many pixels|too large|does not decode"):
        reader(tmp_path, png(width, height, colour_type=colour_type), **entry)["a"]


def test_colours_have_half_of_the_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert class_ids.MAX_VALUES < inputs.MAX_PIXELS
    with pytest.raises(GoldenFormatError, match=r"too many pixels.*at most 50,000,000"):
        reader(tmp_path, png(8_000, 8_000, colour_type=2), colors=COLORS)["a"]


def saved(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    damaged([saved(as_palette()), saved(as_rgb(SEGMENTS)), saved(Image.fromarray(SEGMENTS.astype(np.uint16)))], near=60)
)
def test_damaged_masks_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    read_or_refuse(reader(tmp_path, content, classes=CITYSCAPES), "a")
    read_or_refuse(reader(tmp_path, content, colors=COLORS), "a")
    read_or_refuse(reader(tmp_path, content, "panoptic", CITYSCAPES), "a")


def all_of(folder: str, classes: Any, task: Task = "semantic", **entry: Any) -> dict[str, Any]:
    """What every PNG below a folder of real data gives."""
    root = shared(*folder.split("/"))
    masks = Labels(root, "{id}.png", task, format="png", classes=classes, samples="**/*.png", **entry)
    return {sample_id: read_or_refuse(masks, sample_id) for sample_id in masks.keys}


def test_every_real_index_mask_loads() -> None:
    for folder, classes, shape in [
        ("seg_mmseg_pseudo/pseudo_dataset/gts", 4, (128, 256)),
        ("seg_camvid_keras/annotations_prepped_test", 12, (360, 480)),
        ("seg_camvid_keras/annotations_prepped_train", 12, (360, 480)),
    ]:
        found = all_of(folder, [f"c{number}" for number in range(classes)])
        assert len(found) in (3, 5)
        assert {label.mask.shape for label in found.values()} == {shape}
        assert max(label.mask.max() for label in found.values()) == classes - 1
    assert np.bincount(all_of("seg_mmseg_pseudo", ["a", "b"])["seg"].mask.ravel()).sum() == 288 * 512


def test_real_predictions_of_cocostuff_are_a_palette_of_ids() -> None:
    found = all_of("seg_cocostuff/results/segmentations/examples", {number: f"c{number}" for number in range(92, 184)})
    assert {sample_id: label.mask.shape for sample_id, label in found.items()} == {
        "000000000934": (480, 640),
        "000000013715": (500, 335),
    }
    assert found["000000000934"].mask.min() + 92 == 96


DEEPLAB = {0: "road", 2: "building", 8: "vegetation", 10: "sky", 13: "car"}


def test_every_mask_of_deeplab_loads_or_is_refused() -> None:
    found = all_of("seg_panoptic_deeplab2/targets", DEEPLAB, ignore=255)
    read = {name: sorted(np.unique(label.mask)) for name, label in found.items() if isinstance(label, SemanticLabels)}
    assert read == {
        "eval_semantic_target": [IGNORE, 0, 1, 2, 3, 4],
        "semantic_target": [IGNORE, 0, 1, 2, 3, 4],
        "center_weights": [IGNORE, 0],
        "offset_weights": [IGNORE, 0],
    }
    refused = {name: label.problem for name, label in found.items() if isinstance(label, GoldenFormatError)}
    assert refused == dict.fromkeys(
        ("center_target", "panoptic_target", "semantic_weights"), "pixel has a value that is no class ID"
    )


def test_panoptic_masks_of_deeplab_hold_the_segments_of_their_json() -> None:
    target = all_of("seg_panoptic_deeplab2/targets", DEEPLAB, "panoptic", ignore=65535)["panoptic_target"]
    assert target.class_index.tolist() == [0, 1, 2, 3, *[4] * 6]
    video = all_of("seg_panoptic_deeplab2", DEEPLAB, "panoptic", ignore=255)["dummy_gt_for_vps"]
    assert video.segments.shape == (800, 800)
    assert video.class_index.tolist() == target.class_index.tolist()


def test_every_mask_of_datumaro_loads_or_is_refused() -> None:
    camvid = {"Bicyclist": "#0080c0", "Road": "#804080", "Animal": "#408040", "Child": "#c08040", "Archway": "#c00080",
              "Sky": "#808080", "Building": "#808000", "Truck": "#008040"}  # fmt: skip
    for folder, count in [("camvid_dataset", 4), ("common_semantic_segmentation_dataset", 4)]:
        found = all_of(f"datumaro_assets/{folder}", None, colors=camvid)
        masks = {name for name, label in found.items() if isinstance(label, SemanticLabels)}
        assert len(masks) == count
        assert all("annot" in name or "masks" in name for name in masks)  # and none of the photographs
    cityscapes = {3: "ego", 12: "wall", 24: "person", 27: "truck", 31: "train", 1: "box"}
    folder = "datumaro_assets/cityscapes_dataset/dataset/gtFine"
    segments = all_of(folder, {**cityscapes, 2: "x"}, "panoptic", ignore=1024)
    assert len(segments) == 4
    instances = next(label for name, label in segments.items() if "000031" in name)
    assert instances.class_index.tolist() == [2, 5, 5]
    assert not instances.crowd.any()
    mots = all_of("datumaro_assets/mots_dataset", {0: "background", 1: "a", 2: "b", 3: "c", 4: "d"}, "panoptic")
    assert {name.split("/")[-1]: label.class_index.tolist() for name, label in mots.items()} == {
        "1": [0, 3, 4, 4],
        "2": [0, 4],
        "3": [0, 1],
    }
    kitti = all_of("datumaro_assets/kitti_dataset/kitti_segmentation", {3: "ego", 27: "truck"}, "panoptic")
    assert {label.problem for name, label in kitti.items() if "instance" in name} == {"pixel has a value of no class"}
    voc = all_of("datumaro_assets/voc_dataset", None, colors={"aeroplane": "#800000", "bicycle": "#008000"})
    assert {name.split("/")[-2]: label.mask[0, 0] for name, label in voc.items()} == {
        "SegmentationClass": 1,
        "SegmentationObject": 0,
    }
