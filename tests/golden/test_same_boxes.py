"""One ground truth of 100 images, exported to eight layouts by other programs: the same boxes out of each.

The exports were made from Pascal VOC files whose numbers were taken as they stand, so that those are plain coordinates
here (`pixels: zero-based`). YOLO's six decimals and Open Images' ten round; everything else is exact.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.records.labels import BoxLabels
from tests.golden.datasets import shared
from tests.golden.formats.reading import Labels

SET = "rodm_database_all_formats"
LAYOUTS = {
    "voc": ("pascalvoc_format/{id}.xml", "voc", {"pixels": "zero-based"}),
    "imagenet": ("imagenet_format/Annotations/{id}.xml", "voc", {"pixels": "zero-based"}),
    "coco 1": ("coco_format_v1/instances_default.json", "coco", {}),
    "coco 2": ("coco_format_v2/instances_v2.json", "coco", {}),
    "cvat": ("cvat_format/annotations.xml", "cvat", {}),
    "labelme": ("labelme_format/{id}.json", "labelme", {}),
    "yolo": ("yolo_format/obj_train_data/{id}.txt", "yolo", {}),
    "open images": ("openimages_format/all_bounding_boxes.csv", "openimages", {}),
}
# Half a unit of the last decimal, in shares of the edge: of a centre and half a width, or of a corner.
ROUNDING = {"yolo": 0.75e-6, "open images": 0.5e-10}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labels, the 19 images that are there, and blank ones of the size that the VOC files give for the others."""
    source = shared(SET)
    folder = tmp_path_factory.mktemp("rodm")
    shutil.copytree(source / "gts", folder, dirs_exist_ok=True)
    shutil.copytree(source / "images", folder / "images")
    (xml,) = (folder / "cvat_format").iterdir()
    xml.rename(folder / "cvat_format" / "annotations.xml")
    for path in (folder / "pascalvoc_format").iterdir():
        image = folder / "images" / f"{path.stem}.jpg"
        size = ElementTree.parse(path).getroot()
        width, height = int(size.findtext("size/width", "")), int(size.findtext("size/height", ""))
        if image.exists():
            with Image.open(image) as real:
                assert real.size == (width, height)
        else:
            Image.new("L", (width, height)).save(image)
    return folder


def open_layout(root: Path, layout: str, **options: str) -> Labels:
    path, name, given = LAYOUTS[layout]
    names = (root / "yolo_format" / "obj.names").read_text().split()
    return Labels(root, path, "boxes", format=name, classes=names, **(given | options))


def in_order(label: BoxLabels) -> np.ndarray:
    """Class, corners and area of each box; layouts differ in the order of objects, and far more than by rounding."""
    rows = np.column_stack([label.class_index, label.boxes, label.area])
    return rows[np.lexsort(np.round(rows, 1).T[::-1])]


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "voc"])
def test_every_layout_holds_the_same_boxes(root: Path, layout: str) -> None:
    reference, labels = open_layout(root, "voc"), open_layout(root, layout)
    read = 0
    for sample_id, key in labels.keys.items():
        label = labels[sample_id]
        if label is None:
            assert layout == "labelme"  # five of its files are there
            continue
        found, expected = in_order(label), in_order(reference[sample_id])
        with Image.open(key.path) as image:
            edge_px = max(image.size)
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found[:, 0], expected[:, 0])
        rounding_px = ROUNDING.get(layout, 0.0) * edge_px
        np.testing.assert_allclose(found[:, 1:5], expected[:, 1:5], rtol=1e-14, atol=rounding_px)
        np.testing.assert_allclose(found[:, 5], expected[:, 5], rtol=1e-14, atol=4 * rounding_px * edge_px)
        read += len(label)
    assert read == (10 if layout == "labelme" else 273)


def test_layouts_that_name_their_classes_agree_with_the_names_given(root: Path) -> None:
    names = (root / "yolo_format" / "obj.names").read_text().split()
    for layout in ("cvat", "yolo"):
        path, name, _ = LAYOUTS[layout]
        assert list(Labels(root, path, "boxes", format=name).reader.classes().names) == names


def test_read_as_voc_pixels_the_boxes_are_one_pixel_larger(root: Path) -> None:
    plain, voc = open_layout(root, "voc"), open_layout(root, "voc", pixels="one-based")
    for sample_id in plain.keys:
        np.testing.assert_array_equal(voc[sample_id].boxes, plain[sample_id].boxes - [1, 1, 0, 0])


def test_difficult_objects_are_ignored(root: Path) -> None:
    labels = open_layout(root, "voc")
    ignored = [labels[sample_id].ignored for sample_id in labels.keys]
    assert sum(int(flags.sum()) for flags in ignored if flags is not None) == 38
