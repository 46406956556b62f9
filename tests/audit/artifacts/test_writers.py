"""Every writer, by reading back what it wrote; and what none of them writes."""

from __future__ import annotations

import json
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyarrow import csv

from pytest_vizart import UsageError, register_artifact_writer
from pytest_vizart.accuracy.predicted import CloudPrediction, ImagePrediction, PointPrediction, SemanticPrediction
from pytest_vizart.audit.artifacts import ArtifactStore, registry
from pytest_vizart.golden.ply_file import read_vertices


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path, "run-1")


def saved(store: ArtifactStore, value: Any, name: str = "out", stage: str = "detect") -> Path:
    return store.save(name, value, stage=stage)


def pixels(path: Path) -> np.ndarray:
    assert path.suffix == ".png"
    with Image.open(path) as image:
        return np.asarray(image)


RAMP = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
LABELS = np.arange(40 * 50).reshape(40, 50)


def test_bytes_and_text_are_written_as_they_are(store: ArtifactStore) -> None:
    assert saved(store, b"\0\xff").read_bytes() == b"\0\xff"
    assert saved(store, bytearray(b"ab"), "x.dat").name == "x.dat"
    assert saved(store, memoryview(b"ab"), "view").read_bytes() == b"ab"
    assert saved(store, "schön \ud800", "t").read_text("utf-8") == "schön \\ud800"
    assert saved(store, "<p>", "page.html").name == "page.html"


@pytest.mark.parametrize(
    "image",
    [
        RAMP,
        np.dstack([RAMP, RAMP[..., :1]]),
        RAMP[..., 0],
        RAMP[:, ::-1].transpose(1, 0, 2),
        (LABELS % 3).astype(np.int64),
        LABELS.astype(np.int32),
        LABELS % 2 == 0,
        np.array([[1, 65_535]], np.uint16),
        np.array([[1, 65_535]], ">u2"),
    ],
)
def test_images_and_masks_are_png_with_every_value(store: ArtifactStore, image: np.ndarray) -> None:
    read = pixels(saved(store, image))
    assert read.shape == image.shape
    assert (read == image).all()


@pytest.mark.parametrize(
    "array",
    [
        RAMP.astype(np.float32),
        np.array([[1, 2, 3, 4]] * 40),
        LABELS - 1,
        LABELS * 100,
        RAMP[None],
        RAMP[..., :2],
        np.zeros((0, 4)),
        np.zeros((0, 5, 3), np.uint8),
        np.array([1 + 2j]),
        np.array(["a", "bc"]),
        np.array([("x", 1.5)], dtype=[("name", "U1"), ("value", "f4")]),
        np.array(7.0),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    ],
)
def test_other_arrays_are_npy_and_come_back_as_they_were(store: ArtifactStore, array: np.ndarray) -> None:
    path = saved(store, array)
    read = np.load(path, allow_pickle=False)
    assert path.suffix == ".npy"
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    assert (read == array).all()


def test_a_name_that_ends_in_npy_keeps_the_array_an_array(store: ArtifactStore) -> None:
    assert np.load(saved(store, RAMP, "image.npy")).dtype == np.uint8


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pillow_images_keep_their_pixels(store: ArtifactStore, mode: str) -> None:
    image = Image.new(mode, (4, 3), 1 if mode in ("1", "P", "I;16") else None)
    before = image.tobytes()
    with Image.open(saved(store, image)) as read:
        assert read.mode == mode
        assert read.tobytes() == before


@pytest.mark.parametrize("mode", ["F", "I", "CMYK", "HSV"])
def test_what_png_cannot_hold_is_an_array(store: ArtifactStore, mode: str) -> None:
    image = Image.new(mode, (4, 3), 100_000 if mode in "FI" else None)
    path = saved(store, image)
    read = np.load(path) if path.suffix == ".npy" else pixels(path)
    assert (read == np.asarray(image)).all()


def test_arrays_by_name_are_an_archive(store: ArtifactStore) -> None:
    with np.load(saved(store, {"boxes": RAMP, "../up": np.ones(2)})) as read:
        assert (read["boxes"] == RAMP).all()
        assert not any("/" in name for name in read.files)
    with np.load(saved(store, [RAMP, np.ones(2)], "list")) as read:
        assert read.files == ["arr_0", "arr_1"]
    pair = namedtuple("Pair", "left right")
    with np.load(saved(store, pair(RAMP, RAMP), "named")) as read:
        assert read.files == ["left", "right"]
    with np.load(saved(store, np.ma.array([1, 2], mask=[True, False]), "masked")) as read:
        assert read["mask"].tolist() == [True, False]


def test_what_stands_beside_large_arrays_is_in_the_archive_too(store: ArtifactStore) -> None:
    with np.load(saved(store, {"mask": np.zeros((40, 50), bool), "label": "car"})) as read:
        assert read["mask"].shape == (40, 50)
        assert json.loads(read["rest.json"]) == {"label": "car"}


@dataclass
class Result:
    label: str
    box: Any


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"a": [1, 2.5, None, True]}, {"a": [1, 2.5, None, True]}),
        ({"small": np.arange(3), "label": "x"}, {"small": [0, 1, 2], "label": "x"}),
        ({3: {"set": {1}, "path": Path("a/b"), "bytes": b"\xff"}}, {"3": {"set": [1], "path": "a/b", "bytes": "ÿ"}}),
        (Result("car", np.ones(2)), {"label": "car", "box": [1.0, 1.0]}),
        ([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 2}]),
        ([{"a": 1}, {"a": "x"}], [{"a": 1}, {"a": "x"}]),
        ([], []),
        (None, None),
        (2**70, 2**70),
        (np.float32(0.5), 0.5),
        (["\udce9"], ["\udce9"]),
        (np.array([1, "a", None], dtype=object), [1, "a", None]),
        ({"nan": float("nan")}, {"nan": None}),
    ],
)
def test_plain_data_is_json(store: ArtifactStore, value: object, read: object) -> None:
    path = saved(store, value)
    assert path.suffix == ".json"
    assert json.loads(path.read_text()) == read


def test_tables_are_parquet_or_csv(store: ArtifactStore) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    rows = [{"name": "a", "score": 0.5}, {"name": "b", "score": None}]
    arrow = pa.Table.from_pylist(rows)
    for number, value in enumerate((arrow, arrow.to_batches()[0], rows, arrow.to_pandas(), polars.DataFrame(rows))):
        path = saved(store, value, f"t{number}")
        assert path.suffix == ".parquet"
        assert pq.read_table(path).column("name").to_pylist() == ["a", "b"]
        assert csv.read_csv(saved(store, value, f"t{number}.csv")).column("name").to_pylist() == ["a", "b"]
    for number, column in enumerate((pandas.Series([1, 2]), polars.Series([1, 2]))):
        assert pq.read_table(saved(store, column, f"c{number}")).num_rows == 2
    with pytest.raises(UsageError, match="Arrow cannot write"):
        saved(store, pandas.DataFrame({"mixed": [1, object()]}))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_clouds_are_ply(store: ArtifactStore, dtype: str) -> None:
    xyz = np.arange(20, dtype=dtype).reshape(4, 5) / 8
    path = saved(store, xyz, stage="PointCloud filter")
    read = read_vertices(path)
    assert path.suffix == ".ply"
    assert list(read) == ["x", "y", "z", "value_3", "value_4"]
    assert (np.column_stack(list(read.values())) == xyz).all()
    assert saved(store, xyz, "cloud.ply").suffix == ".ply"
    assert saved(store, xyz).suffix == ".npy"
    assert len(read_vertices(saved(store, np.zeros((0, 3)), "empty.ply"))["x"]) == 0


def test_our_own_forms_are_what_they_hold(store: ArtifactStore) -> None:
    assert len(read_vertices(saved(store, CloudPrediction(np.ones((5, 3)))))["x"]) == 5
    assert (pixels(saved(store, ImagePrediction(RAMP))) == RAMP).all()
    assert (pixels(saved(store, SemanticPrediction(LABELS.astype(np.int32)))) == LABELS).all()
    with np.load(saved(store, PointPrediction(np.arange(3, dtype=np.int32)))) as read:
        assert read["labels"].tolist() == [0, 1, 2]


def test_tensors_go_through_numpy(store: ArtifactStore) -> None:
    torch = pytest.importorskip("torch")
    values = torch.arange(6.0).reshape(2, 3).requires_grad_()
    assert np.load(saved(store, values)).tolist() == values.tolist()
    assert np.load(saved(store, values.to(torch.bfloat16), "b")).dtype == np.float32
    assert (pixels(saved(store, torch.from_numpy(RAMP), "image")) == RAMP).all()
    with np.load(saved(store, {"boxes": values, "masks": torch.zeros(2, 40, 50)}, "d")) as read:
        assert read["masks"].shape == (2, 40, 50)
    assert values.requires_grad
    with pytest.raises(UsageError, match="tensor that numpy cannot hold"):
        saved(store, torch.eye(3).to_sparse())


@pytest.mark.parametrize("value", [object(), np.array([object()]), (each for each in [1]), len, [object()], 1j])
def test_what_nobody_can_write_is_refused_by_type(store: ArtifactStore, tmp_path: Path, value: object) -> None:
    with pytest.raises(UsageError, match=r"cannot be saved.*register_artifact_writer"):
        saved(store, value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_generator_is_not_consumed(store: ArtifactStore) -> None:
    generator = (each for each in [1, 2])
    with pytest.raises(UsageError):
        saved(store, generator)
    assert list(generator) == [1, 2]


class Mesh:
    def __init__(self, text: str) -> None:
        self.text = text


class Derived(Mesh):
    pass


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("kind", [Mesh, f"{Mesh.__module__}.Mesh"])
def test_a_registered_writer_writes_its_type_and_those_derived_from_it(store: ArtifactStore, kind: Any) -> None:
    @register_artifact_writer(kind, suffix=".obj")
    def write(mesh: Mesh, file: IO[bytes]) -> None:
        file.write(mesh.text.encode())

    assert saved(store, Derived("v 0 0 0")).read_text() == "v 0 0 0"
    assert saved(store, Mesh("v"), "mesh.obj").name == "mesh.obj"


@pytest.mark.usefixtures("registered")
def test_a_registered_writer_goes_before_our_own_and_its_errors_are_the_users(store: ArtifactStore) -> None:
    register_artifact_writer(dict, suffix=".txt")(lambda value, file: file.write(b"own"))
    assert saved(store, {}).read_bytes() == b"own"
    register_artifact_writer(dict, suffix=".txt")(lambda value, file: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        saved(store, {})


@pytest.mark.parametrize(("kind", "suffix"), [("Mesh", ".obj"), (3, ".obj"), (Mesh, "obj"), (Mesh, "../x"), (Mesh, 3)])
def test_a_registration_that_cannot_be_meant_is_refused(kind: Any, suffix: Any) -> None:
    with pytest.raises(UsageError, match="not a writer"):
        register_artifact_writer(kind, suffix=suffix)


def test_a_flat_list_is_one_column_of_csv(store: ArtifactStore) -> None:
    path = saved(store, [1, 3, 2], "table.csv")
    assert path.name.endswith("table.csv")
    assert csv.read_csv(path).to_pydict() == {"value": [1, 3, 2]}


@pytest.mark.parametrize("value", [[], [1, "a"], [[1, 2]], {"a": 1}, [{"a": 1}, {"b": 2}]])
def test_what_is_no_table_is_not_saved_as_csv(store: ArtifactStore, value: object) -> None:
    with pytest.raises(UsageError, match="cannot be saved"):
        saved(store, value, "table.csv")
