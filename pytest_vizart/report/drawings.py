"""What the browser needs to draw the cases, packed in chunks that it unpacks when a case of theirs is shown."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from pytest_vizart.records.outcome import Case
from pytest_vizart.report.wording import encodable_throughout

BUDGET_BYTES = 1_400_000
_CHUNK_CASES = 48
_CHUNK_BYTES = 400_000
_MOST_BOXES = 500
_GRID = 65_535

Drawing = dict[str, Any]


def drawing(case: Case) -> Drawing | None:
    """What is drawn of one case; None when its data is not what its task says.

    boxes and classes: as in the Case. semantic: run lengths flattened to [class, length, class, length, ...]. points:
    positions as base64 of little-endian uint16 (M, 3) on one grid for all axes, lowest point first; `span_m` is the
    grid's extent in metres.
    """
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


def _classes(case: Case) -> Drawing:
    return {
        "truth": {"label": case.truth.get("label")},
        "predicted": {"label": case.predicted.get("label"), "score": case.predicted.get("score")},
    }


def _boxes(case: Case) -> Drawing:
    return {"truth": _box_side(case.truth), "predicted": _box_side(case.predicted)}


def _box_side(side: dict[str, Any]) -> Drawing:
    boxes = [[round(float(edge), 1) for edge in box] for box in side.get("boxes", ())][:_MOST_BOXES]
    count = len(boxes)
    scores = [None if score is None else round(float(score), 3) for score in side.get("scores", ())]
    return {
        "boxes": boxes,
        "labels": _filled(side.get("labels"), count),
        "scores": _filled(scores, count),
        "matched": _filled(side.get("matched"), count),
        "crowd": _filled(side.get("crowd"), count),
        "threshold": side.get("score_threshold"),
    }


def _filled(values: Iterable[Any] | None, count: int) -> list[Any]:
    known = list(values or ())[:count]
    return known + [None] * (count - len(known))


def _semantic(case: Case) -> Drawing:
    shown = case.truth or case.predicted
    return {
        "width": int(shown["width"]),
        "height": int(shown["height"]),
        "classes": list(shown["classes"]),
        "truth": _flat_runs(case.truth),
        "predicted": _flat_runs(case.predicted) if _same_size(case) else None,
    }


def _same_size(case: Case) -> bool:
    return all(case.truth.get(key) == case.predicted.get(key) for key in ("width", "height")) or not case.truth


def _flat_runs(side: dict[str, Any]) -> list[int] | None:
    return [int(number) for run in side["rle"] for number in run] if side else None


def _points(case: Case) -> Drawing:
    import numpy as np

    xyz = np.frombuffer(base64.b64decode(case.truth["xyz_mm"]), "<i4").reshape(-1, 3).astype(np.float64)
    order = np.argsort(xyz[:, 2], kind="stable")
    low = xyz.min(axis=0) if len(xyz) else np.zeros(3)
    span = float((xyz - low).max()) if len(xyz) else 0.0
    grid = np.round((xyz[order] - low) * (_GRID / (span or 1.0))).astype("<u2")
    truth, predicted = (_class_column(side, order) for side in (case.truth, case.predicted))
    return {
        "xyz": base64.b64encode(grid.tobytes()).decode(),
        "span_m": span / 1000,
        "truth": truth,
        "predicted": predicted,
        "classes": list(case.truth["classes"]),
        "count": len(xyz),
    }


def _class_column(side: dict[str, Any], order: Any) -> str | None:
    import numpy as np

    if not side.get("class_index"):
        return None
    column = np.frombuffer(base64.b64decode(side["class_index"]), "<i2")[order]
    return base64.b64encode(column.tobytes()).decode()


_DRAWINGS: dict[str, Callable[[Case], Drawing]] = {
    "classes": _classes,
    "boxes": _boxes,
    "semantic": _semantic,
    "points": _points,
}
