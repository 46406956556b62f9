"""Arrays of every dtype and layout; large ones, whose digest is made of a sample and a checksum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_vizart.profiling.recording.summaries import elements, summarise
from pytest_vizart.profiling.recording.summaries.checksum import (
    BLOCK_BYTES,
    EXACT_BYTES,
    SAMPLE,
    blocks,
    sample_positions,
)
from pytest_vizart.records.profile import OutputSummary

NUMBERS = [
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]
OTHERS = ["longdouble", "clongdouble", "datetime64[ns]", "timedelta64[s]", "U3", "S5", "V7"]


def summary(value: object) -> OutputSummary:
    return summarise(value, stage="detect", sample_id=None)


def digest(value: object) -> str | None:
    return summary(value).digest


def filled(dtype: str, size: int) -> Any:
    """An array of numbers that differ from their neighbours."""
    numbers = np.arange(size) * 7 % 113
    if dtype == "bool":
        return numbers % 3 == 0
    if dtype.startswith("V"):
        return np.array([f"{number:<7}".encode() for number in numbers], "S7").view(dtype)
    return numbers.astype(dtype)


@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)))
@settings(max_examples=100, deadline=None)
def test_the_layout_makes_no_difference(value: Any) -> None:
    expected = digest(value)
    assert expected is not None
    assert digest(np.array(value, order="F")) == expected
    assert digest(value.astype(value.dtype.newbyteorder())) == expected
    assert digest(np.asarray(np.flip(np.flip(value).copy()))) == expected
    frozen = value.copy()
    frozen.flags.writeable = False
    assert digest(frozen) == expected


@given(hnp.arrays(st.sampled_from(NUMBERS), hnp.array_shapes(max_dims=3, max_side=6)), st.data())
@settings(max_examples=60, deadline=None)
def test_one_changed_element_changes_the_digest(value: Any, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, value.size - 1))
    changed = value.copy()
    changed.flat[position] = 1 if not value.flat[position] else 0
    assert digest(changed) != digest(value)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_one_changed_element_of_a_large_array_changes_the_digest(dtype: str) -> None:
    value = filled(dtype, (BLOCK_BYTES * 2 + 4_000) // np.dtype(dtype).itemsize + 1)
    assert value.nbytes > EXACT_BYTES
    expected = digest(value)
    random = np.random.default_rng(1)
    for position in [0, 1, value.size - 1, value.size // 2, *random.integers(0, value.size, 8).tolist()]:
        kept = value[position]
        value[position] = not kept if dtype == "bool" else kept + 1
        assert digest(value) != expected, position
        value[position] = kept
    assert digest(value) == expected


@pytest.mark.parametrize("dtype", [*NUMBERS, *OTHERS])
def test_a_large_array_has_one_digest_in_every_layout(dtype: str) -> None:
    size = (BLOCK_BYTES + 9_000) // np.dtype(dtype).itemsize // 12 * 12
    value = filled(dtype, size).reshape(4, -1, 3)
    expected = digest(value)
    assert expected is not None
    layouts = {
        "transposed": np.ascontiguousarray(value.transpose(2, 0, 1)).transpose(1, 2, 0),
        "fortran": np.asfortranarray(value),
        "flipped": np.ascontiguousarray(value[::-1, ::-1, ::-1])[::-1, ::-1, ::-1],
        "every second": np.repeat(value, 2, axis=1)[:, ::2],
        "a part": np.pad(value, ((1, 1), (0, 2), (0, 1)), mode="edge")[1:-1, :-2, :-1],
        "other byte order": value.astype(value.dtype.newbyteorder()),
        "not aligned": np.frombuffer(b"\1" + value.tobytes(), np.uint8)[1:].view(value.dtype).reshape(value.shape),
    }
    for name, layout in layouts.items():
        assert digest(layout) == expected, name
    assert digest(value[..., ::-1]) != expected


def test_moved_and_exchanged_parts_of_a_large_array_are_seen() -> None:
    value = np.arange(BLOCK_BYTES // 2, dtype="u4")  # two blocks
    half = value.size // 2
    others = [
        np.concatenate([value[half:], value[:half]]),
        np.roll(value, 1),
        value[::-1].copy(),
        value.reshape(2, -1).T.copy().reshape(-1),
        np.concatenate([value[1:2], value[:1], value[2:]]),
        np.concatenate([value, np.zeros(1, "u4")]),
        value.reshape(2, -1),
        value.view("i4"),
    ]
    digests = [digest(value), *map(digest, others)]
    assert len(set(digests)) == len(digests)


def test_what_the_sample_does_not_meet_is_in_the_checksum() -> None:
    value = np.zeros(4_000_000, np.uint8)
    unsampled = np.setdiff1d(np.arange(1_000), sample_positions(value.size))
    changed = value.copy()
    changed[unsampled[0]] = 1
    assert digest(changed) != digest(value)


@pytest.mark.parametrize("dtype, bits", [("f2", "u2"), ("f4", "u4"), ("f8", "u8")])
@pytest.mark.parametrize("size", [100, 300_000])
def test_signs_of_zero_and_payloads_of_nan_make_no_difference(dtype: str, bits: str, size: int) -> None:
    value = np.ones(size, dtype)
    value[:10], value[-10:] = 0, np.nan
    other = value.copy()
    other[3], other.view(bits)[-3] = -0.0, other.view(bits)[-3] + 1
    other.view(bits)[-4] |= 1 << (8 * np.dtype(bits).itemsize - 1)
    assert not np.array_equal(other.view(bits), value.view(bits))
    before = other.tobytes()
    assert digest(other) == digest(value)
    assert other.tobytes() == before
    assert summary(other).invalid == 10
    assert digest(other + 1j) == digest(value + 1j)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("size", [9, 300_000])
def test_range_and_count_of_invalid_elements_are_exact(dtype: str, size: int) -> None:
    value = np.resize(np.array([0.5, -0.25, 0.0], dtype), size)
    value[4], value[5] = -2.5, 7
    assert (summary(value).low, summary(value).high, summary(value).invalid) == (-2.5, 7.0, 0)
    value[6], value[7], value[8] = np.inf, -np.inf, np.nan
    assert (summary(value).low, summary(value).high, summary(value).invalid) == (-2.5, 7.0, 3)
    value[:] = np.nan
    found = summary(value)
    assert (found.low, found.high, found.mean, found.invalid) == (None, None, None, size)


def test_the_mean_of_a_large_array_is_that_of_a_sample() -> None:
    found = summary(np.tile(np.arange(256, dtype=np.uint8), 8_192))
    assert (found.low, found.high) == (0.0, 255.0)
    assert found.mean == pytest.approx(127.5, abs=2.0)
    assert "mean ~" in found.text
    image = np.zeros((1_024, 1_024, 4), np.uint8)
    image[..., 3] = 200  # a regular stride would meet one channel only
    assert summary(image).mean == pytest.approx(50.0, abs=2.0)


@pytest.mark.parametrize("size", [1, 5, SAMPLE - 1, SAMPLE, SAMPLE + 1, 10**6, 2**31 + 7, 10**15])
def test_sampled_positions(size: int) -> None:
    positions = sample_positions(size)
    assert positions.size == min(size, SAMPLE)
    assert positions.min() >= 0
    assert positions.max() < size
    assert (np.diff(positions) > 0).all()


def test_views_of_any_size_are_sampled() -> None:
    found = summary(np.broadcast_to(np.float32(2), (10**6, 10**6)))
    assert found.digest is not None
    assert found.text == "float32 (1000000, 1000000), 2 .. 2, mean ~2; of so much, only a sample is read"


def test_blocks_lie_at_fixed_places() -> None:
    value = np.arange(200_000, dtype=">u4").reshape(500, 400)
    pieces = [piece.copy() for piece in blocks(value[:, ::-1][:, ::-1], 4)]
    assert [piece.nbytes for piece in pieces] == [BLOCK_BYTES, value.nbytes - BLOCK_BYTES]
    assert np.concatenate(pieces).tolist() == list(range(200_000))


@pytest.mark.parametrize("dtype", [*NUMBERS, *OTHERS])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,)])
def test_every_dtype_in_odd_shapes(dtype: str, shape: tuple[int, ...]) -> None:
    value = np.zeros(shape, dtype)
    found = summary(value)
    assert (found.kind, found.shape, found.digest is not None) == ("array", shape, True)
    assert digest(value.copy()) == found.digest
    if value.size:
        other = np.ones(shape, dtype) if dtype != "V7" else np.frombuffer(b"1" * 7, "V7").reshape(shape)
        assert digest(other) != found.digest


def test_fields_and_points() -> None:
    cloud = np.zeros(10, [("x", "f4"), ("y", "f4"), ("z", "f8"), ("label", "u1")])
    cloud["x"], cloud["label"] = np.arange(10), 3
    found = summary(cloud)
    assert (found.kind, found.shape) == ("points", (10,))
    assert found.dtype == "x:float32,y:float32,z:float64,label:uint8"
    assert found.text == "10 points, x 0 .. 9, y 0 .. 0, z 0 .. 0"
    padded = np.zeros(10, np.dtype(cloud.dtype.descr, align=True))
    padded.view(np.uint8)[:] = 255  # the padding too
    for name in cloud.dtype.names or ():
        padded[name] = cloud[name]
    assert digest(padded) == found.digest
    padded["label"][4] = 2
    assert digest(padded) != found.digest
    assert summary(cloud[["x", "label"]]).kind == "array"


def test_objects_are_told_by_their_values() -> None:
    def made() -> Any:
        value = np.empty((2, 2), object)
        value[0, 0], value[0, 1], value[1, 0] = "a", [1, 2.5], np.arange(3)
        return value

    assert digest(made()) == digest(np.asfortranarray(made())) is not None
    other = made()
    other[1, 1] = 0
    assert digest(other) != digest(made())


def test_what_lies_under_a_mask_makes_no_difference() -> None:
    def masked(hidden: float, mask: list[int]) -> Any:
        return np.ma.masked_array([1.0, hidden, 3.0], mask)

    found = summary(masked(9.0, [0, 1, 0]))
    assert found.digest == digest(masked(np.nan, [0, 1, 0]))
    assert found.text == "float64 (3,), 1 masked, 1 .. 3, mean 2"
    assert digest(masked(9.0, [0, 0, 0])) not in (found.digest, digest(masked(1.0, [0, 0, 0])))


def test_subclasses_are_the_arrays_that_they_are() -> None:
    class Hostile(np.ndarray):
        def __array__(self, *_: object) -> Any:
            raise RuntimeError

        def __array_ufunc__(self, *_: object, **__: object) -> Any:
            raise RuntimeError

        def min(self, *_: object) -> Any:
            raise RuntimeError

    value = np.arange(10.0)
    assert digest(value.view(Hostile)) == digest(value.view(np.recarray)) == digest(value)


def test_long_doubles_do_not_hang_on_their_unused_bits() -> None:
    value = np.full(3, np.longdouble(1) / 3)
    other = np.frombuffer(value.tobytes(), np.uint8).copy()
    if value.itemsize == 16 and np.finfo(np.longdouble).nmant == 63:
        other[10:16] = 255
    assert digest(other.view(np.longdouble)) == digest(value)
    assert digest(value + np.finfo(np.longdouble).eps) != digest(value)


def test_nothing_warns_and_the_state_of_numpy_stays(recwarn: pytest.WarningsRecorder) -> None:
    with np.errstate(all="raise"):
        for value in (np.array([np.nan, 1e308, 1e308]), np.array([np.nan], "f2"), np.full(300_000, np.nan, "f4")):
            assert digest(value) is not None
    assert not recwarn.list


def test_contents_do_not_hang_on_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Range, mean and invalid elements are the same however an array is read."""
    value = np.array([1.0, np.nan, -3.0, 0.5] * 500)
    small = elements.read_elements(value)
    monkeypatch.setattr(elements, "EXACT_BYTES", 0)
    large = elements.read_elements(value)
    assert (large.low, large.high, large.mean, large.invalid) == (small.low, small.high, small.mean, small.invalid)
    assert (small.exact, large.exact) == (True, True)  # all of it is in the sample
