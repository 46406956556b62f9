"""COCO's panoptic format: colours to segments, and files that contradict each other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import IGNORE, ClassMap
from tests.golden.datasets import coco, shared, write_images
from tests.golden.formats.coco_data import CATEGORIES, labels
from tests.golden.formats.reading import Labels

SEGMENTS = [{"id": 7, "category_id": 1, "iscrowd": 0}, {"id": 66_051, "category_id": 2, "iscrowd": 1}]


def panoptic(
    root: Path, rows: Any, ids: list[list[int]], *, folder: str = "gt", mode: str = "RGB", **entry: Any
) -> Labels:
    data = coco(["a.png", "b.png"], [], CATEGORIES)
    data["images"][0] |= {"width": len(ids[0]), "height": len(ids)}
    for category, thing in zip(data["categories"], (1, 0), strict=True):
        category["isthing"] = thing
    data["annotations"] = rows if isinstance(rows, list) else [rows]
    values = np.array(ids, dtype=np.uint32)
    colours = np.stack([values % 256, values // 256 % 256, values // 65536], axis=-1).astype(np.uint8)
    (root / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(colours).convert(mode).save(root / folder / "a.png")
    return labels(root, data, "panoptic", **entry)


def annotation(segments: Any = SEGMENTS, **row: Any) -> dict[str, Any]:
    return {"image_id": 1, "file_name": "a.png", "segments_info": segments, **row}


IDS = [[7, 7, 0], [66_051, 0, 7]]


@pytest.mark.parametrize("folder, entry", [("gt", {}), ("png/all", {"masks": "png/all"})])
def test_segments_are_told_by_their_colours(tmp_path: Path, folder: str, entry: dict[str, str]) -> None:
    found = panoptic(tmp_path, annotation(), IDS, folder=folder, **entry)
    label = found["a"]
    assert label.segments.tolist() == [[0, 0, IGNORE], [1, IGNORE, 0]]
    assert label.segments.dtype == np.int32
    assert label.class_index.tolist() == [0, 1]
    assert label.crowd.tolist() == [False, True]
    assert found.reader.classes() == ClassMap(("coin", "key"), (1, 2), (True, False))
    assert found["b"] is None


def test_things_follow_the_names_of_the_manifest(tmp_path: Path) -> None:
    found = panoptic(tmp_path, annotation(), IDS, classes={1: "key", 5: "coin"})
    assert found.reader.classes().things == (False, True)
    assert found["a"].class_index.tolist() == [1, 0]
    assert panoptic(tmp_path, annotation(), IDS, classes=["coin", "key", "more"]).reader.classes().things == ()


def test_an_image_without_segments_is_all_unlabelled(tmp_path: Path) -> None:
    label = panoptic(tmp_path, annotation([]), [[0, 0]])["a"]
    assert label.segments.tolist() == [[IGNORE, IGNORE]]
    assert len(label.class_index) == 0


@pytest.mark.parametrize(
    "rows, place, problem",
    [
        (annotation(SEGMENTS[:1]), "annotations[0]", r"not in segments_info.*found segment 66051, colour \(3, 2, 1\)"),
        (annotation([*SEGMENTS, {"id": 9, "category_id": 1}]), "annotations[0].segments_info[2]", "has no pixel"),
        (annotation([SEGMENTS[0], SEGMENTS[0]]), "annotations[0].segments_info[1]", "appears twice"),
        (annotation([{"id": 0, "category_id": 1}]), "annotations[0].segments_info[0]", "not a segment"),
        (annotation([{"id": 2**24, "category_id": 1}]), "annotations[0].segments_info[0]", "not a segment"),
        (annotation([{"id": True, "category_id": 1}]), "annotations[0].segments_info[0]", "not a segment"),
        (annotation([7]), "annotations[0].segments_info[0]", "not a segment"),
        (annotation([{"id": 7, "category_id": 9}]), "annotations[0].segments_info[0].category_id", "unknown category"),
        (annotation([{**SEGMENTS[0], "iscrowd": 3}]), "annotations[0].segments_info[0].iscrowd", "not a flag"),
        (annotation(None), "annotations[0].segments_info", "has no segments"),
        (annotation(file_name=None), "annotations[0].file_name", "has no PNG"),
        (annotation(file_name="../images/a.png"), "annotations[0].file_name", "does not stay inside"),
        (annotation(file_name="/etc/passwd"), "annotations[0].file_name", "does not stay inside"),
        (annotation(file_name="c.png"), None, "cannot be read"),
        ([annotation(), annotation()], "annotations[1]", "several annotations"),
    ],
)
def test_panoptic_labels_that_contradict_themselves_are_refused(
    tmp_path: Path, rows: Any, place: str | None, problem: str
) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        panoptic(tmp_path, rows, IDS)["a"]
    assert caught.value.place == place
    assert caught.value.hint


def test_pngs_of_another_size_or_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match=r"not a panoptic PNG.*mode L"):
        panoptic(tmp_path, annotation(), IDS, mode="L")["a"]
    found = panoptic(tmp_path, annotation(), IDS)
    Image.new("RGB", (9, 9)).save(tmp_path / "gt" / "a.png")
    with pytest.raises(GoldenFormatError, match=r"another size than its image; expected 3 x 2.*found 9 x 9"):
        found["a"]
    (tmp_path / "gt" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(GoldenFormatError, match="does not decode"):
        found["a"]


def test_a_link_out_of_the_dataset_is_no_panoptic_png(tmp_path: Path) -> None:
    found = panoptic(tmp_path / "data", annotation(), IDS)
    (tmp_path / "data" / "gt" / "a.png").rename(tmp_path / "a.png")
    (tmp_path / "data" / "gt" / "a.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(GoldenFormatError, match="leads out of the dataset"):
        found["a"]


def test_a_wrong_isthing_is_refused(tmp_path: Path) -> None:
    data = coco(["a.png"], [], CATEGORIES)
    data["categories"][1]["isthing"] = 2
    with pytest.raises(GoldenFormatError, match="not a flag") as caught:
        labels(tmp_path, data, "panoptic").reader.classes()
    assert caught.value.place == "categories[1].isthing"


def copied(root: Path, folder: Path, name: str) -> Labels:
    """The panoptic file `name` of a real folder, with the PNG files in the folder beside it."""
    shutil.copy(folder / f"{name}.json", root / f"{name}.json")
    shutil.copytree(folder / name, root / name)
    for path in (root / name).iterdir():
        write_images(root, [f"images/{path.stem}.jpg"])
    return Labels(root, f"{name}.json", "panoptic", format="coco")


def test_real_panoptic_labels_have_the_areas_that_the_file_gives(tmp_path: Path) -> None:
    folder = shared("seg_panoptic_coco", "sample_data")
    found = copied(tmp_path, folder, "panoptic_examples")
    data = json.loads((folder / "panoptic_examples.json").read_text())
    names = {row["id"]: row["name"] for row in data["categories"]}
    classes = found.reader.classes()
    assert (len(classes), sum(classes.things)) == (133, 80)
    for row in data["annotations"]:
        label = found[Path(row["file_name"]).stem]
        areas = np.bincount(label.segments.ravel() + 1)[1:]
        assert areas.tolist() == [segment["area"] for segment in row["segments_info"]]
        expected = [names[segment["category_id"]] for segment in row["segments_info"]]
        assert [classes.names[index] for index in label.class_index] == expected
        assert label.crowd.tolist() == [bool(segment["iscrowd"]) for segment in row["segments_info"]]


@pytest.mark.parametrize("folder, name, areas", [("coco", "panoptic_train", [20]), ("coco", "panoptic_val", [20, 20])])
def test_real_panoptic_labels_of_datumaro(tmp_path: Path, folder: str, name: str, areas: list[int]) -> None:
    found = copied(tmp_path, shared("datumaro_assets", "coco_dataset", folder, "annotations"), name)
    label = found["a" if name.endswith("train") else "b"]
    assert np.bincount(label.segments.ravel() + 1)[1:].tolist() == areas
    assert found.reader.classes().things == (False, False)


def test_real_panoptic_pngs_of_another_size_are_refused(tmp_path: Path) -> None:
    folder = shared("datumaro_assets", "coco_dataset", "coco_panoptic", "annotations")
    with pytest.raises(GoldenFormatError, match=r"another size than its image; expected 10 x 5.*found 5 x 5"):
        copied(tmp_path, folder, "panoptic_train")["a"]


def test_real_panoptic_files_without_images_are_refused(tmp_path: Path) -> None:
    folder = shared("seg_panoptic_deeplab2", "gtFine")
    with pytest.raises(GoldenFormatError, match="not a COCO file; expected a list; found nothing") as caught:
        copied(tmp_path, folder, "cityscapes_panoptic_dummy_trainId").reader.classes()
    assert caught.value.place == "images"
