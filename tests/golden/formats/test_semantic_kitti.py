"""SemanticKITTI and nuScenes lidarseg: a number for each point, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import IGNORE, PointLabels
from tests.golden.formats.reading import Labels, read_or_refuse

CLASSES = {0: "unlabeled", 10: "car", 252: "moving-car"}


def labels(root: Path, content: bytes, form: str, **entry: Any) -> Labels:
    (root / "a.bin").write_bytes(content)
    return Labels(root, "{id}.bin", "points", format=form, classes=CLASSES, samples="*.bin", **entry)


def test_low_bits_are_the_class_and_high_bits_the_instance(tmp_path: Path) -> None:
    words = np.array([10, 10 | 7 << 16, 252 | 65535 << 16, 0], "<u4")
    label = labels(tmp_path, words.tobytes(), "semantickitti", ignore=0)["a"]
    assert isinstance(label, PointLabels)
    assert label.labels.tolist() == [1, 1, 2, IGNORE]
    assert label.instance is not None
    assert label.instance.tolist() == [0, 7, 65535, 0]


def test_the_extension_label_tells_the_format(tmp_path: Path) -> None:
    (tmp_path / "a.label").write_bytes(b"\x0a\0\1\0")
    (tmp_path / "a.bin").touch()
    reader = Labels(tmp_path, "{id}.label", "points", format="semantickitti", classes=CLASSES, samples="*.bin")
    assert reader["a"].instance.tolist() == [1]


def test_lidarseg_has_a_byte_for_each_point(tmp_path: Path) -> None:
    label = labels(tmp_path, bytes([10, 0, 252]), "lidarseg", ignore=0)["a"]
    assert label.labels.tolist() == [1, IGNORE, 2]
    assert label.instance is None


@pytest.mark.parametrize(
    "form, content, problem",
    [
        ("semantickitti", b"\x0a\0\0\0\x0a\0", "point 1: file ends within a point.*6 bytes"),
        ("semantickitti", b"\x0b\0\0\0", "point 0: point has a value that is no class ID.*found 11"),
        ("semantickitti", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        ("lidarseg", b"\x0a\x0b", "point 1: point has a value that is no class ID.*found 11"),
    ],
)
def test_damage_is_a_format_error(tmp_path: Path, form: str, content: bytes, problem: str) -> None:
    with pytest.raises(GoldenFormatError, match=problem):
        labels(tmp_path, content, form)["a"]


@pytest.mark.parametrize("form", ["semantickitti", "lidarseg"])
@pytest.mark.parametrize("content", [b""])
def test_no_points_are_no_labels(tmp_path: Path, form: str, content: bytes) -> None:
    assert labels(tmp_path, content, form)["a"].labels.tolist() == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=40), st.sampled_from(["semantickitti", "lidarseg"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, form: str) -> None:
    read_or_refuse(labels(tmp_path, content, form), "a")
