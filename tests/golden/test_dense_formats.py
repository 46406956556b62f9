"""PNG masks, labelled PLY clouds and class CSV files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_vizart.errors import GoldenError, GoldenFormatError, UsageError
from pytest_vizart.golden import formats
from pytest_vizart.golden.dataset import GoldenDataset
from pytest_vizart.golden.formats import LabelSource, register_format
from pytest_vizart.golden.listing import SampleKey
from pytest_vizart.records.labels import IGNORE, ClassLabel, ClassMap, Label, PointLabels, SemanticLabels, Task
from tests.golden.datasets import mask_dataset, shared, write_images, write_manifest

MASK = np.zeros((6, 8), np.uint8)
MASK[2:, 3:] = 7


def mask_of(root: Path, sample: str = "a") -> np.ndarray[Any, Any]:
    label = GoldenDataset.load(root)[sample].label("segment")
    assert isinstance(label, SemanticLabels)
    return label.mask


def test_gray_and_deep_masks_hold_class_ids(tmp_path: Path) -> None:
    for mask in (MASK, MASK.astype(np.uint16)):
        assert mask_of(mask_dataset(tmp_path, {"a": mask})).tolist() == (MASK == 7).astype(int).tolist()


def test_palette_masks_are_read_by_index_not_colour(tmp_path: Path) -> None:
    root = mask_dataset(tmp_path, {"a": MASK})
    palette = Image.new("P", (8, 6))
    palette.putdata(MASK.ravel().tolist())
    palette.putpalette([9] * 768)
    palette.save(root / "masks" / "a.png")
    with Image.open(root / "masks" / "a.png") as stored:
        assert stored.mode == "P"
    assert mask_of(root).tolist() == (MASK == 7).astype(int).tolist()


def test_ignore_is_left_out_and_a_sample_without_mask_is_unlabeled(tmp_path: Path) -> None:
    mask = MASK.copy()
    mask[0, 0] = 255
    root = mask_dataset(tmp_path, {"a": mask}, ignore=255)
    assert mask_of(root)[0, 0] == IGNORE
    assert GoldenDataset.load(root)["b"].label("segment") is None


def test_values_that_are_no_class_name_their_pixel_and_the_remedy(tmp_path: Path) -> None:
    mask = MASK.copy()
    mask[1, 2] = 255
    with pytest.raises(GoldenFormatError, match="no class ID") as caught:
        mask_of(mask_dataset(tmp_path, {"a": mask}))
    assert caught.value.place == "pixel (1, 2) (row, column)"
    assert caught.value.hint == "set `ignore: 255` in the manifest"


def test_colour_masks_and_other_files_are_refused_for_their_sample_only(tmp_path: Path) -> None:
    root = mask_dataset(tmp_path, {"a": np.zeros((6, 8, 3), np.uint8), "b": MASK})
    with pytest.raises(GoldenFormatError, match="has colours"):
        mask_of(root)
    assert mask_of(root, "b").shape == (6, 8)
    Image.fromarray(MASK).save(root / "masks" / "a.png", format="BMP")
    with pytest.raises(GoldenFormatError, match="does not decode"):
        mask_of(root)


def test_no_mask_at_all_is_a_wrong_path(tmp_path: Path) -> None:
    with pytest.raises(GoldenFormatError, match="no sample has a label file"):
        GoldenDataset.load(mask_dataset(tmp_path, {}))


def cloud(root: Path, labels: list[str], *, name: str = "label", kind: str = "uchar", **label: Any) -> Path:
    (root / "clouds").mkdir(parents=True, exist_ok=True)
    header = (
        f"ply\nformat ascii 1.0\nelement vertex {len(labels)}\nproperty float x\nproperty float y\nproperty float z\n"
    )
    rows = "".join(f"{number} 0 1 {value}\n" for number, value in enumerate(labels))
    (root / "clouds" / "a.ply").write_text(f"{header}property {kind} {name}\nend_header\n{rows}", encoding="utf-8")
    entry = {"stage": "points", "task": "points", "path": "clouds/{id}.ply", **label}
    write_manifest(root, {"samples": "clouds/*.ply", "classes": {1: "ground", 40: "tree"}, "labels": [entry]})
    return root


def test_cloud_labels_are_class_ids_of_a_vertex_property(tmp_path: Path) -> None:
    sample = GoldenDataset.load(cloud(tmp_path, ["1", "40", "255"], ignore=255))["a"]
    label = sample.label("points")
    assert isinstance(label, PointLabels)
    assert label.labels.tolist() == [0, 1, IGNORE]
    assert sample.load().tolist() == [[0, 0, 1], [1, 0, 1], [2, 0, 1]]


@pytest.mark.parametrize(
    "labels, options, problem",
    [
        (["1"], {"name": "labels"}, "no such property.*property: labels"),
        (["1", "2"], {}, "no class ID"),
        (["1.5"], {"kind": "float"}, "is no class ID"),
        (["nan"], {"kind": "float"}, "is no class ID"),
        (["300"], {}, "no class ID"),
    ],
)
def test_cloud_labels_that_cannot_be_used_are_refused(
    tmp_path: Path, labels: list[str], options: dict[str, str], problem: str
) -> None:
    with pytest.raises(GoldenFormatError, match=problem):
        GoldenDataset.load(cloud(tmp_path, labels, **options))["a"].label("points")


def classes(root: Path, text: str | bytes, **label: Any) -> GoldenDataset:
    write_images(root, ["images/a.png", "images/b.png"])
    (root / "l.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    entry = {"stage": "read", "task": "classes", "path": "l.csv", **label}
    write_manifest(root, {"samples": "images/*.png", "classes": {3: "three", 8: "eight"}, "labels": [entry]})
    return GoldenDataset.load(root)


def test_csv_names_samples_by_file_or_id_and_classes_by_name_or_id(tmp_path: Path) -> None:
    dataset = classes(
        tmp_path,
        '\ufefffile,n,what\nimages/a.png,1,"three"\nb,2,8\nother.png,3,?\n',
        columns={"sample": "file", "label": "what"},
    )
    assert [sample.label("read") for sample in dataset] == [ClassLabel(0), ClassLabel(1)]


def test_csv_sample_without_row_or_label_is_unlabeled(tmp_path: Path) -> None:
    dataset = classes(tmp_path, "sample,label\na.png,\n")
    assert [sample.label("read") for sample in dataset] == [None, None]


@pytest.mark.parametrize(
    "row, problem, place",
    [
        ("a,nine", "unknown class", "line 3"),
        ("a,three\na,three", "several rows", "line 4"),
        ("a", "too short", "line 3"),
    ],
)
def test_a_bad_csv_row_concerns_its_sample_only(tmp_path: Path, row: str, problem: str, place: str) -> None:
    dataset = classes(tmp_path, f"sample,label\nb,eight\n{row}\n")
    assert dataset["b"].label("read") == ClassLabel(1)
    with pytest.raises(GoldenFormatError, match=problem) as caught:
        dataset["a"].label("read")
    assert caught.value.place == place


@pytest.mark.parametrize(
    "text, problem",
    [
        ("sample|label\n", "no column holds the sample"),
        ("sample,name\n", "no column holds the label"),
        ("", "no column"),
        ("sample,label,label\n", "several columns could hold the label"),
        (b"sample,label\na,\xff\n", "not UTF-8"),
        ('sample,label\n"a,three\n', "not a CSV file"),
    ],
)
def test_a_broken_csv_gives_each_sample_the_same_error(tmp_path: Path, text: str | bytes, problem: str) -> None:
    messages = set()
    for sample in classes(tmp_path, text):
        with pytest.raises(GoldenFormatError, match=problem) as caught:
            sample.label("read")
        messages.add(str(caught.value))
    assert len(messages) == 1


class FirstLetterReader:
    """Reads a class off the first letter of a text file."""

    tasks: tuple[Task, ...] = ("classes",)
    per_sample = True

    def __init__(self, source: LabelSource) -> None:
        self._source = source

    def classes(self) -> ClassMap:
        return self._source.required_classes()

    def read(self, key: SampleKey) -> Label | None:
        path = self._source.path_for(key)
        letters = [name[0] for name in self.classes().names]
        return ClassLabel(letters.index(path.read_text()[0])) if path.exists() else None


def test_a_registered_format_is_found_by_its_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "_formats", dict(formats._formats))
    monkeypatch.setattr(formats, "_extensions", dict(formats._extensions))
    register_format("letter", f"{__name__}:FirstLetterReader", extensions=[".txt"])
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.txt").write_text("eight", encoding="utf-8")
    dataset = classes(tmp_path, "", path="t/{id}.txt")
    assert [sample.label("read") for sample in dataset] == [ClassLabel(1), None]
    register_format("letter", "nowhere:Class")
    with pytest.raises(UsageError, match="cannot be imported"):
        GoldenDataset.load(tmp_path)


@pytest.mark.parametrize("target, extensions", [("module", []), ("module:Class", ["txt"])])
def test_register_format_checks_its_arguments(target: str, extensions: list[str]) -> None:
    with pytest.raises(UsageError):
        register_format("x", target, extensions=extensions)


def test_classes_are_needed_where_the_file_has_none(tmp_path: Path) -> None:
    root = mask_dataset(tmp_path, {"a": MASK})
    write_manifest(
        root, {"samples": "images/*.png", "labels": [{"stage": "s", "task": "semantic", "path": "masks/{id}.png"}]}
    )
    with pytest.raises(GoldenError, match="key is missing") as caught:
        GoldenDataset.load(root)
    assert caught.value.place == "classes"


def test_real_index_masks_load_and_fit_their_images(tmp_path: Path) -> None:
    source = shared("seg_camvid_keras")
    for folder, target in (("images_prepped_test", "images"), ("annotations_prepped_test", "masks")):
        (tmp_path / target).mkdir()
        for path in (source / folder).glob("*.png"):
            (tmp_path / target / path.name).write_bytes(path.read_bytes())
    entry = {"stage": "segment", "task": "semantic", "path": "masks/{id}.png"}
    write_manifest(tmp_path, {"samples": "images/*.png", "classes": [f"c{n}" for n in range(12)], "labels": [entry]})
    dataset = GoldenDataset.load(tmp_path)
    assert len(dataset) == 3
    for sample in dataset:
        label = sample.label("segment")
        assert isinstance(label, SemanticLabels)
        assert label.mask.shape == sample.load().shape[:2]
        assert label.mask.max() == 11


def test_real_palette_masks_hold_their_indices(tmp_path: Path) -> None:
    source = shared("seg_mmseg_pseudo", "pseudo_dataset")
    (tmp_path / "in").mkdir()
    for number in range(5):
        (tmp_path / "in" / f"{number}.jpg").write_bytes((source / "imgs" / f"0000{number}_img.jpg").read_bytes())
        (tmp_path / f"{number}.png").write_bytes((source / "gts" / f"0000{number}_gt.png").read_bytes())
    entry = {"stage": "segment", "task": "semantic", "path": "{id}.png"}
    write_manifest(tmp_path, {"samples": "in/*", "classes": ["a", "b", "c", "d"], "labels": [entry]})
    labels = [sample.label("segment") for sample in GoldenDataset.load(tmp_path)]
    assert [int(label.mask.max()) for label in labels if isinstance(label, SemanticLabels)] == [2, 1, 2, 3, 3]


def test_real_git_lfs_pointers_are_called_so(tmp_path: Path) -> None:
    pointer = shared("malformed_misc", "lfs_pointers_pcd", "test_data", "bin.pcd")
    root = mask_dataset(tmp_path, {"a": MASK})
    (root / "masks" / "a.png").write_bytes(pointer.read_bytes())
    with pytest.raises(GoldenFormatError, match="git lfs pull"):
        mask_of(root)


def gray_png(rows: list[list[int]], depth: int) -> bytes:
    """A PNG of few bits a pixel, which Pillow reads and cannot write."""
    packed = b"".join(
        b"\0" + int("".join(f"{value:0{depth}b}" for value in row).ljust(8, "0"), 2).to_bytes(1, "big") for row in rows
    )
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), depth, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(packed)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.parametrize(("depth", "rows"), [(1, [[0, 1], [1, 0]]), (2, [[0, 3], [2, 1]]), (4, [[0, 7], [15, 1]])])
def test_gray_masks_of_few_bits_keep_their_numbers(tmp_path: Path, depth: int, rows: list[list[int]]) -> None:
    root = mask_dataset(tmp_path, {"a": MASK}, classes={str(number): f"class {number}" for number in range(16)})
    (root / "masks" / "a.png").write_bytes(gray_png(rows, depth))
    assert mask_of(root).tolist() == rows
