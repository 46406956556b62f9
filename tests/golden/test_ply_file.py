"""PLY in its three encodings, with lists, empty elements and damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.ply_file import read_points, read_vertices
from tests.golden.datasets import shared

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
        for end in range(len(content)):
            path.write_bytes(content[:end])
            try:
                assert len(read_points(path)) == 2
            except GoldenFormatError:
                continue


@pytest.mark.parametrize(
    "name, count",
    [
        ("points_ascii.ply", 5),
        ("points_bin.ply", 5),
        ("points_ascii_with_lists.ply", 5),
        ("points_emptyface.ply", 1024),
        ("empty.ply", 0),
    ],
)
def test_real_files_have_their_points(name: str, count: int) -> None:
    assert read_points(shared("ply_trimesh", name)).shape == (count, 3)
