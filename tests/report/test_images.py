from __future__ import annotations

import base64
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.report.images import ImageShelf, encoded


def _decoded(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))


def _noise(path: Path, size: tuple[int, int] = (400, 300), seed: int = 0) -> str:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return str(path)


def test_a_large_image_is_made_smaller_and_its_own_size_is_kept(tmp_path: Path) -> None:
    Image.new("RGB", (4000, 2000), "red").save(tmp_path / "large.jpg")
    image = encoded(tmp_path / "large.jpg")
    assert (image.width_px, image.height_px) == (4000, 2000)
    assert _decoded(image.uri).size == (1024, 512)
    assert image.uri.startswith("data:image/jpeg;")


def test_a_tiny_image_keeps_every_pixel(tmp_path: Path) -> None:
    path = _noise(tmp_path / "digit.png", (28, 28))
    assert np.array_equal(np.asarray(_decoded(encoded(Path(path)).uri).convert("RGB")), np.asarray(Image.open(path)))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "I;16", "F", "I"])
def test_every_mode_becomes_what_browsers_show(tmp_path: Path, mode: str) -> None:
    path = tmp_path / f"image.{'tif' if mode in ('F', 'I', 'CMYK') else 'png'}"
    Image.new(mode, (200, 150)).save(path)
    assert _decoded(encoded(path).uri).mode in ("L", "RGB", "RGBA")


def test_sixteen_bits_are_stretched_and_not_cut_off(tmp_path: Path) -> None:
    Image.fromarray(np.linspace(0, 4000, 40_000).reshape(200, 200).astype(np.uint16)).save(tmp_path / "depth.png")
    low, high = _decoded(encoded(tmp_path / "depth.png").uri).convert("L").getextrema()
    assert low < 8
    assert high > 247


def test_each_image_is_kept_once_and_the_budget_holds(tmp_path: Path) -> None:
    paths = [_noise(tmp_path / f"{n}.png", seed=n) for n in range(6)]
    one = len(encoded(Path(paths[0])).uri)
    shelf = ImageShelf(budget_bytes=int(one * 2.5))
    keys = [shelf.add(path) for path in [paths[0], *paths]]
    assert keys == [0, 0, 1, None, None, None, None]
    assert shelf.used_bytes <= shelf.budget_bytes
    assert shelf.over_budget == 4
    assert "Left out" in shelf.missing[paths[3]]


def test_what_is_no_image_has_a_reason_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("<svg onload=alert(1)>")
    (tmp_path / "cut.png").write_bytes(Path(_noise(tmp_path / "whole.png")).read_bytes()[:300])
    (tmp_path / "bomb.png").write_bytes(_claims(60_000, 60_000))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
    shelf = ImageShelf()
    for name in ("text.png", "cut.png", "bomb.png", "pipe.png", "absent.png", "nul\0.png"):
        path = str(tmp_path / name)
        assert shelf.add(path) is None
        assert "cannot be shown" in shelf.missing[path]


def _claims(width: int, height: int) -> bytes:
    def part(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = part(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + part(b"IDAT", zlib.compress(b"")) + part(b"IEND", b"")
