"""One bad label among good ones: it is told, with its file, and the others are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_vizart.golden.dataset import GoldenDataset
from tests.fuzz.hostile_sets import COCO_FILE, ENTRIES, LFS, WHOLE, made, refusal
from tests.golden.datasets import write_manifest


@pytest.mark.parametrize("name", sorted(set(ENTRIES) - {"lidarseg"}))
@pytest.mark.parametrize("bad", [b"\xff\xfe\xfa damaged \0", b"\0"], ids=["damaged", "a zero byte"])
def test_one_bad_label_file_concerns_its_sample_only(tmp_path: Path, name: str, bad: bytes) -> None:
    label, good = ENTRIES[name]
    dataset = made(tmp_path, label, good, bad)
    error = refusal(lambda: dataset["a"].label("s"))
    assert str(error.file).endswith(str(label["path"]).replace("{id}", "a"))
    assert dataset["b"].label("s") is not None
    dataset.require_readable_labels()


@pytest.mark.parametrize(
    "name, content",
    [
        ("coco", COCO_FILE % '["x"]'),
        ("csv", "file,x1,y1,x2,y2,label\na.png,x,1,2,3,coin\nb.png,1,1,2,2,coin\n"),
        (
            "jsonl",
            '{"file_name": "a.png", "boxes": [\n{"file_name": "b.png", "boxes": [[1, 1, 2, 2]], "labels": [0]}\n',
        ),
        (
            "cvat",
            '<annotations><image name="a.png"><box label="x"/></image><image name="b.png"><box label="coin" xtl="1" '
            'ytl="1" xbr="2" ybr="2"/></image></annotations>',
        ),
        ("openimages", "ImageID,LabelName,XMin,XMax,YMin,YMax\na,coin,x,1,0,1\nb,coin,0,1,0,1\n"),
        ("model", '{"a": {"boxes": 1}, "b": {"boxes": [[1, 1, 2, 2]], "labels": [0]}}'),
    ],
)
def test_one_bad_label_in_a_file_concerns_its_sample_only(tmp_path: Path, name: str, content: str) -> None:
    dataset = made(tmp_path, WHOLE[name], content.encode())
    error = refusal(lambda: dataset["a"].label("s"))
    assert error.place or name == "model"
    label = dataset["b"].label("s")
    assert len(label) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_git_lfs_pointer_says_what_to_run(tmp_path: Path, name: str) -> None:
    label, good = ENTRIES[name]
    dataset = made(tmp_path, label, good, LFS)
    assert "git lfs pull" in str(refusal(lambda: dataset["a"].label("s")))
    assert dataset["b"].label("s") is not None


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_git_lfs_pointer_instead_of_the_whole_file(tmp_path: Path, name: str) -> None:
    dataset = made(tmp_path, WHOLE[name], LFS)
    assert "git lfs pull" in str(refusal(lambda: dataset["a"].label("s")))


@pytest.mark.parametrize("extension", ["png", "jpg", "npy", "npz", "ply", "pcd", "xyz", "bin", "las"])
def test_a_git_lfs_pointer_as_input(tmp_path: Path, extension: str) -> None:
    (tmp_path / f"a.{extension}").write_bytes(LFS)
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.txt").write_text("x")
    entry = {"stage": "s", "task": "text", "path": "t/{id}.txt"}
    write_manifest(tmp_path, {"samples": f"a.{extension}", "labels": [entry]})
    dataset = GoldenDataset.load(tmp_path)
    assert "git lfs pull" in str(refusal(dataset["a"].load))
