"""Pixels of large images in strips, and what is refused before its decoder takes the memory."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden import inputs
from pytest_vizart.golden.inputs import load_image, open_image


def picture(mode: str) -> Image.Image:
    numbers = np.random.default_rng(3).integers(0, 255, (13, 7, 4), np.uint8)
    whole = Image.fromarray(numbers, "RGBA")
    if mode in ("I", "F", "I;16"):
        return Image.fromarray(numbers[..., 0].astype({"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode]) * 200)
    return whole.convert("RGB").convert(mode) if mode in ("P", "1", "CMYK", "LAB") else whole.convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I", "F", "I;16", "CMYK"])
def test_strips_are_the_same_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    path = tmp_path / "a.tif"
    picture(mode).save(path)
    whole = load_image(path)
    monkeypatch.setattr(inputs, "_STRIP_PX", 7 * 3)
    parts = load_image(path)
    assert parts.dtype == whole.dtype
    assert parts.flags.writeable
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("order, mode", [("<", "I;16"), (">", "I;16B")])
def test_strips_of_sixteen_bits_in_either_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str, mode: str
) -> None:
    values = np.arange(91, dtype=np.uint16).reshape(13, 7) * 700
    tags = [(256, 7), (257, 13), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (278, 13), (279, 182)]
    data = values.astype(f"{order}u2").tobytes()
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8 + len(data))
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    path = tmp_path / "a.tif"
    path.write_bytes(head + data + struct.pack(f"{order}H", len(tags)) + entries + bytes(4))
    with open_image(path) as image:
        assert image.mode == mode
    monkeypatch.setattr(inputs, "_STRIP_PX", 7 * 3)
    np.testing.assert_array_equal(load_image(path), values)


def flat_png(side: int, colour_type: int) -> bytes:
    """Black, each row one filter byte and so many zeros: a thousandth of its pixels in bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


def test_large_images_are_refused_by_the_memory_that_they_would_take(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(flat_png(13_000, 2))
    with pytest.raises(GoldenFormatError, match="13000 x 13000 pixels of mode RGB take too much memory"):
        load_image(path)
    with open_image(path) as image:
        assert image.size == (13_000, 13_000)  # its header may be asked
    path.write_bytes(flat_png(13_350, 0))
    with pytest.raises(GoldenFormatError, match="image is too large"):
        load_image(path)


@pytest.mark.parametrize(
    "content, name",
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n", "EPS"),
        (b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800), "FITS"),
    ],
)
def test_formats_whose_decoder_is_no_decoder_are_refused(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(GoldenFormatError, match=f"{name} is not read|does not decode"):
        load_image(path)
