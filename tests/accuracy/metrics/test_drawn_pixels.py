from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.accuracy.metrics.drawn_pixels import preview, runs


@pytest.mark.parametrize(
    "image, mode, size",
    [
        (np.full((6, 8), 255, np.uint8), "L", (8, 6)),
        (np.full((6, 8), 65_535, np.uint16), "L", (8, 6)),
        (np.ones((6, 8, 3)), "RGB", (8, 6)),
        (np.full((6, 8, 4), 255, np.uint8), "RGB", (8, 6)),
        (np.ones((6, 8, 2)), "L", (8, 6)),
        (np.full((1500, 700), 255, np.uint8), "L", (234, 500)),
    ],
)
def test_a_white_image_is_a_small_white_picture(image, mode, size):
    with Image.open(BytesIO(b64decode(preview(image)))) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", mode, size)
        assert np.asarray(picture).min() >= 254


def test_values_that_are_no_numbers_are_drawn_as_ends_of_the_range():
    image = np.repeat(np.array([[np.nan, np.inf, -np.inf]]), 8, axis=0).repeat(8, axis=1)
    with Image.open(BytesIO(b64decode(preview(image)))) as picture:
        values = np.asarray(picture)
    assert values[4, [4, 12, 20]].tolist() == pytest.approx([0, 255, 0], abs=3)


def test_noise_stays_small():
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3)).astype(np.uint8)
    text = preview(noise)
    assert text is None or len(text) <= 120_000


def test_nothing_is_no_picture():
    assert preview(np.zeros((0, 4), np.uint8)) is None


def test_the_step_of_a_large_mask_is_told():
    drawn = runs(np.zeros((1000, 10), np.int32), ["ground"])
    assert (drawn["width"], drawn["height"], drawn["step"]) == (5, 500, 2)
