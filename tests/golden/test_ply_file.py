"""PLY in its three encodings, with lists, empty elements and damage."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden import ascii_numbers
from pytest_vizart.golden.ply_file import read_points, read_vertices
from tests.golden.datasets import shared
from tests.golden.mutations import damaged, read_in_bounds

HEADER = """ply
format {form} 1.0
comment made by hand
element edge 2
property int a
property list uchar short links
element nothing 0
property float q
element vertex {count}
property double x
property float y
property float z
property list uint8 int32 neighbours
property ushort label
element face 1
property list uchar int vertex_index
end_header
"""
ROWS = [(0.5, 1.0, 2.0, [7, 8], 3), (-1.0, 4.0, 5.0, [], 65535)]


def binary(order: str, count: int = 2) -> bytes:
    form = {"<": "binary_little_endian", ">": "binary_big_endian"}[order]
    body = struct.pack(f"{order}iBhh", 1, 2, 10, 11) + struct.pack(f"{order}iB", 2, 0)
    for x, y, z, links, label in ROWS:
        body += struct.pack(f"{order}dffB{len(links)}iH", x, y, z, len(links), *links, label)
    return HEADER.format(form=form, count=count).encode() + body + struct.pack(f"{order}Biii", 3, 0, 1, 0)


def text(count: int = 2, newline: str = "\n") -> bytes:
    body = "1 2 10 11\n2 0\n0.5 1 2 2 7 8 3\n-1 4 5 0 65535\n3 0 1 0\n"
    return (HEADER.format(form="ascii", count=count) + body).replace("\n", newline).encode()


@pytest.mark.parametrize("content", [binary("<"), binary(">"), text(), text(newline="\r\n")])
def test_lists_are_skipped_wherever_they_stand(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.ply"
    path.write_bytes(content)
    vertices = read_vertices(path)
    assert sorted(vertices) == ["label", "x", "y", "z"]
    assert vertices["label"].tolist() == [3, 65535]
    assert vertices["label"].dtype == np.uint16
    np.testing.assert_array_equal(read_points(path), np.array([[0.5, 1, 2], [-1, 4, 5]], np.float32))


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian"])
def test_a_cloud_may_have_no_points(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.ply"
    path.write_text(
        f"ply\nformat {form} 1.0\nelement vertex 0\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    )
    assert read_points(path).shape == (0, 3)


SIMPLE = "ply\nformat {} 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nend_header\n"


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"plx\n", "not a PLY file"),
        (b"", "not a PLY file"),
        (SIMPLE.format("ascii", 3).encode() + b"1 2 3 4", "before the header says"),
        (SIMPLE.format("ascii", 1).encode() + b"1 2 x", "not a number"),
        (SIMPLE.format("binary_little_endian", 99999999999).encode() + b"\0" * 24, "before the header says"),
        (SIMPLE.format("binary_middle_endian", 1).encode(), "makes no sense"),
        (SIMPLE.format("ascii", -1).encode(), "makes no sense"),
        (SIMPLE.format("ascii", 1).replace("float z", "list float int z").encode(), "makes no sense"),
        (SIMPLE.format("ascii", 1).replace("property float x", "property").encode(), "makes no sense"),
        (SIMPLE.format("ascii", 1).replace("end_header\n", "").encode(), "does not end"),
        (SIMPLE.format("ascii", 1).replace("vertex", "points").encode(), "no element called vertex"),
        (SIMPLE.format("ascii", 1).replace("float x", "float u").encode() + b"1 2 3", "no property x"),
        (b"ply\nelement vertex 1\nend_header\n", "makes no sense"),
        (SIMPLE.format("ascii", 1).replace("float y", "float x").encode() + b"1 2 3", "have one name"),
        (b"ply\nelement vertex 1\nelement vertex 2\n", "makes no sense.*second time"),
        (SIMPLE.format("ascii", 2).encode() + b"1 2 3\n4 5 1_0", "line 9: not a number"),
        (SIMPLE.format("binary_little_endian", 1).encode()[:-1], "row 0.*before the header says"),
        (b"ply\nproperty float x\n", "makes no sense"),
        (binary("<")[:-20], "before the header says"),
        (binary("<", count=3), "before the header says"),
        (text(count=9), "before the header says"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
    ],
)
def test_damage_is_a_format_error(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "a.ply"
    path.write_bytes(content)
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        read_points(path)
    assert caught.value.hint


def test_every_cut_of_a_file_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    for content in (binary("<"), text()):
        path.write_bytes(content)
        for end in reversed(range(len(content))):
            os.truncate(path, end)
            try:
                assert len(read_points(path)) == 2
            except GoldenFormatError:
                continue


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(damaged([binary("<"), binary(">"), text(), text(newline="\r\n")]))
def test_damaged_files_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    read_in_bounds(read_points, tmp_path / "a.ply", content, peak_mb=8)


FACES_FIRST = """ply
format binary_{order}_endian 1.0
element face {faces}
property list uchar int vertex_index
property uchar flag
element vertex 2
property float x
property float y
property float z
property list ushort float weights
end_header
"""


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("lengths", [[], [3, 3, 3], [3, 4, 0]])
@pytest.mark.parametrize("weights", [(1, 1), (0, 2)])
def test_lists_of_one_and_of_different_lengths_are_read_alike(
    tmp_path: Path, order: str, lengths: list[int], weights: tuple[int, int]
) -> None:
    name = {"<": "little", ">": "big"}[order]
    content = FACES_FIRST.format(order=name, faces=len(lengths)).encode()
    for length in lengths:
        content += struct.pack(f"{order}B{length}iB", length, *range(length), 255)
    for row, length in enumerate(weights):
        content += struct.pack(f"{order}fffH{length}f", row, 1, 2, length, *range(length))
    path = tmp_path / "a.ply"
    path.write_bytes(content)
    assert read_points(path).tolist() == [[0, 1, 2], [1, 1, 2]]
    path.write_bytes(content[:-1])
    with pytest.raises(GoldenFormatError, match="before the header says"):
        read_points(path)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("lists", ["", "property list uint double more\n"])
def test_claims_are_not_allocated(tmp_path: Path, form: str, lists: str) -> None:
    claim = SIMPLE.format(form, 999_999_999_999).replace("end_header", lists + "end_header")
    error = read_in_bounds(read_points, tmp_path / "a.ply", claim.encode() + b"\xff" * 40, peak_mb=2)
    assert isinstance(error, GoldenFormatError)


def test_endless_ragged_lists_are_refused_before_they_are_walked(tmp_path: Path) -> None:
    header = FACES_FIRST.format(order="little", faces=900_000_000).encode()
    error = read_in_bounds(read_points, tmp_path / "a.ply", header + b"\1\0\0\0\0\0\0", peak_mb=2)
    assert isinstance(error, GoldenFormatError)
    assert error.problem == "too many lists of different lengths"


def test_text_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ascii_numbers, "MAX_TEXT_BYTES", 100)
    path = tmp_path / "a.ply"
    path.write_bytes(text())
    with pytest.raises(GoldenFormatError, match=r"too large for text.*save it as binary"):
        read_points(path)


def test_words_are_found_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for block_bytes in (1, 2, 3, 7):
        monkeypatch.setattr(ascii_numbers, "_BLOCK_BYTES", block_bytes)
        path = tmp_path / "a.ply"
        path.write_bytes(text(newline="\r\n"))
        assert read_points(path).tolist() == [[0.5, 1, 2], [-1, 4, 5]]


TRIMESH: dict[str, Any] = {
    "empty.ply": 0,
    "emptyIO/ply_empty_ascii.ply": 0,
    "emptyIO/ply_empty_bin.ply": 0,
    "emptyIO/ply_empty_header.ply": "no element called vertex",
    "emptyIO/ply_points_ascii.ply": 8,
    "emptyIO/ply_points_bin.ply": 8,
    "fuze.ply": 502,
    "metadata.ply": 4,
    "mirror.ply": 143,
    "multi.ply": 4,
    "plane.ply": 4,
    "plane_tri.ply": 4,
    "points_ascii.ply": 5,
    "points_ascii_with_lists.ply": 5,
    "points_bin.ply": 5,
    "points_emptyascii.ply": 12,
    "points_emptyface.ply": 1024,
    "reference.ply": 845,
    "sphere.ply": 642,
    "tet.ply": 4,
}
PYNTCLOUD: dict[str, Any] = {
    "diamond.ply": 6,
    "diamond_ascii.ply": 6,
    "diamond_ascii_vertex_index.ply": 6,
    "diamond_with_bool.ply": 6,
    "sphere.ply": 2929,
    "voxelgrid.ply": 6,
}
ARGOVERSE = {f"PC_{number}.ply": 10 for number in range(3)}


@pytest.mark.parametrize(
    "folder, expected",
    [
        ("ply_trimesh", TRIMESH),
        ("ply_pyntcloud", PYNTCLOUD),
        ("pcd_pcl", {"cube.ply": 24}),
        ("argoverse_custom_json/test_data/detection/1/lidar", ARGOVERSE),
    ],
)
def test_every_real_file_is_read_or_refused(folder: str, expected: dict[str, Any]) -> None:
    root = shared(*folder.split("/"))
    assert {path.relative_to(root).as_posix() for path in root.rglob("*.ply")} == set(expected)
    for name, outcome in expected.items():
        if isinstance(outcome, int):
            assert read_points(root / name).shape == (outcome, 3)
            continue
        with pytest.raises(GoldenFormatError, match=outcome):
            read_points(root / name)


def test_real_flags_and_empty_lists() -> None:
    assert read_vertices(shared("ply_pyntcloud", "diamond_with_bool.ply"))["is_green"].dtype == np.uint8
    assert sorted(read_vertices(shared("ply_trimesh", "fuze.ply"))) == ["alpha", "blue", "green", "red", "x", "y", "z"]
