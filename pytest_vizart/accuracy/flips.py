"""Samples that changed sides between a baseline and now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pytest_vizart.records.outcome import MAX_ERRORS, ObjectChanges

_FAILED = ("wrong", "invalid")


def newly_wrong(baseline: Mapping[str, str], now: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the IDs that became wrong or invalid after correct, and those that became correct after wrong or invalid.

    Both in the order of `now`. Samples that only one side has, and unlabeled ones, are in neither.
    """
    wrong = tuple(one for one, status in now.items() if status in _FAILED and baseline.get(one) == "correct")
    fixed = tuple(one for one, status in now.items() if status == "correct" and baseline.get(one) in _FAILED)
    return wrong, fixed


def object_changes(
    missed_before: Sequence[str], spare_before: Sequence[str], missed: Sequence[str], spare: Sequence[str]
) -> ObjectChanges | None:
    """Return what changed between two runs on one sample whose label is the same.

    None where a list is full: which objects are behind its end, nothing tells.

    Args:
        missed_before, missed: objects that were not found, as `Outcome.missed` writes them.
        spare_before, spare: false positives. One that moved a little is not new: it is the same one as long as class
            and place agree (IoU of at least .5, each former one serving once).
    """
    if max(map(len, (missed_before, spare_before, missed, spare))) >= MAX_ERRORS:
        return None
    return ObjectChanges(
        newly_missed=_without(missed, missed_before),
        newly_found=_without(missed_before, missed),
        new_false_positives=_unmatched(spare, spare_before),
    )


def _without(objects: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """Equal objects are counted: two alike and one before leave one."""
    left = list(others)
    remaining = []
    for one in objects:
        if one in left:
            left.remove(one)
        else:
            remaining.append(one)
    return tuple(remaining)


def _unmatched(objects: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    left = list(_without(others, objects))
    remaining = []
    for one in _without(objects, others):
        near = next((other for other in left if _same_place(one, other)), None)
        if near is None:
            remaining.append(one)
        else:
            left.remove(near)
    return tuple(remaining)


def _same_place(one: str, other: str) -> bool:
    name, box = _parted(one)
    other_name, other_box = _parted(other)
    if name != other_name or len(box) != 4 or len(other_box) != 4:
        return False
    width = min(box[2], other_box[2]) - max(box[0], other_box[0])
    height = min(box[3], other_box[3]) - max(box[1], other_box[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = _area(box) + _area(other_box) - shared
    return union > 0 and shared / union >= 0.5


def _area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _parted(text: str) -> tuple[str, tuple[float, ...]]:
    """Class and numbers of "class x1 y1 x2 y2"; the class may hold spaces."""
    name, *numbers = text.rsplit(" ", 4)
    try:
        return name, tuple(float(number) for number in numbers)
    except ValueError:
        return text, ()
