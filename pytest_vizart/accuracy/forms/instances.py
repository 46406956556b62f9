"""Forms of instance predictions: masks as arrays, polygons or run lengths, with scores, classes and boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.accuracy.forms import FormContext
from pytest_vizart.accuracy.forms.arrays import as_array, as_floats
from pytest_vizart.accuracy.forms.boxes import with_given_boxes
from pytest_vizart.accuracy.forms.objects import (
    Given,
    first_of,
    from_detections,
    from_mapping,
    from_rows,
    is_rows,
    names_of_result,
    only,
    scores_and_classes,
)
from pytest_vizart.accuracy.geometry import masks
from pytest_vizart.accuracy.geometry.masks import MAX_PIXELS, Size
from pytest_vizart.accuracy.predicted import BoxPredictions, InstancePredictions
from pytest_vizart.errors import PredictionError

PROBABILITY_THRESHOLD = 0.5
"""A pixel belongs to the object from this probability on, as torchvision's documentation has it."""
_NOUN = "masks"


def read(value: Any, context: FormContext) -> InstancePredictions:
    """Return masks of objects in the order given; PredictionError if a mask, size, score or class is not acceptable.

    Where the model gave no boxes, each is the one around the object's mask.
    """
    value = only(value, ("masks", "boxes"))
    given = next(read for fits, read in _FORMS if fits(value))(value)
    entries = _entries(given.values)
    if not entries and given.boxes is not None and as_array(given.boxes, "boxes").size:
        raise PredictionError(
            "boxes without masks",
            place=_NOUN,
            expected="a mask for each box",
            found="none",
            hint="is it a model for segmentation? boxes alone are for the task boxes",
        )
    size = _size_of(entries, context.image_size)
    counts = tuple(_counts(entry, size, f"{_NOUN}[{number}]") for number, entry in enumerate(entries))
    scores, class_index = scores_and_classes(given, len(counts), context.numbers, _NOUN)
    objects = BoxPredictions(masks.boxes(counts, size), scores, class_index)
    return InstancePredictions(with_given_boxes(objects, given, context, _NOUN), counts, size)


def _entries(values: Any) -> list[Any]:
    """Return one entry for each object: a 2-D array, a dict of run lengths or polygons, or a list of polygons."""
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        return [_entry(one, f"{_NOUN}[{number}]") for number, one in enumerate(values)]
    array = as_array(values, _NOUN)
    if array.ndim == 4 and array.shape[1] == 1:  # torchvision's (N, 1, H, W)
        array = array[:, 0]
    if array.size and array.ndim != 3:
        raise PredictionError(
            "wrong shape",
            place="shape",
            expected="(N, H, W) masks, or (N, 1, H, W)",
            found=str(array.shape),
            hint="one mask for each object: an image of object numbers is (numbers[1:, None, None] == image)",
        )
    return list(array) if array.size else []


def _entry(value: Any, place: str) -> Any:
    if isinstance(value, Mapping) or _is_polygons(value):
        return value
    array = as_array(value, place)
    array = array[0] if array.ndim == 3 and len(array) == 1 else array
    if array.ndim != 2 or not array.size:
        raise PredictionError(
            "not a mask",
            place=place,
            expected="an (H, W) array, a list of polygons [[x, y, x, y, ...], ...], or a dict of size and counts",
            found=f"shape {array.shape}",
            hint="an object without a mask cannot be compared: drop it",
        )
    return array


def _is_polygons(value: Any) -> bool:
    """Tell a list of flat polygons, or of one (P, 2) array each, from the nested list of a mask.

    The rows of a mask are as long as each other; so may polygons be, which then hold other numbers than 0 and 1.
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return False
    if not value:
        return True
    rings = [_ring(ring) for ring in value]
    if any(ring is None for ring in rings):
        return False
    numbers = np.concatenate([ring for ring in rings if ring is not None])
    return not bool(np.isin(numbers, (0, 1)).all())


def _ring(value: Any) -> NDArray[np.float64] | None:
    try:
        ring = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return ring.reshape(-1) if ring.ndim == 1 or (ring.ndim == 2 and ring.shape[1] == 2) else None


def _size_of(entries: Sequence[Any], image_size: Size | None) -> Size:
    """Return the size that all masks have: the label's where it is known, or that of the first that has one."""
    size = image_size
    for number, entry in enumerate(entries):
        own = _own_size(entry, f"{_NOUN}[{number}]")
        size = own if size is None else size
        if own is not None and own != size:
            raise PredictionError(
                "mask has another size",
                place=f"{_NOUN}[{number}]",
                expected=f"{tuple(size)}, height and width of the {'label' if image_size else 'first mask'}"
                if size
                else None,
                found=str(own),
                hint="resize the masks to the image's size",
            )
    if size is None and entries:
        raise PredictionError(
            "polygons, and no size of the image",
            place=_NOUN,
            expected="masks, or image_size=(height, width)",
            found="no size",
            hint="paint the polygons into masks, or give run lengths",
        )
    return (0, 0) if size is None else (int(size[0]), int(size[1]))


def _own_size(entry: Any, place: str) -> Size | None:
    if not isinstance(entry, Mapping):
        return entry.shape if isinstance(entry, np.ndarray) else None
    size = as_array(entry.get("size", ()), f"{place}.size")
    if (
        size.shape != (2,)
        or size.dtype.kind not in "iu"
        or (size < 1).any()
        or int(size[0]) * int(size[1]) > MAX_PIXELS
    ):
        raise PredictionError(
            "run lengths without a size",
            place=f"{place}.size",
            expected=f"[height, width], {MAX_PIXELS:,} pixels at most",
            found=str(size.tolist()),
            hint="give COCO's {'size': [height, width], 'counts': ...}",
        )
    return int(size[0]), int(size[1])


def _counts(entry: Any, size: Size, place: str) -> bytes:
    if isinstance(entry, np.ndarray):
        return masks.encode(_binary(entry, place)[None])[0]
    if isinstance(entry, Mapping) and "polygons" not in entry:
        return masks.checked_counts(entry.get("counts"), size, f"{place}.counts")
    polygons = entry["polygons"] if isinstance(entry, Mapping) else entry
    if not isinstance(polygons, Sequence):
        raise PredictionError(
            "not polygons",
            place=f"{place}.polygons",
            expected="a list of polygons, [x, y, x, y, ...] each",
            found=type(polygons).__name__,
            hint="put a single polygon into a list",
        )
    rings = [as_floats(ring, f"{place}[{number}]").reshape(-1) for number, ring in enumerate(polygons)]
    return masks.from_polygons(rings, size, place)


def _binary(mask: NDArray[Any], place: str) -> NDArray[np.bool_]:
    """Return where the object is: true, 1, 255 in bytes, or a probability from .5 on."""
    if mask.dtype.kind == "b":
        return mask
    if mask.dtype.kind == "f":
        # NaN is in no range.
        if not ((mask >= 0) & (mask <= 1)).all():
            raise _no_mask(place, "probabilities from 0 to 1", mask, "scores before the sigmoid? apply it")
        probable: NDArray[np.bool_] = mask >= PROBABILITY_THRESHOLD
        return probable
    if mask.dtype.kind not in "iu":
        raise _no_mask(place, "numbers", mask, "convert it")
    inside: NDArray[np.bool_] = mask != 0
    if (mask[inside] == 1).all() or (mask.dtype == np.uint8 and (mask[inside] == 255).all()):
        return inside
    raise _no_mask(place, "0 and 1, or 0 and 255 in bytes", mask, "an image of object numbers? give one mask for each")


def _no_mask(place: str, expected: str, mask: NDArray[Any], hint: str) -> PredictionError:
    found = f"{mask.dtype}" + (f", {mask.min()} to {mask.max()}" if mask.dtype.kind in "iuf" else "")
    return PredictionError("not a mask of one object", place=place, expected=expected, found=found, hint=hint)


def _from_result(value: Any) -> Given:
    """An ultralytics result: `masks` beside `boxes`.

    Without `retina_masks` its `data` has the size of the network's input: then the polygons are what fits the image.
    """
    boxes, found = value.boxes, value.masks
    values: Any = [] if found is None else as_array(first_of(found, "data"), _NOUN)
    size = tuple(as_array(getattr(value, "orig_shape", ()), "orig_shape").reshape(-1).tolist())
    if found is not None and size and values.shape[1:] != size:
        rings = [as_array(ring, f"{_NOUN}.xy") for ring in getattr(found, "xy", ())]
        # A mask of a pixel or two has no outline, and comes as an empty polygon.
        values = [{"size": size, "polygons": [ring] if ring.size >= 6 else []} for ring in rings]
    return from_detections(boxes, values, first_of(boxes, "xyxy"), names_of_result(value, boxes))


def _from_detections(value: Any) -> Given:
    """supervision.Detections with a `mask`, (N, H, W); None where nothing was detected."""
    values: Any = [] if value.mask is None else as_array(value.mask, _NOUN)
    return from_detections(value, values, value.xyxy)


_FORMS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Given]], ...] = (
    (lambda value: isinstance(value, Mapping), lambda value: from_mapping(value, ("masks", "segmentations"))),
    (lambda value: is_rows(value) and "counts" in value[0], lambda value: Given(value)),
    (is_rows, lambda value: from_rows(value, ("mask", "segmentation"), _NOUN)),
    (lambda value: hasattr(value, "masks") and hasattr(value, "boxes"), _from_result),
    (lambda value: hasattr(value, "mask") and hasattr(value, "xyxy"), _from_detections),
    (lambda value: True, lambda value: Given(value)),
)
