"""Keypoints of COCO annotations, and what the categories say of them: names, skeleton."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.coco_file import CocoFile
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.records.labels import MAX_EDGE_PX

MAX_KEYPOINTS = 10_000
Bones = tuple[tuple[int, int], ...]
_MAX_POINTS_PER_IMAGE = 5_000_000
_VISIBILITY = (0, 1, 2)


def keypoint_names(file: CocoFile) -> tuple[str, ...]:
    """Return the names of the keypoints, () if no category names them.

    Raises:
        GoldenFormatError: not a list of names, or categories whose keypoints differ: one stage has one kind of them.
    """
    found: tuple[str, ...] = ()
    for place, row in file.category_rows:
        names = row.get("keypoints")
        if not names:
            continue
        if not (
            isinstance(names, list)
            and len(names) <= MAX_KEYPOINTS
            and all(isinstance(one, str) and one for one in names)
        ):
            raise _wrong_names("not names of keypoints", names, "a list of names", f"{place}.keypoints", file.path)
        if found and tuple(names) != found:
            raise _wrong_names(
                "categories have different keypoints", names, shown(list(found)), f"{place}.keypoints", file.path
            )
        found = tuple(names)
    return found


def skeleton(file: CocoFile, count: int) -> Bones:
    """Return pairs of keypoint positions from 0; () where the file has none that fit its keypoints.

    COCO counts them from 1; a 0 among them says that this file counts from 0. It is for drawing only: a skeleton of
    other keypoints, left over from the file this one was made of, is left out rather than refused.
    """
    for _, row in file.category_rows:
        bones = row.get("skeleton") if row.get("keypoints") else None
        if not isinstance(bones, list) or not all(_is_bone(bone) for bone in bones):
            continue
        first = 0 if any(0 in bone for bone in bones) else 1
        positions = tuple((one - first, other - first) for one, other in bones)
        if positions and all(0 <= end < count for bone in positions for end in bone):
            return positions
    return ()


def keypoint_count(file: CocoFile, names: Sequence[str]) -> int:
    """Return how many keypoints an object has: by their names, or the first annotation that has any.

    Raises:
        GoldenFormatError: the file has no keypoints.
    """
    if names:
        return len(names)
    for _, row in file.annotations():
        points = row.get("keypoints")
        if isinstance(points, list) and points:
            return min(len(points) // 3, MAX_KEYPOINTS)
    raise GoldenFormatError(
        "file has no keypoints",
        file=file.path,
        place="annotations",
        expected="keypoints [x, y, visibility, ...]",
        found="none in any annotation, none named in `categories`",
        hint="only boxes? then use `task: boxes`",
    )


def require_bounded(objects: int, count: int, place: str, path: Path) -> None:
    """Raise GoldenFormatError if an image has more keypoints than fit into memory: an object need not write its own."""
    if objects * count > _MAX_POINTS_PER_IMAGE:
        raise GoldenFormatError(
            "image has too many keypoints",
            file=path,
            place=place,
            expected=f"at most {_MAX_POINTS_PER_IMAGE:,}",
            found=f"{objects} objects of {count} keypoints",
            hint="are `keypoints` of the categories right?",
        )


def read_keypoints(row: dict[str, Any], count: int, place: str, path: Path) -> NDArray[np.float64]:
    """Return (K, 3): x, y in pixels and visibility; zeros for an object of a class that is labelled without keypoints.

    Raises:
        GoldenFormatError: not `count` times x, y, visibility; a visibility other than 0, 1, 2.
    """
    if "keypoints" not in row:
        return np.zeros((count, 3))
    values = row["keypoints"]
    if not (isinstance(values, list) and len(values) == 3 * count and set(map(type, values)) <= {int, float}):
        raise GoldenFormatError(
            "not the keypoints of this file",
            file=path,
            place=f"{place}.keypoints",
            expected=f"{3 * count} finite numbers: x, y, visibility of {count} keypoints",
            found=f"{len(values)} values: {shown(values)}" if isinstance(values, list) else shown(values),
            hint="correct the annotation, or `keypoints` of the categories",
        )
    points = np.array(values, dtype=np.float64).reshape(count, 3)
    wrong = ~np.isin(points[:, 2], _VISIBILITY) | ~(np.abs(points[:, :2]) <= MAX_EDGE_PX).all(axis=1)
    if wrong.any():
        position = int(np.flatnonzero(wrong)[0])
        raise GoldenFormatError(
            "not a keypoint",
            file=path,
            place=f"{place}.keypoints[{3 * position}]",
            expected="x, y in pixels, and visibility 0 (not labelled), 1 (hidden) or 2 (visible)",
            found=shown(values[3 * position : 3 * position + 3]),
            hint="a confidence belongs into predictions",
        )
    return points


def counts_for_nothing(row: dict[str, Any], points: NDArray[np.float64], place: str, path: Path) -> bool:
    """Whether an object has no labelled keypoint: by `num_keypoints`, as COCO's evaluation has it, or by counting."""
    number = row.get("num_keypoints")
    if number is None:
        return not (points[:, 2] > 0).any()
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise GoldenFormatError(
            "not a number of keypoints",
            file=path,
            place=f"{place}.num_keypoints",
            expected="a whole number from 0",
            found=shown(number),
            hint="correct it, or leave it out",
        )
    return number == 0


def _is_bone(bone: object) -> bool:
    return isinstance(bone, list) and len(bone) == 2 and all(type(end) is int for end in bone)


def _wrong_names(problem: str, found: object, expected: str, place: str, path: Path) -> GoldenFormatError:
    return GoldenFormatError(
        problem,
        file=path,
        place=place,
        expected=expected,
        found=shown(found),
        hint="give each kind of object a file and a stage of its own",
    )
