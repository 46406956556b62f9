"""Masks and images of one sample as the browser draws them: run lengths, matched segments, a map of differences."""

from __future__ import annotations

import base64
from itertools import chain
from typing import TYPE_CHECKING, Any

from pytest_vizart.records.outcome import Case

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_PIXELS = 1 << 20
_LONGEST_SIDE_PX = 256  # of a difference map: it is looked at as a whole, and noise does not compress
_LEVELS = 63
_MOST_IMAGE_TEXT = 120_000
_IMAGE_STARTS = {"/9j/": "jpeg", "iVBORw0KGgo": "png", "UklGR": "webp"}
_SAME_SEGMENT_IOU = 0.5


def semantic(case: Case) -> dict[str, Any]:
    """Run lengths flattened to [class, length, class, length, ...]; "full": width and height of the mask itself."""
    shown = case.truth or case.predicted
    width, height, step = int(shown["width"]), int(shown["height"]), int(shown.get("step", 1))
    if not 0 < width * height <= _MOST_PIXELS:
        raise ValueError("no mask of this size is drawn")
    return {
        "width": width,
        "height": height,
        "full": [width * step, height * step] if "step" in shown else None,
        "classes": list(shown["classes"]),
        "truth": _flat_runs(case.truth),
        "predicted": _flat_runs(case.predicted) if _same_size(case) else None,
    }


def panoptic(case: Case) -> dict[str, Any]:
    """As semantic, with "segments": the names of each side's, and which of the truth each predicted one met, or -1."""
    drawn = semantic(case)
    names = [list(side.get("classes", ())) for side in (case.truth, case.predicted)]
    truth_class, predicted_class = (_class_numbers(each, names) for each in names)
    return drawn | {
        "truth_names": names[0],
        "predicted_names": names[1],
        "truth_class": truth_class,
        "predicted_class": predicted_class,
        "met": _met(drawn, truth_class, predicted_class),
    }


def image(case: Case) -> dict[str, Any]:
    """The difference map as base64 of uint8 (H, W), 0 to 63 of the largest difference, which is "most", 0 to 1.

    "truth" and "predicted" hold a small picture as a data URI where the Case has a "preview".
    """
    drawn: dict[str, Any] = {
        "width": int(case.truth["width"]),
        "height": int(case.truth["height"]),
        "truth": _preview(case.truth),
        "predicted": _preview(case.predicted),
        "found": [int(case.predicted[key]) for key in ("width", "height")] if "width" in case.predicted else None,
        "difference": None,
    }
    if "difference" in case.predicted:
        drawn |= _difference(case.predicted, drawn["width"], drawn["height"])
    return drawn


def _same_size(case: Case) -> bool:
    return all(case.truth.get(key) == case.predicted.get(key) for key in ("width", "height")) or not case.truth


def _flat_runs(side: dict[str, Any]) -> list[int] | None:
    return [int(number) for run in side["rle"] for number in run] if side else None


def _class_numbers(names: list[str], both: list[list[str]]) -> list[int]:
    """The segment "car 3" is of the class "car", whatever its number."""
    known = {name: number for number, name in enumerate(dict.fromkeys(_class_of(name) for name in chain(*both)))}
    return [known[_class_of(name)] for name in names]


def _class_of(segment: str) -> str:
    return segment.rpartition(" ")[0]


def _met(drawn: dict[str, Any], truth_class: list[int], predicted_class: list[int]) -> list[int]:
    """Return, for each predicted segment, the one of its class in the truth that it shares an IoU above .5 with."""
    import numpy as np

    met = [-1] * len(predicted_class)
    if not drawn["truth"] or not drawn["predicted"]:
        return met
    truth, predicted = (_column(drawn[side], drawn["width"] * drawn["height"]) for side in ("truth", "predicted"))
    labelled = truth >= 0
    pairs, counts = np.unique(np.stack([truth[labelled], predicted[labelled]]), axis=1, return_counts=True)
    first, second = pairs
    of_truth = np.bincount(first, counts, minlength=1)
    of_predicted = np.bincount(second + 1, counts, minlength=1)  # a predicted -1 is no segment
    iou = counts / (of_truth[first] + of_predicted[second + 1] - counts)
    for one, other in zip(
        first[iou > _SAME_SEGMENT_IOU].tolist(), second[iou > _SAME_SEGMENT_IOU].tolist(), strict=True
    ):
        if other >= 0 and truth_class[one] == predicted_class[other]:
            met[other] = one
    return met


def _column(runs: list[int], length: int) -> NDArray[np.int64]:
    import numpy as np

    values = np.repeat(np.array(runs[0::2], dtype=np.int64), np.array(runs[1::2], dtype=np.int64))
    if len(values) != length:
        raise ValueError("runs of another length than the mask")
    return values


def _difference(side: dict[str, Any], width: int, height: int) -> dict[str, Any]:
    import numpy as np

    levels = np.frombuffer(base64.b64decode(side["difference"]), np.uint8)
    shape = int(side.get("difference_height", height)), int(side.get("difference_width", width))
    small = _largest_of(levels.reshape(shape), -(-max(shape) // _LONGEST_SIDE_PX))
    most = int(small.max(initial=0))
    # Rounded up, so that no difference vanishes.
    shown = -(-small.astype(np.int64) * _LEVELS // (most or 1))
    return {
        "difference": base64.b64encode(shown.astype(np.uint8).tobytes()).decode(),
        "difference_width": small.shape[1],
        "difference_height": small.shape[0],
        "levels": _LEVELS,
        "most": most / 255,
    }


def _largest_of(values: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """The largest of each square of `step` pixels."""
    import numpy as np

    if step <= 1:
        return values
    high, wide = (-(-size // step) * step for size in values.shape)
    padded = np.zeros((high, wide), dtype=np.uint8)
    padded[: values.shape[0], : values.shape[1]] = values
    largest: NDArray[np.uint8] = padded.reshape(high // step, step, wide // step, step).max(axis=(1, 3))
    return largest


def _preview(side: dict[str, Any]) -> str | None:
    text = side.get("preview")
    if not isinstance(text, str) or not text.isascii() or len(text) > _MOST_IMAGE_TEXT:
        return None
    kind = next((kind for start, kind in _IMAGE_STARTS.items() if text.startswith(start)), None)
    return None if kind is None else f"data:image/{kind};base64,{text}"
