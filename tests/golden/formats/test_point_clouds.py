"""Point labels and reference clouds out of PLY, PCD and LAS, whose points have named fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden import cloud_fields
from pytest_vizart.records.labels import IGNORE, CloudLabel, PointLabels, Task
from tests.golden.datasets import shared
from tests.golden.formats.reading import Labels

CLASSES = {1: "ground", 40: "tree"}


def cloud_text(form: str, names: list[str], kinds: list[str], rows: list[str]) -> str:
    if form == "ply":
        fields = "".join(f"property {kind} {name}\n" for kind, name in zip(kinds, names, strict=True))
        return f"ply\nformat ascii 1.0\nelement vertex {len(rows)}\n{fields}end_header\n" + "\n".join(rows)
    types = {"float": "F", "uint": "U", "int": "I"}
    letters = " ".join(types[kind] for kind in kinds)
    return (
        f"VERSION .7\nFIELDS {' '.join(names)}\nSIZE {'4 ' * len(names)}\nTYPE {letters}\n"
        f"WIDTH {len(rows)}\nHEIGHT 1\nDATA ascii\n" + "\n".join(rows)
    )


def labels(
    root: Path,
    form: str,
    rows: list[str],
    *,
    task: Task = "points",
    names: str = "x y z label object",
    kinds: str = "float float float uint int",
    **entry: Any,
) -> Labels:
    (root / f"a.{form}").write_text(cloud_text(form, names.split(), kinds.split(), rows))
    classes = CLASSES if task == "points" else None
    return Labels(root, f"{{id}}.{form}", task, format=form, classes=classes, samples=f"*.{form}", **entry)


both = pytest.mark.parametrize("form", ["ply", "pcd"])


@both
def test_classes_and_instances_come_from_the_fields_named(tmp_path: Path, form: str) -> None:
    rows = ["0 0 0 1 7", "nan 0 0 40 -1", "0 0 0 255 0"]
    label = labels(tmp_path, form, rows, ignore=255, instance_property="object")["a"]
    assert isinstance(label, PointLabels)
    assert label.labels.tolist() == [0, 1, IGNORE]
    assert label.instance is not None
    assert label.instance.tolist() == [7, 0, 0]
    assert label.instance.dtype == label.labels.dtype == np.int32


@both
def test_without_an_instance_property_there_are_no_instances(tmp_path: Path, form: str) -> None:
    assert labels(tmp_path, form, ["0 0 0 1 7"])["a"].instance is None


@both
def test_floats_that_are_whole_are_classes(tmp_path: Path, form: str) -> None:
    label = labels(tmp_path, form, ["0 0 0 40 7"], kinds="float float float float float", instance_property="object")[
        "a"
    ]
    assert (label.labels.tolist(), label.instance.tolist()) == ([1], [7])


@both
@pytest.mark.parametrize(
    "row, entry, problem",
    [
        ("0 0 0 2 7", {}, "point 0: point has a value that is no class ID"),
        ("0 0 0 1 7", {"property": "lable"}, "no such property.*property: label"),
        ("0 0 0 1 7", {"instance_property": "objects"}, "no such property.*instance_property: object"),
        ("0 0 0 1.5 7", {"kinds": "float float float float int"}, "point 0: label is no class ID.*1.5"),
        ("0 0 0 nan 7", {"kinds": "float float float float int"}, "label is no class ID.*nan"),
        ("0 0 0 1e300 7", {"kinds": "float float float float int"}, "label is no class ID"),
        ("0 0 0 1 .5", {"instance_property": "object"}, "instance is no number of an object.*0.5"),
        ("0 0 0 1 3e9", {"instance_property": "object"}, "instance is too large.*3000000000"),
    ],
)
def test_values_that_cannot_be_labels_are_refused(
    tmp_path: Path, form: str, row: str, entry: dict[str, Any], problem: str
) -> None:
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        labels(tmp_path, form, [row], **entry)["a"]
    assert caught.value.hint


@both
def test_a_reference_cloud_leaves_points_out_that_are_none(tmp_path: Path, form: str) -> None:
    reader = labels(tmp_path, form, ["1 2 3 0 0", "nan nan nan 0 0", "4 5 6 0 0"], task="cloud")
    label = reader["a"]
    assert isinstance(label, CloudLabel)
    assert label.xyz.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert label.xyz.dtype == np.float64
    assert len(reader.reader.classes()) == 0


@both
def test_an_infinite_reference_point_is_refused(tmp_path: Path, form: str) -> None:
    with pytest.raises(GoldenFormatError, match="point 1: point is infinitely far away"):
        labels(tmp_path, form, ["1 2 3 0 0", "1 inf 3 0 0"], task="cloud")["a"]


def test_a_label_of_several_values_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pcd").write_text("VERSION .7\nFIELDS label\nCOUNT 2\nWIDTH 1\nDATA ascii\n1 1\n")
    with pytest.raises(GoldenFormatError, match="label: property is not one number for each point"):
        Labels(tmp_path, "{id}.pcd", "points", format="pcd", classes=CLASSES, samples="*.pcd")["a"]


@pytest.mark.parametrize("form", ["ply", "pcd", "las", "semantickitti", "lidarseg", "npy", "png"])
def test_a_sample_without_a_file_is_unlabeled(tmp_path: Path, form: str) -> None:
    if form == "las":
        pytest.importorskip("laspy")
    (tmp_path / "a.txt").touch()
    task: Task = "semantic" if form == "png" else "points"
    assert Labels(tmp_path, "{id}.none", task, format=form, classes=["a"], samples="*.txt")["a"] is None


@both
def test_clouds_that_would_fill_the_memory_are_refused(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_fields, "MAX_POINTS", 1)
    with pytest.raises(GoldenFormatError, match="too many points; expected at most 1; found 2"):
        labels(tmp_path, form, ["1 2 3 0 0", "4 5 6 0 0"], task="cloud")["a"]


@pytest.mark.parametrize("form", ["ply", "pcd", "semantickitti", "lidarseg", "npy", "png"])
def test_a_name_that_no_file_can_have_is_a_format_error(tmp_path: Path, form: str) -> None:
    (tmp_path / "a.txt").touch()
    task: Task = "semantic" if form == "png" else "points"
    masks = Labels(tmp_path, "{id}" + "x" * 300, task, format=form, classes=["a"], samples="*.txt")
    with pytest.raises(GoldenFormatError, match=r"file cannot be read.*too long"):
        masks["a"]


def test_real_labels_of_a_compressed_cloud() -> None:
    root = shared("pcd_mosd_labelled", "learn")
    classes = {0: "table", 1: "none", 20: "box", 30: "cup"}
    label = Labels(root, "{id}.pcd", "points", format="pcd", classes=classes, samples="*.pcd")["learn0"]
    assert np.bincount(label.labels).tolist() == [124908, 153323, 20792, 8177]


def test_real_clouds_of_one_shape_are_one_reference() -> None:
    root = shared("ply_pyntcloud")
    clouds = {}
    for form, path in [
        ("ply", "diamond.ply"),
        ("ply", "diamond_ascii.ply"),
        ("npy", "diamond.npy"),
        ("npy", "diamond.npz"),
    ]:
        reader = Labels(
            root, path.replace("diamond", "{id}"), "cloud", format=form, samples="diamond.bin", property="points"
        )
        clouds[path] = reader["diamond"].xyz.tolist()
    assert len({str(xyz) for xyz in clouds.values()}) == 1
    assert clouds["diamond.ply"][0] == [0.5, 0, 0.5]
