"""LAS and LAZ, through laspy, whose beliefs about a file are checked before it sees it."""

from __future__ import annotations

import io
import struct
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from pytest_vizart.errors import GoldenFormatError, UsageError
from pytest_vizart.golden import las_file
from pytest_vizart.golden.inputs import load_input
from pytest_vizart.golden.las_file import read_points
from tests.golden.datasets import shared
from tests.golden.formats.reading import Labels
from tests.golden.mutations import damaged, read_in_bounds

XYZ = np.array([[500_000.25, 4_000_000.5, 12.0], [500_001, 4_000_001, -3], [0, 0, 0]])


def content(point_format: int, version: str, *, compressed: bool, repeat: int = 1) -> bytes:
    laspy = pytest.importorskip("laspy")
    pytest.importorskip("lazrs")
    header = laspy.LasHeader(point_format=point_format, version=version)
    header.scales = [0.01, 0.01, 0.01]
    data = laspy.LasData(header)
    data.x, data.y, data.z = np.tile(XYZ, (repeat, 1)).T
    data.classification = np.tile(np.array([2, 6, 0], np.uint8), repeat)
    data.point_source_id = np.tile(np.array([7, 8, 9], np.uint16), repeat)
    stream = io.BytesIO()
    data.write(stream, do_compress=compressed)
    return stream.getvalue()


KINDS = [
    (form, version, compressed)
    for form, version in ((0, "1.2"), (3, "1.2"), (6, "1.4"), (7, "1.4"))
    for compressed in (False, True)
]


@pytest.mark.parametrize("form, version, compressed", KINDS)
def test_classes_instances_and_coordinates(tmp_path: Path, form: int, version: str, compressed: bool) -> None:
    path = tmp_path / ("a.laz" if compressed else "a.las")
    path.write_bytes(content(form, version, compressed=compressed))
    template = "{id}" + path.suffix
    entry: dict[str, Any] = {"format": "las", "samples": f"*{path.suffix}"}
    classes = {2: "ground", 6: "building"}
    label = Labels(
        tmp_path, template, "points", classes=classes, ignore=0, instance_property="point_source_id", **entry
    )["a"]
    assert label.labels.tolist() == [0, 1, -1]
    assert label.instance.tolist() == [7, 8, 9]
    np.testing.assert_allclose(Labels(tmp_path, template, "cloud", **entry)["a"].xyz, XYZ, atol=0.005)
    assert load_input(path).dtype == np.float64
    returns = Labels(tmp_path, template, "points", classes=["none", "one"], property="number_of_returns", **entry)["a"]
    assert returns.labels.tolist() == [0, 0, 0]


def patched(base: bytes, at: int, value: bytes) -> bytes:
    return base[:at] + value + base[at + len(value) :]


def cases() -> dict[str, tuple[bytes, str]]:
    las, laz = (content(0, "1.2", compressed=one) for one in (False, True))
    layered = content(6, "1.4", compressed=True)
    table = struct.unpack_from("<I", laz, 96)[0]
    first = struct.unpack_from("<I", layered, 96)[0] + 8 + 30 + 4  # behind the place of the table and a raw point
    chunks = struct.unpack_from("<q", laz, table)[0] + 4
    return {
        "empty": (b"", "not a LAS file"),
        "text": (b"x" * 300, "not a LAS file"),
        "header only": (las[:227], "ends before the header says"),
        "cut": (las[:-1], "ends before the header says.*3 points of 20 bytes"),
        "cut 1.4": (layered[:300], "ends before the header says.*375"),
        "points": (patched(las, 107, b"\xff" * 4), "ends before the header says"),
        "packed points": (patched(laz, 107, b"\xff" * 4), "too large to unpack"),
        "records": (patched(las, 100, b"\xff" * 4), "ends before the header says.*4294967295 records"),
        "chunks": (patched(laz, chunks, b"\xff" * 4), "4294967295 chunks for 3 points"),
        "table": (patched(laz, table, b"\xff\xff\xff\x7f" + b"\0" * 4), "no table of chunks"),
        "layer": (patched(layered, first, b"\xff\xff\xff\x7f"), "chunk of point 0 ends behind"),
        "cut laz": (laz[: len(laz) // 2 + 150], "not a LAS or LAZ file|ends before"),
    }


@pytest.mark.parametrize("name", list(cases()) if util.find_spec("lazrs") else [])
def test_damage_is_a_format_error(tmp_path: Path, name: str) -> None:
    damage, problem = cases()[name]
    with pytest.raises(GoldenFormatError, match=problem):
        raise read_in_bounds(read_points, tmp_path / "a.laz", damage)  # type: ignore[misc]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    damaged([content(*kind[:2], compressed=kind[2], repeat=20) for kind in KINDS] if util.find_spec("lazrs") else [b""])
)
def test_damaged_files_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("lazrs")
    read_in_bounds(read_points, tmp_path / "a.laz", content)


def test_real_files_are_one_cloud() -> None:
    pytest.importorskip("lazrs")
    root = shared("ply_pyntcloud")
    for name in ("diamond.las", "diamond.laz"):
        np.testing.assert_array_equal(load_input(root / name), load_input(root / "diamond.ply"))


def test_without_laspy_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(las_file, "find_spec", lambda name: None)
    (tmp_path / "a.las").write_bytes(b"LASF" + b"\0" * 223)
    with pytest.raises(GoldenFormatError, match=r'needs laspy.*pip install "pytest-vizart\[pointcloud\]"'):
        load_input(tmp_path / "a.las")
    with pytest.raises(UsageError, match=r"labels\[0\].format: format las needs laspy.*pointcloud"):
        Labels(tmp_path, "{id}.las", "cloud", format="las", samples="*.las")
