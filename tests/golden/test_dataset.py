"""Datasets: finding, listing, naming, tags, digests, and staying inside the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_vizart.errors import GoldenError, GoldenFormatError
from pytest_vizart.golden.dataset import GoldenDataset, discover
from pytest_vizart.records.labels import BoxLabels
from tests.golden.datasets import box_dataset, coco, mask_dataset, write_images, write_manifest

BOX = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 3], "area": 6}


def load(root: Path, names: list[str], samples: Any, **manifest: Any) -> GoldenDataset:
    write_images(root, names)
    (root / "labels.csv").write_text("sample,label\n", encoding="utf-8")
    label = {"stage": "read", "task": "classes", "path": "labels.csv"}
    write_manifest(root, {"samples": samples, "classes": ["x"], "labels": [label], **manifest})
    return GoldenDataset.load(root)


def test_discover_finds_datasets_by_name_and_ignores_other_folders(tmp_path: Path) -> None:
    box_dataset(tmp_path / "b", [], name="coins")
    box_dataset(tmp_path / "a", [])
    (tmp_path / "notes").mkdir()
    (tmp_path / "README.md").write_text("x", encoding="utf-8")
    assert discover(tmp_path) == {"a": tmp_path / "a", "coins": tmp_path / "b"}
    assert discover(tmp_path / "a") == {"a": tmp_path / "a"}


def test_discover_keeps_a_broken_dataset_under_its_folder_name(tmp_path: Path) -> None:
    write_manifest(tmp_path / "broken", "samples: [")
    assert list(discover(tmp_path)) == ["broken"]


def test_discover_refuses_missing_empty_and_twice_named(tmp_path: Path) -> None:
    with pytest.raises(GoldenError, match="no such folder"):
        discover(tmp_path / "none")
    with pytest.raises(GoldenError, match="no golden dataset"):
        discover(tmp_path)
    box_dataset(tmp_path / "a", [], name="coins")
    box_dataset(tmp_path / "b", [], name="coins")
    with pytest.raises(GoldenError, match="one name"):
        discover(tmp_path)


def test_loading_a_folder_without_or_with_two_manifests_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GoldenError, match="not a golden dataset"):
        GoldenDataset.load(tmp_path)
    box_dataset(tmp_path, [])
    (tmp_path / "golden.json").write_text("{}", encoding="utf-8")
    with pytest.raises(GoldenFormatError, match="several manifests"):
        GoldenDataset.load(tmp_path)


def test_ids_are_relative_to_the_fixed_part_and_naturally_sorted(tmp_path: Path) -> None:
    dataset = load(tmp_path, [f"images/{name}.png" for name in ("t10", "t2", "sub/t1", "t1")], "images/**/*.png")
    assert dataset.ids == ("sub/t1", "t1", "t2", "t10")
    assert [sample.id for sample in dataset] == list(dataset.ids)
    assert len(dataset) == 4
    assert dataset[1].id == dataset["t1"].id == "t1"
    assert dataset[-1].path == str(tmp_path / "images/t10.png")


def test_ids_that_collide_keep_extension_or_folder(tmp_path: Path) -> None:
    dataset = load(tmp_path, ["x/a.png", "x/a.bmp", "x/b.png", "y/b.png"], ["x/*", "y/*.png"])
    assert dataset.ids == ("a.bmp", "a.png", "x/b.png", "y/b.png")


def test_the_same_file_is_one_sample_and_a_name_with_brackets_is_a_file(tmp_path: Path) -> None:
    dataset = load(tmp_path, ["images/a[1].png"], ["images/a[1].png", "images/*.png"])
    assert dataset.ids == ("a[1]",)


@pytest.mark.parametrize(
    "samples, place, problem",
    [
        (["images/*.png", "nothing/*.png"], "samples[1]", "no file matches"),
        ("images/z.png", "samples", "no such file"),
        ("../*.png", "samples", "does not stay inside"),
        ("/etc/*", "samples", "does not stay inside"),
        ("images\\a.png", "samples", "does not stay inside"),
        ("a\0.png", "samples", "does not stay inside"),
        ("images/***/a.png", "samples", "not a glob|no file matches"),
    ],
)
def test_samples_that_cannot_be_listed_name_the_key(tmp_path: Path, samples: Any, place: str, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        load(tmp_path, ["images/a.png"], samples)
    assert caught.value.place == place


def test_symbolic_links_do_not_lead_out_of_the_dataset(tmp_path: Path) -> None:
    write_images(tmp_path / "outside", ["secret.png"])
    inside = tmp_path / "data"
    write_images(inside, ["images/a.png"])
    (inside / "images" / "link.png").symlink_to(tmp_path / "outside" / "secret.png")
    with pytest.raises(GoldenFormatError, match="symbolic link leads out"):
        load(inside, [], "images/*.png")
    with pytest.raises(GoldenFormatError, match="symbolic link leads out"):
        load(inside, [], "images/link.png")
    (inside / "images" / "link.png").unlink()
    (inside / "images" / "other.png").symlink_to(inside / "images" / "a.png")
    assert load(inside, [], "images/*.png").ids == ("a", "other")


def test_label_links_do_not_lead_out_of_the_dataset(tmp_path: Path) -> None:
    root = mask_dataset(tmp_path / "data", {"a": np.zeros((6, 8), np.uint8)})
    (tmp_path / "b.png").write_bytes((root / "masks/a.png").read_bytes())
    (root / "masks/b.png").symlink_to(tmp_path / "b.png")
    with pytest.raises(GoldenFormatError, match="symbolic link leads out") as caught:
        GoldenDataset.load(root)
    assert caught.value.place == "labels[0].path"


@pytest.mark.parametrize("path", ["gone.json", "../boxes.json", "boxes_{id}.json"])
def test_label_files_that_cannot_be_used_name_the_key(tmp_path: Path, path: str) -> None:
    box_dataset(tmp_path, [], labels=[{"stage": "detect", "task": "boxes", "path": path}])
    with pytest.raises(GoldenFormatError) as caught:
        GoldenDataset.load(tmp_path)
    assert caught.value.place == "labels[0].path"


@pytest.mark.parametrize(
    "label, place, problem",
    [
        ({"task": "boxes", "path": "boxes.json", "format": "cocoo"}, "labels[0].format", "unknown format"),
        ({"task": "boxes", "path": "images/a.png"}, "labels[0].task", "no labels for this task"),
        ({"task": "semantic", "path": "images/a.png"}, "labels[0].path", "one file for each sample"),
        ({"task": "boxes", "path": "golden.yaml"}, "labels[0].format", "cannot be told"),
    ],
)
def test_formats_that_do_not_fit_are_refused(tmp_path: Path, label: dict[str, str], place: str, problem: str) -> None:
    box_dataset(tmp_path, [], labels=[{"stage": "s", **label}])
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        GoldenDataset.load(tmp_path)
    assert caught.value.place == place


def test_tags_name_ids_or_globs_and_subset_uses_them(tmp_path: Path) -> None:
    names = [f"images/t{number}.png" for number in range(1, 12)]
    dataset = load(tmp_path, names, "images/*.png", tags={"dark": ["t3", "t1*"], "wet": ["t3"]})
    assert dataset["t3"].tags == ("dark", "wet")
    assert dataset["t2"].tags == ()
    part = dataset.subset(limit=2, tags=["dark"])
    assert part.ids == ("t1", "t3")
    assert part.partial
    assert not dataset.partial
    assert part.digest != dataset.digest
    with pytest.raises(GoldenError, match="dark, wet"):
        dataset.subset(tags=["bright"])


def test_a_tag_without_a_sample_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError) as caught:
        load(tmp_path, ["images/a.png"], "images/*.png", tags={"dark": ["a", "b*"]})
    assert caught.value.place == "tags.dark[1]"


def test_unknown_samples_and_stages_suggest_a_name(tmp_path: Path) -> None:
    dataset = load(tmp_path, ["images/tile.png"], "images/*.png")
    with pytest.raises(GoldenError, match="did you mean 'tile'"):
        dataset["tiles"]
    with pytest.raises(GoldenError, match="did you mean 'read'"):
        dataset["tile"].label("reads")
    with pytest.raises(GoldenError, match="did you mean 'read'"):
        dataset.spec("reads")


def test_digest_ignores_prose_and_follows_labels_and_samples(tmp_path: Path) -> None:
    root = box_dataset(tmp_path, [BOX])
    before = GoldenDataset.load(root).digest
    assert len(before) == 32
    box_dataset(root, [BOX], description="other words", license="MIT")
    assert GoldenDataset.load(root).digest == before
    box_dataset(root, [{**BOX, "bbox": [1, 1, 2, 4]}])
    assert GoldenDataset.load(root).digest != before
    box_dataset(root, [BOX])
    write_images(root, ["images/c.png"])
    assert GoldenDataset.load(root).digest != before


def test_label_digest_changes_for_the_changed_sample_only(tmp_path: Path) -> None:
    other = {**BOX, "image_id": 2}
    before = GoldenDataset.load(box_dataset(tmp_path, [BOX, other]))
    digests = [sample.label_digest("detect") for sample in before]
    reordered = GoldenDataset.load(box_dataset(tmp_path, [other, BOX], classes=["first", "coin"]))
    assert [sample.label_digest("detect") for sample in reordered] == digests
    after = GoldenDataset.load(box_dataset(tmp_path, [BOX, {**other, "bbox": [1, 1, 2, 4]}]))
    changed = [sample.label_digest("detect") for sample in after]
    assert changed[0] == digests[0]
    assert changed[1] != digests[1]


def test_labels_are_read_only_and_listed_by_stage(tmp_path: Path) -> None:
    sample = GoldenDataset.load(box_dataset(tmp_path, [BOX]))["a"]
    label = sample.labels["detect"]
    assert isinstance(label, BoxLabels)
    with pytest.raises(ValueError, match="read-only"):
        label.boxes[0, 0] = 5


def test_input_digest_follows_content_in_small_and_large_files(tmp_path: Path) -> None:
    sample = load(tmp_path, ["images/a.png"], "images/*.png")["a"]
    first = sample.input_digest()
    Path(sample.path).write_bytes(Path(sample.path).read_bytes() + b"x")
    assert sample.input_digest() != first
    large = bytearray(3 << 20)
    digests = []
    for position in (None, 0, len(large) - 1):
        if position is not None:
            large[position] ^= 1
        Path(sample.path).write_bytes(large)
        digests.append(sample.input_digest())
    assert len(set(digests)) == 3
    Path(sample.path).unlink()
    with pytest.raises(GoldenFormatError, match="cannot be read"):
        sample.input_digest()


def test_listing_decodes_nothing(tmp_path: Path) -> None:
    root = box_dataset(tmp_path, [])
    (root / "images" / "broken.png").write_bytes(b"no image")
    (root / "boxes.json").write_text("not json", encoding="utf-8")
    dataset = GoldenDataset.load(root)
    assert dataset.ids == ("a", "b", "broken")
    for sample in dataset:
        with pytest.raises(GoldenFormatError, match="not JSON"):
            sample.label("detect")


def test_two_stages_share_one_coco_file(tmp_path: Path) -> None:
    root = box_dataset(
        tmp_path,
        [{**BOX, "segmentation": [[1, 1, 3, 1, 3, 4, 1, 4]]}],
        labels=[
            {"stage": "detect", "task": "boxes", "path": "boxes.json"},
            {"stage": "segment", "task": "semantic", "path": "boxes.json"},
        ],
    )
    dataset = GoldenDataset.load(root)
    assert [spec.classes.names for spec in dataset.specs] == [("coin",), ("background", "coin")]
    assert dataset.spec("segment").classes.ids == (0, 1)
    assert set(dataset["a"].labels) == {"detect", "segment"}


def test_a_thousand_samples_load_in_a_moment(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    names = [f"i{number}.png" for number in range(1000)]
    for name in names:
        (tmp_path / "images" / name).write_bytes(b"")
    rows = [{"image_id": number, "category_id": 1, "bbox": [0, 0, 1, 1], "area": 1} for number in range(1, 1001)]
    (tmp_path / "l.json").write_text(json.dumps(coco(names, rows, {1: "coin"})), encoding="utf-8")
    label = {"stage": "detect", "task": "boxes", "path": "l.json"}
    write_manifest(tmp_path, {"samples": "images/*.png", "labels": [label]})
    dataset = GoldenDataset.load(tmp_path)
    assert sum(len(sample.label("detect").boxes) for sample in dataset) == 1000  # type: ignore[union-attr]


def mixed(root: Path, **manifest: Any) -> Path:
    """Images a to d: boxes of a, b in a COCO file, of c in a YOLO file; d has none."""
    write_images(root, [f"images/{name}.png" for name in "abcd"])
    rows = [BOX, {**BOX, "image_id": 2, "category_id": 2}]
    (root / "coco.json").write_text(json.dumps(coco(["a.png", "b.png"], rows, {1: "coin", 2: "key"})), encoding="utf-8")
    (root / "yolo").mkdir(exist_ok=True)
    (root / "yolo" / "c.txt").write_text("0 .5 .5 .5 .5\n", encoding="utf-8")
    stage = {"stage": "detect", "task": "boxes"}
    yolo = {**stage, "format": "yolo", "path": "yolo/{id}.txt", "classes": ["key", "ring"]}
    sources = [{**stage, "path": "coco.json", "classes": {1: "coin", 2: "key"}}, yolo]
    write_manifest(root, {"samples": "images/*.png", "classes": ["ring", "coin", "key"], "labels": sources, **manifest})
    return root


def test_formats_mix_within_a_stage_and_classes_merge_by_name(tmp_path: Path) -> None:
    dataset = GoldenDataset.load(mixed(tmp_path))
    (spec,) = dataset.specs
    assert (spec.classes.names, spec.classes.ids) == (("ring", "coin", "key"), (0, 1, 2))
    labels = [sample.label("detect") for sample in dataset]
    names = [None if label is None else [spec.classes.names[one] for one in label.class_index] for label in labels]  # type: ignore[union-attr]
    assert names == [["coin"], ["key"], ["key"], None]


def test_two_sources_that_label_one_sample_are_both_named(tmp_path: Path) -> None:
    root = mixed(tmp_path)
    (root / "yolo" / "a.txt").write_text("", encoding="utf-8")
    dataset = GoldenDataset.load(root)
    with pytest.raises(GoldenFormatError, match="two sources") as caught:
        dataset["a"].label("detect")
    assert "coco.json" in str(caught.value.found)
    assert "yolo/{id}.txt" in str(caught.value.found)
    assert dataset["b"].label("detect") is not None


def test_splits_hold_samples_and_subset_uses_them(tmp_path: Path) -> None:
    dataset = GoldenDataset.load(mixed(tmp_path, splits={"train": ["[ab]"], "val": ["c"]}, tags={"dark": ["a", "c"]}))
    assert dataset.splits == ("train", "val")
    assert [sample.splits for sample in dataset] == [("train",), ("train",), ("val",), ()]
    assert dataset.subset(splits=["train"]).ids == ("a", "b")
    assert dataset.subset(tags=["dark"], splits=["train"]).ids == ("a",)
    with pytest.raises(GoldenError, match="train, val"):
        dataset.subset(splits=["test"])
    with pytest.raises(GoldenFormatError) as caught:
        GoldenDataset.load(mixed(tmp_path, splits={"val": ["z"]}))
    assert caught.value.place == "splits.val[0]"


def test_tolerances_are_those_of_the_device(tmp_path: Path) -> None:
    root = mixed(tmp_path)
    stage = {"stage": "detect", "task": "boxes", "path": "coco.json"}
    label = {**stage, "classes": {1: "coin", 2: "key"}, "device_tolerances": {"H200": {"rtol": 0.1}}}
    write_manifest(root, {"samples": "images/*.png", "labels": [label]})
    assert GoldenDataset.load(root).spec("detect").tolerances == {}
    assert GoldenDataset.load(root, device="NVIDIA H200").spec("detect").tolerances == {"rtol": 0.1}


def test_the_digest_follows_all_label_files_and_no_default(tmp_path: Path) -> None:
    before = GoldenDataset.load(mixed(tmp_path)).digest
    assert GoldenDataset.load(mixed(tmp_path, tags={}, provenance={"url": "x"}, name=None)).digest == before
    (tmp_path / "yolo" / "c.txt").write_text("0 .5 .5 .5 .4\n", encoding="utf-8")
    assert GoldenDataset.load(tmp_path).digest != before


def test_the_digest_follows_masks_that_a_panoptic_file_names(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/a.png", "panoptic/a.png"])
    row = {"image_id": 1, "file_name": "a.png", "segments_info": []}
    data = {**coco(["a.png"], [], {1: "coin"}), "annotations": [row]}
    (tmp_path / "panoptic.json").write_text(json.dumps(data), encoding="utf-8")
    label = {"stage": "s", "task": "panoptic", "path": "panoptic.json"}
    write_manifest(tmp_path, {"samples": "images/*.png", "labels": [label]})
    before = GoldenDataset.load(tmp_path).digest
    write_images(tmp_path, ["images/b.png", "panoptic/a.png"], size=(9, 9))
    (tmp_path / "images/b.png").unlink()
    assert GoldenDataset.load(tmp_path).digest != before


def test_load_decodes_anew_at_every_call(tmp_path: Path) -> None:
    sample = load(tmp_path, ["images/a.png"], "images/*.png")["a"]
    first = sample.load()
    first[:] = 0
    assert sample.load() is not first
    assert sample.load().any()


def test_a_folder_without_a_manifest_is_found_and_loaded(tmp_path: Path) -> None:
    box_dataset(tmp_path / "described", [BOX])
    plain = box_dataset(tmp_path / "plain", [BOX])
    (plain / "golden.yaml").unlink()
    write_images(tmp_path / "photos", ["a.png"])
    assert discover(tmp_path) == {"described": tmp_path / "described", "plain": plain}
    assert discover(plain) == {"plain": plain}
    dataset = GoldenDataset.load(plain)
    assert [spec.stage for spec in dataset.specs] == ["boxes"]
    assert len(dataset["a"].label("boxes").boxes) == 1  # type: ignore[union-attr]


def test_folders_with_a_manifest_are_not_searched_for_other_datasets(tmp_path: Path, monkeypatch: Any) -> None:
    box_dataset(tmp_path / "a", [BOX])
    (tmp_path / "__pycache__").mkdir()
    monkeypatch.setattr("pytest_vizart.golden.recognition.candidates", lambda folder: pytest.fail("searched"))
    monkeypatch.setattr("pytest_vizart.golden.recognition.is_recognised", lambda folder: pytest.fail("searched"))
    assert list(discover(tmp_path)) == ["a"]


def test_what_looks_like_a_dataset_but_is_not_certain_is_told(tmp_path: Path) -> None:
    root = box_dataset(tmp_path / "two", [BOX])
    (root / "golden.yaml").unlink()
    (root / "other.json").write_bytes((root / "boxes.json").read_bytes())
    with pytest.raises(GoldenError, match="2 readings are possible"):
        discover(root)
