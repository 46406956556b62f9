"""What the figures do not show, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import PredictionError
from pytest_vizart.golden.formats.coco_results import CocoResults, Unknown

_NAMED = 5


def counted(count: int, noun: str) -> str:
    """Return "1 prediction", "2 predictions"."""
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


def named(names: Sequence[object]) -> str:
    """Return the first few names, and how many more there are."""
    shown = ", ".join(str(name)[:60] for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED:,} more"


def unknown_results(found: CocoResults, path: Path) -> tuple[str, ...]:
    """Tell of results of images and classes that the ground truth does not have; PredictionError if all are of such."""
    for what, unknown in (("image", found.unknown_images), ("class", found.unknown_classes)):
        if unknown.count and unknown.count == found.rows:
            raise _all_unknown(what, path, ", ".join(repr(one)[:40] for one in unknown.ids))
    return (*_unknown("images", found.unknown_images), *_unknown("classes", found.unknown_classes))


def unknown_notes(unknown: Sequence[object], known: int, path: Path | None, what: str) -> tuple[str, ...]:
    """Tell of predictions of samples that the ground truth does not have; PredictionError where it has none of them."""
    if unknown and not known:
        raise _all_unknown(what, path, named(unknown))
    return (f"predictions of {counted(len(unknown), f'unknown {what}')} left out: {named(unknown)}",) if unknown else ()


def _all_unknown(what: str, path: Path | None, found: str) -> PredictionError:
    nouns = {"image": "an image", "class": "a class", "sample": "a sample"}
    return PredictionError(
        f"not one prediction is of {nouns[what]} of the ground truth",
        file=path,
        place=None if path else "predictions",
        expected="the ground truth's IDs and names",
        found=found,
        hint="are these labels and predictions of the same data?",
    )


def _unknown(what: str, unknown: Unknown) -> tuple[str, ...]:
    if not unknown.count:
        return ()
    told = ", ".join(repr(one)[:40] for one in unknown.ids[:_NAMED])
    return (f"{counted(unknown.count, 'prediction')} of unknown {what} left out: ID {told}",)


def beyond_the_best(count: int, most: int) -> tuple[str, ...]:
    """Tell of predictions that COCO's numbers leave out."""
    if not count:
        return ()
    return (f"{counted(count, 'prediction')} beyond the best {most} of an image and class: not in COCO's numbers",)


def classes_without_objects(objects: NDArray[np.int64]) -> tuple[str, ...]:
    """objects: (K,) how many of each class there are to find."""
    empty = int(np.count_nonzero(objects == 0))
    if not empty:
        return ()
    have = "has" if empty == 1 else "have"
    return (f"{empty} of {counted(len(objects), 'class').replace('classs', 'classes')} {have} no object",)
