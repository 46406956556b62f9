"""Decoding of inputs, good and damaged."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.inputs import load_input
from tests.golden.datasets import shared

GRAY = np.arange(48, dtype=np.uint8).reshape(6, 8)


def saved(path: Path, image: Image.Image) -> Path:
    image.save(path)
    return path


def test_colour_gray_and_deep_images_come_as_stored(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    deep = GRAY.astype(np.uint16) * 1000
    for array in (colour, GRAY, deep):
        loaded = load_input(saved(tmp_path / "a.png", Image.fromarray(array)))
        np.testing.assert_array_equal(loaded, array)
        assert loaded.dtype == array.dtype


def test_palettes_and_transparency_come_as_rgb(tmp_path: Path) -> None:
    palette = Image.new("P", (8, 6), 1)
    palette.putpalette([0, 0, 0, 200, 100, 50])
    assert load_input(saved(tmp_path / "p.png", palette))[0, 0].tolist() == [200, 100, 50]
    assert load_input(saved(tmp_path / "a.png", Image.new("RGBA", (8, 6), (1, 2, 3, 4))))[0, 0].tolist() == [1, 2, 3]
    assert load_input(saved(tmp_path / "b.png", Image.new("1", (8, 6), 1)))[0, 0] == 255


def test_every_call_decodes_anew(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(GRAY))
    first = load_input(path)
    first[:] = 0
    np.testing.assert_array_equal(load_input(path), GRAY)


@pytest.mark.parametrize(
    "array", [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.empty((0, 3))]
)
def test_npy_arrays_round_trip(tmp_path: Path, array: np.ndarray[Any, Any]) -> None:
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(load_input(tmp_path / "a.npy"), array)


def _bomb(path: Path) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    return path


def _pickled(path: Path) -> Path:
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return path


def _claims_too_much(path: Path) -> Path:
    np.save(path, np.zeros(4))
    path.write_bytes(path.read_bytes().replace(b"(4,)", b"(9**12,)").replace(b"(9**12,)", b"(999999999999,)", 1))
    return path


def _written(content: bytes) -> Any:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    "name, write, problem",
    [
        ("bomb.png", _bomb, "does not decode|too large"),
        ("text.png", _written(b"hello"), "does not decode"),
        ("empty.png", _written(b""), "does not decode"),
        ("cut.jpg", _written(b"\xff\xd8\xff\xe0\x00\x10JFIF"), "does not decode"),
        ("lfs.png", _written(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "Git LFS pointer"),
        ("lfs.npy", _written(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "Git LFS pointer"),
        ("pickle.npy", _pickled, "not an NPY file"),
        ("claim.npy", _claims_too_much, "not an NPY file"),
        ("header.npy", _written(b"\x93NUMPY\x01\x00\x10\x00{__import__('os')}"), "not an NPY file"),
        ("zip.npy", _written(b"PK\x03\x04"), "not an NPY file"),
        ("cut.ply", _written(b"ply\nformat ascii 1.0\nelement vertex 3\n"), "does not end"),
    ],
)
def test_damaged_and_hostile_files_are_format_errors(tmp_path: Path, name: str, write: Any, problem: str) -> None:
    path = write(tmp_path / name)
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        load_input(path)
    assert caught.value.file == str(path)
    assert caught.value.hint


def test_absent_files_and_folders_are_format_errors(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for name in ("gone.png", "gone.npy", "gone.ply", "folder.png"):
        with pytest.raises(GoldenFormatError):
            load_input(tmp_path / name)


def test_clouds_of_one_shape_agree_between_formats() -> None:
    ascii_points = load_input(shared("ply_pyntcloud", "diamond_ascii.ply"))
    binary_points = load_input(shared("ply_pyntcloud", "diamond.ply"))
    assert ascii_points.shape == (6, 3)
    assert ascii_points.dtype == np.float32
    np.testing.assert_allclose(ascii_points, binary_points, rtol=1e-6)
