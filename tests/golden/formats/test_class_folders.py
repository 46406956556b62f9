"""Classes by the folders that the samples lie in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import ClassLabel, ClassMap
from tests.golden.datasets import write_images
from tests.golden.formats.reading import Labels

FILES = ["images/dog/1.png", "images/cat/1.png", "images/cat/old/2.png", "images/loose.png", "other/3.png"]


def folders(root: Path, path: str = "images", classes: Any = None, samples: str = "**/*.png") -> Labels:
    write_images(root, FILES)
    return Labels(root, path, "classes", format="folders", classes=classes, samples=samples)


def read(labels: Labels) -> dict[str, int | None]:
    return {name: None if (label := labels[name]) is None else label.class_index for name in labels.keys}


def test_the_first_folder_below_the_path_is_the_class(tmp_path: Path) -> None:
    labels = folders(tmp_path)
    assert labels.reader.classes() == ClassMap(("cat", "dog"), (0, 1))
    assert read(labels) == {
        "images/dog/1": 1,
        "images/cat/1": 0,
        "images/cat/old/2": 0,
        "images/loose": None,
        "other/3": None,
    }


@pytest.mark.parametrize("path", [".", "./"])
def test_the_dataset_itself_may_hold_the_folders(tmp_path: Path, path: str) -> None:
    labels = folders(tmp_path, path)
    assert labels.reader.classes().names == ("images", "other")


def test_folders_are_called_by_names_or_ids_of_the_manifest(tmp_path: Path) -> None:
    labels = folders(tmp_path, classes={5: "dog", 9: "cat"}, samples="images/*/*.png")
    assert labels["cat/1"] == ClassLabel(1)
    write_images(tmp_path, ["images/9/1.png"])
    labels = Labels(tmp_path, "images", "classes", format="folders", classes={9: "cat"}, samples="images/9/*.png")
    assert labels["1"] == ClassLabel(0)


def test_a_folder_that_is_no_class_concerns_its_samples_only(tmp_path: Path) -> None:
    labels = folders(tmp_path, classes=["cat"])
    assert labels["images/cat/1"] == ClassLabel(0)
    with pytest.raises(GoldenFormatError, match=r"unknown class; expected one of cat.*found dog") as caught:
        labels["images/dog/1"]
    assert caught.value.file == str(tmp_path / "images" / "dog")


def test_no_folder_of_samples_is_a_wrong_path(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match=r"folders cannot serve as classes.*found 0 folders"):
        folders(tmp_path, "images/dog").reader.classes()
    with pytest.raises(GoldenFormatError, match="does not stay inside"):
        folders(tmp_path, "../images")
