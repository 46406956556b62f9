"""PCD in its three encodings, with padding, counts, organised clouds and damage."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden import cloud_fields, pcd_file
from pytest_vizart.golden.pcd_file import read_fields, read_points
from tests.golden.datasets import shared
from tests.golden.lzf_encoder import compress
from tests.golden.mutations import damaged, read_in_bounds

HEADER = """# .PCD v.7 - Point Cloud Data file format
VERSION {version}
FIELDS x y _ z label normal _
SIZE 4 8 1 4 2 4 2
TYPE F F U F U F I
COUNT 1 1 3 1 1 3 2
WIDTH 2
HEIGHT {height}
VIEWPOINT 0 0 0 1 0 0 0
POINTS {points}
DATA {data}
"""
ROW = np.dtype(
    [
        ("x", "<f4"),
        ("y", "<f8"),
        ("_0", "u1", 3),
        ("z", "<f4"),
        ("label", "<u2"),
        ("normal", "<f4", 3),
        ("_1", "<i2", 2),
    ]
)
ROWS = np.array(
    [
        (0.5, 1.25, (9, 9, 9), 2, 3, (1, 2, 3), (7, -7)),
        (-1, 4, (9, 9, 9), np.nan, 65535, (4, 5, 6), (7, -7)),
        (1e9, 0, (9, 9, 9), 0, 0, (0, 0, 0), (7, -7)),
        (2, 3, (9, 9, 9), 4, 1, (7, 8, 9), (7, -7)),
    ],
    ROW,
)


def header(data: str, *, version: str = "0.7", height: int = 2, points: int = 4) -> bytes:
    return HEADER.format(data=data, version=version, height=height, points=points).encode()


def text(newline: str = "\n") -> bytes:
    lines = []
    for row in ROWS.tolist():
        flat = [
            str(one) for value in row for one in (value if isinstance(value, (list, tuple, np.ndarray)) else [value])
        ]
        lines.append(" ".join(flat))
    body = "\n".join(lines) + "\n"
    return (header("ascii").decode() + body).replace("\n", newline).encode()


def packed(*, padding: bool) -> bytes:
    columns = b"".join(ROWS[name].tobytes() for name in ROW.names or () if padding or not name.startswith("_"))
    data = compress(columns)
    return header("binary_compressed") + struct.pack("<II", len(data), len(columns)) + data


BINARY = header("binary") + ROWS.tobytes()
ENCODED = [text(), text("\r\n"), BINARY, BINARY + b"\0" * 4096, packed(padding=True), packed(padding=False)]


@pytest.mark.parametrize("content", ENCODED)
def test_all_encodings_hold_the_same(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pcd"
    path.write_bytes(content)
    fields = read_fields(path)
    assert {name: (values.dtype.str, values.shape) for name, values in fields.items()} == {
        "x": ("<f4", (4,)),
        "y": ("<f8", (4,)),
        "z": ("<f4", (4,)),
        "label": ("<u2", (4,)),
        "normal": ("<f4", (4, 3)),
    }
    for name, values in fields.items():
        np.testing.assert_array_equal(values, ROWS[name])
    np.testing.assert_array_equal(read_points(path), np.stack([ROWS[axis] for axis in "xyz"], 1).astype(np.float32))


PLAIN = "VERSION .5\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 1\nHEIGHT 1\nPOINTS 1\nDATA ascii\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN + "1 2 3\n",
        PLAIN.replace("COUNT 1 1 1\n", "").replace(".5", ".6") + "1 2 3",
        PLAIN.replace("FIELDS", "COLUMNS").replace("HEIGHT 1\n", "") + "1\n2\n3\n",
        PLAIN.replace("POINTS 1\n", "") + "1 2 3",
        PLAIN.replace("WIDTH 1\n", "").replace("SIZE 4 4 4\n", "").replace("TYPE F F F\n", "") + "1 2 3",
        "\n# first\n\n" + PLAIN + "1 2 3",
    ],
)
def test_what_old_versions_leave_out_has_its_usual_value(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.pcd"
    path.write_text(content)
    assert read_points(path).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize("data", ["ascii", "binary", "binary_compressed"])
def test_a_cloud_may_have_no_points(tmp_path: Path, data: str) -> None:
    path = tmp_path / "a.pcd"
    path.write_bytes(header(data, height=0, points=0))
    assert {name: values.shape for name, values in read_fields(path).items()} == {
        "x": (0,),
        "y": (0,),
        "z": (0,),
        "label": (0,),
        "normal": (0, 3),
    }


def test_numbers_that_their_type_cannot_hold_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.pcd"
    path.write_text(PLAIN.replace("TYPE F F F", "TYPE U I F").replace("SIZE 4 4 4", "SIZE 1 2 4") + "300 1.5 3")
    fields = read_fields(path)
    assert (fields["x"].tolist(), fields["y"].tolist(), fields["z"].dtype) == ([300], [1.5], np.float32)


GOOD = "1 2 3\n"


@pytest.mark.parametrize(
    "content, problem, place",
    [
        ("", "not a PCD file.*an empty file", "line 1"),
        ("ply\n", "not a PCD file", "line 1"),
        ("# .PCD v.7\nVERSION .7\nFIEL", "makes no sense.*unknown keyword", "line 3"),
        ("# .PCD v.7\nVERSION .7\n", "does not end", "line 2"),
        ("#" * 100_000, "does not end", "line 1"),
        (PLAIN.replace(".5", "1.0") + GOOD, "the version is one of", "line 1"),
        (PLAIN.replace("VERSION .5", "VERSION") + GOOD, "VERSION has no value", "line 1"),
        (PLAIN.replace("FIELDS x y z\n", "") + GOOD, "there is no FIELDS", "header"),
        (PLAIN.replace("x y z", "x y y") + GOOD, "name the fields, each once", "line 2"),
        (PLAIN.replace("x y z", "_ _ _") + GOOD, "name the fields", "line 2"),
        (PLAIN.replace("x y z", "x y u") + GOOD, "no property z", "header"),
        (PLAIN.replace("SIZE 4 4 4", "SIZE 4 4") + GOOD, "3 fields need 3 values", "line 3"),
        (PLAIN.replace("SIZE 4 4 4", "SIZE 4 4 2") + GOOD, "no type F of 2 bytes", "line 4"),
        (PLAIN.replace("SIZE 4 4 4", "SIZE 4 4 3") + GOOD, "no type F of 3 bytes", "line 4"),
        (PLAIN.replace("SIZE 4 4 4", "SIZE 4 4 -4") + GOOD, "no whole number", "line 3"),
        (PLAIN.replace("TYPE F F F", "TYPE F F X") + GOOD, "no type X", "line 4"),
        (PLAIN.replace("COUNT 1 1 1", "COUNT 1 1 0") + GOOD, "one value or more", "line 5"),
        (PLAIN.replace("COUNT 1 1 1", "COUNT 1 1 999999999") + GOOD, "a point has at most", "line 3"),
        (PLAIN.replace("COUNT 1 1 1", "COUNT 1 1 2") + "1 2 3 4", "z is not one number", "header"),
        (PLAIN.replace("WIDTH 1", "WIDTH 2") + GOOD, "WIDTH x HEIGHT is 2", "line 8"),
        (PLAIN.replace("WIDTH 1\n", "").replace("POINTS 1\n", "") + GOOD, "there is no WIDTH", "header"),
        (PLAIN.replace("WIDTH 1", "WIDTH 1e3") + GOOD, "'1e3' is no whole number", "line 6"),
        (PLAIN.replace("ascii", "text") + GOOD, "DATA is one of", "line 9"),
        (PLAIN.replace("HEIGHT 1", "WIDTH 1") + GOOD, "second time", "line 7"),
        (PLAIN, "ends before the header says", "point 0"),
        (PLAIN + "1 2 ", "ends before the header says", "point 0"),
        (PLAIN + "1 2 three", "not a number.*three", "line 10"),
        (PLAIN + "1 2 1_0", "not a number", "line 10"),
        (PLAIN + "1 2 3 4", "goes on after its last point", "data"),
        (
            PLAIN.replace("WIDTH 1", "WIDTH 999999999999").replace("POINTS 1", "POINTS 999999999999") + GOOD,
            "ends",
            "point 0",
        ),
    ],
)
def test_damage_is_a_format_error(tmp_path: Path, content: str, problem: str, place: str) -> None:
    error = read_in_bounds(read_points, tmp_path / "a.pcd", content.encode(), peak_mb=5)
    assert isinstance(error, GoldenFormatError)
    with pytest.raises(GoldenFormatError, match=problem):
        raise error
    assert error.place == place


def altered(size: int | None = None, packed_size: int | None = None) -> bytes:
    content = packed(padding=True)
    at = content.index(b"DATA")
    at = content.index(b"\n", at) + 1
    sizes = struct.unpack_from("<II", content, at)
    return content[:at] + struct.pack("<II", packed_size or sizes[0], size or sizes[1]) + content[at + 8 :]


@pytest.mark.parametrize(
    "content, problem",
    [
        (BINARY[:-1], "ends before the header says.*3 whole points"),
        (header("binary"), "ends before.*0 whole points"),
        (header("binary")[:-1], "ends before.*0 whole points"),
        (header("binary_compressed") + b"\1\0\0", "ends before"),
        (packed(padding=True)[:-1], "ends before the header says.*a part of the data"),
        (altered(size=10), "size of the unpacked data is wrong.*found 10 bytes"),
        (altered(size=2**32 - 1), "size of the unpacked data is wrong"),
        (altered(packed_size=2**32 - 1), "ends before the header says"),
        (altered(packed_size=20), "do not unpack"),
        (header("binary_compressed") + struct.pack("<II", 2, 4 * ROW.itemsize) + b"\x20\x00", "before the beginning"),
    ],
)
def test_damage_to_binary_data_is_a_format_error(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem):
        raise read_in_bounds(read_points, tmp_path / "a.pcd", content, peak_mb=5)  # type: ignore[misc]


def test_clouds_that_would_fill_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pcd"
    path.write_bytes(packed(padding=True))
    monkeypatch.setattr(pcd_file, "MAX_CLOUD_BYTES", 100)
    monkeypatch.setattr(pcd_file, "read_bytes", lambda path, limit: path.read_bytes())
    with pytest.raises(GoldenFormatError, match="too large to unpack"):
        read_points(path)
    monkeypatch.undo()
    assert cloud_fields.MAX_CLOUD_BYTES < 1e9


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(damaged(ENCODED))
def test_damaged_files_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    read_in_bounds(read_points, tmp_path / "a.pcd", content, peak_mb=5)


PCL: dict[str, Any] = {
    "2d/canny.pcd": 65536,
    "2d/erosion_binary.pcd": 65536,
    "brisk_descriptors_gt.pcd": "no property x",
    "bun0.pcd": 397,
    "bun03.pcd": 197,
    "car6.pcd": 10031,
    "colored_cloud.pcd": 1000,
    "lamppost.pcd": 1771,
    "milk_color.pcd": 13704,
    "noisy_slice_displaced.pcd": 3782,
    "octants.pcd": 8,
    "office1_keypoints.pcd": 1318,
    "pcl_logo.pcd": 12909,
}
PYPCD4: dict[str, Any] = {
    "ascii.pcd": 213,
    "ascii_empty.pcd": "an empty file",
    "ascii_invalid_header.pcd": "FIEL.*unknown keyword",
    "ascii_multi_count.pcd": 8,
    "ascii_organized.pcd": 8,
    "ascii_with_empty_points.pcd": 0,
    "ascii_with_underscore.pcd": 213,
    "binary.pcd": 213,
    "binary_compressed.pcd": 213,
    "binary_compressed_organized.pcd": 8,
}
LFS = dict.fromkeys(("ascii.pcd", "bin.pcd", "bincomp.pcd", "partial_cup_model.pcd"), "Git LFS pointer")
SLY = {"frame1.pcd": 100, "frame2.pcd": 200}
DATUMARO = {"0000000000.pcd": 100, "0000000001.pcd": 200, "0000000002.pcd": 100}


@pytest.mark.parametrize(
    "folder, expected",
    [
        ("pcd_pcl", PCL),
        ("pcd_pypcd4/pcd", PYPCD4),
        ("pcd_terrain_ground", {"samp24-utm-ground.pcd": 5434, "samp24-utm.pcd": 7492}),
        ("pcd_mosd_labelled/learn", {"learn0.pcd": 307200}),
        ("datumaro_assets/datumaro_dataset/with_pcd/point_clouds/default", DATUMARO),
        ("datumaro_assets/sly_pointcloud_dataset/ds0/pointcloud", SLY),
        ("malformed_misc/lfs_pointers_pcd/test_data", LFS),
    ],
)
def test_every_real_file_is_read_or_refused(folder: str, expected: dict[str, Any]) -> None:
    root = shared(*folder.split("/"))
    assert {path.relative_to(root).as_posix() for path in root.rglob("*.pcd")} == set(expected)
    for name, outcome in expected.items():
        if isinstance(outcome, int):
            assert read_points(root / name).shape == (outcome, 3)
            continue
        with pytest.raises(GoldenFormatError, match=outcome):
            read_points(root / name)


def test_real_encodings_of_one_cloud_are_equal() -> None:
    root = shared("pcd_pypcd4", "pcd")
    ascii_fields = read_fields(root / "ascii.pcd")
    for name in ("binary.pcd", "binary_compressed.pcd"):
        fields = read_fields(root / name)
        np.testing.assert_array_equal(fields["x"], ascii_fields["x"])
        np.testing.assert_array_equal(fields["rgb"], ascii_fields["rgb"])
    assert list(read_fields(root / "ascii_with_underscore.pcd")) == ["x", "y", "z"]
    np.testing.assert_array_equal(
        read_points(root / "ascii_organized.pcd"), read_points(root / "binary_compressed_organized.pcd")
    )
    intensity = read_fields(root / "ascii_multi_count.pcd")["intensity"]
    np.testing.assert_array_equal(intensity, np.repeat(np.arange(1, 9, dtype=np.float32)[:, None] / 10, 4, 1))


def test_real_descriptors_of_64_bytes_come_in_columns() -> None:
    fields = read_fields(shared("pcd_pcl", "brisk_descriptors_gt.pcd"))
    assert fields["brisk_descriptor512"].shape == (1534, 64)
    assert fields["brisk_descriptor512"].dtype == np.uint8


def test_real_ground_points_are_among_all_points() -> None:
    root = shared("pcd_terrain_ground")
    every, ground = (read_points(root / f"samp24-utm{end}.pcd") for end in ("", "-ground"))
    assert {tuple(point) for point in ground.tolist()} <= {tuple(point) for point in every.tolist()}
