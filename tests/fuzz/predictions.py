"""Objects that a model might hand over, made of bytes: arrays, nested lists, mappings, detections, and worse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from pytest_vizart.accuracy.predictions import read_prediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import TASKS, ClassMap, LabelSpec
from tests.fuzz.bench import refused

_MAPS = (ClassMap(("coin", "key"), (0, 1)), ClassMap(("coin", "key"), (3, 7)), ClassMap(("coin",), (1,)))
_KEYS = (
    *("boxes", "scores", "labels", "masks", "size", "counts", "segmentation", "segments", "classes", "keypoints"),
    *("xyz", "points", "text", "label", "score", "probabilities", "logits", "image_id", "category_id", "bbox", "box"),
    *("segments_info", "id", "polygons", "coin", "data", "conf", "cls", "xyxy", "mask", "obb", "xywhr", "xy", "names"),
    *("confidence", "class_id", "orig_shape", "class_name", "xyxyxyxy", "iscrowd", "area", "panoptic_seg", "mode"),
)
_TYPES = ("u1", "i8", "f4", "f8", "?", "U2", "S2", "u8", ">f8", "f2", "i4,f4", "M8[s]", "c16", "O", "V3", "u2")
_SHAPES = ((), (0,), (1,), (2,), (4,), (0, 4), (1, 4), (2, 4), (1, 5), (2, 6), (1, 7), (1, 8), (6, 8), (1, 6, 8))
_MORE_SHAPES = ((1, 2, 3), (1, 4, 2), (2, 3), (0, 0), (1, 1, 6, 8), (2, 0, 0), (1, 2), (6, 8, 3), (1,) * 33, (3, 9))
_SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2, 3, 7, -1, 0.5, 1.0, 2.5, -0.0, 1e308, -1e308, float("nan"), float("inf")),
    *(2**31, 2**63, 2**64, 10**400, -(10**5000), "", "coin", "key", "\ud800", "\0", "a" * 5000, b"coin", b"83U1", 1j),
    *(np.float32(0.5), np.int64(1), np.bool_(True), np.str_("coin"), np.datetime64("2001-01-01"), ..., NotImplemented),
    *(range(4), range(10**12), frozenset({1}), object(), int, print, memoryview(b"abcd"), bytearray(b"ab"), "83U1"),
)


class Raising:
    """Every question is answered with an exception."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name) if name.startswith("__") else RuntimeError(name)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no array")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __repr__(self) -> str:
        raise RuntimeError("no text")


class Lying:
    """A sequence that says that it is long, and a tensor whose array is none."""

    def __len__(self) -> int:
        return 2**40

    def __getitem__(self, position: object) -> Any:
        return self

    def detach(self) -> Any:
        return self

    def cpu(self) -> Any:
        return self

    def numpy(self) -> Any:
        return {"coin": 1}


def cyclic() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def nested(depth: int) -> list[Any]:
    found: list[Any] = [1]
    for _ in range(depth):
        found = [found]
    return found


HOSTILE: tuple[Callable[[], Any], ...] = (
    Raising,
    Lying,
    cyclic,
    lambda: nested(900),
    lambda: nested(20_000),
    lambda: {"boxes": cyclic(), "labels": cyclic()},
    lambda: np.broadcast_to(np.float32(0.5), (2**40, 4)),
    lambda: np.broadcast_to(np.uint8(1), (2**20, 2**20)),
    lambda: np.broadcast_to(np.uint8(1), (1, 2**18, 2**18)),
    lambda: np.broadcast_to(np.True_, (2**40,)),
    lambda: {"boxes": np.broadcast_to(np.float32(0.5), (2**40, 4)), "labels": [0]},
    lambda: {"size": [10**9, 10**9], "counts": "83U1"},
    lambda: {"size": [13_000, 13_000], "counts": [0, 169_000_000]},
    lambda: [{"size": [13_000, 13_000], "counts": [0, 169_000_000]}] * 2,
    lambda: {"masks": [{"size": [6, 8], "counts": b"\xff" * 100}], "labels": [0]},
    lambda: {"masks": [[[0, 0, 1e9, 0, 1e9, 1e9]]], "labels": [0]},
    lambda: np.ma.masked_array([[1.0, 2, 3, 4]], mask=True),  # type: ignore[no-untyped-call]
    lambda: np.zeros((2, 2), "O"),
    lambda: (number for number in range(3)),
    lambda: {None: 1, 3: 2, (): 4},
    lambda: {"coin": Raising(), "key": 0.5},
    lambda: {"label": Raising()},
    lambda: [Raising()],
    lambda: {"text": Raising()},
    lambda: SimpleNamespace(boxes=Raising(), masks=Raising(), keypoints=Raising(), obb=Raising(), xyxy=Raising()),
    lambda: SimpleNamespace(boxes=None, masks=None, keypoints=None, obb=None, names=None, xyxy=None, mask=None),
    lambda: "a" * 1_000_000,
)
"""What is too bad to come out of bytes by chance."""


def read_predictions(content: bytes) -> None:
    """Read the object that the bytes describe as a prediction of every task."""
    read_all_tasks(lambda: _Bytes(content).value(0))


def read_all_tasks(make: Callable[[], Any]) -> None:
    for task in TASKS:
        for classes in _MAPS:
            names = ("eye", "ear") if task == "keypoints" else ()
            spec = LabelSpec(stage="s", task=task, classes=classes, keypoint_names=names)
            for size in (None, (6, 8)):
                refused(
                    lambda spec=spec, size=size: read_prediction(make(), spec, image_size=size),  # type: ignore[misc]
                    PredictionError,
                )


class _Bytes:
    """Takes decisions by one byte after the other; zeros where they end."""

    def __init__(self, content: bytes) -> None:
        self._bytes: Iterator[int] = iter(content[:400])

    def value(self, depth: int) -> Any:
        choice = self._next() % 12
        if depth > 4:
            choice %= 6
        return self._MADE[choice](self, depth)

    def _next(self) -> int:
        return next(self._bytes, 0)

    def _scalar(self, _: int) -> Any:
        return _SCALARS[self._next() % len(_SCALARS)]

    def _array(self, _: int) -> Any:
        dtype = np.dtype(_TYPES[self._next() % len(_TYPES)])
        shapes = _SHAPES + _MORE_SHAPES
        shape = shapes[self._next() % len(shapes)]
        fill = self._next()
        array = np.zeros(shape, dtype)
        if dtype.kind in "iuf" and array.size:
            array[...] = fill % 11 - (5 if dtype.kind != "u" else 0)
            array[(0,) * array.ndim] = self._next() / (1 if dtype.kind != "f" else 255)
        return array if fill % 5 else array.tolist()

    def _named(self, depth: int) -> dict[Any, Any]:
        return {self._key(): self.value(depth + 1) for _ in range(self._next() % 5)}

    def _key(self) -> str:
        return _KEYS[self._next() % len(_KEYS)]

    def _list(self, depth: int) -> list[Any]:
        return [self.value(depth + 1) for _ in range(self._next() % 4)]

    def _tuple(self, depth: int) -> tuple[Any, ...]:
        return tuple(self._list(depth))

    def _object(self, depth: int) -> Any:
        return SimpleNamespace(**self._named(depth))

    _MADE = (_scalar, _array, _array, _array, _scalar, _scalar, _named, _named, _list, _tuple, _object, _named)
