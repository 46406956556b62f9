"""Links, names and paths that lead elsewhere, or nowhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pytest_vizart.golden.dataset import GoldenDataset
from tests.fuzz import seeds
from tests.fuzz.hostile_sets import ENTRIES, WHOLE, made, refusal
from tests.fuzz.limits import seconds
from tests.golden.datasets import write_images, write_manifest


def test_links_out_of_the_dataset_are_refused(tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("0 .5 .5 .1 .1\n")
    root = tmp_path / "set"
    made(root, *ENTRIES["yolo"])
    (root / "l" / "a.txt").unlink()
    (root / "l" / "a.txt").symlink_to(outside)
    assert "leads out of the dataset" in str(refusal(lambda: GoldenDataset.load(root)))


def test_a_folder_that_is_a_link_out_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "set"
    made(root, *ENTRIES["yolo"])
    (root / "l").rename(tmp_path / "elsewhere")
    (root / "l").symlink_to(tmp_path / "elsewhere")
    assert "leads out of the dataset" in str(refusal(lambda: GoldenDataset.load(root)))


@pytest.mark.parametrize("place", ["images/c.png", "images/b.png"])
def test_an_input_that_is_a_link_out_is_refused(tmp_path: Path, place: str) -> None:
    root = tmp_path / "set"
    made(root, *ENTRIES["yolo"])
    (tmp_path / "x.png").write_bytes(seeds.png("RGB"))
    (root / place).unlink(missing_ok=True)
    (root / place).symlink_to(tmp_path / "x.png")
    assert "leads out of the dataset" in str(refusal(lambda: GoldenDataset.load(root)))


def test_cycles_of_links_end(tmp_path: Path) -> None:
    made(tmp_path, *ENTRIES["yolo"])
    (tmp_path / "images" / "again").symlink_to(tmp_path / "images")
    (tmp_path / "l" / "a.txt").unlink()
    (tmp_path / "l" / "a.txt").symlink_to(tmp_path / "l" / "a.txt")
    entry = {"stage": "s", "task": "boxes", "path": "l/{id}.txt", "format": "yolo"}
    write_manifest(tmp_path, {"samples": "images/**/*.png", "classes": ["coin"], "labels": [entry]})
    with seconds(20):
        dataset = GoldenDataset.load(tmp_path)
        assert set(dataset.ids) >= {"a", "b"}
        assert dataset["b"].label("s") is not None


def test_a_label_file_that_links_to_itself_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path, ["images/a.png"])
    (tmp_path / "gt.json").symlink_to(tmp_path / "gt.json")
    write_manifest(tmp_path, {"samples": "images/*", "labels": [{"stage": "s", **WHOLE["coco"]}]})
    refusal(lambda: GoldenDataset.load(tmp_path))


@pytest.mark.parametrize("special", ["fifo", "folder"])
def test_what_is_no_file_is_not_read(tmp_path: Path, special: str) -> None:
    label, good = ENTRIES["text"]
    made(tmp_path, label, good)
    path = tmp_path / "l" / "a.txt"
    path.unlink()
    if special == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    dataset = GoldenDataset.load(tmp_path)
    refusal(lambda: dataset["a"].label("s"))
    assert dataset["b"].label("s") is not None


@pytest.mark.parametrize(
    "path",
    [
        "../gt.json",
        "/etc/passwd",
        "a/../../gt.json",
        "C:/gt.json",
        "a\\b",
        "gt\0.json",
        "x" * 300,
        "x/" * 300 + "gt.json",
    ],
)
def test_paths_out_of_the_dataset_and_names_that_no_file_has(tmp_path: Path, path: str) -> None:
    write_images(tmp_path, ["images/a.png"])
    (tmp_path.parent / "gt.json").write_bytes(seeds.coco()[0])
    entry = {"stage": "s", "task": "boxes", "path": path, "format": "coco"}
    write_manifest(tmp_path, {"samples": "images/*", "labels": [entry]})
    refusal(lambda: GoldenDataset.load(tmp_path))
    entry = {"stage": "s", "task": "panoptic", "path": "gt.json", "format": "coco", "masks": path}
    (tmp_path / "gt.json").write_bytes(seeds.coco()[2])
    write_manifest(tmp_path, {"samples": "images/*", "labels": [entry]})
    refusal(lambda: GoldenDataset.load(tmp_path)["a"].label("s"))
    write_manifest(tmp_path, {"samples": path, "labels": [{"stage": "s", "task": "boxes", "path": "gt.json"}]})
    refusal(lambda: GoldenDataset.load(tmp_path))


@pytest.mark.parametrize(
    "name", ["new\nline", "tab\t", "\x1b[31mred", '"quoted"', "a b", "100%", "\u202etxt", "{id}", "x" * 200, ".hidden"]
)
def test_names_of_samples_may_be_odd(tmp_path: Path, name: str) -> None:
    write_images(tmp_path, [f"images/{name}.png"])
    (tmp_path / "l").mkdir()
    (tmp_path / "l" / f"{name}.txt").write_bytes(b"EXIT")
    entry = {"stage": "s", "task": "text", "path": "l/{id}.txt"}
    write_manifest(
        tmp_path, {"samples": ["images/*", "images/.*"] if name[0] == "." else "images/*", "labels": [entry]}
    )
    dataset = GoldenDataset.load(tmp_path)
    assert dataset.ids == (name,)
    assert dataset[name].label("s") is not None
    (tmp_path / "l" / f"{name}.txt").write_bytes(b"\xff")
    refusal(lambda: GoldenDataset.load(tmp_path)[name].label("s"))


def test_names_that_are_no_utf8_are_told(tmp_path: Path) -> None:
    made(tmp_path, *ENTRIES["text"])
    try:
        (tmp_path / "images" / "\udcff.png").write_bytes(seeds.png("RGB"))
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system has no such names")
    assert "not UTF-8" in str(refusal(lambda: GoldenDataset.load(tmp_path)))


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "a\0.png", "x" * 300, "\n", "C:\\a.png"])
def test_files_that_a_label_file_names_stay_inside(tmp_path: Path, name: str) -> None:
    data = json.loads(seeds.coco()[2])
    data["annotations"][0]["file_name"] = name
    (tmp_path / "png").mkdir()
    entry = {"task": "panoptic", "path": "gt.json", "masks": "png"}
    dataset = made(tmp_path, entry, json.dumps(data).encode())
    refusal(lambda: dataset["a"].label("s"))
