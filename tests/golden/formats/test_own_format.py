"""A format of the user's own, as docs/golden.md shows it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from pytest_vizart.errors import GoldenFormatError, UsageError
from pytest_vizart.golden.dataset import GoldenDataset
from tests.golden.datasets import write_images, write_manifest

PAGE = Path(__file__).parents[3] / "docs" / "golden.md"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The reader of the page, importable."""
    (code,) = re.findall(r"```python\n(.*?class Reader:.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (tmp_path / "own_labels.py").write_text(code + "\n\nclass NoReader:\n    tasks = ('boxes',)\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "own_labels"
    sys.modules.pop("own_labels", None)


def dataset(root: Path, name: str, text: str = "7 1 2 5 6\n") -> GoldenDataset:
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "a.lbl").write_text(text)
    label = {"stage": "detect", "task": "boxes", "path": "{id}.lbl", "format": name}
    write_manifest(root, {"samples": "images/*.png", "classes": {7: "coin"}, "labels": [label]})
    return GoldenDataset.load(root)


def test_the_reader_of_the_page_reads(tmp_path: Path, module: str) -> None:
    data = dataset(tmp_path / "set", f"{module}:Reader")
    label = data["a"].label("detect")
    assert (label.boxes.tolist(), label.class_index.tolist(), label.area.tolist()) == ([[1, 2, 5, 6]], [0], [16])
    assert data["b"].label("detect") is None


@pytest.mark.parametrize("text", ["7 1 2 5 x\n", "8 1 2 5 6\n"])
def test_it_refuses_as_the_page_says(tmp_path: Path, module: str, text: str) -> None:
    with pytest.raises(GoldenFormatError, match=r"a\.lbl: not a label"):
        dataset(tmp_path / "set", f"{module}:Reader", text)["a"].label("detect")


@pytest.mark.parametrize(
    "name, message",
    [
        ("own_labels:Missing", "cannot be imported"),
        ("no_such_module:Reader", "cannot be imported"),
        (":", "cannot be imported"),
        ("own_labels:NoReader", "is no reader of labels.*no per_sample, classes, read"),
    ],
)
def test_what_is_no_reader(tmp_path: Path, module: str, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        dataset(tmp_path / "set", name)
