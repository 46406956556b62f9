"""Masks of COCO annotations, equal to COCO.annToRLE; what the C code of pycocotools trusts is checked first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.formats.coco_file import CocoImage
from pytest_vizart.golden.formats.coco_values import shown
from pytest_vizart.golden.formats.mask_areas import mask_areas
from pytest_vizart.golden.formats.polygons import MaskEncoder, require_size

_COPIED_BELOW_PX = 64_000_000
_MAX_PAINTED_PX = 20_000_000_000  # of all annotations of one image: some seconds


def image_size(image: CocoImage, path: Path) -> tuple[int, int]:
    """Return (height, width) in pixels of an image; GoldenFormatError if the file does not give them."""
    return require_size(image.height, image.width, file=path, place=image.place)


def encode_mask(
    row: dict[str, Any], size: tuple[int, int], place: str, path: Path, encoder: MaskEncoder | None = None
) -> bytes:
    """Return the compressed counts of an annotation's segmentation, as COCO.annToRLE gives them.

    Args:
        size: (height, width) of the image.
        encoder: that of the image, which bounds all of its polygons together; one for this annotation if absent.

    Raises:
        GoldenFormatError: there is no segmentation, or it is neither polygons nor run lengths that cover the image.
    """
    segmentation = row.get("segmentation")
    place = f"{place}.segmentation"
    if isinstance(segmentation, list) and segmentation:
        for number, polygon in enumerate(segmentation):
            _require_numbers(polygon, f"{place}[{number}]", path)
        return (encoder or MaskEncoder(size, file=path)).polygons(segmentation, place=place).counts
    if isinstance(segmentation, dict):
        from pycocotools import mask as codec

        runs = _canonical(_given_runs(segmentation, *size, place, path))
        counts: bytes = codec.frPyObjects({"size": list(size), "counts": runs}, *size)["counts"]
        return counts
    raise GoldenFormatError(
        "no mask",
        file=path,
        place=place,
        expected="polygons, or run lengths {counts, size}",
        found="nothing" if "segmentation" not in row else shown(segmentation),
        hint="only boxes? then use `task: boxes`",
    )


class Canvas:
    """A semantic mask that masks are painted on, one over the other."""

    def __init__(self, size: tuple[int, int], value: int) -> None:
        height, width = size
        self._columns = np.full((width, height), value, dtype=np.int32)  # runs go down the columns
        self._painted_px = 0

    @property
    def mask(self) -> NDArray[np.int32]:
        """(H, W), the values painted last; in memory column by column where a copy would be too large."""
        return np.ascontiguousarray(self._columns.T) if self._columns.size < _COPIED_BELOW_PX else self._columns.T

    def paint(self, counts: bytes, value: int, place: str, path: Path) -> None:
        """Set the pixels of a mask, in checked compressed counts, to `value`.

        Raises:
            GoldenFormatError: the masks of the image cover more than any image's can.
        """
        runs = _decompressed(counts.decode("ascii"))
        assert runs is not None  # the codec's own text
        flat = self._columns.reshape(-1)
        start = 0
        for position, run in enumerate(runs):
            if position % 2:
                flat[start : start + run] = value
                self._painted_px += run
            start += run
        if self._painted_px > _MAX_PAINTED_PX:
            raise GoldenFormatError(
                "masks of the image cover too much",
                file=path,
                place=f"{place}.segmentation",
                expected=f"at most {_MAX_PAINTED_PX:,} pixels in all",
                found=f"{self._painted_px:,}",
                hint="is every annotation as large as the image?",
            )


@dataclass(frozen=True, slots=True)
class MaskShape:
    """Box around a mask, xyxy in pixels; its width x height, and the mask's own area, in square pixels."""

    box: tuple[float, float, float, float]
    extent: float
    area: float


def mask_shapes(masks: Sequence[bytes], size: tuple[int, int]) -> list[MaskShape]:
    """Return box and area of each mask, in checked compressed counts."""
    from pycocotools import mask as codec

    if not masks:
        return []
    encoded = [{"size": list(size), "counts": counts} for counts in masks]
    shapes = zip(codec.toBbox(encoded).tolist(), mask_areas(masks, [size] * len(masks)).tolist(), strict=True)
    return [MaskShape((x, y, x + width, y + height), width * height, area) for (x, y, width, height), area in shapes]


def _require_numbers(polygon: object, place: str, path: Path) -> None:
    """Raise GoldenFormatError if it is no list of numbers; what they mean is the encoder's to check."""
    if isinstance(polygon, list) and set(map(type, polygon)) <= {int, float} and len(polygon) >= 6:
        return
    raise GoldenFormatError(
        "not a polygon",
        file=path,
        place=place,
        expected="x, y of three points and more, finite numbers",
        found=shown(polygon),
        hint="correct it, or remove the annotation",
    )


def _given_runs(segmentation: dict[str, Any], height: int, width: int, place: str, path: Path) -> list[int]:
    """Return run lengths, from COCO's text form or its list, after checking that they cover the image exactly."""
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if size != [height, width]:
        raise GoldenFormatError(
            "mask has another size than its image",
            file=path,
            place=f"{place}.size",
            expected=f"[{height}, {width}]",
            found=shown(size),
            hint="height comes first",
        )
    runs = counts if isinstance(counts, list) else _decompressed(counts) if isinstance(counts, str) else None
    whole = runs is not None and all(isinstance(run, int) and not isinstance(run, bool) and run >= 0 for run in runs)
    if runs is None or not whole or sum(runs) != height * width:
        raise GoldenFormatError(
            "run lengths do not cover the image",
            file=path,
            place=f"{place}.counts",
            expected=f"runs from 0 that sum up to {height * width}",
            found=shown(counts),
            hint="export the masks again",
        )
    return runs


def _canonical(runs: list[int]) -> list[int]:
    """Join runs that a run of no length parts: the codec's comparison of masks ends at such a run."""
    if 0 not in runs[1:]:
        return runs
    joined = [runs[0]]
    inside = False  # whether the last run of `joined` lies in the object
    for position, run in enumerate(runs[1:], start=1):
        if run == 0:
            continue
        if (position % 2 == 1) == inside:
            joined[-1] += run
        else:
            joined.append(run)
            inside = not inside
    return joined


def _decompressed(text: str) -> list[int] | None:
    """Decode COCO's run lengths in text form (pycocotools, common/maskApi.c, rleFrString); None if they are none."""
    runs: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 40:
            return None
        value |= (code & 0x1F) << shift
        shift += 5
        if code & 0x20:
            continue
        if code & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return runs if shift == 0 else None
