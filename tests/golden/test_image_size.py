"""Sizes of images, read off their headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.image_size import image_size
from pytest_vizart.golden.inputs import load_input


def test_the_header_is_enough_and_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (50, 40)).save(path)
    path.write_bytes(path.read_bytes()[:60])
    shared: dict[Any, Any] = {}
    assert image_size(path, shared) == (40, 50)
    path.unlink()
    assert image_size(path, shared) == (40, 50)


def test_the_orientation_tag_turns_neither_size_nor_input(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (50, 40)).save(path, exif=exif)
    assert image_size(path, {}) == load_input(path).shape[:2] == (40, 50)


@pytest.mark.parametrize(
    "content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"version https://git-lfs.github.com/spec/v1\n"]
)
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(GoldenFormatError, match=r"does not decode|git lfs pull"):
        image_size(path, {})
    with pytest.raises(GoldenFormatError, match="cannot be read"):
        image_size(tmp_path / "absent.png", {})


def test_sizes_that_no_memory_holds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ppm"
    path.write_bytes(b"P6 20000 20000 255\n")
    with pytest.raises(GoldenFormatError, match=r"too large|DecompressionBomb"):
        image_size(path, {})
