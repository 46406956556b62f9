"""Forms of a panoptic prediction: segment IDs for every pixel, and the class of each ID."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array, shown
from pytest_vizart.accuracy.predicted import PanopticPrediction
from pytest_vizart.errors import PredictionError
from pytest_vizart.records.labels import IGNORE

_SEGMENTS = ("segments", "panoptic_seg", "segmentation")
_CLASSES = ("classes", "segments_info")
_CLASS_OF_SEGMENT = ("label", "category_id", "label_id", "class")
_NOTHING = (0, IGNORE)  # what COCO and detectron2, and transformers, write where there is no segment


def read(value: Any, context: FormContext) -> PanopticPrediction:
    """Return segments as positions, one for each ID that has pixels, in the order of the classes given.

    Accepted: (segments, classes) or a mapping with one of the keys "segments", "panoptic_seg", "segmentation" and one
    of "classes", "segments_info"; detectron2's {"panoptic_seg": (segments, info)}. segments: (H, W) whole numbers.
    classes: {ID: class}, or a list of dicts with "id" and "label", "category_id", "label_id" or "class". Pixels with ID
    0 or -1 are in no segment unless the classes name that ID.

    Raises:
        PredictionError: another form or size, an ID without a class, or an ID twice.
    """
    segments, classes = _parts(value)
    array = as_array(segments, "segments")
    if array.ndim != 2 or (context.image_size is not None and array.shape != tuple(context.image_size)):
        size = "(H, W)" if context.image_size is None else f"{tuple(context.image_size)}, height and width of the label"
        hint = "resize the segments with nearest neighbour; IDs in colours? R + 256 G + 65536 B"
        raise PredictionError("wrong shape", place="shape", expected=size, found=str(array.shape), hint=hint)
    if array.dtype.kind not in "iu" and array.size:
        raise PredictionError(
            "not segment IDs",
            place="segments",
            expected="whole numbers",
            found=str(array.dtype),
            hint="use .astype(int)",
        )
    ids, labels = _listed(classes)
    class_index = context.numbers.indices_of(labels, "classes") if ids else np.empty(0, dtype=np.int64)
    return _positions(array, np.array(ids, dtype=np.int64), class_index)


def _parts(value: Any) -> tuple[Any, Any]:
    if isinstance(value, Mapping):
        segments = next((value[key] for key in _SEGMENTS if key in value), None)
        classes = next((value[key] for key in _CLASSES if key in value), None)
        if classes is None and isinstance(segments, Sequence) and len(segments) == 2:
            return segments[0], segments[1]
        if segments is not None and classes is not None:
            return segments, classes
        raise _no_form(f"a mapping with the keys {', '.join(map(str, value))[:100]}")
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
        return value[0], value[1]
    raise _no_form(type(value).__name__)


def _listed(classes: Any) -> tuple[list[int], list[Any]]:
    """Return the IDs and their classes."""
    if isinstance(classes, Mapping):
        pairs = list(classes.items())
    elif isinstance(classes, Sequence) and all(isinstance(one, Mapping) and "id" in one for one in classes):
        pairs = [(one["id"], _class_of(one, position)) for position, one in enumerate(classes)]
    else:
        raise _no_form(f"classes of type {type(classes).__name__}")
    ids = [_whole(number) for number, _ in pairs]
    twice = next((number for number, count in Counter(ids).items() if count > 1), None)
    if twice is not None:
        raise PredictionError(
            "segment ID twice", place="classes", expected="each ID once", found=str(twice), hint="merge the segments"
        )
    return ids, [label for _, label in pairs]


def _class_of(entry: Mapping[Any, Any], position: int) -> Any:
    for key in _CLASS_OF_SEGMENT:
        if key in entry:
            return entry[key]
    raise PredictionError(
        "segment without a class",
        place=f"classes[{position}]",
        expected=f"one of the keys {', '.join(_CLASS_OF_SEGMENT)}",
        found=", ".join(map(str, entry))[:100],
        hint="give each segment its class",
    )


def _whole(number: Any) -> int:
    array = as_array(number, "segment ID")
    if array.size != 1 or array.dtype.kind not in "iu" or not -(2**62) < int(array.item()) < 2**62:
        raise PredictionError(
            "not a segment ID", place="classes", expected="a whole number", found=shown(number), hint="use int()"
        )
    return int(array.item())


def _positions(array: NDArray[Any], ids: NDArray[np.int64], class_index: NDArray[np.int64]) -> PanopticPrediction:
    if not array.size:
        return PanopticPrediction(np.empty(array.shape, dtype=np.int32), np.empty(0, dtype=np.int64))
    order = np.argsort(ids, kind="stable")
    found, inverse = np.unique(array, return_inverse=True)
    wide = found.astype(np.int64)  # above 2^63 an unsigned ID turns negative: it is unknown then, or -1 and void
    place = np.searchsorted(ids[order], wide)
    known = np.zeros(len(found), dtype=bool)
    inside = place < len(ids)
    known[inside] = ids[order][place[inside]] == wide[inside]
    unknown = np.flatnonzero(~known & ~np.isin(wide, _NOTHING))
    if len(unknown):
        first = tuple(int(axis) for axis in np.argwhere(array == found[unknown[0]])[0])
        raise PredictionError(
            "segment ID without a class",
            place=f"segments[{first[0]}, {first[1]}]",
            expected="an ID that the classes name, or 0 or -1 for none",
            found=str(found[unknown[0]]),
            hint="list every segment with its class, or set its pixels to -1",
        )
    owner = np.full(len(found), IGNORE, dtype=np.int64)
    owner[known] = order[place[known]]
    kept = np.sort(owner[known])
    position = np.full(len(found), IGNORE, dtype=np.int32)
    position[known] = np.searchsorted(kept, owner[known])
    return PanopticPrediction(position[inverse.reshape(array.shape)], class_index[kept])


def _no_form(found: str) -> PredictionError:
    return PredictionError(
        "not a panoptic prediction",
        place="form",
        expected='(segments, classes), or {"segments": (H, W) IDs, "classes": {ID: class}}',
        found=found,
        hint='a list works too: {"segments": ..., "segments_info": [{"id": 1, "category_id": 3}, ...]}',
    )
