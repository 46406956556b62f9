"""The committed golden data is what the scripts make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import make_coins
import make_digits
import make_street
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image

MAKERS: dict[str, Callable[[Path], None]] = {
    "coins": make_coins.make,
    "digits": make_digits.make,
    "street": make_street.make,
}


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def content(path: Path) -> bytes | NDArray[np.uint8]:
    """A PNG's pixels, since encoders differ between versions of Pillow; any other file's bytes."""
    if path.suffix != ".png":
        return path.read_bytes()
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("name", MAKERS)
def test_the_script_makes_the_committed_files_and_no_others(name: str, tmp_path: Path, golden_folder: Path) -> None:
    MAKERS[name](tmp_path)
    assert files_below(golden_folder / name) - {"golden.yaml"} == files_below(tmp_path)
    different = [
        file
        for file in sorted(files_below(tmp_path))
        if not np.array_equal(content(tmp_path / file), content(golden_folder / name / file))
    ]
    assert different == []


@pytest.mark.parametrize("name, count", [("coins", 24), ("digits", 150), ("street", 16)])
def test_the_manifest_names_the_samples_their_licence_and_their_source(
    name: str, count: int, golden_folder: Path
) -> None:
    manifest = yaml.safe_load((golden_folder / name / "golden.yaml").read_text(encoding="utf-8"))
    assert len(list((golden_folder / name).glob(manifest["samples"]))) == count
    assert manifest["license"]
    assert manifest["source"]


def test_all_golden_data_together_stays_small(golden_folder: Path) -> None:
    data = [path for path in golden_folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in data) < 6_000_000
