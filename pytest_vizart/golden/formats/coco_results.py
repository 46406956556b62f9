"""COCO's result format: a list of {image_id, category_id, score, bbox | segmentation | keypoints}, read into columns.

As pycocotools' loadRes reads it, but for what it lets pass: a score that is no finite number is refused, and so is a
mask of another size than its image; detections of unknown images or classes are left out and counted. If the first row
has a `bbox`, areas of masks and keypoints are those of the boxes, as there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pytest_vizart.errors import GoldenFormatError
from pytest_vizart.golden.collector import paused_collector
from pytest_vizart.golden.files import read_bytes
from pytest_vizart.golden.formats.coco_ids import IdTable
from pytest_vizart.golden.formats.coco_run_lengths import checked_masks
from pytest_vizart.golden.formats.coco_values import is_number, shown
from pytest_vizart.golden.formats.json_pieces import list_pieces
from pytest_vizart.golden.formats.mask_areas import mask_areas
from pytest_vizart.golden.formats.number_columns import NOT_PLAIN, column, lists
from pytest_vizart.records.labels import MAX_EDGE_PX

CocoTask = Literal["boxes", "instances", "keypoints"]

_HINT = "COCO's results are a list; a file with images and annotations holds ground truth"
_MOST_UNKNOWN = 8  # IDs told of by name
_SCORE_HINT = "a file of ground truth has none; NaN and infinite scores have no place in an order"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Detections of images or classes that the ground truth does not have. ids: some of these, the most frequent."""

    count: int = 0
    ids: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class CocoResults:
    """D detections of known images and classes, in the file's order.

    image, class_index: (D,) int64, positions in the tables of IDs. scores: (D,) float64, finite. sides: (D, 4) float64,
    x, y, width, height in pixels as the file gives them, where its rows have a bbox, None otherwise. keypoints: (D, K,
    3) float64 for keypoints, None otherwise. masks: D run lengths for instances, empty otherwise. area: (D,) float64,
    square pixels. rows: of the file, including those left out.
    """

    image: NDArray[np.int64]
    class_index: NDArray[np.int64]
    scores: NDArray[np.float64]
    sides: NDArray[np.float64] | None
    area: NDArray[np.float64]
    keypoints: NDArray[np.float64] | None = None
    masks: tuple[bytes, ...] = ()
    rows: int = 0
    unknown_images: Unknown = field(default_factory=Unknown)
    unknown_classes: Unknown = field(default_factory=Unknown)


def read_coco_results(
    path: Path,
    images: IdTable,
    classes: IdTable,
    task: CocoTask = "boxes",
    *,
    sizes: Sequence[tuple[int, int]] = (),
    keypoint_count: int = 0,
) -> CocoResults:
    """Read a result file.

    Args:
        images, classes: IDs of the ground truth.
        sizes: (height, width) of each image, for instances.
        keypoint_count: keypoints of an object, for keypoints.

    Raises:
        GoldenFormatError: no JSON, no list, a row that is not of COCO's form.
    """
    content = read_bytes(path)
    reader: _Reader | None = None
    with paused_collector():
        for rows in list_pieces(content, path, hint=_HINT):
            if reader is None:
                reader = _Reader(path, images, classes, _widths(rows[0], task, keypoint_count), task == "instances")
            reader.add(rows)
        reader = reader or _Reader(path, images, classes, _widths({}, task, keypoint_count), task == "instances")
        return reader.results(sizes)


def _widths(first: object, task: CocoTask, keypoint_count: int) -> dict[str, int]:
    """Return which lists of numbers each row has, and how long they are, by what the first row has."""
    has_boxes = isinstance(first, dict) and first.get("bbox", []) != []
    widths = {"bbox": 4} if has_boxes or task == "boxes" else {}
    return widths | ({"keypoints": 3 * keypoint_count} if task == "keypoints" else {})


@dataclass(frozen=True, slots=True)
class _Piece:
    """Columns of some rows. numbers: (n, width) by key. segmentation: as it stands, of instances."""

    image: NDArray[np.int64]
    class_index: NDArray[np.int64]
    scores: NDArray[np.float64]
    numbers: dict[str, NDArray[np.float64]]
    segmentation: list[Any]


class _Reader:
    def __init__(self, path: Path, images: IdTable, classes: IdTable, widths: dict[str, int], masks: bool) -> None:
        self._path, self._images, self._classes, self._widths, self._masks = path, images, classes, widths, masks
        self._pieces: list[_Piece] = []
        self._places: list[NDArray[np.int64]] = []  # row numbers in the file
        self._rows = 0
        self._unknown_images: Counter[object] = Counter()
        self._unknown_classes: Counter[object] = Counter()

    def add(self, rows: list[Any]) -> None:
        """Read some rows."""
        try:
            piece = self._quickly(rows)
        except NOT_PLAIN:
            piece = self._one_by_one(rows)
        kept = (piece.image < len(self._images)) & (piece.class_index < len(self._classes))
        places = np.arange(self._rows, self._rows + len(rows))
        if not kept.all():
            self._count_unknown(rows, piece)
            places, piece = places[kept], _part(piece, kept)
        self._places.append(places)
        self._pieces.append(piece)
        self._rows += len(rows)

    def results(self, sizes: Sequence[tuple[int, int]]) -> CocoResults:
        """Return all that was read; `sizes` as in `read_coco_results`."""
        sides = self._joined_numbers("bbox")
        image = _joined([piece.image for piece in self._pieces], np.int64)
        segmentations = list(chain.from_iterable(piece.segmentation for piece in self._pieces))
        masks = self._checked_masks(segmentations, image, sizes)
        points = self._joined_numbers("keypoints")
        return CocoResults(
            image=image,
            class_index=_joined([piece.class_index for piece in self._pieces], np.int64),
            scores=_joined([piece.scores for piece in self._pieces], np.float64),
            sides=sides,
            area=_area(sides, points, masks, image, sizes),
            keypoints=None if points is None else points.reshape(len(points), points.shape[1] // 3, 3),
            masks=masks,
            rows=self._rows,
            unknown_images=_unknown(self._unknown_images),
            unknown_classes=_unknown(self._unknown_classes),
        )

    def _quickly(self, rows: list[Any]) -> _Piece:
        """Read rows of which each is as it should be; raises one of NOT_PLAIN otherwise."""
        numbers = {key: lists(list(map(itemgetter(key), rows)), width) for key, width in self._widths.items()}
        scores = column("d", list(map(itemgetter("score"), rows)))
        if not np.isfinite(scores).all() or any(not (np.abs(all_) <= MAX_EDGE_PX).all() for all_ in numbers.values()):
            raise ValueError
        return _Piece(
            self._images.find(column("q", list(map(itemgetter("image_id"), rows)))),
            self._classes.find(column("q", list(map(itemgetter("category_id"), rows)))),
            scores,
            numbers,
            list(map(itemgetter("segmentation"), rows)) if self._masks else [],
        )

    def _one_by_one(self, rows: list[Any]) -> _Piece:
        """Read rows some of which may be wrong; GoldenFormatError for the first that is."""
        for number, row in enumerate(rows, start=self._rows):
            self._require_row(row, f"[{number}]")
        return _Piece(
            np.array([self._images.find_one(row["image_id"]) for row in rows], dtype=np.int64),
            np.array([self._classes.find_one(row["category_id"]) for row in rows], dtype=np.int64),
            np.array([float(row["score"]) for row in rows]),
            {
                key: np.array([row[key] for row in rows], dtype=np.float64).reshape(-1, width)
                for key, width in self._widths.items()
            },
            [row["segmentation"] for row in rows] if self._masks else [],
        )

    def _require_row(self, row: Any, place: str) -> None:
        if not isinstance(row, dict):
            raise self._wrong("not a detection", place, "an object", row, _HINT)
        for key in ("image_id", "category_id"):
            value = row.get(key)
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise self._wrong("not an ID", f"{place}.{key}", "a whole number or text", value, "give it one")
        if not is_number(row.get("score")):
            raise self._wrong("not a score", f"{place}.score", "a finite number", row.get("score"), _SCORE_HINT)
        for key, width in self._widths.items():
            if not _is_list_of_numbers(row.get(key), width):
                raise self._wrong(
                    *_WRONG_LIST[key](width, place), row.get(key), "all rows need it, as the first has it"
                )
        if self._masks and "segmentation" not in row:
            raise self._wrong("no mask", f"{place}.segmentation", "run lengths", None, "were boxes meant?")

    def _wrong(self, problem: str, place: str, expected: str, found: object, hint: str) -> GoldenFormatError:
        text = "nothing" if found is None else shown(found)
        return GoldenFormatError(problem, file=self._path, place=place, expected=expected, found=text, hint=hint)

    def _count_unknown(self, rows: list[Any], piece: _Piece) -> None:
        for number in np.flatnonzero(piece.image == len(self._images)).tolist():
            self._unknown_images[rows[number]["image_id"]] += 1
        for number in np.flatnonzero(piece.class_index == len(self._classes)).tolist():
            self._unknown_classes[rows[number]["category_id"]] += 1

    def _joined_numbers(self, key: str) -> NDArray[np.float64] | None:
        if key not in self._widths:
            return None
        parts = [piece.numbers[key] for piece in self._pieces]
        return np.concatenate(parts) if parts else np.empty((0, self._widths[key]))

    def _checked_masks(
        self, segmentations: list[Any], image: NDArray[np.int64], sizes: Sequence[tuple[int, int]]
    ) -> tuple[bytes, ...]:
        if not self._masks:
            return ()
        places = _joined(self._places, np.int64)
        own_sizes = [sizes[position] for position in image.tolist()]
        return checked_masks(segmentations, own_sizes, self._path, lambda number: f"[{places[number]}]")


def _box_expected(width: int, place: str) -> tuple[str, str, str]:
    return "not a box", f"{place}.bbox", f"[x, y, width, height], {width} finite numbers within {MAX_EDGE_PX:g}"


def _keypoints_expected(width: int, place: str) -> tuple[str, str, str]:
    expected = f"{width} finite numbers: x, y and a third one of {width // 3} keypoints"
    return "not the keypoints of the ground truth", f"{place}.keypoints", expected


_WRONG_LIST: dict[str, Callable[[int, str], tuple[str, str, str]]] = {
    "bbox": _box_expected,
    "keypoints": _keypoints_expected,
}


def _is_list_of_numbers(value: object, width: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == width
        and all(is_number(one) and abs(one) <= MAX_EDGE_PX for one in value)
    )


def _part(piece: _Piece, kept: NDArray[np.bool_]) -> _Piece:
    return _Piece(
        piece.image[kept],
        piece.class_index[kept],
        piece.scores[kept],
        {key: values[kept] for key, values in piece.numbers.items()},
        [one for one, keep in zip(piece.segmentation, kept.tolist(), strict=False) if keep],
    )


def _joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)


def _area(
    sides: NDArray[np.float64] | None,
    points: NDArray[np.float64] | None,
    masks: tuple[bytes, ...],
    image: NDArray[np.int64],
    sizes: Sequence[tuple[int, int]],
) -> NDArray[np.float64]:
    if sides is not None:
        extent: NDArray[np.float64] = sides[:, 2] * sides[:, 3]
        return extent
    if points is not None:
        x, y = points[:, 0::3], points[:, 1::3]
        spread: NDArray[np.float64] = np.ptp(x, axis=1) * np.ptp(y, axis=1) if points.size else np.zeros(len(points))
        return spread
    return mask_areas(masks, [sizes[position] for position in image.tolist()])


def _unknown(found: Counter[object]) -> Unknown:
    return Unknown(found.total(), tuple(one for one, _ in found.most_common(_MOST_UNKNOWN)))
