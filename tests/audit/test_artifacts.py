from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_vizart.audit.artifacts import ArtifactStore, safe_name
from pytest_vizart.errors import UsageError


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path, "run-1")


@pytest.mark.parametrize(
    ("value", "suffix"),
    [
        (np.zeros((4, 5, 3), np.uint8), ".png"),
        (np.zeros((4, 5), np.uint8), ".png"),
        (np.zeros((4, 5), np.float32), ".npy"),
        (Image.new("RGB", (3, 3)), ".png"),
        ("text", ".txt"),
        (b"bytes", ".bin"),
        ({"boxes": np.zeros((2, 4))}, ".json"),
    ],
)
def test_each_kind_of_value_has_its_form(store: ArtifactStore, tmp_path: Path, value: object, suffix: str) -> None:
    path = store.save("out", value, stage="detect")
    assert path == tmp_path / "runs" / "run-1" / "stages" / "detect" / f"out{suffix}"
    assert path.stat().st_size > 0


def test_an_image_comes_back_as_it_was(store: ArtifactStore) -> None:
    image = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    assert (np.asarray(Image.open(store.save("image.png", image, stage="s"))) == image).all()


@pytest.mark.parametrize("value", [object(), np.array([object()])])
def test_a_value_that_cannot_be_saved_is_refused_by_type(store: ArtifactStore, value: object) -> None:
    with pytest.raises(UsageError, match="cannot be saved"):
        store.save("x", value, stage="s")


@given(st.text())
def test_no_name_leaves_its_folder(name: str) -> None:
    cleaned = safe_name(name)
    assert cleaned
    assert "/" not in cleaned
    assert "\\" not in cleaned
    assert cleaned not in (".", "..")
    assert Path("folder", cleaned).parent == Path("folder")


def test_names_that_are_cleaned_alike_stay_apart(store: ArtifactStore) -> None:
    paths = {store.save(name, "x", stage=stage, sample=sample)
             for name in ("a:b", "a*b") for stage in ("::", "//") for sample in ("x/y", "x_y", None)}  # fmt: skip
    assert len(paths) == 12


def test_long_sample_names_do_not_swallow_the_name(store: ArtifactStore) -> None:
    batch = "|".join(f"sample_{number}" for number in range(64))
    assert store.save("masks", "x", stage="s", sample=batch) != store.save("boxes", "x", stage="s", sample=batch)
