"""The background class of semantic masks made of COCO annotations."""

from __future__ import annotations

from pathlib import Path

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.records.labels import ClassMap

BACKGROUND = "background"


def with_background(classes: ClassMap, manifest: Path) -> ClassMap:
    """Return the class map with the background first, ID 0; a list of names without IDs then counts from 1.

    Raises:
        GoldenFormatError: ID 0 belongs to another class, or the background is not the first class.
    """
    if classes.names[0] == BACKGROUND and classes.ids[0] == 0:
        return classes
    if BACKGROUND in classes.names:
        raise GoldenFormatError(
            "background is not the first class",
            file=manifest,
            place="classes",
            expected="ID 0 for background",
            found=f"ID {classes.ids[classes.names.index(BACKGROUND)]}",
            hint="leave background out, it is put in front by itself",
        )
    ids = tuple(range(1, len(classes) + 1)) if classes.ids == tuple(range(len(classes))) else classes.ids
    if 0 in ids:
        raise GoldenFormatError(
            "class ID 0 is kept for the background of semantic masks",
            file=manifest,
            place="classes",
            expected="IDs from 1",
            found=f"0: {classes.names[ids.index(0)]}",
            hint="give the class another ID, or set `ignore: 0` where all pixels without a class are to be left out",
        )
    return ClassMap(names=(BACKGROUND, *classes.names), ids=(0, *ids))
