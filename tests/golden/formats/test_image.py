"""Reference images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import NO_CLASSES
from tests.golden.datasets import shared, write_images
from tests.golden.formats.reading import Labels

GRAY = np.arange(12, dtype=np.uint8).reshape(3, 4)
RGB = np.stack([GRAY, GRAY + 20, GRAY + 40], axis=-1)


def references(root: Path, image: Image.Image | bytes, name: str = "a.png", **options: Any) -> Labels:
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "ref").mkdir(exist_ok=True)
    path = root / "ref" / name
    if isinstance(image, bytes):
        path.write_bytes(image)
    else:
        image.save(path, **options)
    return Labels(root, f"ref/{{id}}{path.suffix}", "image", format="image")


@pytest.mark.parametrize("values", [GRAY, RGB, GRAY.astype(np.uint16) * 5000])
def test_images_are_read_as_they_are_stored(tmp_path: Path, values: np.ndarray) -> None:
    labels = references(tmp_path, Image.fromarray(values))
    image = labels["a"].image
    assert image.dtype == values.dtype
    np.testing.assert_array_equal(image, values)
    assert labels["b"] is None
    assert labels.reader.classes() == NO_CLASSES


def test_floating_point_ranges_from_0_to_1(tmp_path: Path) -> None:
    values = GRAY.astype(np.float32) / 11
    np.testing.assert_array_equal(references(tmp_path, Image.fromarray(values), "a.tiff")["a"].image, values)
    for wrong in (values * 2, values - 1, values + np.nan):
        with pytest.raises(GoldenFormatError, match="out of range; expected numbers from 0 to 1"):
            references(tmp_path, Image.fromarray(wrong), "a.tiff")["a"]


def test_32_bit_images_hold_16_bits_or_are_refused(tmp_path: Path) -> None:
    values = GRAY.astype(np.int32) * 5000
    image = references(tmp_path, Image.fromarray(values), "a.tiff")["a"].image
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image, values)
    with pytest.raises(GoldenFormatError, match="expected 16 bits"):
        references(tmp_path, Image.fromarray(values - 1), "a.tiff")["a"]


def test_palettes_are_their_colours_and_bits_are_gray(tmp_path: Path) -> None:
    palette = Image.fromarray(GRAY % 2).convert("P")
    palette.putpalette([9, 8, 7, 1, 2, 3])
    image = references(tmp_path, palette)["a"].image
    np.testing.assert_array_equal(image, np.array([[9, 8, 7], [1, 2, 3]], np.uint8)[GRAY % 2])
    image = references(tmp_path, Image.fromarray(GRAY > 5))["a"].image
    np.testing.assert_array_equal(image, (GRAY > 5) * np.uint8(255))


def test_transparency_is_kept_where_something_is_transparent(tmp_path: Path) -> None:
    opaque = np.concatenate([RGB, np.full((3, 4, 1), 255, np.uint8)], axis=-1)
    clear = opaque.copy()
    clear[0, 0, 3] = 0
    np.testing.assert_array_equal(references(tmp_path, Image.fromarray(opaque))["a"].image, RGB)
    np.testing.assert_array_equal(references(tmp_path, Image.fromarray(clear))["a"].image, clear)
    np.testing.assert_array_equal(references(tmp_path, Image.fromarray(opaque[..., 2:], "LA"))["a"].image, RGB[..., 2])
    assert references(tmp_path, Image.fromarray(clear[..., 2:], "LA"))["a"].image.shape == (3, 4, 2)


def test_a_real_photograph_is_that_of_pillow(tmp_path: Path) -> None:
    file = shared("coco_small_fce", "dataset", "img_1.jpg")
    image = references(tmp_path, file.read_bytes(), "a.jpg")["a"].image
    with Image.open(file) as expected:
        np.testing.assert_array_equal(image, np.asarray(expected))


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"", "does not decode"),
        (b"\x89PNG\r\n\x1a\n\0\0", "does not decode"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem):
        references(tmp_path, content)["a"]
