"""What the browser needs to draw the cases, packed in chunks that it unpacks when a case of theirs is shown."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from pytest_vizart.records.outcome import Case
from pytest_vizart.report import drawings_masks, drawings_objects, drawings_points, drawings_values
from pytest_vizart.report.wording import encodable_throughout

BUDGET_BYTES = 1_400_000
_CHUNK_CASES = 48
_CHUNK_BYTES = 400_000

Drawing = dict[str, Any]


def drawing(case: Case) -> Drawing | None:
    """What is drawn of one case, see the function of its task; None when its data is not what its task says."""
    draw = _DRAWINGS.get(case.task)
    if draw is None:
        return None
    try:
        return draw(case)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None  # the case is listed without a picture rather than the report lost


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text` is base64 of gzip of a JSON array; its items are the payloads from position `first` on."""

    text: str
    first: int
    count: int


def packed(payloads: Iterable[Drawing], budget_bytes: int = BUDGET_BYTES) -> list[Chunk]:
    """The payloads in chunks; those that would take more than `budget_bytes` in the page are left out."""
    chunks: list[Chunk] = []
    used = first = 0
    for group in _groups(payloads):
        text = gzipped(b"[" + b",".join(group) + b"]")
        used += len(text)
        if used > budget_bytes:
            break
        chunks.append(Chunk(text, first, len(group)))
        first += len(group)
    return chunks


def gzipped(content: bytes) -> str:
    """base64 of gzip: what DecompressionStream unpacks. The same content gives the same text."""
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def _groups(payloads: Iterable[Drawing]) -> Iterable[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for payload in payloads:
        text = _json(payload)
        if group and (len(group) == _CHUNK_CASES or size + len(text) > _CHUNK_BYTES):
            yield group
            group, size = [], 0
        group.append(text)
        size += len(text)
    if group:
        yield group


def _json(payload: Drawing) -> bytes:
    option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    try:
        return orjson.dumps(payload, option=option)
    except TypeError:  # a lone surrogate in a name
        return orjson.dumps(encodable_throughout(payload), option=option)


_DRAWINGS: dict[str, Callable[[Case], Drawing]] = {
    "classes": drawings_values.classes,
    "boxes": drawings_objects.boxes,
    "oriented_boxes": drawings_objects.oriented_boxes,
    "instances": drawings_objects.instances,
    "keypoints": drawings_objects.keypoints,
    "semantic": drawings_masks.semantic,
    "panoptic": drawings_masks.panoptic,
    "points": drawings_points.points,
    "boxes_3d": drawings_objects.boxes_3d,
    "cloud": drawings_points.cloud,
    "image": drawings_masks.image,
    "text": drawings_values.text,
    "array": drawings_values.array,
}
