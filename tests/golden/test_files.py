"""Files of a dataset: hostile names, and text that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.files import decoded, is_file, is_folder, read_bytes
from tests.golden.datasets import write_images, write_manifest

NAMES = ["x" * 300, "a\0b", "a/" * 3000]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_nothing_can_have_is_neither_file_nor_folder(tmp_path: Path, name: str) -> None:
    assert not is_file(tmp_path / name)
    assert not is_folder(tmp_path / name)
    with pytest.raises(GoldenFormatError, match="cannot be read"):
        read_bytes(tmp_path / name)


@pytest.mark.parametrize("path", ["{name}.json", "{name}", "{name}/{{id}}.png", "{{id}}{name}.png"])
def test_a_manifest_may_name_what_no_file_is_called(tmp_path: Path, path: str) -> None:
    write_images(tmp_path, ["a.png"])
    label = {"stage": "s", "task": "image", "format": "image", "path": path.format(name="x" * 300)}
    if "{id}" not in label["path"]:
        label |= {"task": "boxes", "format": "coco"}
    write_manifest(tmp_path, {"samples": "a.png", "classes": ["coin"], "labels": [label]})
    with pytest.raises(GoldenFormatError, match="label file") as caught:
        GoldenDataset.load(tmp_path)
    assert caught.value.place == "labels[0].path"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match=r"not a regular file.*found a folder"):
        read_bytes(tmp_path)


@pytest.mark.parametrize(
    "content, line", [(b"\xff", 1), (b"a\nb\xff", 2), (b"\xef\xbb\xbfa\n\nb\xff", 3), ("\u00e4".encode("latin-1"), 1)]
)
def test_text_in_another_encoding_is_refused_with_its_line(tmp_path: Path, content: bytes, line: int) -> None:
    with pytest.raises(GoldenFormatError, match="not UTF-8 text") as caught:
        decoded(content, tmp_path)
    assert caught.value.place == f"line {line}"


def test_text_is_read_without_its_mark(tmp_path: Path) -> None:
    assert decoded("\ufeff\u00e4\n".encode(), tmp_path) == "\u00e4\n"
