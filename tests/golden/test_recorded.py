from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pytest_vizart.errors import GoldenError, GoldenFormatError, UsageError
from pytest_vizart.golden.recorded import RecordedStore, require_name
from pytest_vizart.records.labels import ArrayLabel, ImageLabel, PointLabels, TextLabel


@pytest.fixture
def store(tmp_path):
    return RecordedStore(tmp_path / "recorded")


GRADIENT = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.mark.parametrize(
    "label, extension",
    [
        (TextLabel("wörter\r\n\ttab\0\ud800"), ".txt"),
        (TextLabel(""), ".txt"),
        (ImageLabel(GRADIENT), ".png"),
        (ImageLabel(GRADIENT.astype(np.uint16) * 5000), ".png"),
        (ImageLabel(np.stack([GRADIENT] * 3, axis=-1)), ".png"),
        (ImageLabel(np.stack([GRADIENT] * 4, axis=-1)), ".json"),
        (ImageLabel(np.linspace(0, 1, 12).reshape(3, 4)), ".json"),
        (ArrayLabel({"": np.array(3.5)}), ".json"),
        (ArrayLabel({"": np.zeros((0, 4), dtype=np.float32)}), ".json"),
        (ArrayLabel({"a": np.array([[1, 2], [3, 4]]), "b/../c": np.array(["x", "yz"])}), ".json"),
        (ArrayLabel({"odd": np.array([np.nan, np.inf, -np.inf, -0.0])}), ".json"),
        (ArrayLabel({"yes": np.array([True, False])}), ".json"),
        (ArrayLabel({"": np.random.default_rng(0).normal(size=(200, 60)).astype(np.float32)}), ".npz"),
    ],
)
def test_what_is_written_is_read(store, label, extension):
    path = store.write("blur", "sub/tile.1", label)
    assert path == store.root / "blur" / "sub" / f"tile.1{extension}"
    _assert_equal(store.read("blur", "sub/tile.1"), label)


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.float16, np.int8, np.uint64, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=3, max_side=4),
    )
)
@settings(max_examples=60)
def test_numbers_keep_every_bit(tmp_path_factory, array):
    store = RecordedStore(tmp_path_factory.mktemp("recorded"))
    store.write("x", "s", ArrayLabel({"": array}))
    _assert_equal(store.read("x", "s"), ArrayLabel({"": array}))


def test_a_diff_shows_the_row_that_changed(store):
    array = np.array([[0.1, 0.2], [0.3, 0.4]], dtype=np.float32)
    before = store.write("x", "s", ArrayLabel({"": array})).read_text().splitlines()
    array[1, 1] = 0.5
    after = store.write("x", "s", ArrayLabel({"": array})).read_text().splitlines()
    assert [(a.strip(), b.strip()) for a, b in zip(before, after, strict=True) if a != b] == [
        ("[0.3, 0.4]", "[0.3, 0.5]")
    ]


def test_equal_outputs_are_equal_files(store):
    label = ArrayLabel({"": np.arange(20_000.0)})
    first = store.write("x", "a", label).read_bytes()
    assert store.write("x", "b", label).read_bytes() == first


def test_another_kind_takes_the_place_of_the_earlier_file(store):
    store.write("x", "s", TextLabel("one"))
    store.write("x", "s", ArrayLabel({"": np.array([1])}))
    assert [path.name for path in (store.root / "x").iterdir()] == ["s.json"]


def test_two_files_of_one_sample_are_told(store):
    store.write("x", "s", TextLabel("one"))
    (store.root / "x" / "s.json").write_text("{}")
    with pytest.raises(GoldenFormatError, match=r"two recorded outputs of one sample.*s\.txt, s\.json"):
        store.read("x", "s")


@pytest.mark.parametrize(
    "name, content",
    [
        ("s.json", b"{"),
        ("s.json", b"[1]"),
        ("s.json", b'{"": {"dtype": "|O", "shape": [1], "rows": [1]}}'),
        ("s.json", b'{"": {"dtype": "<f8", "shape": [3], "rows": [1, 2]}}'),
        ("s.json", b'{"": {"dtype": "<f8", "shape": [1], "rows": ["much"]}}'),
        ("s.json", b'{"": {"dtype": "<i8", "shape": [-1], "rows": [[1]]}}'),
        ("s.json", b"<<<<<<< HEAD\n{}"),
        ("s.json", b'{"": {"dtype": "<U900000000", "shape": [1], "rows": ["a"]}}'),
        ("s.json", b'{"": {"dtype": "<i8", "shape": [2.5], "rows": [1]}}'),
        ("s.json", b"[" * 100_000),
        ("s.npz", b"PK\x03\x04"),
        ("s.npz", b""),
        ("s.txt", b"\xff\xfe"),
        ("s.png", b"no picture"),
    ],
)
def test_a_damaged_one_is_told(store, name, content):
    folder = store.root / "x"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    with pytest.raises(GoldenFormatError) as caught:
        store.read("x", "s")
    assert str(folder / name) in str(caught.value)


def test_no_pickle_is_loaded(store):
    folder = store.root / "x"
    folder.mkdir(parents=True)
    np.savez(folder / "s.npz", np.array([object()], dtype=object))
    with pytest.raises(GoldenFormatError, match="not a recorded output"):
        store.read("x", "s")


@pytest.mark.parametrize(
    "label", [PointLabels(np.zeros(3, dtype=np.int32)), ArrayLabel({"": np.array([b"x"])}),
              ArrayLabel({"z": np.array([1j])}), ArrayLabel({"m": np.array(["2024"], dtype="M8[Y]")})],
)  # fmt: skip
def test_what_cannot_be_recorded(store, label):
    with pytest.raises(UsageError, match=r"such (outputs|values) cannot be recorded"):
        store.write("x", "s", label)
    assert list(store.entries()) == []


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="float64 is the widest float of this system")
def test_floats_wider_than_float64_are_told(store):
    with pytest.raises(UsageError, match=r"array 'n': such values .*float\d+; hint: convert them: array.astype"):
        store.write("x", "s", ArrayLabel({"n": np.array([0.1], dtype=np.longdouble)}))


def test_an_empty_dict_is_no_output(store):
    with pytest.raises(UsageError, match="there is nothing to record"):
        store.write("x", "s", ArrayLabel({}))


@pytest.mark.parametrize("link", ["recorded", "recorded/x", "recorded/x/sub"])
@pytest.mark.parametrize("there", [True, False])
def test_no_link_leads_a_recording_out_of_the_dataset(tmp_path, link, there):
    outside = tmp_path / "outside"
    if there:
        outside.mkdir()
    path = tmp_path / "dataset" / link
    path.parent.mkdir(parents=True)
    path.symlink_to(outside, target_is_directory=True)
    with pytest.raises(GoldenFormatError, match="a symbolic link leads out of the dataset"):
        RecordedStore(tmp_path / "dataset" / "recorded").write("x", "sub/s", TextLabel("one"))
    assert not outside.exists() or not list(outside.iterdir())


def test_nothing_is_read_or_removed_through_a_link(tmp_path):
    RecordedStore(tmp_path / "outside").write("x", "s", TextLabel("one"))
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "recorded").symlink_to(tmp_path / "outside")
    store = RecordedStore(tmp_path / "dataset" / "recorded")
    with pytest.raises(GoldenFormatError, match="leads out"):
        store.read("x", "s")
    with pytest.raises(GoldenFormatError, match="leads out"):
        store.remove(store.root / "x" / "s.txt")
    assert (tmp_path / "outside" / "x" / "s.txt").is_file()


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_written_through(store, tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    (store.root / "x").mkdir(parents=True)
    (store.root / "x" / "s.txt").symlink_to(outside)
    store.write("x", "s", TextLabel("one"))
    assert outside.read_text() == "mine"
    assert store.read("x", "s") == TextLabel("one")


@pytest.mark.parametrize("blocked", ["recorded", "recorded/x", "recorded/x/s.txt/inner"])
def test_what_cannot_be_written_is_told_with_its_file(tmp_path, blocked):
    store = RecordedStore(tmp_path / "recorded")
    path = tmp_path / blocked
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    with pytest.raises(GoldenError, match=r"recorded output cannot be written; .*hint: check the folder") as caught:
        store.write("x", "s", TextLabel("one"))
    assert caught.value.file == str(store.root / "x" / "s.txt")


def test_removing_leaves_no_empty_folders(store):
    path = store.write("x", "a/b/s", TextLabel("one"))
    store.write("y", "s", TextLabel("one"))
    store.remove(path)
    assert [each.name for each in store.root.iterdir()] == ["y"]


def test_what_a_killed_writer_left_is_found(store):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    store.write("x", "sub/s", TextLabel("one"))
    folder = store.root / "x" / "sub"
    left = folder / f".s.txt.{dead.stdout.decode().strip()}"
    for path in (left, folder / f".s.txt.{os.getpid()}", folder / ".s.txt.notes", folder / ".gitignore"):
        path.write_text("")
    assert list(store.leftovers()) == [left]
    assert [sample for _, sample, _ in store.entries()] == ["sub/s"]


def test_folders_that_no_output_can_be_called_are_nobodys(store):
    store.write("x", "s", TextLabel("one"))
    for name in (".git", "with space"):
        (store.root / name).mkdir()
        (store.root / name / "s.txt").write_text("")
    assert [name for name, _, _ in store.entries()] == ["x"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 65, None, 3, "a\0", "ends."])
def test_what_is_no_name(name):
    with pytest.raises(UsageError, match="not a name for a recorded output"):
        require_name(name)


def test_entries_are_sorted_and_leave_out_what_is_not_recorded(store):
    store.write("b", "s/1", TextLabel(""))
    store.write("a", "t", ArrayLabel({"": np.array([1])}))
    (store.root / "a" / "notes.md").write_text("")
    assert [(name, sample) for name, sample, _ in store.entries()] == [("a", "t"), ("b", "s/1")]


def test_json_is_json(store):
    path = store.write("x", "s", ArrayLabel({"n": np.array([np.nan, 1.0])}))
    assert json.loads(path.read_text()) == {"n": {"dtype": "<f8", "shape": [2], "rows": ["nan", 1.0]}}


def _assert_equal(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, TextLabel):
        assert found == expected
        return
    pairs = (
        [(found.image, expected.image)]
        if isinstance(expected, ImageLabel)
        else [(found.arrays[name], array) for name, array in expected.arrays.items()]
    )
    for one, other in pairs:
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(one, other)
        if other.dtype.kind == "f":
            known = ~np.isnan(other)  # JSON has one word for every NaN
            np.testing.assert_array_equal(np.signbit(one[known]), np.signbit(other[known]))
