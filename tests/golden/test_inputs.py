"""Decoding of inputs, good and damaged."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden import npy_file
from pytest_vizart.golden.inputs import load_input
from tests.golden.datasets import shared
from tests.golden.mutations import read_in_bounds

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


DIAMOND = [[0.5, 0, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0], [1, 0.5, 0.5], [0.5, 1, 0.5], [0.5, 0.5, 1]]


@pytest.mark.parametrize(
    "name", ["diamond.ply", "diamond_ascii.ply", "diamond.bin", "diamond.npy", "diamond.las", "diamond.laz"]
)
def test_clouds_of_one_shape_agree_between_formats(name: str) -> None:
    if name.endswith(("las", "laz")):
        pytest.importorskip("lazrs")
    points = load_input(shared("ply_pyntcloud", name))
    if points.dtype.names:
        points = np.stack([points[axis] for axis in "xyz"], axis=1)
    assert points.tolist() == DIAMOND


def test_xyz_keeps_columns_and_precision(tmp_path: Path) -> None:
    assert load_input(shared("ply_pyntcloud", "diamond.xyz")).tolist() == DIAMOND
    points = load_input(shared("ply_trimesh", "points_agisoft.xyz"))
    assert points.shape == (100, 3)
    assert points[0].tolist() == [665187.522077, 5648349.895035, 241.767693]
    assert load_input(shared("ply_trimesh", "points_cloudcompare.xyz")).shape == (101, 3)
    for content, expected in [(b"", []), (b"1,2,3\r\n\r\n4;5;6\r\n", [[1, 2, 3], [4, 5, 6]])]:
        (tmp_path / "a.xyz").write_bytes(content)
        assert load_input(tmp_path / "a.xyz").tolist() == expected


def test_pcd_has_coordinates() -> None:
    assert load_input(shared("pcd_pypcd4", "pcd", "binary.pcd")).shape == (213, 3)


def raw(columns: int, rows: int, ring: bool = False) -> Any:
    cloud = np.random.default_rng(rows).normal(0, 20, (rows, columns)).astype(np.float32)
    if columns > 3:
        cloud[:, 3] = np.linspace(0, 255 if ring else 1, rows).astype(np.float32)
    if ring:
        cloud[:, 3:] = np.floor(cloud[:, 3:]).clip(0, 255)
    return cloud


@pytest.mark.parametrize("rows", [1, 4, 60, 61, 119])
@pytest.mark.parametrize("columns, ring", [(4, False), (4, True), (5, True)])
def test_raw_clouds_are_told_by_length_and_content(tmp_path: Path, rows: int, columns: int, ring: bool) -> None:
    cloud = raw(columns, rows, ring and columns == 5)
    path = tmp_path / "a.bin"
    cloud.tofile(path)
    np.testing.assert_array_equal(load_input(path), cloud)


def test_nuscenes_clouds_are_told_by_their_name(tmp_path: Path) -> None:
    cloud = raw(5, 60)
    for name, expected in [("a.pcd.bin", (60, 5)), ("a.bin", None)]:
        cloud.tofile(tmp_path / name)
        if expected:
            assert load_input(tmp_path / name).shape == expected
            continue
        with pytest.raises(GoldenFormatError, match="number of columns of the raw cloud cannot be told"):
            load_input(tmp_path / name)


def test_an_empty_raw_cloud_has_no_points(tmp_path: Path) -> None:
    (tmp_path / "a.bin").touch()
    assert load_input(tmp_path / "a.bin").shape == (0, 4)


def test_npz_has_one_array(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", points=GRAY)
    loaded = load_input(tmp_path / "a.npz")
    np.testing.assert_array_equal(loaded, GRAY)
    loaded[:] = 0
    np.testing.assert_array_equal(load_input(tmp_path / "a.npz"), GRAY)


def _npz(**members: bytes) -> Any:
    def write(path: Path) -> Path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name.replace("_", "."), content)
        return path

    return write


def _zip_bomb(path: Path) -> Path:
    """Claims 4 GB, holds a kilobyte."""
    np.savez(path, a=GRAY)
    content = path.read_bytes()
    at = content.index(b"PK\x01\x02") + 24
    path.write_bytes(content[:at] + b"\xff\xff\xff\xf0" + content[at + 4 :])
    return path


def _lzma(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.npy", b"")
    return path


def _header(text: str) -> Any:
    def write(path: Path) -> Path:
        path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + b"\0" * 16)
        return path

    return write


def _descr(descr: str, shape: str) -> Any:
    return _header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}")


@pytest.mark.parametrize(
    "name, write, problem",
    [
        ("bomb.npz", _zip_bomb, "not an NPZ file.*at most"),
        ("lzma.npz", _lzma, "not an NPZ file.*not saved by numpy"),
        ("text.npz", _npz(a_txt=b"x"), "not an NPZ file.*'a.txt' is no array"),
        ("cut.npz", _npz(a_npy=b"\x93NUMPY\x01\x00"), "not an NPZ file"),
        ("two.npz", _npz(a_npy=b"\x93NUMPY\x01\x00", b_npy=b""), "not an NPZ file"),
        ("none.npz", _npz(), "does not hold one array.*found none"),
        ("lfs.npz", _written(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "Git LFS pointer"),
        ("more.npy", _descr("'<f8'", "(3,)"), "16 bytes of data where shape"),
        ("less.npy", _descr("'<f8'", "(1,)"), "16 bytes of data where shape"),
        ("negative.npy", _descr("'<f8'", "(-1,)"), "shape"),
        ("huge.npy", _descr("'<f8'", "(2**60, 2**60)"), "not an NPY file"),
        ("wide.npy", _descr("'<f8'", "(4611686018427387904, 4611686018427387904)"), "16 bytes of data"),
        ("raw.npy", _descr("'V16'", "(1,)"), "not numbers"),
        ("bytes.npy", _descr("'S8'", "(2,)"), "not numbers"),
        ("object.npy", _descr("'|O'", "(2,)"), "pickled objects"),
        ("field.npy", _descr("[('a', '|O')]", "(2,)"), "pickled objects"),
        ("sub.npy", _descr("('<f4', (2,))", "(2,)"), "not numbers"),
        ("version.npy", _written(b"\x93NUMPY\x09\x00" + b"\0" * 30), "not an NPY file"),
        ("short.bin", _written(b"\0" * 15), "ends within a number"),
        ("odd.bin", _written(b"\0" * 28), "7 numbers, which fit none"),
        ("odd.pcd.bin", _written(b"\0" * 16), "rows of 5 float32.*fit none"),
        ("names.xyz", _written(b"x y z\n1 2 3\n"), "line 1: not a number"),
        ("ragged.xyz", _written(b"1 2 3\n1 2 3 4\n"), "line 2.*expected 3 numbers"),
        ("flat.xyz", _written(b"1 2\n"), "line 1.*3 numbers or more"),
    ],
)
def test_damaged_and_hostile_arrays_and_clouds_are_format_errors(
    tmp_path: Path, name: str, write: Any, problem: str
) -> None:
    path = write(tmp_path / name)
    with pytest.raises(GoldenFormatError, match=problem):
        raise read_in_bounds(load_input, path, path.read_bytes(), peak_mb=5)  # type: ignore[misc]


def test_archives_that_would_fill_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(60_000, np.uint8), b=np.zeros(60_000, np.uint8))
    monkeypatch.setattr(npy_file, "MAX_ARRAY_BYTES", 100_000)
    with pytest.raises(GoldenFormatError, match=r"2 arrays of 120,\d\d\d bytes"):
        load_input(tmp_path / "a.npz")
